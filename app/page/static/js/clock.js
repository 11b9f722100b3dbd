// What time it is at the server, and everything on the page that moves with it.

let skew = 0; // milliseconds that this machine's clock is behind the server's
let isStill = false;

export function now() {
  return Date.now() + skew;
}

export function setServerTime(written) {
  skew = new Date(written).getTime() - Date.now();
}

// Nothing moves on while nobody knows whether it does.
export function hold(wanted) {
  isStill = wanted;
}

export const isHeld = () => isStill;

export function span(seconds) {
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  for (const [unit, name, small, smallName] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]]) {
    if (whole < unit) continue;
    const rest = Math.floor((whole % unit) / small);
    return `${Math.floor(whole / unit)} ${name}${rest ? ` ${rest} ${smallName}` : ""}`;
  }
}

export function ago(seconds) {
  if (seconds < 5) return "just now";
  for (const [unit, name] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
    if (seconds >= unit) return `${Math.floor(seconds / unit)} ${name} ago`;
  }
}

const sameDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const anotherDay = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function clockTime(date) {
  const isToday = date.toDateString() === new Date(now()).toDateString();
  return (isToday ? sameDay : anotherDay).format(date);
}

function show(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function tick() {
  for (const each of document.querySelectorAll("time[data-ago]")) {
    show(each, ago((now() - new Date(each.dateTime)) / 1000));
  }
  for (const each of document.querySelectorAll("time[data-clock]")) show(each, clockTime(new Date(each.dateTime)));
  if (isStill) return;
  for (const each of document.querySelectorAll("[data-since]")) {
    show(each, span((now() - new Date(each.dataset.since)) / 1000));
  }
}

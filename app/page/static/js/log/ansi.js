// Colours and styles of a terminal (SGR), as far as a log needs them: 16, 256 and true colours.
// Every other escape sequence says something to a terminal, and nothing to people: it is left out.
// What could hide or turn text around (controls, bidi marks) is made visible.

// CSI, OSC and the like up to their end, the other escapes, and an ESC that begins nothing.
const ESCAPE = /\x1b(?:\[([0-9;:]*)([@-~])|\[[0-?]*[ -/]*[@-~]?|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])?/g;
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/g;

const FLAGS = { 1: "bold", 2: "dim", 3: "italic", 4: "under", 7: "inverse", 8: "hidden", 9: "strike" };
const ENDS = { 21: ["bold"], 22: ["bold", "dim"], 23: ["italic"], 24: ["under"], 27: ["inverse"], 28: ["hidden"], 29: ["strike"] };

export function plain(text) {
  return text.includes("\x1b") ? text.replace(ESCAPE, "") : text;
}

// The style that holds behind *text*; null is that of a new terminal.
export function styleAfter(text, style) {
  if (!text.includes("\x1b")) return style;
  for (const [, parameters, letter] of text.matchAll(ESCAPE)) {
    if (letter === "m") style = changed(style, parameters);
  }
  return style;
}

// Parts of *text*, each {text, style}; what is usually unseen has seen: true.
export function parts(text, style) {
  const found = [];
  let place = 0;
  for (const match of text.matchAll(ESCAPE)) {
    cut(found, text.slice(place, match.index), style);
    if (match[2] === "m") style = changed(style, match[1]);
    place = match.index + match[0].length;
  }
  cut(found, text.slice(place), style);
  return found;
}

function cut(found, text, style) {
  let place = 0;
  for (const match of text.matchAll(UNSEEN)) {
    if (match.index > place) found.push({ text: text.slice(place, match.index), style });
    found.push({ text: [...match[0]].map(named).join(""), style, seen: true });
    place = match.index + match[0].length;
  }
  if (place < text.length) found.push({ text: text.slice(place), style });
}

function named(character) {
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return code === 0x7f ? "\u2421" : `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
}

function changed(style, parameters) {
  const numbers = parameters.split(/[;:]/).map((digits) => Number(digits || 0));
  let next = { ...style };
  for (let place = 0; place < numbers.length; place += 1) {
    const number = numbers[place];
    if (number === 0) next = {};
    else if (FLAGS[number]) next[FLAGS[number]] = true;
    else if (ENDS[number]) for (const flag of ENDS[number]) delete next[flag];
    else if (number === 38 || number === 48) place = extended(next, number === 38 ? "fg" : "bg", numbers, place);
    else if (number >= 30 && number <= 37) next.fg = number - 30;
    else if (number >= 40 && number <= 47) next.bg = number - 40;
    else if (number >= 90 && number <= 97) next.fg = number - 82;
    else if (number >= 100 && number <= 107) next.bg = number - 92;
    else if (number === 39) delete next.fg;
    else if (number === 49) delete next.bg;
  }
  return Object.keys(next).length ? next : null;
}

// 38;5;N or 38;2;R;G;B: where it ends.
function extended(style, which, numbers, place) {
  if (numbers[place + 1] === 5) {
    const number = numbers[place + 2];
    if (number >= 0 && number <= 255) style[which] = number < 16 ? number : of256(number);
    return place + 2;
  }
  if (numbers[place + 1] === 2) {
    const [red, green, blue] = numbers.slice(place + 2, place + 5);
    if ([red, green, blue].every((each) => each >= 0 && each <= 255)) style[which] = `rgb(${red} ${green} ${blue})`;
    return place + 4;
  }
  return place + 1;
}

function of256(number) {
  if (number >= 232) {
    const grey = 8 + (number - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const level = (digit) => (digit ? 55 + digit * 40 : 0);
  const rest = number - 16;
  return `rgb(${level(Math.floor(rest / 36))} ${level(Math.floor(rest / 6) % 6)} ${level(rest % 6)})`;
}

// Dress an element: the 16 colours by classes, which know light from dark; others as they are.
export function dress(element, style) {
  if (!style) return;
  for (const flag of ["bold", "dim", "italic", "under", "strike", "hidden"]) if (style[flag]) element.classList.add(`t-${flag}`);
  let { fg, bg } = style;
  if (style.inverse) [fg, bg] = [bg ?? "var(--sunken)", fg ?? "var(--ink)"];
  if (typeof bg === "number") element.classList.add(`b${bg}`, ...(fg === undefined ? ["on"] : []));
  else if (bg) element.style.background = bg;
  if (typeof fg === "number") element.classList.add(`f${fg}`);
  else if (fg) element.style.color = fg;
}

// Keeps the page true: asks for it again, and takes over what is marked as live. While nobody
// answers it says so, and what it shows is marked as what was known last.

import { clockTime, hold, now, setServerTime, span, tick } from "./clock.js";
import { byId } from "./dom.js";
import { morph } from "./morph.js";
import { askToSignIn } from "./session.js";

const EVERY = 2000; // milliseconds between two looks at what may change
const PATIENCE = 4000; // milliseconds for an answer
const OLD = 5000; // milliseconds after which what is known is called old

const SILENCE = "nobody answers. Trying again…";

let knownAt = Date.now();
let why = SILENCE; // that nothing is known since
let isAsking = false;
let askAgain = false;
const listeners = [];

// Be told after each look, with the page as it came.
export function afterLook(listener) {
  listeners.push(listener);
}

// Whether there is anything that can change: of a final run there is not.
let isWanted = () => document.querySelector("[data-live]") !== null;
export function lookWhile(condition) {
  isWanted = condition;
}

export async function look() {
  if (isAsking) {
    askAgain = true;
    return;
  }
  isAsking = true;
  try {
    await ask();
  } catch {
    // Nobody answers: `judge` says so when it has lasted.
  } finally {
    isAsking = false;
    judge();
  }
  if (askAgain) {
    askAgain = false;
    await look();
  }
}

async function ask() {
  const response = await fetch(location.pathname + location.search, {
    headers: { Accept: "text/html" },
    signal: AbortSignal.timeout(PATIENCE),
    cache: "no-store",
  });
  if (response.redirected && new URL(response.url).pathname === "/sign-in") {
    why = askToSignIn();
    return;
  }
  why = SILENCE;
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  knownAt = Date.now();
  setServerTime(fresh.querySelector('meta[name="now"]').content);
  for (const old of document.querySelectorAll("[data-live]")) {
    const newer = fresh.getElementById(old.id);
    if (newer) morph(old, newer);
  }
  judge();
  tick();
  for (const listener of listeners) listener();
}

function judge() {
  const age = Date.now() - knownAt;
  const isOld = isWanted() && document.visibilityState === "visible" && age > OLD;
  document.body.classList.toggle("is-old", isOld);
  hold(isOld);
  const connection = byId("connection");
  if (isOld) {
    const since = clockTime(new Date(now() - age));
    connection.textContent = `Not live since ${since}: ${why}`;
  }
  connection.hidden = !isOld;
  const known = byId("known");
  if (known) known.textContent = isOld ? `last known, ${span(Math.round(age / 1000))} ago` : "";
}

export function keepLive() {
  if (!document.querySelector("[data-live]")) return;
  setInterval(() => {
    if (document.visibilityState === "visible" && isWanted()) look();
  }, EVERY);
  setInterval(judge, 500);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && isWanted()) {
      // Not old for having been hidden: it is asked for at once.
      knownAt = Math.max(knownAt, Date.now() - OLD + 1500);
      look();
    }
  });
}


// The family of a run as its runner sees it: who is below whom, and how many are left.

import { call } from "./api.js";
import { isHeld, now, span } from "./clock.js";
import { byId, make } from "./dom.js";

let most = 0; // processes seen at once
let left = null; // those of the last look; null: not known

export async function lookAtProcesses(run, isShown) {
  const { status, body } = await call("GET", `/runs/${run}/processes`);
  left = status === 200 ? body.processes : null;
  if (left) most = Math.max(most, left.length);
  if (isShown) showTree(body.detail);
  sayLeft();
}

export function noProcesses(why) {
  left = null;
  showTree(why);
  sayLeft();
}

// "2 of 14 processes left, kill in 6 s"
export function sayLeft() {
  const place = byId("left");
  if (!place || isHeld()) return;
  const said = [];
  if (place.dataset.killAt) {
    if (left?.length) said.push(`${left.length} of ${most} ${most === 1 ? "process" : "processes"} left`);
    const seconds = (new Date(place.dataset.killAt) - now()) / 1000;
    said.push(seconds > 0 ? `kill in ${span(Math.ceil(seconds))}` : "being killed");
  }
  const text = said.length ? `– ${said.join(", ")}` : "";
  if (place.textContent !== text) place.textContent = text;
}

function showTree(why) {
  const place = byId("processes");
  if (!left?.length) {
    place.replaceChildren(make("p", { class: "none" }, left ? "Nothing is running yet." : (why ?? "Its runner does not answer.")));
    return;
  }
  const below = new Map();
  const known = new Set(left.map((each) => each.pid));
  for (const each of left) {
    const parent = known.has(each.parent) ? each.parent : 0;
    below.set(parent, [...(below.get(parent) ?? []), each]);
  }
  place.replaceChildren(make("div", { class: "tree" }, branch(below, 0)));
}

function branch(below, parent) {
  const list = make("ul");
  for (const each of below.get(parent) ?? []) {
    const told = make("div", { class: "process", title: each.command }, make("span", { class: "pid" }, String(each.pid)), make("code", {}, each.command));
    if (each.sid === each.pid) told.append(make("span", { class: "tag" }, "session"));
    told.append(make("span", { class: "memory" }, `${(each.memory / 1e6).toFixed(0)} MB`));
    const item = make("li", {}, told);
    if (below.has(each.pid)) item.append(branch(below, each.pid));
    list.append(item);
  }
  return list;
}

// The tasks that took longest.

import { call } from "./api.js";
import { span } from "./clock.js";
import { bar, byId, make, shape } from "./dom.js";

const SHOWN = 30;
const COUNTS = ["ok", "changed", "failed", "unreachable", "skipped", "ignored", "rescued"];

export async function showTasks(run, onChosen) {
  const { status, body } = await call("GET", `/runs/${run}/tasks?order=slowest&limit=${SHOWN}`);
  const place = byId("tasks");
  if (status !== 200 || !body.tasks.length) {
    place.replaceChildren(make("p", { class: "none" }, status === 200 ? "No task was begun yet." : body.detail));
    return;
  }
  const longest = Math.max(...body.tasks.map((task) => task.seconds ?? 0)) || 1;
  const rows = body.tasks.map((task) => row(task, longest, onChosen));
  const head = ["Task", "Took", "", "Hosts"].map((name) => make("th", { scope: "col", class: name === "Took" ? "number" : null }, name));
  head[2].append(make("span", { class: "unseen" }, "drawn"));
  place.replaceChildren(make("table", { class: "rows tasks" }, make("caption", { class: "unseen" }, "The slowest tasks first"), make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...rows)));
}

function row(task, longest, onChosen) {
  const name = make("button", { type: "button", class: "quiet task", title: `${task.play}: ${task.action}${task.path ? `, ${task.path}` : ""}` }, task.name || task.action);
  name.addEventListener("click", () => onChosen(task));
  const counts = COUNTS.filter((kind) => task[kind]).map((kind) => {
    const told = make("span", { class: `count is-${kind}`, title: kind }, ...(kind === "rescued" ? [] : [shape(kind)]), `${task[kind]} `);
    told.append(make("span", { class: "unseen" }, kind));
    return told;
  });
  return make("tr", {}, make("th", { scope: "row" }, make("span", { class: "id" }, `${task.number} `), name), make("td", { class: "number" }, task.seconds === null ? "–" : span(task.seconds)), make("td", { class: "at-bar" }, bar((task.seconds ?? 0) / longest)), make("td", {}, ...counts));
}

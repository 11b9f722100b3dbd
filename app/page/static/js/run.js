// A run's page: its output, its hosts and its processes.

import { byId } from "./dom.js";
import { afterLook, look, lookWhile } from "./live.js";
import { Log } from "./log/log.js";
import { Source } from "./log/source.js";
import { Matrix } from "./matrix/matrix.js";
import { lookAtProcesses, noProcesses, sayLeft } from "./processes.js";
import { wireTabs } from "./tabs.js";
import { showTasks } from "./tasks.js";

const EVERY = 1500; // milliseconds between two looks at what the tab in front shows

const { run, hasOutput, hasEvents } = byId("run").dataset; // of an old run they may be gone
const standing = () => byId("standing").dataset;
const isFinal = () => standing().final === "true";
const beganFinal = isFinal();
let shown = "output";
let kind = standing().kind;
let isSettled = false; // the tab in front has shown all that there will be

const log = new Log(byId("log"));
const matrix = new Matrix(run, hasEvents === "true");
const source = new Source(run, {
  text: (text) => log.add(text),
  end: () => {
    log.done();
    look();
  },
});

const choose = wireTabs(document.querySelector('[role="tablist"]'), (name) => {
  shown = name;
  isSettled = false;
  if (name === "output") log.view.redraw();
  refresh();
});

// What ended well is read from its beginning, everything else from its end.
if (log.wanted === null) log.setFollowing(!beganFinal || kind !== "succeeded");
if (hasOutput === "true") source.start(beganFinal);
else source.end();
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") source.rest();
  else source.resume();
});

// Until it is final, and until its last byte is here.
lookWhile(() => !isFinal() || !source.isOver);
afterLook(() => {
  source.missed(Number(standing().bytes));
  if (standing().kind === kind) return;
  kind = standing().kind;
  const word = byId("standing").querySelector("strong").textContent;
  byId("announce").textContent = `Run ${run} is ${word}`;
  isSettled = false;
});

async function refresh() {
  if (isSettled) return;
  const wasFinal = isFinal();
  const looked = shown;
  if (shown === "hosts" && !(await matrix.look())) return;
  if (shown === "tasks" && hasEvents === "true") await showTasks(run, showTask);
  if (shown === "processes" || kind === "stopping") {
    if (wasFinal || kind === "queued") noProcesses(standing().living);
    else await lookAtProcesses(run, shown === "processes");
  }
  if (looked === shown && wasFinal) isSettled = true;
}

function showTask(task) {
  choose(byId("tab-output"));
  if (!log.showHeading(`[${task.name || task.action}]`)) log.showHeading(task.name || task.action);
}

setInterval(sayLeft, 250);
setInterval(() => {
  if (document.visibilityState === "visible") refresh();
}, EVERY);

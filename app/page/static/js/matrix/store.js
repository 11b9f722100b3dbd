// What is known of a run's hosts and tasks, asked for piece by piece: each look brings what is new.

import { call, pages } from "../api.js";

const PAGE = 5000; // results at once
const HOSTS = 500;

export class Store {
  constructor(run, hasEvents) {
    this.run = run;
    this.hasEvents = hasEvents; // else there are hosts only
    this.tasks = []; // {number, play, name, …} in their order
    this.columns = new Map(); // number of a task -> its column
    this.hosts = new Map(); // name -> {host, state, …}
    this.cells = new Map(); // name -> [result of each task, by its number]
    this.last = 0; // the last result that was seen
    this.dropped = 0; // events that were too many to be kept
    this.version = 0;
  }

  // Look for what is new. A look that fails says why, and keeps what it has.
  async look() {
    await Promise.all([this.hasEvents && this.lookForTasks(), this.lookForHosts()]);
    if (this.hasEvents) await this.lookForResults();
  }

  async lookForTasks() {
    // The last one that is known may have gone on.
    const after = Math.max(0, (this.tasks.at(-1)?.number ?? 0) - 1);
    for await (const { tasks } of pages(`/runs/${this.run}/tasks?order=number&after=${after}&limit=500`)) {
      for (const task of tasks) {
        const column = this.columns.get(task.number);
        if (column === undefined) this.columns.set(task.number, this.tasks.push(task) - 1);
        else this.tasks[column] = task;
      }
      this.version += 1;
    }
  }

  async lookForHosts() {
    for await (const { hosts } of pages(`/runs/${this.run}/hosts?limit=${HOSTS}`)) {
      for (const host of hosts) this.hosts.set(host.host, host);
      this.version += 1;
    }
  }

  async lookForResults() {
    for (;;) {
      const { status, body } = await call("GET", `/runs/${this.run}/results?after=${this.last}&limit=${PAGE}`);
      if (status !== 200) throw new Error(body.detail);
      for (const result of body.results) this.add(result);
      this.dropped = body.dropped ?? 0;
      this.version += 1;
      if (!body.next) return;
    }
  }

  add(result) {
    this.last = Math.max(this.last, result.id);
    let row = this.cells.get(result.host);
    if (!row) this.cells.set(result.host, (row = []));
    row[result.task] = result;
  }

  cell(host, task) {
    return this.cells.get(host)?.[task.number];
  }

  // Names of hosts in that state; all of them for null.
  names(state) {
    const all = [...this.hosts.values()];
    return (state ? all.filter((host) => host.state === state) : all).map((host) => host.host);
  }

  counts() {
    const counts = new Map();
    for (const { state } of this.hosts.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
  }
}

// What a result is shown as: a failure that was ignored is none.
export function kindOf(result) {
  if (result.ignored) return "ignored";
  return result.status === "skipped" || result.status === "changed" || result.status === "failed" || result.status === "unreachable" ? result.status : "ok";
}

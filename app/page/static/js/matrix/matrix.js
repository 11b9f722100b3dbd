// Hosts against tasks, live: filtered by state, walked with the arrows, a cell tells its message.

import { span } from "../clock.js";
import { byId, make, shape } from "../dom.js";
import { Grid } from "./grid.js";
import { Store, kindOf } from "./store.js";

const ORDER = ["failed", "unreachable", "running", "changed", "ok", "skipped"];
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-15, 0], PageDown: [15, 0], Home: [0, -1e6], End: [0, 1e6] };
const CORNERS = { Home: [-1e6, -1e6], End: [1e6, 1e6] }; // with Ctrl

export class Matrix {
  constructor(run, hasEvents) {
    this.store = new Store(run, hasEvents);
    this.grid = new Grid(byId("matrix"), this.store);
    this.grid.empty = hasEvents ? "No host has done a task yet." : "What came of each task is older than is kept, and gone.";
    this.state = null;
    this.isLooking = false;
    this.tools = new Map();
    byId("matrix").addEventListener("keydown", (event) => this.walk(event));
    byId("matrix").addEventListener("click", (event) => this.choose(event));
  }

  // Look for what is new, if that is not being done; true when it could be seen.
  async look() {
    if (this.isLooking) return false;
    this.isLooking = true;
    const drawing = setInterval(() => this.draw(), 300); // what has come so far
    try {
      await this.store.look();
      return true;
    } catch (error) {
      this.grid.empty = `What came of the hosts cannot be told now: ${error.message}`;
      return false;
    } finally {
      clearInterval(drawing);
      this.isLooking = false;
      this.draw();
    }
  }

  draw() {
    const counts = this.store.counts();
    if (this.state && !counts.get(this.state)) this.state = null;
    this.grid.names = this.store.names(this.state);
    this.drawTools(counts);
    if (this.grid.now) this.tell(); // what it points at may have come only now
    byId("matrix-dropped").hidden = !this.store.dropped;
    byId("matrix-dropped").textContent = `${this.store.dropped.toLocaleString()} events were too many to be kept: some cells are empty for that.`;
    this.grid.draw();
  }

  drawTools(counts) {
    const wanted = [[null, this.store.hosts.size], ...ORDER.filter((state) => counts.get(state)).map((state) => [state, counts.get(state)])];
    const buttons = wanted.map(([state, count]) => {
      const text = `${state ?? "all"} ${count.toLocaleString()}`;
      const button = this.tools.get(state) ?? this.makeTool(state);
      button.lastChild.textContent = text;
      button.setAttribute("aria-pressed", String(state === this.state));
      return button;
    });
    const place = byId("matrix-tools");
    if (buttons.length !== place.children.length || buttons.some((each, at) => place.children[at] !== each)) place.replaceChildren(...buttons);
  }

  makeTool(state) {
    const button = make("button", { type: "button", class: `chip${state ? ` is-${state}` : ""}` }, state ? shape(state) : null, make("span"));
    button.addEventListener("click", () => {
      this.state = state;
      this.grid.now = null;
      byId("matrix").scrollTop = 0;
      this.draw();
    });
    this.tools.set(state, button);
    return button;
  }

  walk(event) {
    const step = event.ctrlKey ? CORNERS[event.key] : STEPS[event.key];
    if (!step || !this.grid.names.length) return;
    event.preventDefault();
    const { row, column } = this.grid.now ?? { row: 0, column: 0 };
    if (this.grid.now) this.grid.point(row + step[0], column + step[1]);
    else this.grid.point(row, column);
    this.tell();
  }

  choose(event) {
    const cell = event.target.closest("[data-at]");
    if (!cell) return;
    const [row, column] = cell.dataset.at.split(" ").map(Number);
    this.grid.now = { row, column };
    this.grid.draw();
    this.tell();
  }

  tell() {
    const { row, column } = this.grid.now;
    const host = this.grid.names[row];
    const task = this.store.tasks[column];
    const result = this.store.cell(host, task);
    const words = result
      ? [kindOf(result), result.seconds === null || result.seconds === undefined ? "" : `in ${span(result.seconds)}`, result.items ? `${result.items} items` : ""].filter(Boolean).join(", ")
      : "nothing is known of it";
    const told = make("p", {}, make("b", {}, host), ` · ${task.number}. ${task.name || task.action}: `, make("span", { class: result ? `is-${kindOf(result)}` : "soft" }, words), result?.message ? ` – ${result.message}` : "");
    if (byId("cell").textContent !== told.textContent) byId("cell").replaceChildren(...told.childNodes);
  }
}

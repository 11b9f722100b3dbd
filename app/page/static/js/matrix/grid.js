// Draws hosts against tasks: only the rows and columns in sight are there, the others are room.

import { make, shape, withNextFrame } from "../dom.js";
import { kindOf } from "./store.js";

const CELL = 22; // pixels; as td in css/matrix.css
const ROW = 24;
const AROUND = 6;

export class Grid {
  constructor(box, store) {
    this.box = box;
    this.store = store;
    this.names = [];
    this.now = null; // {row, column} that is pointed at
    this.draw = withNextFrame(() => this.drawNow());
    box.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(box);
  }

  // Which of *count* things of *size* pixels are in sight.
  range(scrolled, room, size, count) {
    const first = Math.max(0, Math.floor(scrolled / size) - AROUND);
    return [Math.min(first, count), Math.min(count, Math.ceil((scrolled + room) / size) + AROUND)];
  }

  drawNow() {
    const { box, names, store } = this;
    if (!names.length) {
      box.replaceChildren(make("p", { class: "none" }, this.empty));
      return;
    }
    const [top, bottom] = this.range(box.scrollTop, box.clientHeight, ROW, names.length);
    const [left, right] = this.range(box.scrollLeft, box.clientWidth, CELL, store.tasks.length);
    const head = make("tr", {}, make("th", { class: "corner", scope: "col" }, `${names.length.toLocaleString()} hosts`), pad("th", left * CELL));
    for (const task of store.tasks.slice(left, right)) {
      head.append(make("th", { scope: "col", title: `${task.number}. ${task.name}` }, make("span", {}, task.name || task.action || "?")));
    }
    head.append(pad("th", (store.tasks.length - right) * CELL));
    const body = make("tbody", {}, room(top * ROW));
    for (let row = top; row < bottom; row += 1) body.append(this.row(row, left, right));
    body.append(room((names.length - bottom) * ROW));
    const caption = make("caption", { class: "unseen" }, "Hosts against tasks");
    const table = make("table", { "aria-rowcount": names.length + 1, "aria-colcount": store.tasks.length + 1 }, caption, make("thead", {}, head), body);
    const { scrollTop, scrollLeft } = box;
    box.replaceChildren(table);
    if (box.scrollTop !== scrollTop) box.scrollTop = scrollTop;
    if (box.scrollLeft !== scrollLeft) box.scrollLeft = scrollLeft;
  }

  row(row, left, right) {
    const name = this.names[row];
    const state = this.store.hosts.get(name)?.state ?? "ok";
    const mark = shape(state);
    mark.classList.add(`is-${state}`);
    const line = make("tr", { "aria-rowindex": row + 2 }, make("th", { scope: "row", title: `${name}: ${state}` }, mark, name), pad("td", 0));
    for (let column = left; column < right; column += 1) line.append(this.cell(row, column, name));
    return line;
  }

  cell(row, column, name) {
    const result = this.store.cell(name, this.store.tasks[column]);
    const isNow = this.now?.row === row && this.now.column === column;
    if (!result) return make("td", { class: isNow ? "is-now" : null, "data-at": `${row} ${column}` });
    const kind = kindOf(result);
    return make("td", { class: `is-${kind}${isNow ? " is-now" : ""}`, "data-at": `${row} ${column}`, "aria-label": kind }, shape(kind));
  }

  // Point at a cell, and bring it into sight.
  point(row, column) {
    const clamp = (value, count) => Math.max(0, Math.min(value, count - 1));
    this.now = { row: clamp(row, this.names.length), column: clamp(column, this.store.tasks.length) };
    const { box } = this;
    const headWidth = box.querySelector("th.corner")?.offsetWidth ?? 0;
    const headHeight = box.querySelector("thead")?.offsetHeight ?? 0;
    const x = this.now.column * CELL;
    const y = this.now.row * ROW;
    box.scrollTop = Math.min(y, Math.max(box.scrollTop, y + ROW + headHeight - box.clientHeight + 20));
    box.scrollLeft = Math.min(x, Math.max(box.scrollLeft, x + CELL + headWidth - box.clientWidth + 20));
    this.draw();
  }
}

function pad(name, width) {
  const cell = make(name, { class: "pad", "aria-hidden": "true" });
  cell.style.width = cell.style.minWidth = `${width}px`;
  return cell;
}

function room(height) {
  const cell = make("td", { class: "pad" });
  cell.style.height = `${height}px`;
  return make("tr", { "aria-hidden": "true" }, cell);
}

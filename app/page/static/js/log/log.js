// The output of a run with its tools: follow, fold, search, link to a line.

import { byId } from "../dom.js";
import { Lines } from "./lines.js";
import { Search } from "./search.js";
import { View } from "./view.js";

export class Log {
  constructor(box) {
    this.lines = new Lines();
    this.view = new View(box, this.lines);
    this.search = new Search(this.lines, () => this.found());
    this.follow = byId("follow");
    this.view.moved = (isAtEnd) => this.setFollowing(isAtEnd && !this.lines.isDone);
    this.wanted = lineIn(location.hash);
    this.wire(box);
  }

  add(text) {
    this.lines.add(text);
    byId("log-none").hidden = this.lines.count > 0;
    byId("log-size").textContent = `${this.lines.count.toLocaleString()} lines`;
    if (this.wanted !== null && this.lines.count > this.wanted) this.point(this.wanted);
    this.search.go();
    this.view.draw();
  }

  // Nothing more will come.
  done() {
    this.lines.isDone = true;
    this.follow.hidden = true;
    this.search.go();
    this.view.draw();
  }

  setFollowing(wanted) {
    this.view.isFollowing = wanted;
    this.follow.setAttribute("aria-pressed", String(wanted));
    if (wanted) this.view.draw();
  }

  // Point at a line, now or when it is there.
  point(line) {
    this.wanted = null;
    this.setFollowing(false);
    this.view.target = line;
    this.view.redraw();
    this.view.show(line);
  }

  // Find where a task was told of: the first heading with these words.
  showHeading(words) {
    const line = this.lines.headings.find((each) => this.lines.plain(each).includes(words));
    if (line !== undefined) this.point(line);
    return line !== undefined;
  }

  found() {
    const { hits, place } = this.search;
    const total = hits.length.toLocaleString();
    byId("found").textContent = this.search.pattern ? (place >= 0 ? `${place + 1} of ${total}` : `${total} found`) : "";
  }

  step(direction) {
    const line = this.search.step(direction);
    if (line === undefined) return;
    this.setFollowing(false);
    this.view.current = line;
    this.view.redraw();
    this.view.show(line);
    this.found();
  }

  wire(box) {
    const field = byId("search");
    field.addEventListener("input", () => {
      this.view.pattern = this.search.for(field.value);
      this.view.current = null;
      this.search.from(this.lines.lineOf(Math.floor(box.scrollTop / 18)) ?? 0);
      this.found();
      this.view.redraw();
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.step(event.shiftKey ? -1 : 1);
    });
    byId("next").addEventListener("click", () => this.step(1));
    byId("previous").addEventListener("click", () => this.step(-1));
    this.follow.addEventListener("click", () => this.setFollowing(!this.view.isFollowing));
    byId("fold-all").addEventListener("click", () => this.foldAll());
    box.addEventListener("click", (event) => this.clicked(event));
    addEventListener("hashchange", () => {
      const line = lineIn(location.hash);
      if (line !== null) this.point(line);
    });
    addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
      event.preventDefault();
      field.focus();
    });
  }

  foldAll() {
    const button = byId("fold-all");
    const wanted = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(wanted));
    this.lines.foldAll(wanted);
    this.view.redraw();
  }

  clicked(event) {
    const fold = event.target.closest("[data-fold]");
    const at = event.target.closest("[data-line]");
    if (fold) {
      const heading = Number(fold.dataset.fold);
      this.lines.fold(heading, !this.lines.folded.has(heading));
      this.view.draw();
    } else if (at) {
      event.preventDefault();
      history.replaceState(null, "", at.getAttribute("href"));
      this.setFollowing(false);
      this.view.target = Number(at.dataset.line);
      this.view.redraw();
    }
  }
}

function lineIn(hash) {
  const match = /^#L([1-9]\d{0,8})$/.exec(hash);
  return match ? Number(match[1]) - 1 : null;
}

// Shows the lines in sight, whatever their number: the others are only height.

import { make, withNextFrame } from "../dom.js";
import { dress, parts } from "./ansi.js";
import { toneOf } from "./tones.js";

const ROW = 18; // pixels; as .line in css/log.css
const AROUND = 12; // rows above and below what is in sight
const HIGHEST = 16_000_000; // pixels: browsers lose count beyond 33 million
const LONGEST = 20_000; // characters of a line that are shown

export class View {
  constructor(box, lines) {
    this.box = box;
    this.lines = lines;
    this.all = box.querySelector(".lines-all");
    this.sheet = box.querySelector(".lines-shown");
    this.built = new Map(); // line -> its element
    this.target = null;
    this.pattern = null;
    this.current = null;
    this.isFollowing = false;
    this.draw = withNextFrame(() => this.drawNow());
    this.setTo = -1;
    box.addEventListener("scroll", () => this.scrolled(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(box);
  }

  // Draw every row anew: something else is looked for, or pointed at.
  redraw() {
    this.built.clear();
    this.sheet.replaceChildren();
    this.draw();
  }

  get inSight() {
    return this.box.clientHeight;
  }

  // Of pixels scrolled to pixels of all rows: the same, until they are too many.
  get scale() {
    const full = this.lines.rows * ROW;
    const height = Math.min(full, HIGHEST);
    return height > this.inSight ? (full - this.inSight) / (height - this.inSight) : 1;
  }

  drawNow() {
    const { lines, box } = this;
    const height = Math.min(lines.rows * ROW, HIGHEST);
    this.all.style.height = `${height}px`;
    if (this.isFollowing) this.scroll(height);
    const top = box.scrollTop * this.scale;
    const first = Math.max(0, Math.floor(top / ROW) - AROUND);
    const last = Math.min(lines.rows, Math.ceil((top + this.inSight) / ROW) + AROUND);
    this.sheet.style.transform = `translateY(${box.scrollTop - (top - first * ROW)}px)`;
    this.place(first, last);
    this.drawn?.();
  }

  // Keep the elements of rows that stay: what is selected in them stays selected.
  place(first, last) {
    const wanted = new Set();
    for (let row = first; row < last; row += 1) wanted.add(this.lines.lineOf(row));
    for (const [line, element] of this.built) {
      if (wanted.has(line) && !this.isChanged(line, element)) continue;
      element.remove();
      this.built.delete(line);
    }
    let before = this.sheet.firstChild;
    for (const line of wanted) {
      let element = this.built.get(line);
      if (element && element === before) {
        before = before.nextSibling;
        continue;
      }
      if (!element) {
        element = this.build(line);
        this.built.set(line, element);
      }
      this.sheet.insertBefore(element, before);
    }
  }

  isChanged(line, element) {
    const isHeading = this.lines.isHeading(line);
    return element.length !== this.lines.texts[line]?.length || element.isHeading !== isHeading
      || (isHeading && element.size !== this.lines.sizeOf(line)) || element.isFolded !== this.lines.folded.has(line);
  }

  build(line) {
    const { lines } = this;
    const isHeading = lines.isHeading(line);
    const isFolded = lines.folded.has(line);
    const at = make("a", { class: "at", href: `#L${line + 1}`, tabindex: "-1", "data-line": line }, String(line + 1));
    const fold = isHeading
      ? make("button", { type: "button", class: "fold", "aria-expanded": String(!isFolded), "aria-label": `Lines of ${lines.plain(line).slice(0, 80)}`, "data-fold": line })
      : make("span", { class: "fold" });
    const text = make("span", { class: "text" });
    this.write(text, line);
    const size = isHeading ? lines.sizeOf(line) : 0;
    if (isFolded) text.append(make("span", { class: "folded" }, `… ${size} lines`));
    const element = make("div", { class: `line${isHeading ? " is-section" : ""}${line === this.target ? " is-target" : ""}` }, at, fold, text);
    return Object.assign(element, { length: lines.texts[line]?.length, isHeading, isFolded, size });
  }

  write(element, line) {
    let text = this.lines.text(line);
    let rest = "";
    if (text.length > LONGEST) {
      rest = `… ${(text.length - LONGEST).toLocaleString()} more characters`;
      text = text.slice(0, LONGEST);
    }
    const found = parts(text, this.lines.styles.get(line) ?? toneOf(text));
    for (const [piece, isHit] of this.marked(found)) {
      const span = document.createElement(isHit ? "mark" : "span");
      if (isHit && line === this.current) span.className = "now";
      if (piece.seen) span.classList.add("seen");
      if (!isHit) dress(span, piece.style);
      span.textContent = piece.text;
      element.append(span);
    }
    if (rest) element.append(make("span", { class: "folded" }, rest));
  }

  // Cut the parts where what is looked for begins and ends.
  *marked(found) {
    if (!this.pattern) {
      for (const piece of found) yield [piece, false];
      return;
    }
    const whole = found.map((piece) => piece.text).join("");
    const hits = [...whole.matchAll(this.pattern)].map((match) => [match.index, match.index + match[0].length]);
    let at = 0;
    for (const piece of found) {
      const end = at + piece.text.length;
      let place = at;
      for (const [from, to] of hits) {
        if (to <= place || from >= end) continue;
        if (from > place) yield [{ ...piece, text: piece.text.slice(place - at, from - at) }, false];
        yield [{ ...piece, text: piece.text.slice(Math.max(from, place) - at, to - at) }, true];
        place = Math.min(to, end);
      }
      if (place < end) yield [{ ...piece, text: piece.text.slice(place - at) }, false];
      at = end;
    }
  }

  scroll(top) {
    this.box.scrollTop = top;
    this.setTo = this.box.scrollTop;
  }

  // Bring a line into sight, a third from above.
  show(line) {
    this.lines.reveal(line);
    const top = Math.max(0, this.lines.rowOf(line) * ROW - this.inSight / 3);
    this.all.style.height = `${Math.min(this.lines.rows * ROW, HIGHEST)}px`;
    this.scroll(top / this.scale);
    this.draw();
  }

  get isAtEnd() {
    return this.box.scrollHeight - this.box.scrollTop - this.inSight < ROW * 1.5;
  }

  // Whoever scrolls up wants to read; whoever scrolls to the end wants to follow.
  scrolled() {
    if (Math.abs(this.box.scrollTop - this.setTo) > 1) {
      this.setTo = -1;
      this.moved?.(this.isAtEnd);
    }
    this.draw();
  }
}

// The output as lines: their texts, where a task begins, and which of them are folded away.

import { plain, styleAfter } from "./ansi.js";

const HEADING = /^(PLAY|TASK|RUNNING HANDLER) \[|^PLAY RECAP /;
const MOST = 96 * 1024 * 1024; // characters that are kept; beyond them the oldest lines lose theirs

export class Lines {
  constructor() {
    this.texts = [""]; // the last one may not have ended
    this.styles = new Map(); // line -> the style it begins with, where there is one
    this.headings = []; // lines where a section begins
    this.folded = new Set();
    this.shown = null; // those in sight, or null: all of them
    this.characters = 0;
    this.dropped = 0; // lines whose texts are kept no more
    this.version = 0;
    this.style = null; // behind the last line that has ended
  }

  get count() {
    const last = this.texts.length - 1;
    return this.texts[last] === "" ? last : last + 1;
  }

  add(text) {
    this.version += 1;
    this.characters += text.length;
    const pieces = text.split("\n");
    const { texts } = this;
    texts[texts.length - 1] += pieces[0];
    for (let place = 1; place < pieces.length; place += 1) {
      this.end(texts.length - 1);
      texts.push(pieces[place]);
      if (this.style) this.styles.set(texts.length - 1, this.style);
    }
    if (this.characters > MOST) this.drop();
    if (this.shown) this.sift();
  }

  // A line is complete: it may be a heading, and leaves a style to the next one.
  end(line) {
    const text = this.texts[line];
    this.style = styleAfter(text, this.style);
    const first = text.charCodeAt(0);
    if (first === 0x1b || first === 0x50 || first === 0x54 || first === 0x52) {
      if (HEADING.test(plain(text.slice(0, 200)))) this.headings.push(line);
    }
  }

  drop() {
    const { texts } = this;
    while (this.characters > MOST * 0.9 && this.dropped < texts.length - 1) {
      this.characters -= texts[this.dropped].length;
      texts[this.dropped] = null;
      this.dropped += 1;
    }
  }

  // As a terminal shows it: what a carriage return has written over is not seen.
  text(line) {
    const text = this.texts[line];
    if (text === null) return "\x1b[2m(too long to be kept here: download the output)";
    if (!text.includes("\r")) return text;
    const written = text.split("\r");
    while (written.length > 1 && plain(written.at(-1)) === "") written.pop(); // nothing was written over
    return written.at(-1);
  }

  plain(line) {
    return plain(this.text(line));
  }

  // Rows are what is in sight: as many as there are lines, unless some are folded away.
  get rows() {
    return this.shown ? this.shown.length : this.count;
  }

  lineOf(row) {
    return this.shown ? this.shown[row] : row;
  }

  rowOf(line) {
    if (!this.shown) return line;
    let [low, high] = [0, this.shown.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.shown[middle] < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  isHeading(line) {
    return this.headings[this.placeOf(line)] === line;
  }

  placeOf(line) {
    let [low, high] = [0, this.headings.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.headings[middle] <= line) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  // How many lines are behind a heading, up to the next one.
  sizeOf(heading) {
    return (this.headings[this.placeOf(heading) + 1] ?? this.count) - heading - 1;
  }

  fold(heading, wanted) {
    if (wanted) this.folded.add(heading);
    else this.folded.delete(heading);
    this.sift();
  }

  foldAll(wanted) {
    this.folded = new Set(wanted ? this.headings : []);
    this.sift();
  }

  // Make a line seen, wherever it is folded away.
  reveal(line) {
    const heading = this.headings[this.placeOf(line)];
    if (heading !== line && this.folded.has(heading)) this.fold(heading, false);
  }

  sift() {
    this.version += 1;
    this.shown = null;
    if (!this.folded.size) return;
    const shown = [];
    let isHidden = false;
    let next = 0;
    for (let line = 0; line < this.count; line += 1) {
      if (line === this.headings[next]) {
        next += 1;
        isHidden = this.folded.has(line);
        shown.push(line);
      } else if (!isHidden) shown.push(line);
    }
    this.shown = shown;
  }
}

// Looks for a text in all lines, a few milliseconds at a time.

const SLICE = 8; // milliseconds without a pause

export class Search {
  constructor(lines, onChange) {
    this.lines = lines;
    this.onChange = onChange;
    this.pattern = null;
    this.clear();
  }

  clear() {
    this.hits = []; // lines
    this.looked = 0; // lines that were looked at
    this.place = -1; // of the hit that is pointed at
  }

  for(text) {
    this.clear();
    this.pattern = text ? new RegExp(text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"), "gi") : null;
    this.go();
    return this.pattern;
  }

  // Go on: there is more to look at.
  async go() {
    const { pattern } = this;
    if (!pattern || this.isBusy) return;
    this.isBusy = true;
    try {
      while (pattern === this.pattern && this.looked < this.complete) {
        const until = performance.now() + SLICE;
        while (this.looked < this.complete && performance.now() < until) this.look(pattern);
        this.onChange();
        await new Promise((go) => setTimeout(go));
      }
    } finally {
      this.isBusy = false;
    }
    if (this.pattern !== pattern) await this.go();
  }

  // The last line may still grow.
  get complete() {
    return this.lines.isDone ? this.lines.count : this.lines.texts.length - 1;
  }

  look(pattern) {
    pattern.lastIndex = 0;
    if (this.lines.texts[this.looked] !== null && pattern.test(this.lines.plain(this.looked))) this.hits.push(this.looked);
    this.looked += 1;
  }

  // The next hit in that direction, round and round; undefined when there is none.
  step(direction) {
    if (!this.hits.length) return undefined;
    this.place = (this.place + direction + this.hits.length) % this.hits.length;
    return this.hits[this.place];
  }

  // Begin at the first hit at *line* or behind it.
  from(line) {
    const found = this.hits.findIndex((hit) => hit >= line);
    this.place = (found < 0 ? 0 : found) - 1;
  }
}

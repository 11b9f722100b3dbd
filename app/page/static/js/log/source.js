// Where the output comes from: first all that is there, then what is added, in order and once.

const RETRY = 2000; // milliseconds
const SLICE = 12; // milliseconds of work without a pause

const pause = (milliseconds = 0) => new Promise((go) => setTimeout(go, milliseconds));

export class Source {
  // *on* has text(text) and end().
  constructor(run, on) {
    this.run = run;
    this.on = on;
    this.offset = 0; // where the next byte is to be read
    this.isRead = false; // all that was there at first
    this.stream = null;
    this.isOver = false;
  }

  async start(isFinal) {
    while (!(await this.readAll(isFinal))) await pause(RETRY);
    this.isRead = true;
    if (isFinal) this.end();
    else this.follow();
  }

  // Nobody looks: a browser has few connections to one server, and six such tabs would take all.
  rest() {
    this.stream?.close();
    this.stream = null;
  }

  resume() {
    if (this.isRead && !this.stream) this.follow();
  }

  // Read what is there. What was read stays, should it be cut off.
  async readAll(isFinal) {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let held = new Uint8Array();
    try {
      const response = await fetch(`/api/v1/runs/${this.run}/output?offset=${this.offset}`, { headers: { Accept: "text/plain" }, cache: "no-store" });
      if (response.status === 410) return true; // it is not kept any more
      if (!response.ok) return false;
      let rested = performance.now();
      for (const reader = response.body.getReader(); ; ) {
        const { done, value } = await reader.read();
        if (done) {
          if (held.length && isFinal) this.on.text("\ufffd"); // a character that was never finished
          return true;
        }
        const bytes = joined(held, value);
        held = bytes.slice(bytes.length - unfinished(bytes));
        this.offset += bytes.length - held.length;
        this.on.text(decoder.decode(bytes.subarray(0, bytes.length - held.length)));
        if (performance.now() - rested > SLICE) {
          await pause();
          rested = performance.now();
        }
      }
    } catch {
      return false; // cut off: it is asked for again, from here
    }
  }

  follow() {
    this.stream?.close();
    if (this.isOver || document.visibilityState === "hidden") return;
    const stream = new EventSource(`/api/v1/runs/${this.run}/output?offset=${this.offset}`);
    this.stream = stream;
    stream.addEventListener("output", (event) => {
      this.offset = offsetOf(event.lastEventId) ?? this.offset;
      this.on.text(JSON.parse(event.data).text);
    });
    stream.addEventListener("end", () => this.end());
    stream.addEventListener("error", async () => {
      if (stream.readyState !== EventSource.CLOSED) return; // it comes back by itself
      await pause(RETRY);
      if (stream === this.stream) this.follow();
    });
  }

  // There is more than has come: the connection may be dead without having been told.
  missed(bytes) {
    if (this.isOver || bytes <= this.offset) {
      this.missing = null;
      return;
    }
    this.missing ??= { since: Date.now(), offset: this.offset };
    if (this.missing.offset !== this.offset) this.missing = null;
    else if (Date.now() - this.missing.since > 2 * RETRY) {
      this.missing = null;
      this.follow();
    }
  }

  end() {
    this.isOver = true;
    this.stream?.close();
    this.on.end();
  }
}

function offsetOf(id) {
  const digits = /^\d+/.exec(id);
  return digits ? Number(digits[0]) : null;
}

function joined(held, bytes) {
  if (!held.length) return bytes;
  const both = new Uint8Array(held.length + bytes.length);
  both.set(held);
  both.set(bytes, held.length);
  return both;
}

// How many bytes at the end are of a character that has not come as a whole.
function unfinished(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? back : 0;
  }
  return 0;
}

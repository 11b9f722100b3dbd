// What a rerun would find, said before it is asked for.

import { call } from "./api.js";
import { byId, make } from "./dom.js";

const COMMITS = 8; // of each side that are named here

let asking = null;

export function forgetPreview() {
  asking?.abort();
  asking = null;
}

export async function showPreview(run) {
  forgetPreview();
  const mine = (asking = new AbortController());
  const place = byId("preview");
  place.replaceChildren(make("p", { class: "soft" }, "Looking at what has changed…"));
  try {
    const { status, body } = await call("GET", `/runs/${run}/rerun`, { signal: mine.signal });
    if (mine !== asking) return;
    place.replaceChildren(...(status === 200 ? told(body) : [make("p", {}, `What would differ is not known: ${body.detail}`)]));
    if (status === 200) offerFailed(body.failed_hosts);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

function offerFailed({ count, untold }) {
  byId("failed-hosts").textContent = untold ? `(${untold})` : `(${count})`;
  document.querySelector('#rerun-dialog input[value="failed"]').disabled = !count;
}

function* told(preview) {
  yield make("h3", {}, "The newest would differ by");
  const parts = [...source("Playbook", preview.playbook), ...source("Inventory", preview.inventory), ...template(preview.template)];
  if (parts.length) yield* parts;
  else yield make("p", {}, "nothing: commits and template are the same.");
  yield* refused("The newest would be refused", preview.refusals);
  yield* refused("The same would be refused", preview.same_refusals);
}

function* source(name, seen) {
  if (!seen) return;
  if (seen.untold) yield make("p", {}, `${name}: ${seen.untold.message}`);
  const { difference } = seen;
  if (!difference || difference.relation === "same") return;
  yield make("h3", {}, `${name}: ${difference.relation}, ${difference.commits.length}${difference.commits_cut ? " or more" : ""} new, ${difference.files.length}${difference.files_cut ? " or more" : ""} files`);
  yield commits(difference.commits, "");
  if (difference.dropped.length) {
    yield make("h3", {}, "and without");
    yield commits(difference.dropped);
  }
}

function commits(list) {
  const items = list.slice(0, COMMITS).map(({ sha, subject, author }) => make("li", {}, make("code", {}, sha.slice(0, 8)), ` ${subject} `, make("span", { class: "soft" }, author)));
  if (list.length > COMMITS) items.push(make("li", { class: "soft" }, `and ${list.length - COMMITS} more`));
  return make("ul", {}, ...items);
}

function* template(changes) {
  if (!changes) yield make("p", {}, "The template is deleted: only the same can be run.");
  else if (changes.length) {
    yield make("h3", {}, "Template");
    yield make("ul", {}, ...changes.map(({ path, then, now }) => make("li", {}, make("code", {}, path), ` ${JSON.stringify(then)} → ${JSON.stringify(now)}`)));
  }
}

function* refused(what, faults) {
  if (faults.length) yield make("p", { class: "error" }, `${what}: ${faults.map(({ field, message }) => `${field} ${message}`).join("; ")}`);
}

// Stop, force a stop and rerun, each confirmed in a dialog, and what really came of it.

import { call } from "./api.js";
import { byId, make } from "./dom.js";
import { look } from "./live.js";
import { forgetPreview, showPreview } from "./preview.js";

const STATES = { queued: "queued", running: "running", succeeded: "succeeded", failed: "failed", stopped: "stopped", timed_out: "timed out", interrupted: "interrupted", lost: "lost" };

let key = null; // of the rerun that is being asked for: pressed twice it starts one run

function wireSteering(run) {
  const acts = { stop: () => stop(run, false), force: () => stop(run, true), rerun: () => rerun(run), approve: () => approve(run) };
  for (const form of document.querySelectorAll("form[data-act]")) {
    const button = form.querySelector(".buttons button:not([type])");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (button.disabled) return;
      button.disabled = true;
      await acts[form.dataset.act]();
      button.disabled = false;
    });
    button.disabled = false;
  }
  byId("rerun-dialog").addEventListener("opening", () => {
    key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    showPreview(run);
  });
  byId("rerun-dialog").addEventListener("close", forgetPreview);
}

async function stop(run, force) {
  const dialog = byId(force ? "force-dialog" : "stop-dialog");
  const form = dialog.querySelector("form");
  const reason = form.elements.reason.value.trim();
  const json = JSON.stringify({ force, ...(reason ? { reason } : {}) });
  const { status, body } = await call("POST", `/runs/${run}/stop`, { json });
  if (status === 200 || status === 202) {
    dialog.close();
    tell(body.state === "stopped" ? "Stopped: it never started." : `A ${force ? "kill" : "stop"} is asked for; it is ${described(body)}.`, false);
  } else if (status === 409) {
    dialog.close();
    tell(`Too late: ${body.detail}. ${body.run?.message ?? ""}`, true);
  } else complain(form, body, status);
  await look();
}

async function approve(run) {
  const dialog = byId("approve-dialog");
  const form = dialog.querySelector("form");
  const reason = form.elements.reason.value.trim();
  const { status, body } = await call("POST", `/runs/${run}/approve`, { json: JSON.stringify(reason ? { reason } : {}) });
  if (status === 200) {
    dialog.close();
    tell("Approved: it starts when its turn comes.", false);
  } else if (status === 409) {
    dialog.close();
    tell(`Too late: ${body.detail}.`, true);
  } else complain(form, body, status);
  await look();
}

function described(run) {
  if (run.stale) return "not known whether it runs: its runner is silent";
  return run.stopping ? "stopping" : STATES[run.state];
}

async function rerun(run) {
  const form = byId("rerun-dialog").querySelector("form");
  const { at, hosts, reason } = Object.fromEntries(new FormData(form));
  const json = JSON.stringify({ at, hosts, ...(reason.trim() ? { reason: reason.trim() } : {}) });
  const { status, body } = await call("POST", `/runs/${run}/rerun`, { json, key });
  if (status === 200 || status === 202) location.assign(`/runs/${body.id}`);
  else complain(form, body, status);
}

function complain(form, body, status) {
  const error = form.querySelector(".error");
  error.textContent = body.errors?.map(({ field, message }) => `${field} ${message}`).join("; ") || body.detail || `The answer was ${status}.`;
  error.hidden = false;
}

function tell(text, isBad) {
  const result = byId("result");
  result.replaceChildren(make("span", {}, text));
  result.classList.toggle("is-bad", isBad);
  result.hidden = false;
}

wireSteering(byId("run").dataset.run);

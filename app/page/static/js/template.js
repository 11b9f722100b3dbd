// The form of a run: what is typed as the JSON that the template accepts, and what it refuses.

import { call } from "./api.js";
import { byId } from "./dom.js";

const form = byId("run-form");

// Where a value is kept as its text, numbers have all of their digits.
const READERS = {
  choice: (text) => text,
  integer: (text) => (/^-?(0|[1-9]\d*)$/.test(text) ? text : fault("is no whole number")),
  number: (text) => (/^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(text) ? text : fault("is no number")),
  boolean: (text) => (text === "true" || text === "false" ? text : fault("must be true or false")),
  list: (text) => json(text, Array.isArray, "a list"),
  object: (text) => json(text, (value) => value && typeof value === "object" && !Array.isArray(value), "an object"),
  words: (text) => JSON.stringify(text.split(",").map((word) => word.trim()).filter(Boolean)),
  string: (text) => JSON.stringify(text),
};

function fault(message) {
  throw new SyntaxError(message);
}

function json(text, isRight, what) {
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    fault(`is no JSON: ${error.message}`);
  }
  return isRight(value) ? text : fault(`must be ${what}`);
}

// An empty field gives nothing, unless it had something, or the API shall say that it is needed.
function isGiven(field) {
  if (field.value !== "") return true;
  return field.dataset.kind === "string" && (field.hasAttribute("data-default"));
}

function read() {
  const vars = [];
  const members = [];
  const faults = [];
  for (const field of form.querySelectorAll("[data-kind]")) {
    if (!isGiven(field)) {
      if (field.required) faults.push({ field: field.name, message: "is required" });
      continue;
    }
    try {
      const value = READERS[field.dataset.kind](field.value);
      if (field.name.startsWith("vars.")) vars.push(`${JSON.stringify(field.name.slice(5))}:${value}`);
      else members.push(`${JSON.stringify(field.name)}:${value}`);
    } catch (error) {
      faults.push({ field: field.name, message: error.message });
    }
  }
  members.push(`"vars":{${vars.join(",")}}`);
  return { json: `{${members.join(",")}}`, faults };
}

function showFaults(faults) {
  for (const field of form.querySelectorAll("[data-kind]")) {
    field.removeAttribute("aria-invalid");
    byId(`error-${field.name}`).hidden = true;
  }
  const rest = [];
  let first = null;
  for (const { field: name, message } of faults) {
    // vars.hosts.0 is said at vars.hosts.
    const parts = name.split(".");
    let field = null;
    while (parts.length && !(field = form.elements[parts.join(".")])) parts.pop();
    if (!field) {
      rest.push(name ? `${name} ${message}` : message);
      continue;
    }
    first ??= field;
    field.setAttribute("aria-invalid", "true");
    const error = byId(`error-${field.name}`);
    error.textContent = message;
    error.hidden = false;
  }
  showError(rest.join("; "));
  first?.focus();
}

function showError(text) {
  const error = byId("form-error");
  error.textContent = text;
  error.hidden = !text;
}

async function run(event) {
  event.preventDefault();
  const button = form.querySelector("button.primary");
  if (button.disabled) return;
  const { json: body, faults } = read();
  showFaults(faults);
  if (faults.length) return;
  button.disabled = true;
  const path = `/templates/${encodeURIComponent(form.dataset.template)}/runs`;
  const { status, body: answer } = await call("POST", path, { json: body, key: form.dataset.key });
  if (status === 202 || status === 200) {
    location.assign(`/runs/${answer.id}`);
    return;
  }
  button.disabled = false;
  if (answer.errors) showFaults(answer.errors);
  else showError(answer.detail ?? `It was not started: ${status}`);
}

// A key of several lines does not fit into a field of one, which would silently join them.
function keepLines(event) {
  const field = event.target;
  const text = event.clipboardData?.getData("text") ?? "";
  if (!field.matches("input[data-secret]") || !text.trim().includes("\n")) return;
  event.preventDefault();
  const area = document.createElement("textarea");
  for (const { name, value } of field.attributes) if (name !== "type" && name !== "value") area.setAttribute(name, value);
  area.className = "masked";
  area.rows = 4;
  area.value = text;
  field.replaceWith(area);
  area.focus();
}

if (form) {
  form.addEventListener("submit", run);
  form.addEventListener("paste", keepLines);
  const allow = () => { form.querySelector("button.primary").disabled = false; };
  allow();
  // Going back to a page that was left brings the button back.
  addEventListener("pageshow", allow);
}

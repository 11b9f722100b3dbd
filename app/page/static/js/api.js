// Calls of the API, by the cookie of whoever is signed in.

import { askToSignIn } from "./session.js";

let csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

// What came back: {status, body}. Status 0: nobody answered, and what was asked for may be done or not.
export async function call(method, path, options = {}) {
  let answer = await send(method, path, options);
  // Who has signed in again in another tab has another session: one refusal for that, not two.
  if (method !== "GET" && answer.status === 403 && !answer.body.right && (await renew())) {
    answer = await send(method, path, options);
  }
  if (answer.status === 401) answer.body = { detail: askToSignIn() };
  return answer;
}

async function send(method, path, { json, key, signal }) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let status;
  let text;
  try {
    const response = await fetch(`/api/v1${path}`, { method, headers, body: json, signal, cache: "no-store" });
    status = response.status;
    text = await response.text(); // which may be cut off, too
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { status: 0, body: { detail: "the server cannot be reached; nothing is known of it" } };
  }
  try {
    return { status, body: text ? JSON.parse(text) : {} };
  } catch {
    return { status, body: { detail: `the answer cannot be read (${status})` } };
  }
}

// Whether the session has another token now.
async function renew() {
  try {
    const response = await fetch(location.pathname, { headers: { Accept: "text/html" }, cache: "no-store" });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.querySelector('meta[name="csrf"]')?.content;
    if (!fresh || fresh === csrf) return false;
    csrf = fresh;
    return true;
  } catch {
    return false; // the refusal stays what it is
  }
}

// Pages of a list, each handed on as it comes; next leads to the following one.
export async function* pages(path, signal) {
  for (let url = path; url; ) {
    const { status, body } = await call("GET", url, { signal });
    if (status !== 200) throw new Error(body.detail ?? `answered ${status}`);
    yield body;
    url = body.next?.replace(/^\/api\/v1/, "");
  }
}

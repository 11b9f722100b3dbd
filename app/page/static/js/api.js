// Calls of the API, by the cookie of whoever is signed in.

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

// What came back: {status, body}. Status 0: nobody answered, and what was asked for may be done or not.
export async function call(method, path, { json, key, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  let response;
  try {
    response = await fetch(`/api/v1${path}`, { method, headers, body: json, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { status: 0, body: { detail: "the server cannot be reached; nothing is known of it" } };
  }
  if (response.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
  const text = await response.text();
  let body = {};
  try {
    body = text ? JSON.parse(text) : {};
  } catch {
    body = { detail: `the answer cannot be read (${response.status})` };
  }
  return { status: response.status, body };
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

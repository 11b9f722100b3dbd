// Take a delivery again.

import { call } from "./api.js";
import { byId, make } from "./dom.js";
import { look } from "./live.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-redeliver]");
  if (!button) return;
  button.disabled = true;
  const name = encodeURIComponent(location.pathname.split("/")[2]);
  const { status, body } = await call("POST", `/hooks/${name}/deliveries/${button.dataset.redeliver}/redeliver`);
  button.disabled = false;
  const result = byId("result");
  result.hidden = false;
  result.classList.toggle("is-bad", status >= 400 || status === 0);
  const runs = body.runs ?? [];
  result.replaceChildren(
    ...(runs.length ? ["Taken again: ", ...runs.map((id) => make("a", { href: `/runs/${id}` }, `run #${id} `))] : [body.why ?? body.detail ?? "Nothing was run."]),
  );
  look();
});

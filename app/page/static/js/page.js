// What every page does.

import { setServerTime, tick } from "./clock.js";
import { wireDialogs } from "./dialogs.js";
import { byId } from "./dom.js";
import { keepLive } from "./live.js";

setServerTime(document.querySelector('meta[name="now"]').content);
tick();
setInterval(tick, 1000);
wireDialogs();
keepLive();

// A filter needs no button where there is a script, and leaves out what is empty.
const filter = byId("filter");
if (filter) {
  for (const each of filter.querySelectorAll("[data-unless-script]")) each.hidden = true;
  filter.addEventListener("change", () => filter.requestSubmit());
  filter.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
  });
}

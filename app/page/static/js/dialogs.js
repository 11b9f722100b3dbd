// Dialogs, opened and closed by buttons that name them.

import { byId } from "./dom.js";

export function wireDialogs() {
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      const dialog = byId(opener.dataset.opens);
      dialog.dispatchEvent(new Event("opening"));
      dialog.showModal();
    }
    if (event.target.closest("[data-closes]")) event.target.closest("dialog").close();
    if (event.target.nodeName === "DIALOG") event.target.close(); // its backdrop
  });
}

// Tabs as the ARIA practices have them: arrows move, and what is chosen is in the address.

export function wireTabs(list, onShow) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const panel = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
  function choose(chosen, { focus = false } = {}) {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      panel(tab).hidden = !isChosen;
    }
    if (focus) chosen.focus();
    onShow(chosen.id.replace("tab-", ""));
  }
  function chooseForGood(tab, how) {
    history.replaceState(null, "", `#${tab.id.replace("tab-", "")}`);
    choose(tab, how);
  }
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) chooseForGood(tab);
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const place = tabs.indexOf(document.activeElement);
    if (step && place >= 0) chooseForGood(tabs[(place + step + tabs.length) % tabs.length], { focus: true });
  });
  const named = tabs.find((tab) => `#${tab.id.replace("tab-", "")}` === location.hash);
  if (named) choose(named);
  return choose;
}

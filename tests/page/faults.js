// What is wrong with a page for those who do not see it, have no mouse, or only a phone.
() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const told = (each) => each.outerHTML.slice(0, 120);
  const text = (id) => document.getElementById(id)?.textContent ?? "";
  const names = (each) => (each.getAttribute("aria-labelledby") ?? "").split(" ").map(text).join("");
  const isNamed = (each) => each.getAttribute("aria-label") || each.textContent.trim() || names(each);

  for (const each of all("input:not([type=hidden]), select, textarea")) {
    if (!each.labels?.length && !each.getAttribute("aria-label")) faults.push(`no label: ${told(each)}`);
  }
  for (const each of all("button, a[href], [role=tab], nav, dialog")) {
    if (!isNamed(each)) faults.push(`no name: ${told(each)}`);
  }
  for (const each of all("svg:not([aria-hidden])")) {
    if (each.getAttribute("role") !== "img" || !each.getAttribute("aria-label")) {
      faults.push(`a drawing without words: ${told(each)}`);
    }
  }
  for (const each of all("table")) if (!each.caption) faults.push(`no caption: ${told(each)}`);
  for (const each of all("thead th")) if (!each.scope) faults.push(`no scope: ${told(each)}`);

  const ids = all("[id]").map((each) => each.id);
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`twice: #${id}`);
  for (const kind of ["aria-controls", "aria-describedby", "aria-labelledby"]) {
    for (const each of all(`[${kind}]`)) {
      for (const id of each.getAttribute(kind).split(" ")) {
        if (!document.getElementById(id)) faults.push(`${kind} of nothing: ${id}`);
      }
    }
  }
  for (const only of ["h1", "main", "header"]) if (all(only).length !== 1) faults.push(`not one ${only}`);
  if (!document.documentElement.lang) faults.push("no language");

  if (document.documentElement.scrollWidth > innerWidth) {
    const wide = all("body *").filter((each) => each.getBoundingClientRect().right > innerWidth + 1);
    faults.push(`wider than its window: ${wide.slice(0, 3).map(told).join(", ")}`);
  }
  return faults;
}

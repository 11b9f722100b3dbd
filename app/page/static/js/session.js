// What becomes of a page whose session has ended: what somebody has typed or chosen in it stays.

function isChanged(field) {
  if (field.type === "hidden") return false;
  if (field.type === "radio" || field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.nodeName === "SELECT") return [...field.options].some((option) => option.defaultSelected && !option.selected);
  return field.value !== field.defaultValue;
}

// Lead to the sign-in, or say where it is while that would lose something.
export function askToSignIn() {
  const fields = document.querySelectorAll("main form :is(input, textarea, select)");
  if (![...fields].some(isChanged)) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
  return "You are signed out. Sign in in another tab, then try again: what is typed here stays.";
}

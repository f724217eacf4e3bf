// Single keys of a page that judges. They are ignored while typing, with modifiers, in composition,
// on repeat, and where the visitor has turned them off.

const typing = (element) =>
  element.matches("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])");

// The key itself; else the digit's place, whatever the layout; else the letter's, beyond Latin.
function nameOf(event, actions) {
  const key = event.key.toLowerCase();
  if (key in actions) return key;
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  if (digit) return digit[1];
  return /^[\x00-\x7f]+$/.test(key) ? key : event.code.replace("Key", "").toLowerCase();
}

// `actions`: what each key does; `sheet` opens with "?" and with its button, and holds the keys
// while it is open; `ready` may refuse a key.
export function listen(actions, ready = () => true) {
  const sheet = document.getElementById("sheet"), button = document.getElementById("keys");
  const known = { ...actions, "?": () => sheet.showModal() };
  const on = document.documentElement.dataset.keys !== "off";
  button.hidden = false;
  button.addEventListener("click", () => sheet.showModal());
  document.addEventListener("keydown", (event) => {
    if (!on || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.isComposing || event.repeat || sheet.open || typing(event.target)) return;
    const name = nameOf(event, known);
    if (!known[name] || !ready(name)) return;
    event.preventDefault();
    known[name]();
  });
}

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

// --- keys that the visitor has chosen instead: {usual: own}, in this browser

const STORED = "own-keys";
const chosen = () => JSON.parse(localStorage.getItem(STORED) ?? "{}");

// The sheet's form: one field a key. Each key means one thing, and "?" stays the sheet's.
function remap(sheet, keys, learn) {
  const form = sheet.querySelector("#own-keys");
  const fields = [...form.querySelectorAll("[data-own]")].filter((field) => keys.includes(field.dataset.own));
  form.hidden = false;
  const show = () => fields.forEach((field) => (field.value = chosen()[field.dataset.own] ?? field.dataset.own));
  show();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const own = fields.map((field) => field.value.trim().toLowerCase());
    const isUsual = event.submitter?.name === "usual";
    const isGood = own.every((key) => key.length === 1 && key !== "?") && new Set(own).size === own.length;
    const said = form.querySelector("[role=status]");
    said.textContent = isGood || isUsual ? form.dataset.saved : form.dataset.twice;
    if (!isGood && !isUsual) return;
    const pairs = fields.map((field, place) => [field.dataset.own, own[place]]);
    localStorage.setItem(STORED, JSON.stringify(isUsual ? {} : Object.fromEntries(pairs)));
    show();
    learn();
  });
}

// `actions`: what each key does; `sheet` opens with "?" and with its button, and holds the keys
// while it is open, as any dialog does; `ready` may refuse a key.
export function listen(actions, ready = () => true) {
  const sheet = document.getElementById("sheet"), button = document.getElementById("keys");
  const known = {};
  const learn = () => {
    for (const key of Object.keys(known)) delete known[key];
    for (const [key, act] of Object.entries(actions)) known[chosen()[key] ?? key] = act;
    known["?"] = () => sheet.showModal();
    for (const place of document.querySelectorAll("kbd[data-key]")) {
      place.textContent = chosen()[place.dataset.key] ?? place.dataset.key;
    }
  };
  learn();
  remap(sheet, Object.keys(actions), learn);
  const on = document.documentElement.dataset.keys !== "off";
  button.hidden = false;
  button.addEventListener("click", () => sheet.showModal());
  document.addEventListener("keydown", (event) => {
    if (!on || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.isComposing || event.repeat || document.querySelector("dialog[open]") || typing(event.target)) return;
    const name = nameOf(event, known);
    if (!known[name] || !ready(name)) return;
    event.preventDefault();
    known[name]();
  });
}

// What someone has begun to say about a task, kept in this browser until it is sent: it survives a
// reload, a lost session, and a hold that ran out and was taken again.

const PREFIX = "draft~", KEPT_MS = 7 * 24 * 3600 * 1000;

// The part of a token that names the assignment, whichever of its holds.
const nameOf = (token) => PREFIX + token.split("-")[0];

export function of(token) {
  return JSON.parse(localStorage.getItem(nameOf(token)) ?? "null");
}

export function forget(token) {
  localStorage.removeItem(nameOf(token));
}

// `place` holds the fields of the longer form.
export function keep(token, place) {
  const fields = [...place.querySelectorAll("input, textarea")]
    .filter((field) => field.name !== "choice" && (field.type === "textarea" ? field.value : field.checked))
    .map((field) => [field.name, field.value]);
  const { value: choice } = place.querySelector("[name=choice]");
  localStorage.setItem(nameOf(token), JSON.stringify({ choice, fields, at: Date.now() }));
}

export function fill(token, place) {
  for (const [name, value] of of(token)?.fields ?? []) {
    for (const field of place.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (field.type === "textarea") field.value = value;
      else if (field.value === value) field.checked = true;
    }
  }
}

for (const name of Object.keys(localStorage).filter((each) => each.startsWith(PREFIX))) {
  if (JSON.parse(localStorage.getItem(name)).at < Date.now() - KEPT_MS) localStorage.removeItem(name);
}

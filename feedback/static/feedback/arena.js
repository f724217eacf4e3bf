// The Arena: single keys choose, Enter sends; copying an answer is a reaction to it.
import { listen } from "./shortcuts.js";
import { Sides } from "./sides.js";

const GRACE_MS = 400;
const byId = (id) => document.getElementById(id);
const form = byId("judge");
let task, sides, completeAt;

// --- the two answers

function arrive() {
  task = byId("task");
  sides = new Sides(task);
  follow();
}

// What changes when an answer grows or ends, and the rest of the task stays.
function follow() {
  for (const button of task.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
  const waits = form.querySelector(".choices [aria-disabled]");
  completeAt = waits ? undefined : (completeAt ?? performance.now());
}

async function copy(button) {
  const text = button.closest("article").querySelector(".prose").innerText;
  await navigator.clipboard.writeText(text);
  button.textContent = "Copied";
  fetch(`/api/v1/responses/${button.dataset.copy}/reactions/`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
    },
    body: JSON.stringify({ kind: "copy" }),
  });
}

// --- the judgment

function judgeable(event) {
  const button = event.submitter;
  if (button?.name !== "choice") return;
  const missing = sides.unread();
  if (button.getAttribute("aria-disabled") === "true") {
    refuse(event, `${byId("said").firstChild.textContent.trim()} You can judge when both have finished.`);
  } else if (missing && button.dataset.warned !== missing) {
    button.dataset.warned = missing;
    refuse(event, `You have not opened Answer ${missing}. Press again to judge anyway.`);
  }
}

function refuse(event, words) {
  event.preventDefault();
  event.stopImmediatePropagation();
  byId("said").textContent = words;
}

function begin() {
  const choose = (value) => () => form.querySelector(`[name=choice][value="${value}"]`)?.focus();
  const loadedAt = performance.now();
  listen(
    { 1: choose("1"), 2: choose("2"), 0: choose("tie"), 9: choose("both_bad"), s: () => byId("skip")?.click() },
    () => performance.now() - loadedAt >= GRACE_MS,
  );
  form.addEventListener("submit", judgeable, true);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target !== form || completeAt === undefined) return;
    byId("said").textContent = "Saving…";
    event.detail.parameters.duration_ms = Math.round(performance.now() - completeAt);
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (byId("task") === task) return follow();
    arrive();
    window.scrollTo(0, 0);
    task.focus({ preventScroll: true });
  });
  arrive();
}

// A message is sent once, however often it is pressed.
for (const asking of document.querySelectorAll("form[method=post]:not(#judge)")) {
  asking.addEventListener("submit", (event) => {
    if (asking.dataset.sent) event.preventDefault();
    asking.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => {
  for (const asking of document.querySelectorAll("form[data-sent]")) delete asking.dataset.sent;
});
if (form) begin();

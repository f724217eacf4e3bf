// The Arena: answers grow as they are streamed, single keys choose, Enter sends; copying an answer
// is a reaction to it. What the server sends as HTML it has made harmless (feedback/text/rendering.py).
import { listen } from "./shortcuts.js";
import { Sides } from "./sides.js";

const GRACE_MS = 400;
const byId = (id) => document.getElementById(id);
const form = byId("judge");
let task, sides, completeAt, source;

// --- answers that grow

const open = new Map(); // the nodes of each answer's last block, which is sent whole when it grows

function grow({ place, fresh, closed, open: last }) {
  const prose = document.querySelector(`#answer-${place} .prose`);
  if (!prose) return;
  if (fresh) prose.replaceChildren();
  else for (const node of open.get(place) ?? []) node.remove();
  prose.insertAdjacentHTML("beforeend", closed);
  const before = prose.childNodes.length;
  prose.insertAdjacentHTML("beforeend", last);
  open.set(place, [...prose.childNodes].slice(before));
}

function enter({ said, actions, ready, words, answers }) {
  for (const [place, word] of Object.entries(words)) {
    const state = document.querySelector(`#answer-${place} .state`);
    if (state) state.textContent = word;
  }
  for (const [place, html] of Object.entries(answers)) {
    const old = byId(`answer-${place}`);
    if (!old.hasAttribute("aria-busy")) continue;
    old.outerHTML = html;
    htmx.process(byId(`answer-${place}`));
  }
  byId("said").textContent = said;
  byId("actions").innerHTML = actions;
  htmx.process(byId("actions"));
  if (ready) admit();
  follow();
}

// Both answers are there: what waited for them may be used.
function admit() {
  for (const button of form?.querySelectorAll(".choices [aria-disabled]") ?? []) {
    button.removeAttribute("aria-disabled");
    button.removeAttribute("aria-describedby");
  }
  const goOn = byId("go-on");
  if (goOn) goOn.hidden = false;
}

function connect() {
  source?.close();
  const url = byId("answers")?.dataset.stream;
  if (!url) return;
  source = new EventSource(url);
  source.addEventListener("text", (event) => grow(JSON.parse(event.data)));
  source.addEventListener("stage", (event) => enter(JSON.parse(event.data)));
  source.addEventListener("end", () => source.close());
  source.addEventListener("error", () => {
    // The browser connects again by itself, unless the server has refused.
    if (source.readyState === EventSource.CLOSED) byId("said").textContent = (form ?? task).dataset.lost;
  });
}

// --- a task: one pair of answers, or one conversation with one model

function arrive() {
  task = byId("task");
  sides = form && new Sides(task);
  completeAt = undefined;
  connect();
  follow();
}

// What changes when an answer ends, and the rest of the task stays.
function follow() {
  for (const button of task.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
  const waits = form?.querySelector(".choices [aria-disabled]");
  completeAt = waits ? undefined : (completeAt ?? performance.now());
  for (const asking of task.querySelectorAll("form:not([hx-post])")) once(asking);
}

async function copy(button) {
  const text = button.closest("article").querySelector(".prose").innerText;
  await navigator.clipboard.writeText(text);
  button.textContent = button.dataset.copied;
  fetch(`/api/v1/responses/${button.dataset.copy}/reactions/`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value,
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
    refuse(event, form.dataset.waits);
  } else if (missing && button.dataset.warned !== missing) {
    button.dataset.warned = missing;
    refuse(event, form.dataset.unread.replace("%s", missing));
  }
}

function refuse(event, words) {
  event.preventDefault();
  event.stopImmediatePropagation();
  byId("said").textContent = words;
}

function judging() {
  const choose = (value) => () => form.querySelector(`[name=choice][value="${value}"]`)?.focus();
  const loadedAt = performance.now();
  listen(
    { 1: choose("1"), 2: choose("2"), 0: choose("tie"), 9: choose("both_bad"), s: () => byId("skip")?.click() },
    () => performance.now() - loadedAt >= GRACE_MS,
  );
  form.addEventListener("submit", judgeable, true);
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.target !== form || completeAt === undefined) return;
    byId("said").textContent = form.dataset.saving;
    event.detail.parameters.duration_ms = Math.round(performance.now() - completeAt);
  });
}

function begin() {
  if (form) judging();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (byId("task") === task) return follow();
    arrive();
    window.scrollTo(0, 0);
    task.focus({ preventScroll: true });
  });
  window.addEventListener("pagehide", () => source?.close());
  arrive();
}

// A message is sent once, however often it is pressed.
function once(asking) {
  if (asking.dataset.once) return;
  asking.dataset.once = "yes";
  asking.addEventListener("submit", (event) => {
    if (asking.dataset.sent) event.preventDefault();
    asking.dataset.sent = "yes";
  });
}
// The back button shows a page as it was left: it may be sent again, and it connects again.
window.addEventListener("pageshow", (event) => {
  for (const asking of document.querySelectorAll("form[data-sent]")) delete asking.dataset.sent;
  if (event.persisted && task) window.location.reload();
});
if (byId("ask")) once(byId("ask"));
if (byId("task")) begin();

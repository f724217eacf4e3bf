// The Annotate page: single keys, and an outbox so that no judgment is lost.
//
// A judgment is written into the browser's storage before it is sent; the next task, fetched ahead,
// is shown at once. It leaves the outbox when the server has committed it, and only then the page
// says "Saved".
import * as drafts from "./drafts.js";
import { listen } from "./shortcuts.js";
import { Sides } from "./sides.js";

(() => {
  const form = document.getElementById("judge");
  if (!form) return;

  const UNSENT_LIMIT = 3, GRACE_MS = 400, PREFETCH_MS = 2000, BACKOFF_MS = [1000, 2000, 5000, 10000, 30000];
  const byId = (id) => document.getElementById(id);
  const said = byId("said"), unsent = byId("unsent"), undo = byId("undo"), anyway = byId("anyway");
  const ahead = byId("next"), skipList = byId("skip"), lesson = byId("lesson");
  const words = form.dataset;
  const UNDO_MS = 60_000;
  let task, sides, shownAt, prefetching, renewing, undoEnding, doubtful, plain;

  // --- the outbox: one entry of localStorage a judgment, so that windows never overwrite each other

  const PREFIX = "judgment:";
  const outbox = () => Object.keys(localStorage).filter((name) => name.startsWith(PREFIX)).sort();
  const fieldsOf = (name) => JSON.parse(localStorage.getItem(name));
  const unsentTokens = () => outbox().map((name) => Object.fromEntries(fieldsOf(name)).assignment);
  let sending = false, failures = 0, retry;

  async function post(url, fields, accept) {
    const body = new URLSearchParams(fields);
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    return fetch(url, { method: "POST", body, headers: { Accept: accept }, redirect: "manual" });
  }

  async function flush() {
    if (sending) return;
    sending = true;
    clearTimeout(retry);
    for (const name of outbox()) {
      const fields = fieldsOf(name);
      let answer, receipt;
      try {
        answer = await post(form.action, fields, "application/json");
        receipt = await answer.json();
      } catch {
        if (!isSignedOut(answer)) answer = null;
      }
      if (isSignedOut(answer)) {
        signedOut();
        sending = false;
        return;
      }
      if (!answer || answer.status >= 500 || answer.status === 429) {
        retry = setTimeout(flush, BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)]);
        failures += 1;
        break;
      }
      localStorage.removeItem(name);
      failures = 0;
      if (answer.ok) saved(receipt);
      else refused(receipt.error, Object.fromEntries(fields).assignment);
    }
    sending = false;
    if (failures) warn();
    else if (unsent.dataset.waiting) clearWarning();
    if (task.dataset.done && outbox().length < UNSENT_LIMIT && !failures) advance();
  }

  // A session that ended sends us to the terms, or refuses the page's old form: it is kept here.
  const isSignedOut = (answer) => answer?.type === "opaqueredirect" || answer?.status === 403;

  function signedOut() {
    said.textContent = "";
    unsent.dataset.waiting = "yes";
    const link = document.createElement("a");
    Object.assign(link, { href: location.pathname, textContent: words.signIn });
    unsent.replaceChildren(`${words.signedOut} `, link);
  }

  function saved(receipt) {
    said.textContent = receipt.said;
    undo.hidden = !receipt.undo;
    undo.href = receipt.undo;
    undo.setAttribute("hx-get", receipt.undo);
    htmx.process(undo);
    clearTimeout(undoEnding);
    undoEnding = setTimeout(() => (undo.hidden = true), UNDO_MS);
    if (receipt.lesson.trim()) teach(receipt.lesson);
    for (const place of document.querySelectorAll("[data-today]")) place.textContent = receipt.today;
  }

  // What a practice task teaches, as the server wrote it.
  function teach(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    byId("lesson-in").replaceChildren(document.importNode(page.body.firstElementChild, true));
    lesson.showModal();
  }

  function refused(error, token) {
    said.textContent = "";
    delete unsent.dataset.waiting;
    unsent.textContent = error.message;
    if (error.code !== "lease_lost") return;
    unsent.textContent = `${words.lost} `;
    const again = document.createElement("button");
    Object.assign(again, { name: "again", value: token, textContent: words.takeAgain });
    again.className = "plain";
    again.setAttribute("formaction", form.dataset.again);
    unsent.append(again);
  }

  function warn() {
    const count = outbox().length;
    unsent.dataset.waiting = "yes";
    unsent.textContent = count === 1 ? words.oneUnsent : words.unsent.replace("{n}", count);
  }

  function clearWarning() {
    delete unsent.dataset.waiting;
    unsent.textContent = "";
  }

  // --- one task after another

  function judge(button) {
    if (task.dataset.done || !task.dataset.token) return;
    const fields = [...new FormData(form, button)].filter(([name]) => name !== "csrfmiddlewaretoken");
    fields.push(["duration_ms", String(Math.round(performance.now() - shownAt))]);
    task.dataset.done = "yes";
    localStorage.setItem(`${PREFIX}${Date.now()}:${task.dataset.token}`, JSON.stringify(fields));
    drafts.forget(task.dataset.token);
    said.textContent = words.saving;
    undo.hidden = true;
    if (!unsent.dataset.waiting) unsent.textContent = "";
    if (outbox().length < UNSENT_LIMIT) advance();
    flush();
  }

  async function advance() {
    const judged = task;
    const waiting = ahead.content.querySelector("#task");
    if (waiting) return show(waiting);
    if (judged.getAttribute("aria-busy")) return;
    judged.setAttribute("aria-busy", "true");
    const next = await fetchTask([judged.dataset.token, ...unsentTokens()]);
    judged.removeAttribute("aria-busy");
    if (next && task === judged) show(next);
    else if (!next) retry = setTimeout(flush, BACKOFF_MS[0]);
  }

  async function fetchTask(held) {
    const fields = held.map((token) => ["held", token]);
    if (form.elements.campaign) fields.push(["campaign", form.elements.campaign.value]);
    try {
      const answer = await post(form.dataset.next, fields, "text/html");
      if (!answer.ok) return null;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      return page.getElementById("task");
    } catch {
      return null;
    }
  }

  async function prefetch() {
    if (ahead.content.firstElementChild || !task.dataset.token) return;
    const now = task;
    const next = await fetchTask([now.dataset.token, ...unsentTokens()]);
    if (next?.dataset.token && task === now) ahead.content.replaceChildren(next);
  }

  async function renew() {
    if (document.hidden || !task.dataset.token) return;
    const next = ahead.content.querySelector("#task");
    const held = [task.dataset.token, next?.dataset.token, ...unsentTokens()].filter(Boolean);
    try {
      const answer = await post(form.dataset.renew, held.map((token) => ["held", token]), "application/json");
      const { lost } = await answer.json();
      if (next && lost.includes(next.dataset.token)) ahead.content.replaceChildren();
    } catch {
      // The next third of the lease tries again; a lost lease is told when it is used.
    }
  }

  function show(next) {
    task.replaceWith(document.importNode(next, true));
    ahead.content.replaceChildren();
    arrive();
    window.scrollTo(0, 0);
    task.focus({ preventScroll: true });
  }

  function arrive() {
    task = byId("task");
    shownAt = performance.now();
    doubtful = plain = null;
    anyway.hidden = true;
    skipList.open = false;
    if ("revise" in task.dataset) undo.hidden = true;
    mark(task.dataset.chosen);
    sides = new Sides(task);
    clearTimeout(prefetching);
    clearInterval(renewing);
    if (!task.dataset.token) return;
    resume();
    prefetching = setTimeout(prefetch, PREFETCH_MS);
    renewing = setInterval(renew, (Number(task.dataset.lease) * 1000) / 3);
  }

  function mark(chosen) {
    for (const button of form.querySelectorAll(".choices [name=choice]")) {
      if (button.value === chosen) button.setAttribute("aria-pressed", "true");
      else button.removeAttribute("aria-pressed");
    }
  }

  // --- the differences of the two answers

  async function differ() {
    const pair = task.querySelector(".pair"), link = byId("differ");
    if (plain) {
      pair.replaceChildren(...plain);
      plain = null;
      link.removeAttribute("aria-current");
      said.textContent = "";
      return;
    }
    const here = task;
    try {
      const answer = await fetch(link.href, { headers: { Accept: "application/json" }, redirect: "error" });
      const found = await answer.json();
      if (task !== here || plain) return;
      said.textContent = found.said ?? found.error.message;
      if (!found.answers) return;
      const page = new DOMParser().parseFromString(found.answers, "text/html");
      plain = [...pair.childNodes];
      pair.replaceChildren(...page.body.children);
      link.setAttribute("aria-current", "true");
    } catch {
      said.textContent = words.unreachable;
    }
  }

  // --- drafts of the longer form

  let resumed = null;

  function resume() {
    const draft = "more" in task.dataset && drafts.of(task.dataset.token);
    if (!draft) return;
    const button = form.querySelector(`.choices [name=choice][value="${draft.choice}"]`);
    resumed = task;
    htmx.ajax("POST", button.formAction, {
      source: button, target: "#more", swap: "innerHTML",
      values: { assignment: task.dataset.token, choice: draft.choice },
    });
  }

  document.addEventListener("input", (event) => {
    if (event.target.closest("#more")) drafts.keep(task.dataset.token, byId("more"));
  });

  // --- what people press

  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button?.hasAttribute("formaction")) return;
    event.preventDefault();
    const missing = sides.unread();
    if (missing && doubtful !== button) {
      doubtful = button;
      said.textContent = words.unread.replace("{n}", missing);
      anyway.hidden = false;
      return;
    }
    judge(button);
  });
  anyway.addEventListener("click", () => judge(doubtful));
  document.addEventListener("click", (event) => {
    if (event.target.closest("#differ") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      differ();
    }
  });

  const choose = (value) => {
    const button = form.querySelector(`[name=choice][value="${value}"]`);
    if (button.hasAttribute("formaction")) button.focus();
    else button.click();
  };
  const openSkip = () => {
    skipList.open = true;
    skipList.querySelector("button").focus();
  };
  const ACTIONS = {
    1: () => choose("1"),
    2: () => choose("2"),
    0: () => choose("tie"),
    9: () => choose("both_bad"),
    s: openSkip,
    u: () => undo.hidden || undo.click(),
    d: differ,
  };
  listen(ACTIONS, (name) => {
    if (performance.now() - shownAt < GRACE_MS) return false;
    return Boolean(task.dataset.token) || name === "u" || name === "?";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !skipList.open) return;
    skipList.open = false;
    skipList.querySelector("summary").focus();
  });

  // --- htmx: skip, undo and the longer form

  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.path === skipList.querySelector("[formaction]").getAttribute("formaction")) {
      drafts.forget(task.dataset.token);
    }
    for (const token of unsentTokens()) event.detail.formData.append("held", token);
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (byId("task") !== task) {
      ahead.content.replaceChildren();
      arrive();
      window.scrollTo(0, 0);
      task.focus({ preventScroll: true });
    }
    const more = byId("more-title");
    if (!more || more.dataset.met) return;
    more.dataset.met = "yes";
    mark(more.parentElement.querySelector("[name=choice]").value);
    drafts.fill(task.dataset.token, byId("more"));
    drafts.keep(task.dataset.token, byId("more"));
    if (resumed === task) said.textContent = words.restored;
    resumed = null;
    more.focus();
  });

  window.addEventListener("online", flush);
  arrive();
  flush();
})();

// What every page does with htmx: say what went wrong, and never lose the place of the reader.
"use strict";

(() => {
  const place = () => document.getElementById("problem");
  const words = () => document.getElementById("problems")?.dataset ?? {}; // in the page's language
  const say = (text) => {
    if (place()) place().textContent = text ?? "";
  };

  // A sentence that the server addressed to the place for problems is shown whatever its status.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Retarget") === "#problem") {
      event.detail.shouldSwap = true;
    }
  });
  document.addEventListener("htmx:beforeRequest", () => say(""));
  document.addEventListener("htmx:sendError", () => {
    say(words().unreachable);
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Retarget") !== "#problem") {
      say(words().failed);
    }
  });

  // A link inside a drawing is no HTML anchor to htmx, which lets the browser follow it as well.
  document.addEventListener("click", (event) => {
    const mark = event.target.closest?.("svg a[hx-get]");
    if (mark && !(event.ctrlKey || event.metaKey || event.shiftKey)) event.preventDefault();
  });
})();

// What every page does with htmx: say what went wrong, and never lose the place of the reader.
"use strict";

(() => {
  const place = () => document.getElementById("problem"); // its words come in the page's language
  const say = (words) => {
    if (place()) place().textContent = words ?? "";
  };

  // A sentence that the server addressed to the place for problems is shown whatever its status.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Retarget") === "#problem") {
      event.detail.shouldSwap = true;
    }
  });
  document.addEventListener("htmx:beforeRequest", () => say(""));
  document.addEventListener("htmx:sendError", () => {
    say(place()?.dataset.unreachable);
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Retarget") !== "#problem") {
      say(place()?.dataset.failed);
    }
  });

  // A link inside a drawing is no HTML anchor to htmx, which lets the browser follow it as well.
  document.addEventListener("click", (event) => {
    const mark = event.target.closest?.("svg a[hx-get]");
    if (mark && !(event.ctrlKey || event.metaKey || event.shiftKey)) event.preventDefault();
  });
})();

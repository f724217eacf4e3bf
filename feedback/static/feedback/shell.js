// What every page does with htmx: say what went wrong, and never lose the place of the reader.
"use strict";

(() => {
  const say = (words) => {
    const place = document.getElementById("problem");
    if (place) place.textContent = words;
  };

  // A sentence that the server addressed to the place for problems is shown whatever its status.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Retarget") === "#problem") {
      event.detail.shouldSwap = true;
    }
  });
  document.addEventListener("htmx:beforeRequest", () => say(""));
  document.addEventListener("htmx:sendError", () => {
    say("The server cannot be reached. What you saw is unchanged; try again in a moment.");
  });
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.getResponseHeader("HX-Retarget") !== "#problem") {
      say("That did not work. What you saved before is safe; try again in a moment.");
    }
  });
})();

// What a page of passkeys says when the browser or the person declines; its words are in the page.
"use strict";

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const words = document.getElementById("passkey-words").dataset;
  const byNumber = /^[\d.]+$|^\[/.test(location.hostname);
  const declined = event.detail.exception?.name === "NotAllowedError";
  const said = byNumber ? words.number : declined ? words.declined : words.failed;
  document.getElementById("problem").textContent = said;
});

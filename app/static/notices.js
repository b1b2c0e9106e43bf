// What the page says to its reader: progress, emptiness, problems.

import { Problem } from "./api.js";
import { make } from "./cards.js";

const status = document.getElementById("status");
const place = document.getElementById("notice");

let retryTimer = 0;

/** Tell those who do not see the page what happened on it. */
export function announce(text) {
  status.textContent = text;
}

/** Show a sentence, and what belongs to it. */
export function note(text, ...belongings) {
  place.replaceChildren(make("div", { className: "notice" }, make("p", {}, text), ...belongings));
}

export function clearNotice() {
  clearTimeout(retryTimer);
  place.replaceChildren();
}

/** Say what went wrong; call `again` by itself where the service is only not ready yet. */
export function showProblem(error, again) {
  clearNotice();
  announce("");
  const box = make("div", { className: "notice problem" });
  box.setAttribute("role", "alert");
  place.append(box);
  const isProblem = error instanceof Problem;
  if (!isProblem) console.error(error);
  const text = isProblem ? error.message : "Something went wrong on this page.";
  box.append(make("p", { textContent: text }));
  if (isProblem && error.status >= 400 && error.status < 500) return; // the same again fails again
  const button = make("button", { type: "button", textContent: "Try again" });
  button.addEventListener("click", again);
  box.append(button);
  if (isProblem && error.retryAfterS !== null) {
    box.append(make("p", { className: "note", textContent: "Trying again by itself …" }));
    retryTimer = setTimeout(again, error.retryAfterS * 1000);
  }
}

// Suggestions for the text box, in its datalist. A service that completes no words has none there.

import { ask } from "./api.js";
import { chosenQuery } from "./filters.js";

const PAUSE_MS = 150; // shorter than between two words, longer than between two letters
const COUNT = 8;

/** Offer in `box` how its text may go on, as somebody types. */
export function suggestIn(box) {
  if (!box.list) return;
  let asking = new AbortController(); // ends with the text that it asks about
  let timer = 0;
  box.addEventListener("input", () => {
    asking.abort();
    clearTimeout(timer);
    asking = new AbortController();
    const { signal } = asking;
    timer = setTimeout(() => offer(box, signal), PAUSE_MS);
  });
}

async function offer(box, signal) {
  const text = box.value.trim();
  if (!text) return box.list.replaceChildren();
  try {
    const query = chosenQuery({ text, limit: COUNT });
    const { suggestions } = await ask(`/search/suggestions?${query}`, { signal });
    box.list.replaceChildren(...suggestions.map((one) => new Option("", one)));
  } catch {
    box.list.replaceChildren(); // nobody waits for suggestions: a search tells what is wrong
  }
}

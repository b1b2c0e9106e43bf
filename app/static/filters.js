// The filters: what can be chosen, what is chosen. The choice lives in the address's query string.

import { ask } from "./api.js";
import { labelOf, make } from "./cards.js";

const form = document.getElementById("filters");
const fields = document.getElementById("filter-fields");
const clear = document.getElementById("clear-filters");

let filters = []; // {field, type, values}

/** Ask once what can be chosen, and show it. */
export async function loadFilters(signal) {
  if (filters.length > 0) return;
  filters = (await ask("/filters", { signal })).filters;
  fields.replaceChildren(...filters.map(control));
  form.hidden = filters.length === 0;
  showChosen();
}

/** The chosen values by field, as text. */
export function chosen() {
  const pairs = [...new URLSearchParams(location.search)];
  return Object.fromEntries(pairs.filter(([field]) => filters.some((one) => one.field === field)));
}

export function isAnyChosen() {
  return Object.keys(chosen()).length > 0;
}

/** The chosen values as a query string, `other` parameters before them. */
export function chosenQuery(other = {}) {
  return new URLSearchParams({ ...other, ...chosen() }).toString();
}

/** The chosen values as the `filter` of a JSON body. */
export function chosenFilter() {
  const booleans = new Set(filters.filter((one) => one.type === "boolean").map((one) => one.field));
  const pairs = Object.entries(chosen());
  return Object.fromEntries(pairs.map(([f, value]) => [f, booleans.has(f) ? value === "true" : value]));
}

/** Set the controls to what the address says. */
export function showChosen() {
  const values = chosen();
  for (const one of form.elements) {
    if (one.type === "checkbox") one.checked = values[one.name] === "true";
    else if (one.name) one.value = values[one.name] ?? "";
  }
  clear.hidden = !isAnyChosen();
}

/** Put values into the address, as a step that the back button undoes. */
export function choose(values) {
  const query = new URLSearchParams(values).toString();
  history.pushState(null, "", `${location.pathname}${query && `?${query}`}${location.hash}`);
  showChosen();
}

/** Call back after every choice of the reader. */
export function onChoice(callback) {
  form.addEventListener("change", () => {
    choose(Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== "")));
    callback();
  });
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    choose({});
    callback();
  });
}

function control({ field, type, values }) {
  if (type === "boolean") {
    const box = make("input", { type: "checkbox", name: field, value: "true" });
    return make("label", { className: "check" }, box, ` ${labelOf(field)}`);
  }
  const options = values.map((value) => make("option", { value, textContent: value }));
  const all = make("option", { value: "", textContent: "All" });
  const select = make("select", { name: field }, all, ...options);
  return make("label", {}, make("span", { textContent: labelOf(field) }), select);
}

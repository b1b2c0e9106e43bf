// The page: what the address asks for (gallery, item, text, photo) is loaded and shown.
//
// The query string holds the chosen filters, the fragment the view, so that every view can be
// linked, reloaded, and left with the back button. A photo lives in memory only.

import { ask, itemPath } from "./api.js";
import { card, fieldList, make, picture, placeholders, titleOf } from "./cards.js";
import {
  choose,
  chosenFilter,
  chosenQuery,
  isAnyChosen,
  loadFilters,
  onChoice,
  showChosen,
} from "./filters.js";
import { announce, clearNotice, note, showProblem } from "./notices.js";
import { suggestIn } from "./suggestions.js";

const PAGE_SIZE = 48;
const HITS = 24;
const VIEWS = { gallery: showGallery, item: showItem, text: showText, photo: showPhoto };
const FILL_COMMAND = "python -m scripts.embed_gallery --gallery FOLDER";

const $ = (id) => document.getElementById(id);
const grid = $("grid");
const more = $("more");

let loading = new AbortController(); // ends with the view that it loads
let shown = { name: "", value: "" }; // the view
let gallery = null; // the gallery as it was left: {query, nodes, next, scrollY, openedId}
let photo = null; // {file, url} of the last photo

/** What the address asks for. */
function wantedView() {
  const [name, ...rest] = location.hash.slice(1).split("=");
  let value = rest.join("=");
  try {
    value = decodeURIComponent(value);
  } catch {
    value = ""; // a fragment that somebody mistyped
  }
  if ((name === "item" || name === "text") && value) return { name, value };
  return name === "your-photo" && photo ? { name: "photo", value: photo.url } : { name: "gallery", value: "" };
}

/** Show what the address asks for; `byReader` moves the keyboard's focus along. */
async function show(byReader = true) {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  const { name, value } = wantedView();
  keepGallery();
  prepare(name, value);
  try {
    await loadFilters(signal);
    await VIEWS[name](value, signal, byReader);
  } catch (error) {
    if (error.name === "AbortError") return;
    grid.replaceChildren();
    showProblem(error, () => show(false));
  } finally {
    if (!signal.aborted) grid.removeAttribute("aria-busy");
  }
}

function prepare(name, value) {
  clearNotice();
  more.hidden = true;
  const isAnother = name !== shown.name || value !== shown.value;
  if (isAnother && name !== "gallery") scrollTo(0, 0);
  if (name !== "text") $("text").value = "";
  shown = { name, value };
  document.body.classList.toggle("with-subject", name !== "gallery");
  $("subject").hidden = name === "gallery";
}

function keepGallery() {
  const isComplete = !grid.hasAttribute("aria-busy") && grid.childElementCount > 0;
  if (shown.name === "gallery" && isComplete) Object.assign(gallery, { nodes: [...grid.children], scrollY });
}

async function showGallery(_value, signal, byReader) {
  const query = chosenQuery();
  setHeading("The gallery");
  document.title = "Similar items";
  if (gallery?.nodes && gallery.query === query) return returnToGallery(byReader);
  gallery = { query, nodes: null, next: null, scrollY: 0, openedId: null };
  wait(HITS);
  const page = await ask(`/items?${chosenQuery({ limit: PAGE_SIZE })}`, { signal });
  grid.replaceChildren(...page.items.map((item) => card(item)));
  setNext(page.next);
  announce(`${page.items.length} items${page.next === null ? "" : ", more below"}`);
  if (page.items.length > 0) return;
  if (query) note("No item has all of this.", clearButton());
  else note("The gallery is empty. This command fills it:", make("code", {}, FILL_COMMAND));
}

function returnToGallery(byReader) {
  grid.replaceChildren(...gallery.nodes);
  setNext(gallery.next);
  announce("The gallery");
  scrollTo(0, gallery.scrollY);
  if (byReader && gallery.openedId !== null) {
    grid.querySelector(`[data-id="${CSS.escape(gallery.openedId)}"]`)?.focus({ preventScroll: true });
  }
}

async function showMore() {
  const { signal } = loading;
  more.disabled = true;
  try {
    const query = chosenQuery({ limit: PAGE_SIZE, after: gallery.next });
    const page = await ask(`/items?${query}`, { signal });
    const cards = page.items.map((item) => card(item));
    grid.append(...cards);
    setNext(page.next);
    clearNotice();
    announce(`${page.items.length} more items`);
    cards[0]?.querySelector("a").focus();
  } catch (error) {
    if (error.name !== "AbortError") showProblem(error, showMore);
  } finally {
    more.disabled = false;
  }
}

async function showItem(id, signal, byReader) {
  setSubject("…");
  setHeading("What is similar");
  wait(HITS);
  const path = `${itemPath(id, "similar")}?${chosenQuery({ limit: HITS })}`;
  const similar = ask(path, { signal });
  similar.catch(() => {}); // it is awaited below, and its failure met there
  const item = await ask(itemPath(id), { signal });
  setSubject(titleOf(item), picture(item, { lazy: false }), fieldList(item));
  if (byReader) $("subject-title").focus({ preventScroll: true });
  showHits(await similar);
}

async function showText(text, signal) {
  $("text").value = text;
  setSubject(`“${text}”`);
  setHeading("What fits this description");
  wait(HITS);
  const body = { text, limit: HITS };
  if (isAnyChosen()) body.filter = chosenFilter();
  const headers = { Accept: "application/json", "Content-Type": "application/json" };
  const request = { signal, headers, method: "POST", body: JSON.stringify(body) };
  showHits(await ask("/search/text", request));
}

async function showPhoto(url, signal, byReader) {
  const image = make("img", { src: url, alt: "Your photo" });
  setSubject("Your photo", make("div", { className: "picture" }, image));
  if (byReader) $("subject-title").focus({ preventScroll: true });
  setHeading("What looks like it");
  wait(HITS);
  const body = new FormData();
  body.append("image", photo.file);
  showHits(await ask(`/search/image?${chosenQuery({ limit: HITS })}`, { signal, method: "POST", body }));
}

function showHits(answer) {
  // Scores of words have no upper end that a bar could stand for.
  const cardOf = ({ id, item, score }) => card({ ...item, _id: id }, answer.note ? null : score);
  grid.replaceChildren(...answer.hits.map(cardOf));
  const count = answer.hits.length;
  const took = answer.took_ms.total;
  $("list-note").textContent =
    `${answer.model} · ${answer.index} · ${took.toFixed(took < 10 ? 1 : 0)} ms`;
  announce(count === 1 ? "1 item" : `${count} items`);
  if (answer.note) note(answer.note);
  if (count === 0) note("Nothing like it has all of this.", clearButton());
}

function setSubject(title, image = null, fields = []) {
  document.title = `${title} · Similar items`;
  $("subject-title").textContent = title;
  $("subject-fields").replaceChildren(...fields);
  $("subject-picture").replaceChildren(...(image ? [image] : []));
}

function setHeading(text) {
  $("list-title").textContent = text;
  $("list-note").textContent = "";
}

function setNext(next) {
  gallery.next = next;
  more.hidden = next === null;
}

function wait(count) {
  grid.setAttribute("aria-busy", "true");
  grid.replaceChildren(...placeholders(count));
  announce("Loading");
}

function clearButton() {
  const button = make("button", { type: "button", textContent: "Clear filters" });
  button.hidden = !isAnyChosen();
  button.addEventListener("click", () => {
    choose({});
    show();
  });
  return button;
}

function usePhoto(file) {
  if (photo) URL.revokeObjectURL(photo.url);
  photo = { file, url: URL.createObjectURL(file) };
  go("#your-photo");
}

function go(hash) {
  if (location.hash === hash) show();
  else location.hash = hash; // a popstate event follows
}

function listen() {
  addEventListener("popstate", () => {
    showChosen();
    show();
  });
  onChoice(() => show(false));
  more.addEventListener("click", showMore);
  grid.addEventListener("click", (event) => {
    const link = event.target.closest("a.card");
    if (link && shown.name === "gallery") gallery.openedId = link.dataset.id;
  });
  $("skip").addEventListener("click", (event) => {
    event.preventDefault(); // its fragment would be another view
    $("main").focus();
  });
  $("back").addEventListener("click", (event) => {
    event.preventDefault();
    history.pushState(null, "", location.pathname + location.search);
    show();
  });
  suggestIn($("text"));
  $("text-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("text").value.trim();
    if (text) go(`#text=${encodeURIComponent(text)}`);
  });
  $("photo").addEventListener("change", ({ target }) => {
    if (target.files.length > 0) usePhoto(target.files[0]);
    target.value = ""; // so that the same photo can be chosen again
  });
}

function listenForPhotos() {
  const drop = $("drop");
  const carriesFile = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragover", (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    drop.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) drop.hidden = true;
  });
  addEventListener("drop", (event) => {
    drop.hidden = true;
    if (!carriesFile(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files.length > 0) usePhoto(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const file = files.find((one) => one.type.startsWith("image/"));
    if (file) usePhoto(file);
  });
}

history.scrollRestoration = "manual"; // the gallery's place is kept here
listen();
listenForPhotos();
show(false);

// Items as elements. Every value of the database becomes text, never markup.

import { itemPath } from "./api.js";

// What a card or the page shows in another place, or what says nothing to a reader.
const NOT_LISTED = new Set(["title", "image", "price", "currency", "embedded_by", "updated_at"]);

/** Make an element: properties, then children (text or elements). */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** An item in a grid; with a score, as a hit. */
export function card(item, score = null) {
  const title = titleOf(item);
  const text = make("div", { className: "card-text" }, make("h3", { textContent: title }));
  const facts = [priceOf(item), item.color].filter(Boolean).join(" · ");
  if (facts) text.append(make("p", { className: "facts", textContent: facts }));
  if (item.in_stock === false) text.append(make("p", { className: "sold", textContent: "Sold out" }));
  if (score !== null) text.append(scoreBar(score));
  const link = make("a", { href: itemHash(item._id), className: "card" }, picture(item), text);
  link.dataset.id = item._id;
  return make("li", {}, link);
}

/** The address of an item's view on this page. */
export function itemHash(id) {
  return `#item=${encodeURIComponent(id)}`;
}

/** An item's picture, or a word where it has none. */
export function picture(item, { lazy = true } = {}) {
  const frame = make("div", { className: "picture" });
  const image = make("img", { alt: titleOf(item), decoding: "async" });
  image.loading = lazy ? "lazy" : "eager";
  if (item.image?.width_px) image.width = item.image.width_px;
  if (item.image?.height_px) image.height = item.image.height_px;
  image.addEventListener("error", () => {
    frame.replaceChildren(make("span", { className: "no-picture", textContent: "No picture" }));
  });
  image.src = itemPath(item._id, "image");
  frame.append(image);
  return frame;
}

/** Grey cards that hold the place of those to come. */
export function placeholders(count) {
  return Array.from({ length: count }, () => {
    const empty = make("div", { className: "card placeholder" }, make("div", { className: "picture" }));
    const element = make("li", {}, empty);
    element.setAttribute("aria-hidden", "true");
    return element;
  });
}

/** An item's fields as terms and values of a description list. */
export function fieldList(item) {
  const rows = [];
  const price = priceOf(item);
  if (price) rows.push(["Price", price]);
  for (const [name, value] of Object.entries(item)) {
    const isShown = !NOT_LISTED.has(name) && value !== null && typeof value !== "object";
    if (isShown) rows.push([labelOf(name), valueText(value)]);
  }
  return rows.flatMap(([name, value]) => [
    make("dt", { textContent: name }),
    make("dd", { textContent: value }),
  ]);
}

/** A field's name for people: `in_stock` becomes "In stock". */
export function labelOf(name) {
  if (name === "_id") return "Id";
  const words = name.replaceAll(/[._]/g, " ").replace(/ id$/, "").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function titleOf(item) {
  return String(item.title ?? item.name ?? item._id);
}

function valueText(value) {
  if (value === true) return "Yes";
  return value === false ? "No" : String(value);
}

function priceOf(item) {
  if (typeof item.price !== "number") return "";
  try {
    const style = item.currency ? { style: "currency", currency: item.currency } : {};
    return new Intl.NumberFormat(undefined, style).format(item.price);
  } catch {
    return `${item.price} ${item.currency}`; // a currency that is no ISO 4217 code
  }
}

function scoreBar(score) {
  const bar = make("span", { className: "bar" });
  bar.setAttribute("aria-hidden", "true");
  bar.style.setProperty("--share", String(Math.min(Math.max(score, 0), 1)));
  const label = make("span", { className: "hidden", textContent: "Similarity " });
  const number = make("span", { className: "number", textContent: score.toFixed(3) });
  return make("p", { className: "score" }, bar, label, number);
}

"use strict";
// What every page uses: elements made without markup, the words of the interface, theme, keys, and stored blocks.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "line", "rect", "circle", "path", "text", "polyline", "title"]);
const SAFE_LINK = /^(#|blob:|\/(?!\/))/;

/**
 * Makes an element. Attributes whose value is a function are listeners; null, undefined and false leave one out.
 * Children are elements, arrays of them, or anything else as text. Nothing is ever read as markup.
 */
function h(tag, attributes, ...children) {
  const svg = SVG_TAGS.has(tag) && !(tag === "title" && !attributes);
  const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (/^on/i.test(name) || /^(src|srcdoc|style|action|formaction)$/i.test(name)) throw new Error(`unsafe attribute ${name}`);
    else if (name === "href" && !SAFE_LINK.test(value)) throw new Error(`unsafe link ${value}`);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "selected") element[name] = value;
    else element.setAttribute(name, value === true ? "" : written(value));
  }
  append(element, children);
  return element;
}

const TEXT_ALONE = new Set(["option", "title", "textarea"]);

function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    if (child instanceof Node) element.append(child);
    else if (TEXT_ALONE.has(element.localName)) element.append(written(child));
    else element.append(...plain(child));
  }
  return element;
}

function replace(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

// Characters that turn the direction of what follows, or that a terminal would obey: they are shown by their numbers.
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
const numberOf = (control) => `U+${control.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

/** A text of a run without control characters, where there can be no elements. */
function written(text) {
  return String(text).replace(CONTROLS, numberOf);
}

/** A text of a run as nodes, which its control characters do not change. */
function plain(given) {
  const text = String(given);
  if (text.search(CONTROLS) < 0) return [document.createTextNode(text)];
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(CONTROLS)) {
    if (found.index > at) parts.push(text.slice(at, found.index));
    parts.push(h("span", { class: "control", title: t("control_character") }, numberOf(found[0])));
    at = found.index + 1;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts.map((part) => (part instanceof Node ? part : document.createTextNode(part)));
}

/** A text of a run in a box of its own direction. */
function said(text, attributes) {
  return h("div", { dir: "auto", ...attributes, class: `said ${attributes?.class ?? ""}` }, plain(text));
}

function read(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

const Stored = {
  get(name) {
    try {
      return localStorage.getItem(`rageval.${name}`);
    } catch {
      return null;
    }
  },
  /** Whether it could be stored. */
  set(name, value) {
    try {
      localStorage.setItem(`rageval.${name}`, value);
      return true;
    } catch {
      return false;
    }
  },
};

const TEXTS = read("texts");
const DATA = read("data");
const LANGUAGES = ["en", "zh"];
let language = (() => {
  const wanted = [Stored.get("language"), document.documentElement.dataset.language, navigator.language];
  return wanted.map((one) => (one ?? "").slice(0, 2).toLowerCase()).find((one) => LANGUAGES.includes(one)) ?? "en";
})();

/** The words for a key; `{name}` in them stands for what `values` has under that name. */
function t(key, values) {
  const words = TEXTS[key]?.[language];
  if (words === undefined) throw new Error(`no text ${key}`);
  return words.replace(/\{(\w+)\}/g, (_, name) => String(values?.[name] ?? ""));
}

const Theme = {
  now: ["light", "dark"].includes(Stored.get("theme")) ? Stored.get("theme") : "auto",
  apply() {
    document.documentElement.dataset.theme = this.now;
  },
  next() {
    this.now = { auto: "light", light: "dark", dark: "auto" }[this.now];
    Stored.set("theme", this.now);
    this.apply();
  },
};

/** The keys of the page: `Keys.of([{ key, words, act }])` replaces them, `?` shows them. */
const Keys = {
  own: [],
  of(keys) {
    this.own = keys;
  },
  all() {
    return [...this.own, { key: "?", words: t("keys_help"), act: () => this.show() }];
  },
  show() {
    const rows = this.all().map(({ key, words }) => h("tr", null, h("td", null, key.split(" ").map((one) => h("kbd", null, one))), h("td", null, words)));
    dialog(t("keys"), h("table", { class: "keys" }, h("tbody", null, rows)));
  },
  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const field = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (field && event.key !== "Escape") return;
    if (document.querySelector("dialog[open]")) return;
    for (const { key, act } of this.all()) {
      if (key.split(" ").includes(event.key === " " ? "Space" : event.key)) {
        if (act(event) !== false) event.preventDefault();
        return;
      }
    }
  },
};
document.addEventListener("keydown", (event) => Keys.pressed(event));

function dialog(title, ...content) {
  const shut = h("button", { type: "button", onclick: () => box.close() }, t("close"));
  const box = h("dialog", { "aria-label": title, onclose: () => box.remove() }, h("h2", null, title), content, h("p", null, shut));
  document.body.append(box);
  box.showModal();
  return box;
}

/** A short message that a screen reader says too. */
function toast(words) {
  const box = document.getElementById("toast") ?? document.body.appendChild(h("div", { id: "toast", role: "status" }));
  replace(box, words);
  box.classList.add("shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => box.classList.remove("shown"), 2000);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = h("textarea", { class: "away", value: text, "aria-hidden": "true" });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  toast(t("copied"));
}

function download(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Buttons for language, theme and keys; `changed` draws the page again. */
function pageButtons(changed) {
  const other = LANGUAGES[(LANGUAGES.indexOf(language) + 1) % LANGUAGES.length];
  return [
    h(
      "button",
      {
        type: "button",
        class: "quiet",
        lang: other,
        onclick: () => {
          language = other;
          Stored.set("language", other);
          document.documentElement.lang = other;
          changed();
        },
        title: t("language"),
      },
      other === "zh" ? "中文" : "English",
    ),
    h("button", { type: "button", class: "quiet", title: t(`theme_${Theme.now}`), "aria-label": t(`theme_${Theme.now}`), onclick: () => { Theme.next(); changed(); } }, { auto: "◐", light: "☀", dark: "☾" }[Theme.now]),
    h("button", { type: "button", class: "quiet", title: t("keys"), "aria-label": t("keys"), onclick: () => Keys.show() }, "?"),
  ];
}

const whole = new Promise((resolve) => {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", resolve, { once: true });
  else resolve();
});

/** Unpacks what `packed` made in Python. */
async function unpacked(text) {
  if (typeof DecompressionStream === "undefined") throw new Error(t("too_old"));
  const bytes = Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

Theme.apply();
document.documentElement.lang = language;

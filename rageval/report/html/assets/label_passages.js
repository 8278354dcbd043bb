// Passages in which words can be marked as evidence: by selecting them and pressing a key.

const Places = new WeakMap();

/** A text node that shows `text` from `at` on; `length` is how much of the passage it stands for. */
function textNode(shown, at, length) {
  const node = document.createTextNode(shown);
  Places.set(node, { at, length });
  return node;
}

/** The text from `start` to `end` (code units) as nodes that know their place; control characters are shown. */
function placed(text, start, end) {
  const parts = [];
  let at = start;
  for (const found of text.slice(start, end).matchAll(CONTROLS)) {
    const place = start + found.index;
    if (place > at) parts.push(textNode(text.slice(at, place), at, place - at));
    const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    parts.push(h("span", { class: "control", title: t("control_character") }, textNode(`U+${code}`, place, 1)));
    at = place + 1;
  }
  if (at < end) parts.push(textNode(text.slice(at, end), at, end - at));
  return parts;
}

const points = (text, units) => Array.from(text.slice(0, units)).length;
const units = (text, count) => Array.from(text).slice(0, count).join("").length;

/** The marks of a passage as pairs of code units, in order, joined where they overlap. */
function spansIn(passage, marks) {
  const found = marks
    .filter((one) => one.doc_id === passage.doc_id)
    .map((one) => [units(passage.text, one.start - passage.start), units(passage.text, one.end - passage.start)])
    .filter(([start, end]) => start < end)
    .sort((a, b) => a[0] - b[0]);
  const joined = [];
  for (const [start, end] of found) {
    const last = joined.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else joined.push([start, end]);
  }
  return joined;
}

function passageView(passage, marks) {
  const { text } = passage;
  const parts = [];
  let at = 0;
  for (const [start, end] of passage.marks ? spansIn(passage, marks) : []) {
    parts.push(placed(text, at, start), h("mark", { class: "marked" }, placed(text, start, end)));
    at = end;
  }
  parts.push(placed(text, at, text.length));
  return h(
    "li",
    { class: "passage", value: passage.number, "data-number": passage.number },
    passage.title ? h("strong", { dir: "auto", class: "passage-title" }, plain(passage.title)) : null,
    h("div", { dir: "auto", class: "said passage-text", "data-passage": passage.number }, parts),
  );
}

/** What is selected, as marks: one for each passage that the selection touches, without white space at its ends. */
function selectedMarks(passages) {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return [];
  const range = selection.getRangeAt(0);
  const found = [];
  for (const box of document.querySelectorAll("[data-passage]")) {
    const passage = passages.find((one) => String(one.number) === box.dataset.passage);
    if (!passage?.marks || !range.intersectsNode(box)) continue;
    let [start, end] = selectedUnits(range, box);
    while (start < end && /\s/.test(passage.text[start])) start += 1;
    while (end > start && /\s/.test(passage.text[end - 1])) end -= 1;
    if (start < end) found.push({ doc_id: passage.doc_id, start: passage.start + points(passage.text, start), end: passage.start + points(passage.text, end) });
  }
  return found;
}

function selectedUnits(range, box) {
  let [start, end] = [Infinity, 0];
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const place = Places.get(node);
    if (!place || !range.intersectsNode(node)) continue;
    const whole = place.length !== node.data.length;
    const from = node === range.startContainer && !whole ? range.startOffset : 0;
    const to = node === range.endContainer && !whole ? range.endOffset : place.length;
    if (from >= to) continue;
    start = Math.min(start, place.at + from);
    end = Math.max(end, place.at + to);
  }
  return [start, end];
}

/** The words of a mark. */
function markedWords(passages, mark) {
  const passage = passages.find((one) => one.doc_id === mark.doc_id && one.marks && one.start <= mark.start && mark.end <= one.start + points(one.text, one.text.length));
  return passage ? Array.from(passage.text).slice(mark.start - passage.start, mark.end - passage.start).join("") : "";
}

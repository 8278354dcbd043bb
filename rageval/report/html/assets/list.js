// A long table whose rows are made when they are seen.

/**
 * `row(index)` makes the content of a row, `open(index)` is called for a click or Enter. Rows have one height, which
 * the style `--row` gives. The element has `show(items)`, `move(steps)`, `selected`.
 */
function longList({ head, row, open, words, height = 34 }) {
  let items = [];
  let selected = -1;
  const made = new Map();
  const body = h("div", { class: "long-body", role: "presentation" });
  const scroller = h("div", { class: "long-scroll", tabindex: "0", role: "rowgroup", "aria-label": words }, body);
  const element = h("div", { class: "long", role: "table", "aria-label": words }, h("div", { class: "long-head", role: "row" }, head), scroller);

  const draw = () => {
    const first = Math.max(0, Math.floor(scroller.scrollTop / height) - 5);
    const last = Math.min(items.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + 5);
    for (const [place, shown] of made) {
      if (place < first || place >= last) {
        shown.remove();
        made.delete(place);
      }
    }
    for (let place = first; place < last; place++) {
      if (!made.has(place)) made.set(place, body.appendChild(make(place)));
    }
  };
  const make = (place) => {
    const shown = h("div", { class: "long-row", role: "row", "aria-rowindex": place + 2, "data-place": place, onclick: (event) => { if (!event.target.closest("a")) open(items[place]); } }, row(items[place]));
    shown.style.transform = `translateY(${place * height}px)`;
    if (place === selected) shown.classList.add("selected");
    return shown;
  };
  let asked = false;
  scroller.addEventListener(
    "scroll",
    () => {
      if (asked) return;
      asked = true;
      requestAnimationFrame(() => {
        asked = false;
        draw();
      });
    },
    { passive: true },
  );

  element.show = (given) => {
    items = given;
    selected = -1;
    made.clear();
    body.replaceChildren();
    body.style.height = `${items.length * height}px`;
    element.setAttribute("aria-rowcount", String(items.length + 1));
    scroller.scrollTop = 0;
    requestAnimationFrame(draw);
  };
  element.move = (steps) => {
    if (!items.length) return;
    made.get(selected)?.classList.remove("selected");
    selected = Math.min(items.length - 1, Math.max(0, selected + steps));
    const top = selected * height;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + height > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = top + height - scroller.clientHeight;
    draw();
    made.get(selected)?.classList.add("selected");
    made.get(selected)?.querySelector("a")?.focus({ preventScroll: true });
  };
  element.openSelected = () => selected >= 0 && open(items[selected]);
  element.select = (item) => {
    const at = items.indexOf(item);
    if (at >= 0) {
      selected = at;
      scroller.scrollTop = Math.max(0, at * height - scroller.clientHeight / 2);
    }
  };
  /** All rows at once, for the printer; at most `most`. */
  element.whole = (most) => {
    made.clear();
    body.replaceChildren(...items.slice(0, most).map((_, place) => make(place)));
  };
  element.again = () => {
    made.clear();
    body.replaceChildren();
    draw();
  };
  new ResizeObserver(draw).observe(scroller);
  return element;
}

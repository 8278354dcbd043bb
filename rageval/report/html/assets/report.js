// The report: which page is shown, and what all pages share.

/** The address behind `#/` names the page, its parts and parameters: `#/q/q12?runs=0,2`. */
const Route = {
  /** The address where the browser does not let the page change its own, as in a frame without an origin. */
  own: null,
  read() {
    const [path, query] = (this.own ?? location.hash).replace(/^#\/?/, "").split("?");
    const [page, ...parts] = path.split("/").map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
    return { page: page || "leaderboard", parts, parameters: new URLSearchParams(query ?? "") };
  },
  link(path, parameters = {}) {
    const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== "" && value !== null && value !== undefined)).toString();
    return `#/${path}${query ? `?${query}` : ""}`;
  },
  go(path, parameters) {
    location.hash = this.link(path, parameters);
  },
  replace(path, parameters) {
    this.note(path, parameters);
    show();
  },
  /** Changes the address and draws nothing. */
  note(path, parameters) {
    try {
      history.replaceState(null, "", this.link(path, parameters));
    } catch {
      this.own = this.link(path, parameters);
    }
  },
};
// In a frame made from a text, a link to a part of the page would lead to the page around it.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('a[href^="#/"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || location.protocol !== "about:") return;
  event.preventDefault();
  location.hash = link.getAttribute("href");
});

const PAGES = {
  leaderboard: { draw: leaderboardPage, key: "l" },
  matrix: { draw: matrixPage, key: "m" },
  compare: { draw: comparePage, key: "p", exists: () => DATA.runs.length > 1 },
  diagnosis: { draw: diagnosisPage, key: "g" },
  judges: { draw: judgesPage, key: "b", exists: () => DATA.judges.length > 0 },
  sweep: { draw: sweepPage, key: "s", exists: () => DATA.sweep !== null },
  q: { draw: questionPage },
};

const Printing = { before: null, after: null };
window.addEventListener("beforeprint", () => Printing.before?.());
window.addEventListener("afterprint", () => Printing.after?.());

function pageKeys() {
  return Object.entries(PAGES)
    .filter(([, page]) => page.key && (page.exists?.() ?? true))
    .map(([name, page]) => ({ key: page.key, words: t(name), act: () => Route.go(name) }));
}

function show() {
  const { page, parts, parameters } = Route.read();
  const found = PAGES[page] && (PAGES[page].exists?.() ?? true) ? page : "leaderboard";
  document.title = `${t(found === "q" ? "question" : found)}${found === "q" ? ` ${parts[0]}` : ""} · rageval: ${DATA.benchmark}`;
  Printing.before = Printing.after = null;
  Keys.of(pageKeys());
  const main = h("main", { id: "main", tabindex: "-1" });
  const links = Object.entries(PAGES).filter(([, one]) => one.key && (one.exists?.() ?? true));
  const current = found === "q" ? "matrix" : found;
  replace(
    document.getElementById("page"),
    h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); main.focus(); } }, t("skip")),
    h(
      "header",
      { class: "page-head" },
      DATA.home ? h("a", { href: DATA.home }, t("all_runs")) : null,
      h("strong", null, plain(DATA.benchmark)),
      h("nav", { "aria-label": t("main_navigation") }, links.map(([name]) => h("a", { href: Route.link(name), "aria-current": name === current ? "page" : null }, t(name)))),
      h("div", { class: "end" }, pageButtons(show)),
    ),
    main,
  );
  PAGES[found].draw(main, parameters, parts);
}

window.addEventListener("hashchange", () => {
  Route.own = null;
  show();
  window.scrollTo(0, 0);
  if (!document.activeElement || document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
});
show();

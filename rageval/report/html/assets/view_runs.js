// The home page of `rageval view`: all runs of the folder, as they are now.

const FEW = 3;
const state = { runs: null, trouble: "", filter: "", chosen: new Set(), all: false, at: "" };
const drawn = new Map();

function shown() {
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
  return (state.runs ?? []).filter((run) => {
    const text = `${run.label} ${run.name} ${run.benchmark} ${t(`status_${run.status}`)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** The metrics of the runs shown, those of most runs first. */
function metricNames(runs) {
  const counts = new Map();
  for (const run of runs) for (const name of Object.keys(run.metrics ?? {})) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
}

function interval(estimate) {
  const x = (value) => 2 + 96 * Math.min(Math.max(value, 0), 1);
  return h(
    "svg",
    { class: "interval", viewBox: "0 0 100 10", "aria-hidden": "true" },
    h("line", { class: "axis", x1: 2, x2: 98, y1: 5, y2: 5 }),
    h("line", { class: "reach", x1: x(estimate.low), x2: x(estimate.high), y1: 5, y2: 5 }),
    h("circle", { cx: x(estimate.mean), cy: 5, r: 3 }),
  );
}

function metricCell(run, name) {
  const found = run.metrics?.[name];
  if (!found) return h("td", { class: "number metric", role: "cell", "data-name": name }, "");
  if (found.mean === null) return h("td", { class: "number metric dim", role: "cell", "data-name": name }, t("unscored"));
  const about = [t("of_questions", { n: number(found.n) })];
  if (found.n_labelled) about.push(t("labelled", { n: number(found.n_labelled) }));
  const text = `${found.mean.toFixed(2)} [${found.low.toFixed(2)}, ${found.high.toFixed(2)}]`;
  return h(
    "td",
    { class: "number metric", role: "cell", "data-name": name, title: [name, ...about].join(", ") },
    h("span", null, text),
    found.n_labelled ? h("span", { class: "dim" }, " ", t("labelled_short", { n: number(found.n_labelled) })) : null,
    interval(found),
  );
}

function statusCell(run) {
  const parts = [h("span", { class: `status ${run.status}` }, statusWords(run))];
  const progress = run.progress;
  if (progress) {
    const answered = t("answered_of", { done: number(progress.answered), total: number(progress.total) });
    parts.push(bar(progress.answered, progress.total, answered), h("div", { class: "dim" }, answered));
    if (Object.keys(progress.judged).length) parts.push(h("div", { class: "dim" }, t("judgments", { n: number(judgedOf(progress)) })));
    const pace = paceWords(progress);
    if (pace) parts.push(h("div", { class: "dim" }, pace));
  }
  if (run.reading) parts.push(h("div", { class: "dim" }, t("reading")));
  if (run.reason) parts.push(h("div", { class: "bad reason", dir: "auto" }, plain(run.reason)));
  return h("td", { role: "cell" }, parts);
}

function choose(run, chosen) {
  if (run.status !== "complete") return;
  if (chosen) state.chosen.add(run.id);
  else state.chosen.delete(run.id);
  drawActions();
  const box = drawn.get(run.id)?.row.querySelector("input");
  if (box) box.checked = chosen;
}

function addressOf(run) {
  return run.status === "complete" ? `/report?runs=${run.id}` : `/run/${run.id}`;
}

function drawRow(run, names) {
  const title = run.label || run.name;
  const failed = run.status === "unreadable" ? "" : number(run.failed);
  return h(
    "tr",
    { role: "row", "data-run": run.id },
    h(
      "td",
      { role: "cell", class: "choice" },
      run.status === "complete"
        ? h("input", { type: "checkbox", "aria-label": t("choose", { name: title }), checked: state.chosen.has(run.id), onchange: (event) => choose(run, event.target.checked) })
        : null,
    ),
    h(
      "td",
      { role: "cell", class: "name" },
      h("a", { href: addressOf(run), dir: "auto", onfocus: () => (state.at = run.id) }, plain(title)),
      h("div", { class: "dim folder", dir: "auto" }, plain(run.name)),
      run.status === "complete" ? h("div", { class: "people" }, h("a", { href: `/label/${run.id}` }, t("label_answers")), " ", h("a", { href: `/documents/${run.id}` }, t("grade_documents"))) : null,
    ),
    h("td", { role: "cell", dir: "auto", "data-name": t("benchmark") }, plain(run.benchmark)),
    statusCell(run),
    h("td", { role: "cell", class: "when", "data-name": t("when") }, when(run.finished || run.created)),
    h("td", { role: "cell", class: "number", "data-name": t("failed") }, run.failed ? h("span", { class: "bad" }, failed) : failed),
    names.map((name) => metricCell(run, name)),
  );
}

function open() {
  const ids = state.runs.map((run) => run.id).filter((id) => state.chosen.has(id));
  if (ids.length) location.assign(`/report?runs=${ids.reverse().join(",")}`);
}

function drawActions() {
  const n = state.chosen.size;
  replace(
    document.getElementById("actions"),
    h("button", { type: "button", class: "main", disabled: !n, onclick: open }, n > 1 ? t("report_over", { n: number(n) }) : t("report_one")),
    n ? h("button", { type: "button", onclick: () => { state.chosen.clear(); drawTable(true); } }, t("choose_none")) : null,
    h("span", { role: "status", class: "dim" }, n ? t("chosen", { n: number(n) }) : t("choose_how")),
  );
}

function drawTable(anew) {
  if (anew) drawn.clear();
  const runs = shown();
  const all = metricNames(runs);
  const names = state.all ? all : all.slice(0, FEW);
  const known = new Set((state.runs ?? []).map((run) => run.id));
  for (const id of state.chosen) if (!known.has(id)) state.chosen.delete(id);
  const rows = runs.map((run) => {
    const text = JSON.stringify([run, names]);
    const before = drawn.get(run.id);
    if (before?.text === text) return before.row;
    const row = drawRow(run, names);
    drawn.set(run.id, { text, row });
    return row;
  });
  const focused = document.activeElement?.closest?.("tr")?.dataset.run;
  const part = document.activeElement?.tagName;
  const heads = [t("label"), t("benchmark"), t("status"), t("when")].map((words) => h("th", { scope: "col", role: "columnheader" }, words));
  replace(
    document.getElementById("heads"),
    h("th", { scope: "col", role: "columnheader" }, h("span", { class: "hidden" }, t("choose_column"))),
    heads,
    h("th", { scope: "col", role: "columnheader", class: "number" }, t("failed")),
    names.map((name) => h("th", { scope: "col", role: "columnheader", class: "number", dir: "auto" }, plain(name))),
  );
  replace(document.getElementById("rows"), rows);
  if (focused) drawn.get(focused)?.row.querySelector(part === "INPUT" ? "input" : "a")?.focus({ preventScroll: true });
  replace(
    document.getElementById("note"),
    state.trouble ? h("p", { class: "bad", role: "alert" }, state.trouble) : null,
    state.runs === null && !state.trouble ? h("p", { class: "dim" }, t("reading")) : null,
    state.runs?.length === 0 ? h("p", null, t("no_runs")) : null,
    state.runs?.length && !runs.length ? h("p", null, t("none_fit")) : null,
    all.length > FEW
      ? h("button", { type: "button", "aria-pressed": String(state.all), onclick: () => { state.all = !state.all; drawTable(true); } }, t("all_metrics", { n: number(all.length) }))
      : null,
  );
  drawActions();
}

function move(step) {
  const ids = shown().map((run) => run.id);
  if (!ids.length) return;
  const at = ids.indexOf(state.at);
  state.at = ids[at === -1 ? 0 : Math.min(Math.max(at + step, 0), ids.length - 1)];
  drawn.get(state.at).row.querySelector("a").focus();
}

function draw() {
  document.title = `${t("runs")} · rageval`;
  const search = h("input", {
    type: "search",
    id: "filter",
    value: state.filter,
    placeholder: t("filter"),
    "aria-label": t("filter"),
    oninput: (event) => { state.filter = event.target.value; drawTable(false); },
    onkeydown: (event) => { if (event.key === "Escape") { event.target.blur(); event.stopPropagation(); } },
  });
  replace(
    document.getElementById("page"),
    viewHead(t("runs"), h("span", { class: "dim folder", dir: "auto" }, plain(DATA.folder)), draw),
    h(
      "main",
      { id: "main", tabindex: "-1" },
      h("h1", null, t("runs")),
      h("div", { class: "bar" }, search, h("div", { id: "actions", class: "bar" })),
      h(
        "div",
        { class: "scrolls" },
        h(
          "table",
          { class: "runs", role: "table", "aria-label": t("runs") },
          h("thead", { role: "rowgroup" }, h("tr", { id: "heads", role: "row" })),
          h("tbody", { id: "rows", role: "rowgroup" }),
        ),
      ),
      h("div", { id: "note" }),
    ),
  );
  Keys.of([
    { key: "j ArrowDown", words: t("key_next"), act: () => move(1) },
    { key: "k ArrowUp", words: t("key_previous"), act: () => move(-1) },
    { key: "x", words: t("key_choose"), act: () => { const run = state.runs?.find((one) => one.id === state.at); if (run) choose(run, !state.chosen.has(run.id)); } },
    { key: "r", words: t("key_report"), act: open },
    { key: "/", words: t("key_filter"), act: () => document.getElementById("filter").focus() },
  ]);
  drawTable(true);
}

draw();
poll(async () => {
  try {
    state.runs = (await ask("/api/runs")).runs;
    state.trouble = "";
  } catch (error) {
    state.trouble = error.message;
  }
  drawTable(false);
  return state.runs?.some((run) => run.reading) ? 300 : POLL_MS;
});

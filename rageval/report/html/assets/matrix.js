// The matrix of questions by pipelines, and which questions are shown.

const OUTCOME_SIGNS = { failed: "✕", abstained: "∅" };

/** What the matrix shows, from the route's parameters. */
function readFilter(parameters) {
  const known = (name, values, otherwise) => (values.includes(parameters.get(name)) ? parameters.get(name) : otherwise);
  const run = Number.parseInt(parameters.get("run") ?? "", 10);
  const base = Number.parseInt(parameters.get("base") ?? "0", 10);
  return {
    metric: known("metric", DATA.metrics.map((one) => one.name), DATA.metrics[0].name),
    show: known("show", ["all", "different", "failed", "abstained", "worse", "better"], "all"),
    sort: known("sort", ["order", "disagreement", "worst", "id"], "order"),
    cause: known("cause", DATA.causes, ""),
    run: run >= 0 && run < DATA.runs.length ? run : null,
    base: base >= 0 && base < DATA.runs.length ? base : 0,
    language: parameters.get("language") ?? "",
    tag: parameters.get("tag") ?? "",
    words: parameters.get("words") ?? "",
    deep: parameters.get("deep") === "1",
  };
}

function scoresOf(index, metric) {
  return DATA.results.map((one) => one.scores[metric][index]);
}

/** Better is greater. */
const gains = (index, metric) => scoresOf(index, metric).map((score) => (score === null || score === undefined ? null : metricOf(metric).lower ? 1 - score : score));

function disagreement(index, metric) {
  const known = gains(index, metric).filter((score) => score !== null);
  return known.length < 2 ? 0 : Math.max(...known) - Math.min(...known);
}

/** The indexes that a filter keeps, in its order; `inTexts` is what a search of all texts found. */
function filtered(filter, inTexts) {
  const { ids, texts, languages, tags } = DATA.questions;
  const wanted = folded(filter.words);
  const runs = filter.run === null ? DATA.results.map((_, run) => run) : [filter.run];
  const changed = (index, sign) => {
    const scores = gains(index, filter.metric);
    const before = scores[filter.base];
    return before !== null && runs.some((run) => run !== filter.base && scores[run] !== null && sign * (scores[run] - before) > 1e-9);
  };
  const kept = ids
    .map((_, index) => index)
    .filter(
      (index) =>
        (!filter.language || languages[index] === filter.language) &&
        (!filter.tag || tags[index].includes(filter.tag)) &&
        (!filter.cause || runs.some((run) => DATA.causes[DATA.results[run].causes[index]] === filter.cause)) &&
        (filter.show !== "different" || disagreement(index, filter.metric) > 1e-9) &&
        (filter.show !== "worse" || changed(index, -1)) &&
        (filter.show !== "better" || changed(index, 1)) &&
        (!["failed", "abstained"].includes(filter.show) || runs.some((run) => DATA.results[run].outcomes[index] === filter.show)) &&
        (!wanted || inTexts?.has(index) || folded(`${ids[index]}\n${texts[index]}\n${tags[index].join("\n")}`).includes(wanted)),
    );
  const by = {
    order: null,
    id: (a, b) => (ids[a] < ids[b] ? -1 : 1),
    disagreement: (a, b) => disagreement(b, filter.metric) - disagreement(a, filter.metric),
    worst: (a, b) => mean(gains(a, filter.metric)) - mean(gains(b, filter.metric)),
  }[filter.sort];
  return by ? kept.sort(by) : kept;
}

function mean(scores) {
  const known = scores.filter((score) => score !== null);
  return known.length ? known.reduce((sum, score) => sum + score, 0) / known.length : 2;
}

/** What the matrix shows now: the question page goes through the same questions. */
const Shown = { indexes: null, filter: null, inTexts: null, searched: "" };

function matrixPage(main, parameters) {
  const filter = readFilter(parameters);
  Shown.filter = filter;
  const change = (changes) => Route.replace("matrix", { ...Object.fromEntries(parameters), ...changes });
  const metric = metricOf(filter.metric);
  const names = { all: "show_all", different: "show_different", failed: "show_failed", abstained: "show_abstained", worse: "show_worse", better: "show_better" };
  const every = (lists) => [...new Set(lists)].sort();
  const languages = every(DATA.questions.languages);
  const tags = every(DATA.questions.tags.flat());
  const pipelines = DATA.runs.map((run, at) => [String(at), run.short]);
  const count = h("p", { class: "dim", role: "status", "aria-live": "polite" });
  const search = h("input", { type: "search", id: "search", value: filter.words, placeholder: t("search"), "aria-label": t("search") });
  const columns = `minmax(10rem, 1fr) repeat(${DATA.runs.length}, minmax(3.9rem, 7rem))`;
  const list = longList({
    words: t("matrix"),
    head: [h("span", { role: "columnheader" }, t("id")), h("span", { role: "columnheader" }, t("question")), DATA.runs.map((run) => h("span", { role: "columnheader", class: "run-head", title: run.label }, plain(run.short)))],
    row: (index) => matrixRow(index, metric),
    open: (index) => Route.go(`q/${encodeURIComponent(DATA.questions.ids[index])}`),
  });
  list.style.setProperty("--columns", columns);
  const draw = () => {
    Shown.indexes = filtered(filter, filter.deep && Shown.searched === filter.words ? Shown.inTexts : null);
    replace(count, t("shown", { n: number(Shown.indexes.length), all: number(DATA.questions.ids.length) }));
    list.show(Shown.indexes);
    if (Shown.last !== undefined) list.select(Shown.last);
  };
  let latest = 0;
  const deep = async () => {
    const mine = ++latest;
    const words = filter.words;
    if (!words || (Shown.searched === words && Shown.inTexts)) return draw();
    try {
      const found = await searchTexts(words, () => mine === latest && main.isConnected, (done, all) => replace(count, t("searching", { done, all })));
      if (found === null) return;
      Object.assign(Shown, { inTexts: found, searched: words });
      draw();
    } catch (error) {
      replace(count, String(error.message));
    }
  };
  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      filter.words = search.value.trim();
      parameters.set("words", filter.words);
      Route.note("matrix", Object.fromEntries(parameters));
      if (filter.deep) deep();
      else draw();
    }, 150);
  });
  append(main, [
    h("h1", null, t("matrix")),
    h(
      "div",
      { class: "filters no-print" },
      search,
      h("label", null, h("input", { type: "checkbox", checked: filter.deep, onchange: (event) => change({ deep: event.target.checked ? "1" : "" }) }), ` ${t("in_texts")}`),
      choice(t("metric"), filter.metric, DATA.metrics.map((one) => [one.name, one.title]), (value) => change({ metric: value })),
      choice(t("show"), filter.show, Object.entries(names).filter(([key]) => DATA.runs.length > 1 || !["different", "worse", "better"].includes(key)).map(([key, words]) => [key, t(words)]), (value) => change({ show: value })),
      ["worse", "better"].includes(filter.show) ? choice(t("than"), String(filter.base), pipelines, (value) => change({ base: value })) : null,
      choice(t("sort"), filter.sort, ["order", "disagreement", "worst", "id"].map((key) => [key, t(`sort_${key}`)]), (value) => change({ sort: value })),
      choice(t("cause"), filter.cause, [["", t("any")], ...DATA.causes.map((cause) => [cause, causeWords(cause)])], (value) => change({ cause: value })),
      DATA.runs.length > 1 ? choice(t("of_pipeline"), filter.run === null ? "" : String(filter.run), [["", t("any")], ...pipelines], (value) => change({ run: value })) : null,
      languages.length > 1 ? choice(t("question_language"), filter.language, [["", t("any")], ...languages.map((one) => [one, one])], (value) => change({ language: value })) : null,
      tags.length ? choice(t("tag"), filter.tag, [["", t("any")], ...tags.map((one) => [one, one])], (value) => change({ tag: value })) : null,
    ),
    count,
    h("div", { class: "scrolls", tabindex: "0" }, list),
    h("p", { class: "dim small" }, t("matrix_signs")),
    actions(
      button(t("copy_markdown"), () => copy(markdownTable([t("id"), t("question"), ...DATA.runs.map((run) => run.label)], Shown.indexes.slice(0, 200).map((index) => [DATA.questions.ids[index], DATA.questions.texts[index], ...scoresOf(index, filter.metric).map((score) => (score === null ? "–" : scoreText(score)))])))),
      button(t("download_csv"), () => download("questions.csv", matrixCsv(Shown.indexes), "text/csv")),
    ),
  ]);
  Keys.of([
    { key: "/", words: t("key_search"), act: () => search.focus() },
    { key: "j ArrowDown", words: t("key_next"), act: () => list.move(1) },
    { key: "k ArrowUp", words: t("key_previous"), act: () => list.move(-1) },
    { key: "Enter", words: t("key_open"), act: (event) => (event.target.closest?.("a, button") ? false : list.openSelected()) },
    { key: "d", words: t("show_different"), act: () => change({ show: filter.show === "different" ? "all" : "different" }) },
    { key: "f", words: t("show_failed"), act: () => change({ show: filter.show === "failed" ? "all" : "failed" }) },
    { key: "w", words: t("show_worse"), act: () => change({ show: filter.show === "worse" ? "all" : "worse" }) },
    ...pageKeys(),
  ]);
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") {
      search.blur();
      list.move(1);
      event.preventDefault();
    }
  });
  Printing.before = () => list.whole(2000);
  Printing.after = () => list.again();
  if (filter.deep && filter.words && Shown.searched !== filter.words) {
    draw();
    deep();
  } else draw();
}

function matrixRow(index, metric) {
  const { ids, texts } = DATA.questions;
  return [
    h("span", { role: "cell", class: "id" }, plain(ids[index])),
    h("span", { role: "cell", class: "text", dir: "auto" }, h("a", { href: questionLink(index) }, plain(texts[index].slice(0, 300)))),
    DATA.results.map((one) => h("span", { role: "cell", class: "score" }, scoreCell(one.scores[metric.name][index], one.outcomes[index], metric))),
  ];
}

function scoreCell(score, outcome, metric) {
  if (outcome === null) return h("span", { class: "dim", title: t("not_asked") }, "");
  const sign = OUTCOME_SIGNS[outcome];
  const known = score !== null && score !== undefined;
  const cell = h("span", { class: "chip", title: `${metric.title}: ${known ? score : t("no_score")}; ${t(`outcome_${outcome.replace(" ", "_")}`)}` }, known ? scoreText(score) : "–", sign ? h("span", { class: "sign" }, sign) : null);
  return known ? colour(cell, score, metric.lower) : cell;
}

function matrixCsv(indexes) {
  const columns = DATA.results.flatMap((one, run) => [`${DATA.runs[run].name} outcome`, `${DATA.runs[run].name} cause`, ...DATA.metrics.map((metric) => `${DATA.runs[run].name} ${metric.name}`)]);
  const rows = indexes.map((index) => [
    DATA.questions.ids[index],
    DATA.questions.texts[index],
    DATA.questions.languages[index],
    DATA.questions.tags[index].join(" "),
    ...DATA.results.flatMap((one) => [one.outcomes[index], DATA.causes[one.causes[index]], ...DATA.metrics.map((metric) => one.scores[metric.name][index])]),
  ]);
  return csv([["question", "text", "language", "tags", ...columns], ...rows]);
}

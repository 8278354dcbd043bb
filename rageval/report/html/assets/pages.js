// The pages over all questions. Each is a function that fills `main` from the route's parameters.

const runLabel = (run) => DATA.runs[run].label;
const metricOf = (name) => DATA.metrics.find((one) => one.name === name);
const questionLink = (index, parameters = {}) => Route.link(`q/${encodeURIComponent(DATA.questions.ids[index])}`, parameters);

function number(value, digits = 0) {
  return value === null || value === undefined ? "–" : value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function notes(lines, kind = "dim") {
  return lines.length ? h("ul", { class: `notes ${kind}`, lang: "en" }, lines.map((line) => h("li", null, plain(line)))) : null;
}

function actions(...buttons) {
  return h("p", { class: "actions no-print" }, buttons);
}

function button(words, act, attributes = {}) {
  return h("button", { type: "button", onclick: act, ...attributes }, words);
}

function choice(words, value, options, changed) {
  return h("label", { class: "choice" }, h("span", null, words), h("select", { onchange: (event) => changed(event.target.value) }, options.map(([key, label]) => h("option", { value: key, selected: key === value }, label))));
}

/** A table as Markdown; cells hold any text. */
function markdownTable(header, rows) {
  const cell = (text) => written(text).replace(/\s+/g, " ").replace(/([\\|`<>*_[\]#@&~$]|:(?=\/\/)|(?<=\bwww)\.)/gi, "\\$1");
  return [header, header.map(() => "---"), ...rows].map((row, at) => `| ${row.map(at === 1 ? String : cell).join(" | ")} |`).join("\n");
}

/** A table as CSV, guarded so that no spreadsheet takes a text for a formula. */
function csv(rows) {
  const cell = (value) => {
    if (typeof value === "number") return String(value);
    const text = value === null || value === undefined ? "" : String(value);
    const guarded = /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
    return /[",;\t\r\n]/.test(guarded) ? `"${guarded.replace(/"/g, '""')}"` : guarded;
  };
  return `\ufeff${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

// Leaderboard

function leaderboardPage(main, parameters) {
  const board = DATA.board;
  const sort = parameters.get("sort");
  const rows = sort && metricOf(sort) ? sortedRows(board.rows, sort) : board.rows;
  const shown = ["failed", "abstained"].filter((name) => board.rows.some((row) => row[name]));
  const head = (words, metric) =>
    metric === undefined
      ? h("th", { scope: "col" }, words)
      : h("th", { scope: "col", "aria-sort": sort === metric ? (metricOf(metric).lower ? "ascending" : "descending") : "none" }, h("a", { href: Route.link("leaderboard", sort === metric ? {} : { sort: metric }), title: t("sort_by") }, words));
  const table = h(
    "table",
    { class: "board" },
    h("caption", null, t("board_caption", { benchmark: DATA.benchmark, n: board.questions }), DATA.shared_settings ? ` ${t("same_for_all")} ${DATA.shared_settings}.` : "", board.ranked ? "" : ` ${t("unranked")}`),
    h("thead", null, h("tr", null, head(t("rank")), head(t("pipeline")), DATA.metrics.map((one) => head(one.title, one.name)), shown.map((name) => head(t(name))), head(t("calls")), head(t("tokens")), head(t("seconds")))),
    h(
      "tbody",
      null,
      rows.map((row) =>
        h(
          "tr",
          null,
          h("td", { class: "number", "data-label": t("rank") }, row.rank),
          h("th", { scope: "row" }, h("span", null, plain(DATA.runs[row.run].short)), h("span", { class: "dim small" }, plain(DATA.runs[row.run].name))),
          DATA.metrics.map((one) => metricCell(row.cells[one.name], one)),
          shown.map((name) => h("td", { class: `number ${name === "failed" && row.failed ? "bad" : ""}`, "data-label": t(name) }, row[name] ? h("a", { href: Route.link("matrix", { show: name, run: row.run }) }, row[name]) : "0")),
          h("td", { class: "number", "data-label": t("calls") }, costText(row.calls, row.paid_calls)),
          h("td", { class: "number", "data-label": t("tokens") }, costText(row.tokens, row.paid_tokens)),
          h("td", { class: "number", "data-label": t("seconds") }, number(row.latency, 2)),
        ),
      ),
    ),
  );
  const header = [t("rank"), t("pipeline"), ...DATA.metrics.map((one) => one.title), t("failed"), t("abstained"), t("calls"), t("tokens"), t("seconds")];
  const cells = (row) => [row.rank, row.label, ...DATA.metrics.map((one) => row.cells[one.name].text), row.failed, row.abstained, row.calls, row.tokens, number(row.latency, 2)];
  append(main, [
    h("h1", null, t("leaderboard")),
    notes(board.warnings, "bad"),
    board.unranked ? h("p", { class: "bad", lang: "en" }, `${t("unranked")} ${board.unranked}.`) : null,
    notes(board.left_out),
    h("div", { class: "scrolls", tabindex: "0" }, table),
    h("p", { class: "dim" }, t("marks")),
    actions(
      button(t("copy_markdown"), () => copy(markdownTable(header, rows.map(cells)))),
      button(t("download_csv"), () => download("leaderboard.csv", csv([["run", "pipeline", "rank", ...DATA.metrics.flatMap((one) => [one.name, `${one.name} low`, `${one.name} high`, `${one.name} n`]), "failed", "abstained", "calls", "tokens"], ...board.rows.map((row) => [DATA.runs[row.run].name, row.label, row.rank, ...DATA.metrics.flatMap((one) => [...(row.cells[one.name].interval ?? ["", "", ""]), row.cells[one.name].about?.n ?? 0]), row.failed, row.abstained, row.calls, row.tokens])]), "text/csv")),
    ),
    notes(board.notes),
    slices(board.slices),
    costs(rows),
    usage(rows),
    about(board),
  ]);
}

function metricCell(cell, metric) {
  if (!cell.interval) return h("td", { class: "number", "data-label": metric.title }, cell.text);
  const [value, ...rest] = cell.text.split(" ");
  return h("td", { class: "number", "data-label": metric.title, title: cell.about.method }, h("div", null, value, " ", h("span", { class: "interval-text" }, rest.join(" "))), intervalChart(cell.interval, { words: `${metric.title} ${cell.text}` }));
}

function sortedRows(rows, name) {
  const { lower } = metricOf(name);
  const key = (row) => {
    const interval = row.cells[name].interval;
    return interval ? (lower ? interval[0] : -interval[0]) : Infinity;
  };
  return [...rows].sort((a, b) => key(a) - key(b));
}

const costText = (alone, paid) => (alone === paid ? number(alone) : `${number(alone)} (${t("paid", { n: number(paid) })})`);

function slices(found) {
  const tables = new Map();
  for (const one of found) {
    const key = `${one.metric}\u0000${one.by}`;
    if (!tables.has(key)) tables.set(key, []);
    tables.get(key).push(one);
  }
  return [...tables.values()].map((rows) => [
    h("h2", null, t("by_slice", { metric: metricOf(rows[0].metric).title, by: rows[0].by })),
    h(
      "div",
      { class: "scrolls", tabindex: "0" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, ["slice", "questions", "pipeline", "mean"].map((name) => h("th", { scope: "col" }, t(name))))),
        h("tbody", null, rows.map((one) => h("tr", null, h("td", null, plain(one.slice)), h("td", { class: "number" }, one.few ? `${one.questions} (${t("few")})` : one.questions), h("td", null, plain(one.label)), h("td", { class: "number" }, one.cell, " ", one.interval ? intervalChart(one.interval, { words: one.cell }) : null)))),
      ),
    ),
  ]);
}

function costs(rows) {
  if (DATA.money === null) return null;
  return [
    h("h2", null, t("cost_and_latency")),
    h(
      "div",
      { class: "scrolls", tabindex: "0" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, h("th", { scope: "col" }, t("pipeline")), DATA.money.columns.map((name) => h("th", { scope: "col", class: "number" }, t(`money_${name.replace(/\W/g, "_")}`))))),
        h("tbody", null, rows.filter((row) => DATA.money.rows[row.run] !== null).map((row) => h("tr", null, h("th", { scope: "row" }, plain(DATA.runs[row.run].short)), DATA.money.rows[row.run].map((cell) => h("td", { class: "number" }, plain(cell)))))),
      ),
    ),
    notes(DATA.money.notes),
  ];
}

function usage(rows) {
  if (!rows.some((row) => row.usage.length)) return null;
  return h(
    "details",
    null,
    h("summary", null, t("what_it_cost")),
    h(
      "div",
      { class: "scrolls", tabindex: "0" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, ["pipeline", "stage", "calls", "prompt_tokens", "completion_tokens", "paid_calls"].map((name) => h("th", { scope: "col" }, t(name))))),
        h("tbody", null, rows.flatMap((row) => row.usage.map(([name, ...counts]) => h("tr", null, h("td", null, plain(row.label)), h("td", null, plain(name)), counts.map((count) => h("td", { class: "number" }, number(count))))))),
      ),
    ),
  );
}

function about(board) {
  const [names, ...rows] = board.differs;
  return h(
    "details",
    { open: Boolean(rows.length) },
    h("summary", null, t("how_made")),
    h("p", { class: "dim", lang: "en" }, board.legend),
    h("ul", null, board.models.map(([role, identity]) => h("li", null, `${role}: `, plain(identity))), board.machine === null ? null : h("li", null, plain(board.machine))),
    rows.length
      ? [h("h3", null, t("not_same")), h("div", { class: "scrolls", tabindex: "0" }, h("table", null, h("thead", null, h("tr", null, names.map((name) => h("th", { scope: "col" }, plain(name))))), h("tbody", null, rows.map((row) => h("tr", null, row.map((cell) => h("td", null, plain(cell))))))))]
      : null,
    h("p", { class: "dim" }, `rageval ${DATA.version}, ${DATA.made}`),
  );
}

// Diagnosis

const causeWords = (cause) => t(`cause_${cause}`);

function diagnosisPage(main) {
  const causes = DATA.causes.filter((cause) => DATA.diagnoses.some((one) => one.shares.some((share) => share.cause === cause && share.questions)));
  const remedies = new Map();
  DATA.diagnoses.forEach((one, run) => {
    for (const [cause, remedy] of Object.entries(one.remedies)) {
      const key = `${cause}\u0000${remedy.advice}\u0000${remedy.sweep}`;
      if (!remedies.has(key)) remedies.set(key, { cause, remedy, runs: [] });
      remedies.get(key).runs.push(run);
    }
  });
  append(main, [
    h("h1", null, t("diagnosis")),
    h("p", null, t("diagnosis_about")),
    h(
      "div",
      { class: "scrolls", tabindex: "0" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, h("th", { scope: "col" }, t("cause")), DATA.runs.map((run) => h("th", { scope: "col" }, plain(run.short))))),
        h(
          "tbody",
          null,
          causes.map((cause) =>
            h(
              "tr",
              null,
              h("th", { scope: "row" }, causeWords(cause), h("span", { class: "dim small mono" }, cause)),
              DATA.diagnoses.map((one, run) => {
                const share = one.shares.find((other) => other.cause === cause);
                const [point, low, high] = share.interval;
                return h("td", null, h("a", { href: Route.link("matrix", { cause, run }) }, t("of_questions", { n: share.questions })), h("div", { class: "small" }, `${(100 * point).toFixed(0)}% [${(100 * low).toFixed(0)}, ${(100 * high).toFixed(0)}]`), intervalChart(share.interval, { words: `${causeWords(cause)} ${(100 * point).toFixed(0)}%` }));
              }),
            ),
          ),
        ),
      ),
    ),
    h("h2", null, t("try_next")),
    [...remedies.values()].map(({ cause, remedy, runs }) => [
      h("h3", null, causeWords(cause)),
      h("p", { class: "dim" }, runs.map((run) => DATA.runs[run].short).join(", ")),
      h("p", { lang: "en" }, remedy.advice),
      remedy.sweep === null ? null : h("pre", { tabindex: "0" }, remedy.sweep),
      remedy.sweep === null ? null : actions(button(t("copy"), () => copy(remedy.sweep))),
    ]),
    DATA.diagnoses.map((one, run) => (one.costs.length ? [h("h3", null, t("cost_of_causes"), " ", h("span", { class: "normal" }, plain(DATA.runs[run].short))), notes(one.costs)] : null)),
    notes([...new Set(DATA.diagnoses.flatMap((one) => one.notes))]),
  ]);
}

// Judges against people

function judgesPage(main) {
  append(main, h("h1", null, t("judges")));
  const known = DATA.judges.filter((one) => one.known);
  for (const one of DATA.judges.filter((entry) => entry.metric)) {
    const worst = [...one.pairs].map(([score, label, id]) => ({ score, label, id, gap: Math.abs(score - label) })).filter((pair) => pair.gap >= 0.25).sort((a, b) => b.gap - a.gap);
    append(main, [
      h("h2", null, `${metricOf(one.metric)?.title ?? one.metric}: `, plain(DATA.runs[one.run].short)),
      h("p", null, t("labelled", { n: one.pairs.length, annotators: one.annotators }), one.cannot_tell ? `${t("between_sentences")}${t("cannot_tell", { n: one.cannot_tell })}` : "", one.agreement ? `${t("between_sentences")}${t("alpha", { interval: intervalText(one.agreement) })}` : ""),
      one.figures
        ? h(
            "div",
            { class: "side" },
            h("figure", null, reliabilityChart(one.reliability, t("reliability")), h("figcaption", null, t("reliability"))),
            h(
              "div",
              null,
              h("table", null, h("caption", null, t("confusion")), h("thead", null, h("tr", null, h("td", null, ""), h("th", { scope: "col" }, t("judge_yes")), h("th", { scope: "col" }, t("judge_no")))), h("tbody", null, one.confusion.map((row, at) => h("tr", null, h("th", { scope: "row" }, t(at ? "people_no" : "people_yes")), row.map((count, place) => h("td", { class: `number ${at === place ? "good" : count ? "bad" : ""}` }, count)))))),
              h("table", null, h("tbody", null, Object.entries(one.figures).map(([name, interval]) => h("tr", null, h("th", { scope: "row" }, t(`figure_${name}`)), h("td", { class: "number" }, interval === null ? "–" : intervalText(interval)))))),
            ),
          )
        : h("p", { class: "dim" }, t("shares")),
      worst.length ? [h("h3", null, t("disagree_most")), h("ul", null, worst.slice(0, 20).map((pair) => h("li", null, h("a", { href: Route.link(`q/${encodeURIComponent(pair.id)}`, { runs: one.run }) }, plain(pair.id)), ` ${t("judge_and_people", { judge: scoreText(pair.score), people: scoreText(pair.label) })}`)))] : null,
    ]);
  }
  append(main, known.length ? [h("h2", null, t("known_of_judges")), notes([...new Set(known.map((one) => `${one.judge}: ${one.known}`))])] : null);
}

const intervalText = ([point, low, high]) => `${point.toFixed(3)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;

// Sweep

function sweepPage(main, parameters) {
  const { cells, effects, gaps } = DATA.sweep;
  const metrics = [...new Set(effects.map((one) => one.metric))];
  const metric = metrics.includes(parameters.get("metric")) ? parameters.get("metric") : metrics[0];
  const of = effects.filter((one) => one.metric === metric);
  const scale = aroundZero(of.map((one) => one.interval));
  const first = DATA.metrics[0];
  const points = cells.map((cell, run) => ({ x: cell.tokens, y: DATA.board.rows.find((row) => row.run === run)?.cells[first.name].interval?.[0], label: DATA.runs[run].short, marked: cell.front })).filter((one) => one.y !== undefined);
  append(main, [
    h("h1", null, t("sweep")),
    h("p", null, t("effects_about")),
    actions(choice(t("metric"), metric, metrics.map((name) => [name, metricOf(name)?.title ?? name]), (value) => Route.go("sweep", { metric: value }))),
    h(
      "div",
      { class: "scrolls", tabindex: "0" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, ["factor", "change", "effect", "p", "contexts"].map((name) => h("th", { scope: "col" }, t(name))))),
        h("tbody", null, of.map((one) => h("tr", null, h("td", null, plain(one.factor)), h("td", null, plain(`${one.from} → ${one.to}`)), h("td", { class: `number ${verdictClass(one.interval)}` }, signedInterval(one.interval), " ", intervalChart(one.interval, { ...scale, words: signedInterval(one.interval) })), h("td", { class: "number" }, pText(one.p)), h("td", { class: "number" }, one.contexts)))),
      ),
    ),
    gaps.length
      ? [
          h("h2", null, t("behind")),
          h("div", { class: "scrolls", tabindex: "0" }, h("table", null, h("thead", null, h("tr", null, ["pipeline", "behind_by", "p"].map((name) => h("th", { scope: "col" }, t(name))))), h("tbody", null, gaps.map((gap) => h("tr", null, h("td", null, plain(gap.label)), h("td", { class: "number" }, signedInterval(gap.interval), " ", intervalChart(gap.interval, { ...aroundZero(gaps.map((other) => other.interval)), words: signedInterval(gap.interval) })), h("td", { class: "number" }, pText(gap.p))))))),
        ]
      : null,
    h("h2", null, t("front")),
    h("p", { class: "dim" }, t("front_about")),
    points.length ? h("figure", null, scatterChart(points, t("tokens_a_question"), first.title, t("front"))) : null,
    h(
      "div",
      { class: "scrolls", tabindex: "0" },
      h("table", null, h("thead", null, h("tr", null, ["pipeline", "on_front", "calls", "tokens", "seconds"].map((name) => h("th", { scope: "col" }, t(name))))), h("tbody", null, cells.map((cell) => h("tr", null, h("td", null, plain(cell.label)), h("td", null, cell.front ? "●" : ""), h("td", { class: "number" }, number(cell.calls, 2)), h("td", { class: "number" }, number(cell.tokens)), h("td", { class: "number" }, number(cell.latency, 3)))))),
    ),
  ]);
}

const verdictClass = ([, low, high]) => (low > 0 ? "good" : high < 0 ? "bad" : "");
const pText = (p) => (p < 0.001 ? "< 0.001" : p.toFixed(3));

// Two runs, answer by answer: the paired result on top, then the questions with the words that changed.

const ANSWERS_AT_ONCE = 10;

function comparePage(main, parameters, [first, second]) {
  const count = DATA.runs.length;
  const valid = (text, otherwise) => (/^\d+$/.test(text ?? "") && Number(text) < count ? Number(text) : otherwise);
  const before = valid(first, 0);
  const after = valid(second, before === 0 ? 1 : 0);
  const metric = metricOf(parameters.get("metric")) ?? DATA.metrics.find((one) => ["judged", "answer"].includes(one.kind)) ?? DATA.metrics[0];
  const show = ["changed", "worse", "better", "all"].includes(parameters.get("show")) ? parameters.get("show") : "changed";
  const pipelines = DATA.runs.map((run, at) => [String(at), run.short]);
  const go = (a, b, changes = {}) => Route.go(`compare/${a}/${b}`, { metric: metric.name, show, ...changes });
  append(main, [
    h("h1", null, t("compare")),
    h(
      "div",
      { class: "filters no-print" },
      choice(t("baseline"), String(before), pipelines, (value) => go(value, after)),
      choice(t("candidate"), String(after), pipelines, (value) => go(before, value)),
      button("⇄", () => go(after, before), { "aria-label": t("swap"), title: t("swap") }),
      choice(t("metric"), metric.name, DATA.metrics.map((one) => [one.name, one.title]), (value) => go(before, after, { metric: value })),
      choice(t("show"), show, ["changed", "worse", "better", "all"].map((key) => [key, t(`compare_${key}`)]), (value) => go(before, after, { show: value })),
    ),
  ]);
  if (before === after) {
    append(main, h("p", null, t("same_run")));
    return;
  }
  append(main, pairedResult(before, after));
  const gain = (index) => {
    const scores = gains(index, metric.name);
    return scores[before] === null || scores[after] === null ? null : scores[after] - scores[before];
  };
  const both = DATA.questions.ids.map((_, index) => index).filter((index) => DATA.results[before].outcomes[index] !== null && DATA.results[after].outcomes[index] !== null);
  const wanted = both.filter((index) => show === "all" || show === "changed" || (gain(index) !== null && (show === "worse" ? gain(index) < -1e-9 : gain(index) > 1e-9)));
  wanted.sort((a, b) => (gain(a) ?? 0) - (gain(b) ?? 0) || a - b);
  if (show === "better") wanted.reverse();
  const list = h("div", { class: "pairs" });
  const status = h("p", { class: "dim", role: "status", "aria-live": "polite" });
  append(main, [h("h2", null, t("answers")), status, list, Keys.of([...pageKeys()])]);
  showPairs(list, status, wanted, before, after, metric, show === "changed");
}

/** Adds pairs as their place is reached; with `changedOnly` those whose answers are the same are left out. */
function showPairs(list, status, indexes, before, after, metric, changedOnly) {
  let next = 0;
  let shown = 0;
  let same = 0;
  const end = h("div", { class: "end" });
  const more = async () => {
    let added = 0;
    while (next < indexes.length && added < ANSWERS_AT_ONCE && list.isConnected) {
      const index = indexes[next++];
      const question = await Texts.question(index);
      const [a, b] = [question.runs[before], question.runs[after]];
      if (changedOnly && answerText(a) === answerText(b)) {
        same++;
        continue;
      }
      list.append(answerPair(index, a, b, before, after, metric));
      added++;
      shown++;
    }
    replace(status, t("pairs_shown", { shown, all: indexes.length, same }), next < indexes.length ? "" : ` ${t("that_is_all")}`);
    if (next >= indexes.length) watcher.disconnect();
    else if (end.getBoundingClientRect().top < window.innerHeight + 600) await more();
  };
  let busy = false;
  const watcher = new IntersectionObserver(
    async (entries) => {
      if (busy || !entries.some((entry) => entry.isIntersecting)) return;
      busy = true;
      try {
        await more();
      } catch (error) {
        replace(status, String(error.message));
        watcher.disconnect();
      }
      busy = false;
    },
    { rootMargin: "600px" },
  );
  list.after(end);
  watcher.observe(end);
}

const answerText = (of) => (of.failure ? of.failure.slice(0, 2).join(": ") : (of.answer ?? ""));

function answerPair(index, a, b, before, after, metric) {
  const score = (run) => scoreCell(DATA.results[run].scores[metric.name][index], DATA.results[run].outcomes[index], metric);
  return h(
    "article",
    { class: "pair" },
    h("h3", null, h("a", { href: questionLink(index, { runs: `${before},${after}` }) }, plain(DATA.questions.ids[index])), " ", h("span", { class: "normal", dir: "auto" }, plain(DATA.questions.texts[index]))),
    h("div", { class: "cards" }, h("div", null, h("p", null, score(before), " ", h("span", { class: "dim" }, plain(DATA.runs[before].short))), said(answerText(a) || t("no_answer"))), h("div", null, h("p", null, score(after), " ", h("span", { class: "dim" }, plain(DATA.runs[after].short))), h("div", { class: "said", dir: "auto" }, a.failure || b.failure ? plain(answerText(b)) : changeMarks(answerText(a), answerText(b))))),
  );
}

function pairedResult(before, after) {
  const direct = DATA.comparisons[`${before}:${after}`];
  const found = direct ?? DATA.comparisons[`${after}:${before}`];
  if (found === undefined) return h("p", { class: "dim" }, t("not_computed"), h("code", null, ` rageval compare ${DATA.runs[before].name} ${DATA.runs[after].name}`));
  if (found.refused) return h("p", { class: "bad", lang: "en" }, plain(found.refused));
  const turned = direct === undefined;
  const interval = ([point, low, high]) => (turned ? [-point, -high, -low] : [point, low, high]);
  const scale = aroundZero(found.metrics.map((one) => interval(one.difference)));
  const verdict = (one) => (turned ? { better: "worse", worse: "better" }[one.verdict] ?? one.verdict : one.verdict);
  const rows = found.metrics.map((one) => ({ ...one, verdict: verdict(one), difference: interval(one.difference), means: turned ? [one.candidate, one.baseline] : [one.baseline, one.candidate], counts: turned ? [one.losses, one.ties, one.wins] : [one.wins, one.ties, one.losses] }));
  const header = ["metric", "verdict", "baseline", "candidate", "difference", "p_adjusted", "better_same_worse", "questions"].map((name) => t(name));
  return [
    h(
      "div",
      { class: "scrolls", tabindex: "0" },
      h(
        "table",
        null,
        h("thead", null, h("tr", null, header.map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", null, rows.map((one) => h("tr", null, h("th", { scope: "row" }, one.title), h("td", { class: `verdict ${verdictColour(one.verdict)}` }, t(`verdict_${one.verdict.split(" ")[0]}`)), one.means.map((value) => h("td", { class: "number" }, value.toFixed(3))), h("td", { class: "number" }, signedInterval(one.difference), " ", intervalChart(one.difference, { ...scale, words: signedInterval(one.difference) })), h("td", { class: "number" }, pText(one.p)), h("td", { class: "number" }, one.counts.join("/")), h("td", { class: "number" }, one.n)))),
      ),
    ),
    notes(turned ? [] : found.metrics.map((one) => one.sentence)),
    notes([...(turned ? [] : found.costs), ...found.not_compared, ...found.left_out]),
    h("details", null, h("summary", null, t("what_numbers_mean")), h("p", { class: "dim", lang: "en" }, found.legend)),
    actions(button(t("copy_markdown"), () => copy(markdownTable(header, rows.map((one) => [one.title, one.verdict, ...one.means.map((value) => value.toFixed(3)), signedInterval(one.difference), pText(one.p), one.counts.join("/"), one.n]))))),
  ];
}

const verdictColour = (verdict) => ({ better: "good", worse: "bad" })[verdict] ?? "dim";

// One question with what each pipeline made of it.

const MOST_SIDE_BY_SIDE = 2;

function questionPage(main, parameters, [id]) {
  const index = DATA.questions.ids.indexOf(id);
  if (index < 0) {
    append(main, [h("h1", null, t("no_such_question")), h("p", null, plain(id)), h("p", null, h("a", { href: Route.link("matrix") }, t("matrix")))]);
    return;
  }
  Shown.last = index;
  const asked = DATA.runs.map((_, run) => run).filter((run) => DATA.results[run].outcomes[index] !== null);
  const wanted = (parameters.get("runs") ?? "").split(",").map(Number).filter((run) => asked.includes(run));
  const runs = parameters.has("runs") && wanted.length ? wanted : asked.slice(0, window.innerWidth < 900 ? 1 : MOST_SIDE_BY_SIDE);
  const around = Shown.indexes?.includes(index) ? Shown.indexes : DATA.questions.ids.map((_, at) => at);
  const at = around.indexOf(index);
  const to = (place) => {
    if (place >= 0 && place < around.length) Route.go(`q/${encodeURIComponent(DATA.questions.ids[around[place]])}`, parameters.has("runs") ? { runs: runs.join(",") } : {});
  };
  const toggle = (run) => {
    const left = runs.includes(run) ? runs.filter((one) => one !== run) : [...runs, run];
    if (left.length) Route.replace(`q/${encodeURIComponent(id)}`, { runs: left.join(",") });
  };
  const body = h("div", { "aria-live": "polite" }, h("p", { class: "dim" }, t("loading")));
  let loaded = null;
  append(main, [
    h(
      "div",
      { class: "question-head" },
      h("h1", null, h("span", { class: "dim" }, plain(id)), " ", h("span", { class: "tags" }, [DATA.questions.languages[index], ...DATA.questions.tags[index]].map((one) => h("span", { class: "tag" }, plain(one))))),
      h("div", { class: "no-print" }, button("‹", () => to(at - 1), { disabled: at <= 0, "aria-label": t("key_previous") }), h("span", { class: "dim" }, ` ${at + 1} / ${around.length} `), button("›", () => to(at + 1), { disabled: at >= around.length - 1, "aria-label": t("key_next") })),
    ),
    said(DATA.questions.texts[index], { class: "question" }),
    DATA.questions.changed.includes(index) ? h("p", { class: "bad" }, t("question_changed")) : null,
    body,
    actions(
      button(t("copy_link"), () => copy(location.href)),
      button(t("copy_markdown"), () => loaded && copy(questionMarkdown(index, loaded, runs))),
      button(t("back_to_matrix"), () => Route.go("matrix", Shown.filter ? filterParameters(Shown.filter) : {})),
    ),
  ]);
  Keys.of([
    { key: "j ArrowRight", words: t("key_next"), act: () => to(at + 1) },
    { key: "k ArrowLeft", words: t("key_previous"), act: () => to(at - 1) },
    ...asked.slice(0, 9).map((run) => ({ key: String(run + 1), words: `${t("show_or_hide")} ${DATA.runs[run].short}`, act: () => toggle(run) })),
    { key: "u", words: t("back_to_matrix"), act: () => Route.go("matrix", Shown.filter ? filterParameters(Shown.filter) : {}) },
    { key: "c", words: t("copy_link"), act: () => copy(location.href) },
    ...pageKeys(),
  ]);
  Texts.question(index).then(
    (question) => {
      loaded = question;
      replace(body, questionBody(index, question, asked, runs, toggle));
    },
    (error) => replace(body, h("p", { class: "bad" }, String(error.message))),
  );
}

function filterParameters(filter) {
  const { metric, show, sort, cause, run, base, language: of, tag, words, deep } = filter;
  return { metric, show, sort, cause, run: run ?? "", base, language: of, tag, words, deep: deep ? "1" : "" };
}

function questionBody(index, question, asked, runs, toggle) {
  const evidence = question.runs.find((run) => run?.evidence.length)?.evidence ?? [];
  return [
    (question.history ?? []).map((turn) => h("div", { class: "reference" }, h("span", { class: "dim" }, `${t(`turn_${turn.role}`)}: `), said(turn.text))),
    question.references.map((reference) => h("div", { class: "reference" }, h("span", { class: "dim" }, `${t("reference")}: `), said(reference))),
    Object.entries(question.metadata).map(([key, value]) => h("p", { class: "dim small" }, plain(`${key}: ${typeof value === "string" ? value : JSON.stringify(value)}`))),
    evidence.length
      ? h("details", { open: true }, h("summary", null, t("evidence")), evidence.map((one) => h("div", { class: "evidence" }, h("span", { class: "dim small" }, plain(`${one.document}#${one.span[0]}-${one.span[1]}`)), one.text ? said(one.text) : h("span", { class: "dim" }, ` ${t("text_not_here")}`))))
      : null,
    asked.length > 1
      ? h("p", { class: "actions no-print" }, asked.map((run) => h("button", { type: "button", "aria-pressed": String(runs.includes(run)), onclick: () => toggle(run) }, run < 9 ? h("kbd", null, run + 1) : null, plain(DATA.runs[run].short))), runs.length === 2 ? h("a", { href: Route.link(`compare/${runs[0]}/${runs[1]}`) }, t("compare_these")) : null)
      : null,
    h("div", { class: "cards" }, runs.map((run) => card(index, question, run))),
  ];
}

function card(index, question, run) {
  const of = question.runs[run];
  const result = DATA.results[run];
  const cause = DATA.causes[result.causes[index]];
  const scores = DATA.metrics.map((metric) => {
    const score = result.scores[metric.name][index];
    const known = score !== null && score !== undefined;
    const chip = h("span", { class: "chip" }, `${metric.title} ${known ? scoreText(score) : "–"}`);
    if (!known && of.unscored[metric.name]) chip.title = of.unscored[metric.name];
    return known ? colour(chip, score, metric.lower) : chip;
  });
  const shown = [];
  const marks = new Map();
  const passages = of.passages.map(([place, id, grade, read, evidence, quotes], at) => ({ at, id, grade, read, evidence, quotes, text: question.texts[place][0], title: question.texts[place][1] }));
  const inContext = passages.filter((one) => one.text).sort((a, b) => (a.read ?? 1e9) - (b.read ?? 1e9) || a.at - b.at);
  const rest = passages.filter((one) => !one.text);
  for (const one of inContext) shown.push(passage(one, marks));
  return h(
    "article",
    { class: "card", "aria-label": DATA.runs[run].label },
    h("h2", null, plain(DATA.runs[run].label)),
    h("p", { class: "chips" }, scores),
    h("p", { class: cause === "right" ? "good" : "bad" }, causeWords(cause), of.reason ? h("span", { class: "dim", lang: "en" }, ": ", plain(of.reason)) : null),
    of.failure ? failure(of.failure) : answer(of),
    judgments(of, marks, passages),
    shown.length ? [h("h3", null, t("passages")), shown] : null,
    rest.length
      ? h("details", null, h("summary", null, t("rest_of_ranking", { n: rest.length })), h("ol", { class: "ranking" }, rest.map((one) => h("li", { value: one.at + 1 }, plain(one.id), one.title ? h("span", { class: "dim" }, " ", plain(one.title)) : null, one.grade === null ? null : h("span", { class: one.grade > 0 ? "good" : "dim" }, ` ${t("grade", { grade: one.grade })}`)))))
      : null,
    of.steps?.length ? h("details", null, h("summary", null, t("steps", { n: of.steps.length })), of.steps.map(step)) : null,
    cost(of),
  );
}

function failure([error, message, traceback]) {
  return h("div", { class: "failure" }, h("strong", null, plain(`${t("outcome_failed")}: ${error}`)), said(message), traceback ? h("details", null, h("summary", null, t("traceback")), h("pre", { tabindex: "0" }, plain(traceback))) : null);
}

function answer(of) {
  if (of.answer === null) return h("p", { class: "dim" }, t("no_answer"));
  return [
    h("h3", null, t("answer"), of.abstained ? h("span", { class: "tag" }, t("outcome_abstained")) : null),
    of.thought ? h("details", null, h("summary", null, t("thought")), said(of.thought, { class: "dim" })) : null,
    said(of.answer || t("empty"), { class: "answer" }),
    of.citations.length ? h("p", { class: "dim small" }, `${t("cites")} ${of.citations.map((place) => place + 1).join(", ")}`) : null,
  ];
}

function passage(one, marks) {
  const evidence = one.evidence.map(([start, end]) => ({ start, end, kind: "evidence" }));
  const quotes = one.quotes.map(([start, end]) => ({ start, end, kind: "quote" }));
  return h(
    "details",
    { open: true, class: "passage" },
    h("summary", null, h("span", { class: "rank" }, one.at + 1), one.read === null ? h("span", { class: "dim" }, t("not_read")) : t("read_as", { place: one.read }), " ", one.title ? h("strong", null, plain(one.title)) : null, " ", h("span", { class: "dim small" }, plain(one.id)), one.grade === null ? null : h("span", { class: `tag ${one.grade > 0 ? "good" : ""}` }, t("grade", { grade: one.grade })), evidence.length ? h("span", { class: "tag evidence-tag" }, t("holds_evidence")) : null),
    h("div", { dir: "auto", class: "said" }, markedText(one.text, [...evidence, ...quotes], (element, mark) => {
      const quote = one.text.slice(mark.start, mark.end);
      if (mark.kind === "quote" && !marks.has(`${one.at}\u0000${quote}`)) marks.set(`${one.at}\u0000${quote}`, element);
    })),
  );
}

/** The text in pieces; a piece that several marks cover has the classes of all. */
function markedText(text, marks, made) {
  const ends = [...new Set([0, text.length, ...marks.flatMap((mark) => [mark.start, mark.end])])].sort((a, b) => a - b);
  return ends.slice(0, -1).map((start, at) => {
    const piece = plain(text.slice(start, ends[at + 1]));
    const over = marks.filter((mark) => mark.start <= start && mark.end >= ends[at + 1]);
    if (!over.length) return piece;
    const element = h("mark", { class: [...new Set(over.map((mark) => mark.kind))].join(" "), title: [...new Set(over.map((mark) => t(`mark_${mark.kind}`)))].join(", ") }, piece);
    over.forEach((mark) => mark.start === start && made(element, mark));
    return element;
  });
}

function judgments(of, marks, passages) {
  return Object.entries(of.judgments).filter(([, said]) => said.length).map(([judge, verdicts]) => {
    const claims = verdicts.every((one) => one.item === "claim" || one.item === "sentence");
    return h(
      "details",
      { open: claims, class: "judge" },
      h("summary", null, plain(judge), " ", h("span", { class: "dim small" }, t("verdicts", { n: verdicts.length }))),
      h("ul", { class: "verdicts" }, verdicts.map((one) => verdict(one, marks, passages))),
    );
  });
}

function verdict(one, marks, passages) {
  const where = one.item === "passage" ? `${t("passage")} ${one.index + 1}` : "";
  const sign = one.abstained !== undefined ? h("span", { class: "dim" }, `? ${t("no_verdict")}`) : h("span", { class: one.grade >= 0.5 ? "good" : "bad" }, one.grade === 1 ? "✓" : one.grade === 0 ? "✗" : scoreText(one.grade));
  return h(
    "li",
    null,
    sign,
    " ",
    where ? h("span", { class: "dim" }, where, " ") : null,
    h("span", { dir: "auto" }, plain(one.text)),
    one.probability !== null && one.probability !== undefined ? h("span", { class: "dim small" }, ` P = ${one.probability.toFixed(2)}`) : null,
    one.abstained !== undefined ? h("div", { class: "bad small" }, plain(one.abstained)) : null,
    (one.evidence ?? []).map((evidence) => quote(evidence, marks, passages)),
    one.rationale ? h("details", null, h("summary", null, t("rationale")), said(one.rationale, { class: "dim" })) : null,
    h("details", { class: "raw" }, h("summary", null, t("raw_verdict")), h("pre", { tabindex: "0" }, plain(one.raw ?? JSON.stringify(one, null, 1)))),
  );
}

function quote(evidence, marks, passages) {
  if (!evidence.quote) return null;
  const key = `${evidence.hit}\u0000${evidence.quote}`;
  const show = () => {
    const mark = marks.get(key);
    if (!mark) return toast(t("not_in_passage"));
    mark.closest("details").open = true;
    mark.scrollIntoView({ block: "center", behavior: "smooth" });
    mark.classList.add("flash");
    setTimeout(() => mark.classList.remove("flash"), 1600);
  };
  const named = passages.some((one) => one.at === evidence.hit);
  return h("div", { class: "quote" }, h("button", { type: "button", class: "quote-button", onclick: show, title: t("show_in_passage") }, named ? h("span", { class: "rank" }, evidence.hit + 1) : null, h("q", { dir: "auto" }, plain(evidence.quote))), evidence.found ? null : h("span", { class: "dim small" }, ` ${t("not_found_by_words")}`));
}

function step([name, detail, [calls, prompt, completion]]) {
  return h(
    "div",
    { class: "step" },
    h("strong", null, plain(name)),
    calls ? h("span", { class: "dim small" }, ` ${t("step_cost", { calls, prompt: number(prompt), completion: number(completion) })}`) : null,
    Object.entries(detail).map(([key, value]) => h("div", { class: "small" }, h("span", { class: "dim" }, plain(key), ": "), h("span", { class: "said" }, plain(typeof value === "string" ? value : JSON.stringify(value))))),
  );
}

function cost(of) {
  if (of.failure) return null;
  const [calls, prompt, completion, paid] = of.usage;
  return h("p", { class: "dim small" }, t("cost_line", { calls, paid, prompt: number(prompt), completion: number(completion), seconds: number(of.latency, 2) }), of.cost === null ? "" : ` ${t("cost_alone", { cost: of.cost })}`);
}

/** The question as Markdown, every text of the run in a code block. */
function questionMarkdown(index, question, runs) {
  const block = (text) => {
    const fence = "`".repeat(Math.max(3, ...[...String(text).matchAll(/`+/g)].map((found) => found[0].length + 1)));
    return `${fence}\n${written(text)}\n${fence}`;
  };
  const lines = [`## ${t("question")} ${markdownCode(DATA.questions.ids[index])}`, block(DATA.questions.texts[index])];
  for (const turn of question.history ?? []) lines.push(`${t(`turn_${turn.role}`)}:`, block(turn.text));
  for (const reference of question.references) lines.push(`${t("reference")}:`, block(reference));
  for (const run of runs) {
    const of = question.runs[run];
    lines.push(`### ${markdownCode(DATA.runs[run].label)}`);
    lines.push(DATA.metrics.map((metric) => `${metric.title} ${DATA.results[run].scores[metric.name][index] ?? "–"}`).join(", "));
    lines.push(block(of.failure ? of.failure.slice(0, 2).join(": ") : (of.answer ?? t("no_answer"))));
  }
  return `${lines.join("\n\n")}\n`;
}

const markdownCode = (text) => `\`${written(text).replace(/`/g, "'").replace(/\s+/g, " ")}\``;

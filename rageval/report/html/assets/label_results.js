// What follows from the labels so far: the corrected number and how it narrowed, who did how much, disagreements.

const fixed = (value) => value.toFixed(3);
const intervalWords = ({ mean, low, high }) => `${fixed(mean)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;

/** The interval after each label, from left to right; the dashed line is the judge alone. */
function narrowingChart(steps, judge) {
  const [width, height] = [340, 120];
  const most = Math.max(...steps.map((one) => one.n_labelled), 1);
  const ends = steps.flatMap((one) => [one.low, one.high]).concat(judge ? [judge.mean] : []);
  const [bottom, top] = [Math.max(0, Math.min(...ends) - 0.02), Math.min(1, Math.max(...ends) + 0.02)];
  const x = (n) => 40 + (n / most) * (width - 52);
  const y = (value) => height - 22 - ((value - bottom) / Math.max(top - bottom, 1e-9)) * (height - 34);
  const last = steps.at(-1);
  return h(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, width, height, class: "narrowing", role: "img", "aria-label": t("narrowing_words", { n: last.n_labelled, interval: intervalWords(last) }) },
    [bottom, top].map((value) => h("text", { x: 36, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(2))),
    judge ? h("line", { x1: x(0), x2: x(most), y1: y(judge.mean), y2: y(judge.mean), class: "judge-line" }, h("title", {}, t("judge_alone"))) : null,
    steps.map((one) => [
      h("line", { x1: x(one.n_labelled), x2: x(one.n_labelled), y1: y(one.low), y2: y(one.high), class: "reach" }),
      h("circle", { cx: x(one.n_labelled), cy: y(one.mean), r: 2.5, class: "point" }),
    ]),
    h("text", { x: x(most), y: height - 6, "text-anchor": "end" }, t("labels_axis", { n: most })),
  );
}

function estimateView(found) {
  const mean = found.estimate;
  if (!found.attached || !mean?.n_labelled) return h("p", { class: "dim" }, t("no_number_yet"));
  return [
    h("p", { class: "number-now", id: "estimate" }, h("strong", null, intervalWords(mean)), " ", t("from_labels", { n: mean.n_labelled })),
    mean.judge_only ? h("p", { class: "dim" }, t("judge_alone"), " ", intervalWords(mean.judge_only)) : null,
    found.narrowing.length ? narrowingChart(found.narrowing, mean.judge_only) : null,
    mean.warning ? h("p", { class: "dim" }, plain(mean.warning)) : null,
  ];
}

function peopleView(found) {
  return [
    h("div", { class: "scrolls" }, h(
      "table",
      { class: "people" },
      h("thead", null, h("tr", null, ["annotator", "done", "said_cannot_tell", "after_judge"].map((one) => h("th", { scope: "col" }, t(one))))),
      h("tbody", null, found.annotators.map((one) => h("tr", null, h("th", { scope: "row", dir: "auto" }, plain(one.name)), h("td", { class: "number" }, one.done), h("td", { class: "number" }, one.cannot_tell), h("td", { class: "number" }, one.after_judge)))),
    )),
    found.agreement ? h("p", { id: "agreement" }, t("agreement", { alpha: found.agreement.alpha.toFixed(2), low: found.agreement.low.toFixed(2), high: found.agreement.high.toFixed(2), n: found.agreement.questions })) : found.annotators.length > 1 ? h("p", { class: "dim" }, t("no_agreement")) : null,
  ];
}

/** The list of questions on which people disagree; `open` shows one of them. */
function disagreementList(listed, open) {
  if (!listed.length) return h("p", { class: "dim" }, t("no_disagreements"));
  return h(
    "ul",
    { class: "disagreements" },
    listed.map((one) =>
      h(
        "li",
        null,
        h("button", { type: "button", class: "quiet", "data-number": one.number, onclick: () => open(one.number) }, h("span", { dir: "auto" }, plain(one.question))),
        h("div", { class: "dim" }, one.said.map((person) => h("span", { class: "who" }, h("span", { dir: "auto" }, plain(person.annotator)), `: ${settledWords(person)}`)), one.settled ? h("strong", null, t("settled_by", { name: one.settled.annotator, label: settledWords(one.settled) })) : null),
      ),
    ),
  );
}

function settledWords(person) {
  return person.label === "?" ? t("said_cannot_tell") : person.label === null ? t("open") : String(Number(person.label.toFixed(3)));
}

/** One disagreement: what was read, what each said piece by piece, and the verdict that settles it. */
function settleView(item, settle) {
  const verdicts = item.pieces.map((_, place) => {
    const all = item.said.map((one) => one.verdicts[place] ?? null);
    return item.settled?.verdicts[place] ?? (all.every((one) => one === all[0]) ? all[0] : null);
  });
  const box = h("div", { class: "item settle" });
  const comment = h("textarea", { id: "settle-comment", rows: 2, onkeydown: leaveField, maxlength: 4000, value: item.settled?.comment ?? "" });
  const words = (one) => (one ? t(`said_${one.replace(" ", "_")}`) : t("open"));
  const done = (given) => settle({ ...given, comment: comment.value });
  const draw = () =>
    replace(
      box,
      h("section", { class: "asked" }, h("h1", { class: "said", dir: "auto" }, plain(item.question)), item.references.length ? [h("h2", null, t("references")), h("ul", null, item.references.map((one) => h("li", null, said(one))))] : null, h("h2", null, t("answer")), said(item.answer, { class: "answer" })),
      h(
        "section",
        { class: "decide" },
        h("p", { class: "task" }, item.asked[language]),
        h("table", null, h("tbody", null, item.said.map((one) => h("tr", null, h("th", { scope: "row", dir: "auto" }, plain(one.annotator)), h("td", null, settledWords(one)), h("td", { dir: "auto" }, plain(one.comment)))))),
        item.kind === "pieces"
          ? [
              h("ol", { class: "pieces" }, item.pieces.map((piece, place) => h("li", { class: "piece" }, piece.passage ? t("passage_number", { number: piece.passage }) : said(piece.text), h("div", { class: "dim" }, item.said.map((one) => h("span", { class: "who" }, h("span", { dir: "auto" }, plain(one.annotator)), `: ${words(one.verdicts[place])}`))), h("div", { class: "choices" }, SAID.map((one) => h("button", { type: "button", class: "choice", "aria-pressed": String(verdicts[place] === one), onclick: () => { verdicts[place] = one; draw(); } }, words(one))))))),
              h("button", { type: "button", id: "settle", class: "main", disabled: verdicts.includes(null), onclick: () => done({ verdicts }) }, t("settle")),
            ]
          : item.kind === "yes or no"
            ? h("div", { class: "choices", role: "group", "aria-label": t("settle") }, SAID.map((one) => h("button", { type: "button", id: `settle-${SAID_KEYS[one]}`, class: "choice", "aria-pressed": String(item.settled?.label === LABEL_OF[one]), onclick: () => done({ label: LABEL_OF[one] }) }, h("kbd", null, SAID_KEYS[one]), words(one))))
            : h("form", { class: "choices", onsubmit: (event) => { event.preventDefault(); const value = parseNumber(document.getElementById("settle-number").value); if (value === null) toast(t("number_wrong")); else done({ label: value }); } }, h("label", { for: "settle-number" }, t("number_label")), h("input", { id: "settle-number", type: "text", inputmode: "decimal", onkeydown: leaveField }), h("button", { type: "submit", class: "main" }, t("settle"))),
        h("label", { for: "settle-comment", class: "comment-label" }, t("comment")),
        comment,
      ),
      h("section", { class: "read" }, h("h2", null, t("passages")), h("ol", { class: "passages", tabindex: "0", "aria-label": t("passages") }, item.passages.map((one) => passageView(one, [])))),
    );
  draw();
  return box;
}

// The screen of one item, and the keys that it takes.

const gradesOf = (item) => Array.from({ length: item.top + 1 }, (_, grade) => grade);
const gradeWords = (grade) => (grade === 0 ? t("grade_0") : t("grade", { grade }));

function workKeys() {
  const said = SAID.map((one) => ({ key: `${SAID_KEYS[one]}${{ yes: " 1", no: " 0" }[one] ?? ""}`, words: t(`said_${one.replace(" ", "_")}`), act: () => { decide(one); } }));
  return [
    ...(Work.item?.kind === "grade" ? [...gradesOf(Work.item).filter((grade) => grade < 10).map((grade) => ({ key: String(grade), words: gradeWords(grade), act: () => { decideAll({ label: grade }); } })), said[2]] : Work.item?.kind === "number" ? [{ key: "1 0", words: t("give_number"), act: () => { document.getElementById("number")?.focus(); return false; } }, said[2]] : said),
    { key: "Backspace ArrowLeft", words: t("back"), act: back },
    { key: "ArrowRight", words: t("forward"), act: forward },
    { key: "b", words: t("skip_back"), act: skipBack },
    { key: "c", words: t("comment"), act: comment },
    { key: "e", words: t("mark"), act: () => { mark(); } },
    { key: "x", words: t("unmark"), act: () => { unmark((Work.item?.decision?.evidence.length ?? 0) - 1); } },
    ...(Work.item?.earlier && !Work.item.decision?.done ? [{ key: "Enter", words: t("take_over"), act: (event) => (event.target.closest?.("button, a") ? false : void takeOver()) }] : []),
    ...Work.moreKeys,
    ...(Work.leave ? [{ key: "Escape", words: t("leave"), act: Work.leave }] : []),
  ];
}

function labelWords(label) {
  if (label === "?") return t("said_cannot_tell");
  if (label === null || label === undefined) return t("open");
  if (Work.item === null || Work.item.kind === "yes or no") {
    if (label === 1) return t("said_yes");
    if (label === 0) return t("said_no");
  }
  return String(Number(label.toFixed(3)));
}

function decisionWords(decision) {
  return decision.taken ? t("taken_words", { run: decision.taken.run }) : labelWords(decision.label);
}

function lastStrip() {
  const { last } = Work;
  if (!last || last.number === Work.item?.number) return null;
  return h(
    "p",
    { class: "last", role: "status" },
    t("last_item", { number: last.number + 1, label: decisionWords(last.decision) }),
    last.judge ? [" ", h("strong", null, t("judge_said", { score: String(Number(last.judge.score.toFixed(3))) }))] : null,
  );
}

function choiceButtons(selected, name) {
  return h(
    "div",
    { class: "choices", role: "group", "aria-label": name },
    SAID.map((one) =>
      h("button", { type: "button", id: `choose-${SAID_KEYS[one]}`, class: "choice", "aria-pressed": String(selected === one), onclick: () => decide(one) }, h("kbd", null, SAID_KEYS[one]), t(`said_${one.replace(" ", "_")}`)),
    ),
  );
}

function gradeButtons(item) {
  const given = item.decision?.label;
  const button = (value, key, words) => h("button", { type: "button", id: `choose-${key}`, class: "choice", "aria-pressed": String(given === value), onclick: () => decideAll({ label: value }) }, h("kbd", null, key), words);
  return h("div", { class: "choices", role: "group", "aria-label": t("decide") }, gradesOf(item).map((grade) => button(grade, String(grade), gradeWords(grade))), button("?", "u", t("said_cannot_tell")));
}

function saidOf(label) {
  return label === "?" ? "cannot tell" : label === 1 ? "yes" : label === 0 ? "no" : null;
}

function pieceRow(piece, place, verdict, judged) {
  const now = place === Work.piece;
  return h(
    "li",
    { id: `piece-${place}`, class: now ? "piece now" : "piece", "aria-current": now ? "step" : null },
    piece.passage ? h("div", null, h("strong", null, t("passage_number", { number: piece.passage }))) : said(piece.text),
    h("span", { class: `verdict ${verdict ?? ""}` }, verdict === null ? t("open") : t(`said_${verdict.replace(" ", "_")}`)),
    judged ? judgeOnPiece(judged) : null,
  );
}

function judgeOnPiece(judged) {
  const words = judged.grade === null ? t("judge_none") : judged.grade > 0 ? t("said_yes") : t("said_no");
  return h("div", { class: "judge" }, t("judge_thinks", { said: words }), judged.quotes.map((one) => [" ", h("q", { dir: "auto" }, plain(one))]), judged.reason ? [" (", h("span", { dir: "auto" }, plain(judged.reason)), ")"] : null);
}

function decisionForm(item) {
  const { decision, judge } = item;
  if (decision?.taken) {
    return h("p", null, t("taken_words", { run: decision.taken.run }), " ", decision.taken.labels.map(([name, label]) => [h("strong", { dir: "auto" }, plain(name)), `: ${labelWords(label ?? "?")} `]));
  }
  if (item.kind === "pieces") {
    const verdicts = verdictsOf(item);
    const judged = judge?.verdicts.length === item.pieces.length ? judge.verdicts : [];
    return [h("ol", { class: "pieces" }, item.pieces.map((piece, place) => pieceRow(piece, place, verdicts[place], judged[place]))), choiceButtons(verdicts[Work.piece], t("decide_piece", { number: Work.piece + 1 }))];
  }
  if (item.kind === "yes or no") return choiceButtons(saidOf(decision?.label), t("decide"));
  if (item.kind === "grade") return gradeButtons(item);
  return h(
    "form",
    { class: "choices", onsubmit: numberGiven },
    h("label", { for: "number" }, t("number_label")),
    h("input", { id: "number", type: "text", inputmode: "decimal", autocomplete: "off", onkeydown: leaveField, value: typeof decision?.label === "number" ? String(decision.label) : decision?.label ?? "", "aria-describedby": "number-wrong" }),
    h("button", { type: "submit", class: "main" }, h("kbd", null, "Enter"), t("save_number")),
    h("button", { type: "button", id: "choose-u", class: "choice", "aria-pressed": String(decision?.label === "?"), onclick: () => decide("cannot tell") }, h("kbd", null, "u"), t("said_cannot_tell")),
    h("span", { id: "number-wrong", class: "bad", role: "alert" }),
  );
}

function evidenceList(item) {
  const marks = item.decision?.evidence ?? [];
  return h(
    "div",
    { class: "evidence" },
    h("button", { type: "button", id: "mark", onpointerdown: (event) => event.preventDefault(), onclick: mark }, h("kbd", null, "e"), t("mark")),
    h("span", { class: "dim" }, marks.length ? t("marks", { n: marks.length }) : t("mark_how")),
    marks.map((one, place) => h("span", { class: "chip" }, h("span", { dir: "auto" }, plain(markedWords(item.passages, one))), h("button", { type: "button", class: "quiet", "aria-label": t("unmark_one", { number: place + 1 }), onclick: () => unmark(place) }, "×"))),
  );
}

function itemView(item) {
  const { decision, judge } = item;
  const offer = item.earlier && !decision?.done;
  return [
    h(
      "div",
      { class: "item" },
      h("section", { class: "asked", "aria-label": t("question") },
        h("h1", { dir: "auto", class: "said" }, plain(item.question)),
        item.references.length ? [h("h2", null, t("references")), h("ul", null, item.references.map((one) => h("li", null, said(one))))] : null,
        item.answer === null ? null : [h("h2", null, t("answer")), said(item.answer, { class: "answer" })],
      ),
      h("section", { class: "decide", "aria-label": t("decide") },
        h("p", { class: "task" }, item.asked[language]),
        offer ? h("p", { class: "offer" }, t("earlier", { run: item.earlier.run, names: item.earlier.annotators.join(", ") }), " ", h("button", { type: "button", id: "take", class: "main", onclick: takeOver }, h("kbd", null, "Enter"), t("take_over"))) : null,
        decisionForm(item),
        judge ? h("p", { class: "judge", id: "judge" }, t("judge_said", { score: String(Number(judge.score.toFixed(3))) }), item.kind === "pieces" ? null : judge.verdicts.map((one) => [" ", h("span", { dir: "auto" }, plain(one.reason))])) : null,
        h("label", { for: "comment", class: "comment-label" }, h("kbd", null, "c"), t("comment")),
        h("textarea", { id: "comment", rows: 1, value: decision?.comment ?? "", maxlength: 4000, oninput: commented, onblur: commented, onkeydown: leaveField }),
      ),
      h("section", { class: "read", "aria-label": t("passages") },
        h("h2", null, t(item.kind === "grade" ? "document" : "passages")),
        evidenceList(item),
        h("ol", { class: "passages", tabindex: "0", "aria-label": t("passages") }, item.passages.map((one) => passageView(one, decision?.evidence ?? []))),
      ),
    ),
  ];
}

function workNavigation() {
  const item = Work.item;
  return h(
    "div",
    { class: "moves" },
    h("button", { type: "button", id: "back", disabled: !item || (item.number === 0 && Work.piece === 0) ? item !== null : false, onclick: back }, h("kbd", null, "←"), t("back")),
    h("button", { type: "button", id: "forward", disabled: !item?.decision?.done, onclick: forward }, h("kbd", null, "→"), t("forward")),
    h("button", { type: "button", id: "skip-back", onclick: skipBack }, h("kbd", null, "b"), t("skip_back")),
  );
}

/** Draws the screen again; the field that has the focus keeps it. */
function drawWork() {
  const main = document.getElementById("main");
  if (!main) return;
  const focused = document.activeElement?.id;
  const scrolled = document.querySelector(".passages")?.scrollTop ?? 0;
  const done = Work.position;
  Keys.of(workKeys());
  replace(
    main,
    h("div", { class: "where" },
      h("span", null, Work.item ? t("item_of", { number: Work.item.number + 1, total: Work.total }) : t("all_done", { total: Work.total })),
      h("progress", { max: Math.max(Work.total, 1), value: done, "aria-label": t("done_of_total", { done, total: Work.total }) }),
      h("span", { class: "dim" }, t("done_of_total", { done, total: Work.total })),
      workNavigation(),
    ),
    Work.trouble ? h("p", { class: "trouble", role: "alert", id: "trouble" }, Work.unsaved ? t("not_saved") : null, " ", plain(Work.trouble), " ", Work.unsaved ? h("button", { type: "button", onclick: () => store(Work.unsaved).then((stored) => stored && goTo(Work.position)) }, t("again")) : null) : null,
    lastStrip(),
    Work.item ? itemView(Work.item) : h("p", { class: "finished", id: "finished" }, t("finished")),
    h("div", { id: "aside" }, Work.aside()),
  );
  const field = focused ? document.getElementById(focused) : null;
  if (field && field.tagName !== "TEXTAREA") field.focus({ preventScroll: true });
  document.querySelector(".passages")?.scrollTo(0, scrolled);
}

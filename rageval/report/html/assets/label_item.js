// One item a screen: question, answer, passages, and what to decide with one key each.
// `Work.source` answers `state`, `item` and `decide`; a server stands behind it, or the file itself.

const SAID = ["yes", "no", "cannot tell"];
const SAID_KEYS = { yes: "y", no: "n", "cannot tell": "u" };
const LABEL_OF = { yes: 1, no: 0, "cannot tell": "?" };

const Work = {
  source: null,
  annotator: "",
  total: 0,
  position: 0,
  labels: [],
  item: null,
  piece: 0,
  last: null,
  queue: Promise.resolve(),
  moving: false,
  trouble: "",
  unsaved: null,
  done: () => {},
  leave: null,
  moreKeys: [],
  aside: () => null,
};

/** Starts where the person stopped. */
async function startWork() {
  const state = await Work.source.state(Work.annotator);
  Object.assign(Work, { total: state.total, position: state.position, labels: state.labels, last: null, unsaved: null });
  await goTo(Math.min(state.position, state.total));
}

async function goTo(number, atEnd = false) {
  if (number < 0 || number > Work.position) return;
  if (number >= Work.total) {
    Work.item = null;
    drawWork();
    return;
  }
  await inTurn(async () => {
    Work.item = await Work.source.item(Work.annotator, number);
    const verdicts = verdictsOf(Work.item);
    const open = verdicts.findIndex((one) => one === null);
    Work.piece = atEnd ? Math.max(verdicts.length - 1, 0) : Math.max(open, 0);
  });
  drawWork();
  scrollTo(0, 0);
  document.querySelector(".passages")?.scrollTo(0, 0);
}

/** Does one thing after the other; what goes wrong is shown until something succeeds. */
function inTurn(work) {
  Work.queue = Work.queue.then(async () => {
    try {
      await work();
      Work.trouble = "";
    } catch (error) {
      Work.trouble = error.message;
    }
  });
  return Work.queue;
}

/** Takes no further key until the screen shows what this one did, so that nobody decides what they have not seen. */
async function once(work) {
  if (Work.moving) return;
  Work.moving = true;
  try {
    await work();
  } finally {
    Work.moving = false;
  }
}

function verdictsOf(item) {
  if (item.kind !== "pieces") return [];
  const given = item.decision?.verdicts ?? [];
  return item.pieces.map((_, place) => given[place] ?? null);
}

function given(changes) {
  const { item } = Work;
  const before = item.decision ?? { label: null, comment: "", evidence: [] };
  const kept = { comment: document.getElementById("comment")?.value ?? before.comment, evidence: before.evidence };
  if (before.taken) kept.take = true;
  else if (item.kind === "pieces" && before.label !== null && !before.verdicts?.length) kept.label = before.label;
  else if (item.kind === "pieces") kept.verdicts = verdictsOf(item);
  else kept.label = before.label;
  return { ...kept, ...changes };
}

/** Stores the item with these changes; the screen goes on only when they are stored. */
async function store(changes) {
  const { item } = Work;
  await inTurn(async () => {
    const wanted = given(changes);
    Work.unsaved = wanted;
    const after = await Work.source.decide(Work.annotator, item.question_id, wanted);
    Object.assign(item, { decision: after.decision, judge: after.judge, earlier: after.earlier });
    Work.unsaved = null;
    clearTimeout(commenting);
    Work.labels[item.number] = after.decision;
  });
  if (Work.trouble) drawWork();
  return !Work.trouble;
}

const decide = (said) => once(() => decideNow(said));
const decideAll = (changes) => once(() => finish(changes));

async function decideNow(said) {
  const { item } = Work;
  if (!item) return;
  if (item.kind === "number") {
    if (said === "cannot tell") await finish({ label: "?" });
    return;
  }
  if (item.kind === "grade") {
    if (said === "cannot tell") await finish({ label: "?" });
    return;
  }
  if (item.kind === "yes or no") {
    await finish({ label: LABEL_OF[said] });
    return;
  }
  const verdicts = verdictsOf(item);
  verdicts[Work.piece] = said;
  const changes = { verdicts, take: undefined, label: undefined };
  const next = verdicts.findIndex((one, place) => one === null && place > Work.piece);
  const open = next >= 0 ? next : verdicts.indexOf(null);
  if (open >= 0) {
    if (await store(changes)) {
      Work.piece = open;
      drawWork();
      document.getElementById(`piece-${open}`)?.scrollIntoView({ block: "nearest" });
    }
    return;
  }
  if (item.decision?.done && Work.piece < verdicts.length - 1) {
    if (await store(changes)) {
      Work.piece += 1;
      Work.done();
      drawWork();
    }
    return;
  }
  await finish(changes);
}

/** Stores what makes the item complete, and goes to the next one. */
async function finish(changes) {
  const { item } = Work;
  if (!(await store({ take: undefined, ...changes })) || !item.decision.done) return;
  Work.last = { number: item.number, decision: item.decision, judge: item.judge };
  if (item.number === Work.position) Work.position += 1;
  Work.done();
  await goTo(item.number + 1);
}

function back() {
  if (Work.item?.kind === "pieces" && Work.piece > 0) {
    Work.piece -= 1;
    drawWork();
  } else once(() => goTo((Work.item?.number ?? Work.total) - 1, true));
}

function forward() {
  const { item } = Work;
  if (!item?.decision?.done) return;
  if (item.kind === "pieces" && Work.piece < item.pieces.length - 1) {
    Work.piece += 1;
    drawWork();
  } else once(() => goTo(item.number + 1));
}

/** To the last item before this one of which the person could not tell. */
function skipBack() {
  const before = Work.item?.number ?? Work.total;
  for (let number = before - 1; number >= 0; number -= 1) {
    if (Work.labels[number]?.label === "?") {
      once(() => goTo(number));
      return;
    }
  }
  toast(t("none_to_skip_to"));
}

async function mark() {
  const { item } = Work;
  if (!item) return;
  const found = selectedMarks(item.passages);
  if (!found.length) {
    toast(t("select_first"));
    return;
  }
  if (await store({ evidence: [...(item.decision?.evidence ?? []), ...found] })) {
    getSelection().removeAllRanges();
    drawWork();
  }
}

async function unmark(place) {
  const evidence = [...(Work.item?.decision?.evidence ?? [])];
  if (!evidence.length) return;
  evidence.splice(place, 1);
  if (await store({ evidence })) drawWork();
}

function comment() {
  const field = document.getElementById("comment");
  field?.focus();
}

let commenting = 0;
function commented(event) {
  clearTimeout(commenting);
  const { item } = Work;
  const text = event.target.value;
  const save = async () => {
    if (Work.item !== item) return;
    if (text !== (item.decision?.comment ?? "") && (await store({ comment: text }))) toast(t("saved"));
  };
  commenting = setTimeout(save, event.type === "blur" ? 0 : 250);
}

/** Escape leaves the field, not the page. */
function leaveField(event) {
  if (event.key !== "Escape") return;
  event.stopPropagation();
  event.target.blur();
}

/** A number from 0 to 1, also as a share such as 2/3; "?" for cannot tell; null for anything else. */
function parseNumber(text) {
  const plainText = text.trim();
  if (plainText === "?" || plainText === "？") return "?";
  const share = /^(\d+)\s*\/\s*(\d+)$/.exec(plainText);
  const value = share ? Number(share[1]) / Number(share[2]) : /^[\d.]+$/.test(plainText) ? Number(plainText) : NaN;
  return value >= 0 && value <= 1 ? value : null;
}

function numberGiven(event) {
  event.preventDefault();
  const value = parseNumber(document.getElementById("number").value);
  if (value === null) {
    document.getElementById("number-wrong").textContent = t("number_wrong");
    return;
  }
  decideAll({ label: value });
}

function takeOver() {
  if (Work.item?.earlier && !Work.item.decision?.done) decideAll({ take: true, label: undefined, verdicts: undefined });
}

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

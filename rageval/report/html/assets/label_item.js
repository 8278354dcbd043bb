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

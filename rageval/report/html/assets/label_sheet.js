// The labelling sheet: the work of the page without a server. What is filled in stays in this browser as far as it
// stores anything for files, and is saved as a file to send back.

const SHEET = `sheet.${DATA.sample}`;
const Sheet = { annotator: "", decisions: {}, stored: true, saved: true, stale: false };

function loadSheet() {
  try {
    const kept = JSON.parse(Stored.get(SHEET) ?? "null");
    if (kept) Object.assign(Sheet, { annotator: String(kept.annotator), decisions: kept.decisions, saved: kept.saved });
  } catch {
    Sheet.decisions = {};
  }
  Sheet.stored = Stored.set("probe", "1") && Stored.get("probe") === "1";
}

function keepSheet() {
  Sheet.stored = Stored.set(SHEET, JSON.stringify({ annotator: Sheet.annotator, decisions: Sheet.decisions, saved: Sheet.saved }));
}

// Another tab with the same file has gone on: what is shown here is older.
window.addEventListener("storage", (event) => {
  if (event.key !== `rageval.${SHEET}`) return;
  Sheet.stale = true;
  Work.trouble = t("other_tab");
  drawWork();
});
window.addEventListener("beforeunload", (event) => {
  if (!Sheet.stored && !Sheet.saved) event.preventDefault();
});

function firstOpen() {
  const open = DATA.items.findIndex((item) => !Sheet.decisions[item.question_id]?.done);
  return open < 0 ? DATA.items.length : open;
}

/** The number that the verdicts give: the share of yes; "?" where any could not be told, null where any is missing. */
function shareOfYes(verdicts) {
  if (verdicts.includes(null)) return null;
  return verdicts.includes("cannot tell") ? "?" : verdicts.filter((one) => one === "yes").length / verdicts.length;
}

const sheetSource = {
  async state() {
    const position = firstOpen();
    return { total: DATA.items.length, position, labels: DATA.items.slice(0, position).map((item) => Sheet.decisions[item.question_id]) };
  },
  async item(_, number) {
    const item = DATA.items[number];
    return { ...item, number, total: DATA.items.length, decision: Sheet.decisions[item.question_id] ?? null, judge: null, earlier: null };
  },
  async decide(_, question_id, given) {
    if (Sheet.stale) throw new Error(t("other_tab"));
    const label = given.verdicts ? shareOfYes(given.verdicts) : given.label ?? null;
    Sheet.decisions[question_id] = {
      question_id,
      label,
      verdicts: given.verdicts ?? [],
      comment: given.comment ?? "",
      evidence: given.evidence ?? [],
      taken: null,
      done: label !== null,
      at: new Date().toISOString(),
    };
    Sheet.saved = false;
    keepSheet();
    return { decision: Sheet.decisions[question_id], judge: null, earlier: null };
  },
};

/** The file that is sent back: a line for each answer that something was said of, in the order of the sheet. */
function savedFile() {
  return DATA.items
    .map((item) => Sheet.decisions[item.question_id])
    .filter(Boolean)
    .map(({ question_id, label, verdicts, comment, evidence, at }) => {
      const row = { run: DATA.run, sample: DATA.sample, question_id, metric: DATA.metric, label, annotator: Sheet.annotator };
      if (verdicts.length) row.verdicts = verdicts;
      if (comment) row.comment = comment;
      if (evidence.length) row.evidence = evidence;
      return `${JSON.stringify({ ...row, at })}\n`;
    })
    .join("");
}

function saveSheet() {
  const name = [DATA.run, DATA.metric, Sheet.annotator].join("-").replace(/[^\p{L}\p{N}._-]+/gu, "-");
  download(`${name}.jsonl`, savedFile(), "application/x-ndjson");
  Sheet.saved = true;
  keepSheet();
  drawSheetFoot();
}

async function goOnFrom(file) {
  try {
    const rows = (await file.text()).split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line));
    const known = new Set(DATA.items.map((item) => item.question_id));
    if (!rows.length || rows.some((row) => row.sample !== DATA.sample || !known.has(row.question_id))) throw new Error();
    Sheet.decisions = {};
    for (const row of rows) {
      const { question_id, label, verdicts = [], comment = "", evidence = [], at = "" } = row;
      Sheet.decisions[question_id] = { question_id, label, verdicts, comment, evidence, taken: null, done: label !== null, at };
    }
    Sheet.annotator = String(rows[0].annotator);
    keepSheet();
    show();
  } catch {
    toast(t("load_wrong"));
  }
}

function sheetFoot() {
  return [
    h("p", { class: "bar" },
      h("button", { type: "button", id: "save", class: "main", onclick: saveSheet }, h("kbd", null, "s"), t("save_file")),
      Sheet.saved ? null : h("span", { class: "dim" }, t("done_of_total", { done: firstOpen(), total: DATA.items.length })),
    ),
    h("p", { class: "dim" }, t("sheet_how")),
    Sheet.stored ? null : h("p", { class: "bad", role: "alert", id: "not-stored" }, t("not_stored")),
  ];
}

function drawSheetFoot() {
  const foot = document.getElementById("aside");
  if (foot) replace(foot, sheetFoot());
}

function nameView() {
  const field = h("input", { id: "name", type: "text", maxlength: 40, required: true, autocomplete: "name", value: Sheet.annotator });
  const file = h("input", { id: "load", type: "file", accept: ".jsonl", onchange: (event) => event.target.files[0] && goOnFrom(event.target.files[0]) });
  return [
    h("h1", null, t("sheet_title", { metric: DATA.metric })),
    h("p", null, t("sheet_how")),
    Sheet.stored ? null : h("p", { class: "bad", role: "alert", id: "not-stored" }, t("not_stored")),
    h("form", { class: "bar", onsubmit: (event) => { event.preventDefault(); Sheet.annotator = field.value.trim(); if (Sheet.annotator) { keepSheet(); show(); } } }, h("label", { for: "name" }, t("your_name")), field, h("button", { type: "submit", class: "main" }, t("start"))),
    h("p", null, h("label", { for: "load" }, t("load_file")), " ", file),
  ];
}

async function show() {
  document.title = t("sheet_title", { metric: DATA.metric });
  const named = Sheet.annotator !== "";
  replace(
    document.getElementById("page"),
    h("header", { class: "page-head" }, h("a", { class: "skip", href: "#main" }, t("skip")), h("strong", null, t("sheet_title", { metric: DATA.metric })), h("span", { dir: "auto" }, plain(`${DATA.run}  ${Sheet.annotator}`)), h("div", { class: "end" }, pageButtons(show))),
    h("main", { id: "main", tabindex: "-1" }, named ? null : nameView()),
  );
  Keys.of([]);
  if (!named) return;
  Object.assign(Work, { source: sheetSource, annotator: Sheet.annotator, done: () => {}, aside: sheetFoot, moreKeys: [{ key: "s", words: t("save_file_key"), act: saveSheet }] });
  await startWork();
}

loadSheet();
show();

// A run that is not finished: how far it is, and its answers so far.

const SHOWN = 50;
const state = { run: DATA.run, answers: [], skip: 0, trouble: "", open: new Set() };

function line(words, done, total) {
  const text = t("done_of", { done: number(done), total: number(total) });
  return h("tr", null, h("th", { scope: "row" }, plain(words)), h("td", null, bar(done, total, `${words}: ${text}`)), h("td", { class: "number" }, text));
}

function drawProgress() {
  const { run } = state;
  const progress = run.progress;
  const parts = [h("p", null, h("span", { class: `status ${run.status}` }, statusWords(run)), " ", progress ? paceWords(progress) : null)];
  if (state.trouble) parts.unshift(h("p", { class: "bad", role: "alert" }, state.trouble));
  if (run.status === "complete") parts.push(h("p", null, h("a", { href: `/report?runs=${run.id}`, id: "report" }, t("open_report"))));
  if (run.reason) parts.push(h("p", { class: "bad", dir: "auto" }, plain(run.reason)));
  if (progress) {
    const toJudge = progress.total - progress.failed;
    parts.push(
      h(
        "table",
        { class: "progress" },
        h("tbody", null, line(t("answers"), progress.answered, progress.total), Object.entries(progress.judged).map(([name, done]) => line(name, done, toJudge))),
      ),
      h("p", { class: progress.failed ? "bad" : "dim" }, t("failed_so_far", { n: number(progress.failed) })),
      run.status === "stopped" ? h("p", null, t("goes_on")) : null,
    );
  }
  replace(document.getElementById("progress"), parts);
}

function answerItem(one) {
  const body = one.failure !== null
    ? said(one.failure, { class: "bad" })
    : one.answer === null
      ? h("p", { class: "dim" }, t("no_answer"))
      : said(one.answer);
  return h(
    "li",
    null,
    h(
      "details",
      { open: state.open.has(one.question_id), ontoggle: (event) => (event.target.open ? state.open.add(one.question_id) : state.open.delete(one.question_id)) },
      h("summary", { dir: "auto" }, h("span", { class: "dim" }, plain(one.question_id), " "), plain(one.question), one.failure !== null ? h("span", { class: "bad" }, " ", t("failed_one")) : null, one.abstained ? h("span", { class: "dim" }, " ", t("abstained")) : null),
      body,
      one.passages.length ? h("h3", null, t("passages_read")) : null,
      h("ol", null, one.passages.map(([title, text]) => h("li", null, title ? h("strong", { dir: "auto" }, plain(title)) : null, said(text)))),
    ),
  );
}

function drawAnswers() {
  const answered = state.run.progress?.answered ?? 0;
  replace(
    document.getElementById("answers"),
    state.answers.length ? h("h2", null, t("answers_so_far")) : null,
    h("ul", { class: "answers" }, state.answers.map(answerItem)),
    state.skip > 0 ? h("button", { type: "button", onclick: () => turn(-SHOWN) }, t("newer")) : null,
    state.answers.length === SHOWN && answered > state.skip + SHOWN ? h("button", { type: "button", onclick: () => turn(SHOWN) }, t("older")) : null,
  );
}

function turn(step) {
  state.skip = Math.max(state.skip + step, 0);
  refresh();
}

async function refresh() {
  try {
    const found = await ask(`/api/run/${DATA.run.id}?skip=${state.skip}`);
    const changed = JSON.stringify(found.answers) !== JSON.stringify(state.answers);
    Object.assign(state, { run: found.run, trouble: "" });
    if (changed && found.run.status !== "complete") {
      state.answers = found.answers;
      drawAnswers();
    }
  } catch (error) {
    state.trouble = error.message;
  }
  drawProgress();
}

function draw() {
  document.title = `${DATA.run.label} · rageval`;
  replace(
    document.getElementById("page"),
    viewHead(h("a", { href: "/" }, t("runs")), null, draw),
    h("main", { id: "main", tabindex: "-1" }, h("h1", { dir: "auto" }, plain(DATA.run.label)), h("p", { class: "dim", dir: "auto" }, plain(DATA.run.name)), h("div", { id: "progress" }), h("div", { id: "answers" })),
  );
  Keys.of([{ key: "Escape", words: t("back"), act: () => location.assign("/") }]);
  drawProgress();
  drawAnswers();
}

draw();
poll(async () => {
  await refresh();
  return POLL_MS;
});

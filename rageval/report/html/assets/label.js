// The labelling page of `rageval view`: choose a sample or draw one, label it, see what follows, settle disagreements.
// `#/` chooses, `#/work/<sample>` labels, `#/results/<sample>` shows, `#/settle/<sample>/<number>` settles.

const base = `/api/label/${DATA.run}`;

function serverSource(sample) {
  const who = (annotator) => `annotator=${encodeURIComponent(annotator)}`;
  return {
    state: (annotator) => ask(`${base}/${sample}?${who(annotator)}`),
    item: (annotator, number) => ask(`${base}/${sample}/item/${number}?${who(annotator)}`),
    decide: (annotator, question_id, given) => post(`${base}/${sample}/decide`, { ...given, annotator, question_id }),
  };
}

/** The labels are stored in the run after each item; one request at a time, the last state counts. */
const Attaching = {
  running: false,
  again: false,
  found: null,
  foreign: "",
  trouble: "",
  async go(sample, replace = false) {
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    try {
      const found = await post(`${base}/${sample}/attach`, { replace });
      Object.assign(this, { found: found.foreign ? null : found, foreign: found.foreign ?? "", trouble: "" });
    } catch (error) {
      this.trouble = error.message;
    } finally {
      this.running = false;
    }
    const aside = document.getElementById("aside");
    if (aside) globalThis.replaceAside?.(aside);
    if (this.again) {
      this.again = false;
      await this.go(sample);
    }
  },
  view(sample) {
    if (this.foreign) return h("section", { class: "card" }, h("p", null, plain(this.foreign)), h("button", { type: "button", id: "replace", onclick: () => this.go(sample, true) }, t("replace_labels")));
    if (this.trouble) return h("section", { class: "card" }, h("p", { class: "bad" }, plain(this.trouble)));
    if (!this.found) return null;
    return h("section", { class: "card", "aria-label": t("number_so_far") }, h("h2", null, t("number_so_far")), estimateView(this.found), h("p", null, h("a", { href: `#/results/${sample}` }, t("results"))));
  },
};

function frame(title, ...content) {
  document.title = `${title} · rageval`;
  const { view, sample } = Place.read();
  const link = (name, words) => h("a", { href: `#/${name}/${sample}`, "aria-current": view === name ? "page" : null }, words);
  replace(
    document.getElementById("page"),
    viewHead(
      h("a", { href: "/" }, t("runs")),
      [h("span", { dir: "auto" }, plain(DATA.name)), h("nav", { "aria-label": t("main_navigation") }, h("a", { href: "#/", "aria-current": view === "choose" ? "page" : null }, t("samples")), sample ? [link("work", t("label_verb")), link("results", t("results"))] : null)],
      show,
    ),
    h("main", { id: "main", tabindex: "-1" }, content),
  );
}

async function chooseView() {
  frame(t("samples"), h("p", { class: "dim" }, t("loading")));
  Keys.of([{ key: "Escape", words: t("runs"), act: () => location.assign("/") }]);
  const found = await ask(base);
  const start = (sample) => {
    if (!annotator()) {
      document.getElementById("name").focus();
      toast(t("name_first"));
      return;
    }
    Stored.set("annotator", annotator());
    Place.go("work", sample);
  };
  const metric = h("select", { id: "metric" }, found.metrics.map((one) => h("option", { value: one.name }, t("metric_of", { name: one.name, n: one.questions }))));
  const n = h("input", { id: "n", type: "number", min: 1, value: "50", max: Math.max(...found.metrics.map((one) => one.questions), 1) });
  const wrong = h("p", { class: "bad", role: "alert" });
  const draw = async (event) => {
    event.preventDefault();
    try {
      const sample = await post(`${base}/draw`, { metric: metric.value, n: Number(n.value), seed: 0 });
      start(sample.digest);
      if (!annotator()) await chooseView();
    } catch (error) {
      replace(wrong, plain(error.message));
    }
  };
  frame(
    t("samples"),
    h("h1", { dir: "auto" }, t("label_answers", { run: DATA.label })),
    nameForm(null),
    h("h2", null, t("samples")),
    found.samples.length
      ? h("ul", { class: "samples" }, found.samples.map((one) => h("li", null, h("button", { type: "button", class: "main", "data-sample": one.digest, onclick: () => start(one.digest) }, t(one.started ? "go_on" : "start")), " ", h("strong", null, one.metric), ` ${t("sample_words", { n: one.to_label, seed: one.seed })} `, h("a", { href: `#/results/${one.digest}` }, t("results")))))
      : h("p", { class: "dim" }, t("no_samples")),
    h("h2", null, t("draw")),
    found.metrics.length ? h("form", { class: "bar", onsubmit: draw }, h("label", { for: "metric" }, t("metric")), metric, h("label", { for: "n" }, t("how_many")), n, h("button", { type: "submit", id: "draw" }, t("draw"))) : h("p", { class: "dim" }, t("no_metrics")),
    wrong,
  );
}

async function workView(sample) {
  if (!Stored.get("annotator")) {
    frame(t("label_verb"), nameForm(show));
    document.getElementById("name").focus();
    return;
  }
  frame(t("label_verb"), h("p", { class: "dim" }, t("loading")));
  Object.assign(Work, {
    source: serverSource(sample),
    annotator: Stored.get("annotator"),
    done: () => Attaching.go(sample),
    leave: () => Place.go(""),
    aside: () => Attaching.view(sample),
  });
  globalThis.replaceAside = (aside) => replace(aside, Attaching.view(sample));
  Attaching.found = null;
  await startWork();
  if (Work.position > 0) Attaching.go(sample);
}

async function resultsView(sample) {
  frame(t("results"), h("p", { class: "dim" }, t("loading")));
  Keys.of([{ key: "Escape", words: t("label_verb"), act: () => Place.go("work", sample) }]);
  await Attaching.go(sample);
  const [found, listed] = await Promise.all([ask(`${base}/${sample}/summary`), ask(`${base}/${sample}/disagreements?annotator=${encodeURIComponent(Stored.get("annotator") || "?")}`)]);
  globalThis.replaceAside = (aside) => replace(aside, Attaching.foreign || Attaching.trouble ? Attaching.view(sample) : null);
  frame(
    t("results"),
    h("h1", null, t("number_so_far")),
    h("div", { id: "aside" }, Attaching.foreign || Attaching.trouble ? Attaching.view(sample) : null),
    estimateView(found),
    h("h2", null, t("people")),
    peopleView(found),
    h("h2", null, t("disagreements")),
    h("p", { class: "dim" }, t("disagreements_how")),
    disagreementList(listed.disagreements, (number) => Place.go("settle", sample, number)),
  );
}

async function settlePage(sample, number) {
  frame(t("settle"), h("p", { class: "dim" }, t("loading")));
  const item = await ask(`${base}/${sample}/disagreement/${number}?annotator=${encodeURIComponent(Stored.get("annotator") || "?")}`);
  const leave = () => Place.go("results", sample);
  const settle = async (given) => {
    try {
      await post(`${base}/${sample}/settle`, { ...given, annotator: annotator(), question_id: item.question_id });
      leave();
    } catch (error) {
      toast(error.message);
    }
  };
  const words = item.kind === "yes or no" ? SAID.map((one) => ({ key: SAID_KEYS[one], words: t(`said_${one.replace(" ", "_")}`), act: () => { settle({ label: LABEL_OF[one], comment: document.getElementById("settle-comment").value }); } })) : [];
  frame(t("settle"), nameForm(null), settleView(item, settle));
  Keys.of([...words, { key: "Escape", words: t("leave"), act: leave }]);
}

const VIEWS = { choose: chooseView, work: workView, results: resultsView, settle: settlePage };

async function show() {
  const { view, sample, number } = Place.read();
  try {
    await (VIEWS[view] ?? chooseView)(sample, number);
  } catch (error) {
    frame(t("trouble"), h("p", { class: "bad", role: "alert" }, plain(error.message)));
  }
}

window.addEventListener("hashchange", show);
show();

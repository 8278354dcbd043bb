// The page on which documents are graded: choose which, grade one after the other, add the labels to the benchmark.

const base = `/api/documents/${DATA.run}`;
const Added = { table: "", words: "" };

function frame(title, ...content) {
  document.title = `${title} · rageval`;
  const { view } = Place.read();
  replace(
    document.getElementById("page"),
    viewHead(h("a", { href: "/" }, t("runs")), [h("span", { dir: "auto" }, plain(DATA.name)), h("nav", { "aria-label": t("main_navigation") }, h("a", { href: "#/", "aria-current": view === "choose" ? "page" : null }, t("documents")), h("a", { href: `/label/${DATA.run}` }, t("answers")))], show),
    h("main", { id: "main", tabindex: "-1" }, content),
  );
}

async function chooseView() {
  frame(t("documents"), h("p", { class: "dim" }, t("loading")));
  Keys.of([{ key: "Escape", words: t("runs"), act: () => location.assign("/") }]);
  const found = await ask(base);
  const start = (queue) => {
    if (!annotator()) {
      document.getElementById("name").focus();
      toast(t("name_first"));
      return;
    }
    Stored.set("annotator", annotator());
    Place.go("work", queue);
  };
  const metric = h("select", { id: "metric" }, h("option", { value: "pool" }, t("pool")), found.metrics.map((one) => h("option", { value: one, selected: one === found.metrics[0] }, t("narrows", { metric: one }))));
  const n = h("input", { id: "n", type: "number", min: 1, value: "20" });
  const wrong = h("p", { class: "bad", role: "alert" });
  const choose = async (event) => {
    event.preventDefault();
    try {
      start((await post(`${base}/choose`, { metric: metric.value, n: Number(n.value) })).digest);
    } catch (error) {
      replace(wrong, plain(error.message));
    }
  };
  frame(
    t("documents"),
    h("h1", null, t("grade_documents", { run: DATA.label })),
    nameForm(null),
    found.queues.length ? h("ul", { class: "samples" }, found.queues.map((one) => h("li", null, h("button", { type: "button", class: "main", "data-queue": one.digest, onclick: () => start(one.digest) }, t("go_on")), " ", h("strong", null, one.about), ` ${t("queue_words", { n: one.pairs })}`))) : null,
    h("form", { class: "bar", onsubmit: choose }, h("label", { for: "metric" }, t("which_documents")), metric, h("label", { for: "n" }, t("how_many_documents")), n, h("button", { type: "submit", id: "choose" }, t("choose_documents"))),
    h("p", { class: "dim" }, t("pool_how")),
    wrong,
  );
}

function addView(queue) {
  const add = async () => {
    try {
      Added.words = t("added", { n: (await post(`${base}/${queue}/add`, { annotator: Work.annotator })).added });
    } catch (error) {
      Added.words = error.message;
    }
    drawWork();
  };
  if (!Added.table) return h("p", { class: "dim" }, t("no_table"));
  return h("section", { class: "card" }, h("p", { dir: "auto" }, plain(Added.table)), h("button", { type: "button", id: "add", onclick: add }, t("add_labels")), h("p", { role: "status" }, plain(Added.words)));
}

async function workView(queue) {
  frame(t("documents"), Stored.get("annotator") ? h("p", { class: "dim" }, t("loading")) : nameForm(show));
  if (!Stored.get("annotator")) return;
  Object.assign(Added, { table: (await ask(base)).table, words: "" });
  const who = (name) => `annotator=${encodeURIComponent(name)}`;
  Object.assign(Work, {
    source: {
      state: (name) => ask(`${base}/${queue}?${who(name)}`),
      item: (name, number) => ask(`${base}/${queue}/item/${number}?${who(name)}`),
      decide: (name, _, given) => post(`${base}/${queue}/decide`, { ...given, annotator: name, number: Work.item.number }),
    },
    annotator: Stored.get("annotator"),
    leave: () => Place.go(""),
    aside: () => addView(queue),
  });
  await startWork();
}

async function show() {
  const { view, sample } = Place.read();
  try {
    await (view === "work" ? workView(sample) : chooseView());
  } catch (error) {
    frame(t("trouble"), h("p", { class: "bad", role: "alert" }, plain(error.message)));
  }
}

window.addEventListener("hashchange", show);
show();

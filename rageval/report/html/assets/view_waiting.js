// A report that takes long to make: this page waits for it and then gives way to it.

const state = { began: Date.now(), trouble: "" };

function drawWaiting() {
  replace(
    document.getElementById("waiting"),
    state.trouble ? said(state.trouble, { class: "bad", role: "alert", id: "reason" }) : h("progress", { "aria-label": t("making", { n: number(DATA.runs.length) }) }),
    state.trouble ? h("p", null, h("a", { href: "/" }, t("back"))) : h("p", { class: "dim" }, duration((Date.now() - state.began) / 1000)),
  );
}

function draw() {
  const title = t("making", { n: number(DATA.runs.length) });
  document.title = `${title} · rageval`;
  replace(
    document.getElementById("page"),
    viewHead(h("a", { href: "/" }, t("runs")), null, draw),
    h("main", { id: "main", tabindex: "-1" }, h("h1", null, title), h("p", null, t("making_why")), h("div", { id: "waiting" })),
  );
  Keys.of([{ key: "Escape", words: t("back"), act: () => location.assign("/") }]);
  drawWaiting();
}

draw();
setInterval(() => state.trouble || drawWaiting(), 1000);
ask(`/api/report/made?runs=${DATA.runs.join(",")}`).then(
  () => location.reload(),
  (error) => {
    state.trouble = error.message;
    drawWaiting();
  },
);

// Why something cannot be shown.

function draw() {
  document.title = `${t("not_shown")} · rageval`;
  replace(
    document.getElementById("page"),
    viewHead(h("a", { href: "/" }, t("runs")), null, draw),
    h("main", { id: "main", tabindex: "-1" }, h("h1", null, t("not_shown")), said(DATA.reason, { id: "reason" }), h("p", null, h("a", { href: "/" }, t("back")))),
  );
  Keys.of([{ key: "Escape", words: t("back"), act: () => location.assign("/") }]);
}

draw();

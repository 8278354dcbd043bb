// What the pages of labelling share: where one is (`#/view/what/number`), writing to the server, the person's name.

const Place = {
  read() {
    const [view, sample, number] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
    return { view: view || "choose", sample, number };
  },
  go(...parts) {
    location.hash = `#/${parts.join("/")}`;
  },
};

async function post(address, body) {
  let reply;
  try {
    reply = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json", [DATA.writing.header]: DATA.writing.token }, body: JSON.stringify(body), cache: "no-store" });
  } catch {
    throw new Error(t("server_gone"));
  }
  if (reply.status === 403) throw new Error(t("server_other"));
  const found = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(found.error ?? `${reply.status}`);
  return found;
}

function nameForm(then) {
  const field = h("input", { id: "name", type: "text", maxlength: 40, autocomplete: "name", required: true, value: Stored.get("annotator") ?? "" });
  return h("form", { class: "bar", onsubmit: (event) => { event.preventDefault(); Stored.set("annotator", field.value.trim()); then?.(); } }, h("label", { for: "name" }, t("your_name")), field, then ? h("button", { type: "submit", class: "main" }, t("start")) : null);
}

const annotator = () => document.getElementById("name")?.value.trim() || Stored.get("annotator") || "";


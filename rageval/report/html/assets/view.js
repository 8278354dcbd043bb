// What the pages of `rageval view` share: the head, requests to the server, and how numbers and times are written.

const POLL_MS = 2000;

function viewHead(title, aside, changed) {
  return h(
    "header",
    { class: "page-head" },
    h("a", { class: "skip", href: "#main" }, t("skip")),
    h("strong", null, title),
    aside,
    h("div", { class: "end" }, pageButtons(changed)),
  );
}

/** The JSON of an address of this server; an Error says in words of the interface why there is none. */
async function ask(address) {
  let reply;
  try {
    reply = await fetch(address, { headers: { Accept: "application/json" }, cache: "no-store" });
  } catch {
    throw new Error(t("server_gone"));
  }
  if (reply.status === 403) throw new Error(t("server_other"));
  const found = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(found.error ?? `${reply.status}`);
  return found;
}

/** Calls `work` now and then again after each pause that it returns in ms, as long as the page is looked at. */
function poll(work) {
  let timer = 0;
  const go = async () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(go, await work());
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) go();
  });
  go();
}

function number(value, digits = 0) {
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

function when(text) {
  const time = new Date(text);
  if (!text || Number.isNaN(time.getTime())) return text;
  return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { dateStyle: "medium", timeStyle: "short" }).format(time);
}

function duration(seconds) {
  if (seconds < 90) return t("seconds", { n: number(Math.max(Math.round(seconds), 1)) });
  if (seconds < 5400) return t("minutes", { n: number(seconds / 60) });
  return t("hours", { n: number(seconds / 3600, 1) });
}

function rate(perSecond) {
  return perSecond >= 1 ? t("per_second", { n: number(perSecond, 1) }) : t("per_minute", { n: number(perSecond * 60, 1) });
}

function judgedOf(progress) {
  return Object.values(progress.judged).reduce((sum, one) => sum + one, 0);
}

function statusWords(run) {
  const words = t(`status_${run.status}`);
  if (run.status !== "stopped" || !run.progress) return words;
  return `${words} (${t("quiet", { time: duration(run.progress.quiet_s) })})`;
}

/** Rate and remaining time of a running run, as far as they are known. */
function paceWords(progress) {
  const found = [];
  if (progress.rate !== null) found.push(rate(progress.rate));
  if (progress.remaining_s !== null) found.push(t("remaining", { time: duration(progress.remaining_s) }));
  return found.join(t("comma"));
}

function bar(done, total, words) {
  return h("progress", { max: Math.max(total, 1), value: done, "aria-label": words });
}

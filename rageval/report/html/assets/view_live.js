// A report that is served follows its runs: the leaderboard moves as people label.

const QUICK_S = 3;
const QUIET_MS = 3000;
let liveState = DATA.live.state;

async function followRuns() {
  const asked = `runs=${DATA.live.runs}`;
  try {
    const now = await (await fetch(`/api/report/state?${asked}`, { cache: "no-store" })).json();
    if (now.state === undefined || now.state === liveState) return;
    liveState = now.state;
    if (now.seconds === null || now.seconds > QUICK_S) {
      toast(t("runs_changed"));
      return;
    }
    const reply = await fetch(`/api/report?${asked}`, { cache: "no-store" });
    if (!reply.ok) return;
    Object.assign(DATA, await reply.json());
    liveState = DATA.live.state;
    Texts.kept.clear();
    if (Route.read().page === "leaderboard") show();
  } catch {
    // the server has ended: the page stays as it is
  }
}

(function follow() {
  setTimeout(async () => {
    if (!document.hidden) await followRuns();
    follow();
  }, QUIET_MS);
})();

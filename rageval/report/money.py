"""Costs and latencies as text: cells and lines that leaderboards, comparisons, sweeps, diagnoses and gates share."""

from __future__ import annotations

from collections.abc import Mapping

from rageval.decide.cost_gate import COST, CostGate
from rageval.decide.costs import LEVEL, CostComparison, RunCosts
from rageval.decide.diagnose import CauseCost, DiagnoseResult
from rageval.decide.leaderboard import Leaderboard, Row
from rageval.scores.spent import Spending
from rageval.stats import Interval
from rageval.stats.order_statistics import QuantileInterval

COST_HEADER = ("pipeline", "cost/question", "p50 s", "p95 s", "answering", "indexing", "judging", "paid in all")
UNKNOWN = "not known"
_DASH = "–"
_FAILED = "what was spent on them is not kept, and at the ends of latencies they count as 0 and as endless"


def amount(cost: float | None) -> str:
    """`0.00213`, `12.4`: three figures, in the currency of the prices."""
    if cost is None:
        return UNKNOWN
    return f"{cost:,.0f}" if cost >= 1000 else f"{cost:.3g}"


def mean_cost_cell(mean: Interval | None) -> str:
    """`0.00213 [0.0019, 0.0024]`."""
    return UNKNOWN if mean is None else f"{amount(mean.point)} [{amount(mean.low)}, {amount(mean.high)}]"


def latency_cell(found: QuantileInterval | None) -> str:
    """`1.31 [1.08, 1.62]`, with `not known` for an end that too few answers show; a dash without latencies."""
    if found is None:
        return _DASH
    high = UNKNOWN if found.high is None else f"{found.high:.3g}"
    return f"{found.point:.3g} [{found.low:.3g}, {high}]"


def cost_rows(board: Leaderboard) -> list[list[str]]:
    """A row for each run below `COST_HEADER`; none where no run has a price or a latency."""
    rows = [(row, row.costs) for row in board.rows if row.costs is not None]
    if not any(costs.quantiles or costs.mean is not None for _, costs in rows):
        return []
    return [_cost_row(row, costs) for row, costs in rows]


def shown_costs(board: Leaderboard) -> tuple[int, ...]:
    """The columns of `COST_HEADER` in which something is known."""
    rows = cost_rows(board)
    return tuple(i for i in range(len(COST_HEADER)) if any(row[i] not in (UNKNOWN, _DASH) for row in rows))


def cost_about(board: Leaderboard) -> list[str]:
    """What costs and latencies are, at length; nothing where there is no table."""
    if not cost_rows(board):
        return []
    told = (
        f"Cost per question is what an answer costs alone ({LEVEL:.0%} interval), in the currency of the prices; "
        "answering, indexing and judging are of the whole run, alone. p50 and p95 are quantiles of the latencies as "
        f"measured, with {LEVEL:.0%} intervals by order statistics; not of another day or machine."
    )
    failed = any(row.costs is not None and row.costs.spending.failed for row in board.rows)
    return [f"{told} Failed questions: {_FAILED}." if failed else told]


def cost_unknowns(board: Leaderboard) -> list[str]:
    """What of costs and latencies is not known and why, each reason once; nothing where there is no table."""
    if not cost_rows(board):
        return []
    told: dict[str, list[str]] = {}
    for row in board.rows:
        for line in [] if row.costs is None else _unknown(row.costs):
            told.setdefault(line, []).append(row.label)
    every = len(board.rows)
    return [line if len(labels) == every else f"{', '.join(labels)}: {line}" for line, labels in told.items()]


def comparison_lines(found: CostComparison | None) -> list[str]:
    """Cost and latency of two runs, in sentences; none where nothing of it was kept."""
    if found is None:
        return []
    lines: list[str] = []
    a, b = found.baseline, found.candidate
    if found.pairs is not None:
        before, after = found.pairs.means
        told = "no difference" if found.difference is None else _change(found.difference, found.ratio, found.p_value)
        lines.append(f"cost per question from {amount(before)} to {amount(after)}: {told} (n = {found.pairs.n})")
    elif a.costs or b.costs:
        lines.append(f"cost per question is not compared: {found.unknown}")
    for name, (before, after, (point, low, high)) in found.latencies.items():
        lines.append(
            f"latency {name} from {latency_cell(before)} to {latency_cell(after)} s: {point:+.3g} "
            f"[{_seconds(low)}, {_seconds(high)}] (n = {len(a.latencies)} and {len(b.latencies)})"
        )
    if lines:
        for side, one in (("baseline", a), ("candidate", b)):
            failed = [f"{len(one.failed)} failed: {_FAILED}"] if one.failed else []
            lines += [f"{side}: {line}" for line in (*failed, *_left_out(one))]
    if found.latencies and a.machine and b.machine and a.machine != b.machine:
        lines.append(f"latencies were measured on other machines: {a.machine} (baseline), {b.machine} (candidate)")
    return lines


def diagnosis_lines(result: DiagnoseResult) -> list[str]:
    """What the questions of each cause cost; none where no cost is known."""
    if not result.costs:
        return []
    whole = sum(one.cost for one in result.costs.values())
    wrong = sum(one.cost for name, one in result.costs.items() if name not in ("right", "not_known"))
    share = f" ({wrong / whole:.0%})" if whole else ""
    return [
        f"cost of answering, alone: {amount(whole)}, of which questions that went wrong {amount(wrong)}{share}",
        *(f"  {name}: {_cause(one)}" for name, one in result.costs.items()),
    ]


def cost_legend(costs: Mapping[str, CostGate]) -> str:
    """What decided the gates of cost and latency; empty without one."""
    parts: list[str] = []
    if COST in costs:
        parts.append(
            "cost: the mean over the questions that both answered, alone; no question is taken to cost more than the "
            "dearest answer of either run, and one such question is added as not seen."
        )
    if any(name != COST for name in costs):
        parts.append(
            "latency: quantiles by order statistics, each bound at half of the level, as measured in each run: "
            "machine, load and hour are not part of the interval."
        )
    return " ".join(parts)


def _cost_row(row: Row, costs: RunCosts) -> list[str]:
    paid = [part.paid for part in costs.parts.values()]
    known = [cost for cost in paid if cost is not None]
    return [
        row.label,
        mean_cost_cell(costs.mean),
        latency_cell(costs.quantiles.get("p50")),
        latency_cell(costs.quantiles.get("p95")),
        *(amount(costs.total(kind)) if _priced(costs, kind) else _DASH for kind in ("stage", "index", "judge")),
        amount(sum(known) if len(known) == len(paid) else None),
    ]


def _priced(costs: RunCosts, kind: str) -> bool:
    return any(name.startswith(f"{kind} ") for name in costs.parts)


def _unknown(costs: RunCosts) -> list[str]:
    spending = costs.spending
    lines = _left_out(spending)
    if spending.unknown and spending.costs == {}:
        lines.append(f"cost per question not known: {spending.unknown}")
    told = {spending.unknown}
    for name, part in costs.parts.items():
        if part.unknown and part.unknown not in told:
            told.add(part.unknown)
            lines.append(f"cost of {name} not known: {part.unknown}")
    if not spending.latencies and (spending.cached or spending.untimed):
        lines.append(f"no latency: {spending.untimed or 'all answers came wholly or partly from the cache'}")
    return lines


def _left_out(spending: Spending) -> list[str]:
    lines: list[str] = []
    if spending.cached and spending.latencies:
        lines.append(f"{len(spending.cached)} answers came from the cache, wholly or partly, and have no latency")
    if spending.costs and spending.embedder:
        lines.append(f"without embeddings by {spending.embedder}, which are not counted")
    return lines


def _change(difference: Interval, ratio: Interval | None, p_value: float | None) -> str:
    parts = [f"{_signed(difference.point)} [{_signed(difference.low)}, {_signed(difference.high)}]"]
    if ratio is not None:
        parts.append(f"× {ratio.point:.3g} [{ratio.low:.3g}, {ratio.high:.3g}]")
    if p_value is not None:
        parts.append("p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}")
    return ", ".join(parts)


def _cause(one: CauseCost) -> str:
    if not one.known:
        return f"{UNKNOWN} ({one.questions} questions)"
    left = one.questions - one.known
    return f"{amount(one.cost)}, {amount(one.cost / one.known)} a question" + (f" ({left} not known)" if left else "")


def _signed(number: float) -> str:
    return f"{number:+.3g}"


def _seconds(number: float) -> str:
    return f"{number:+.3g}" if abs(number) < float("inf") else UNKNOWN

"""The tables of docs/judges.md, made from the registries. `python -m tests.docs.judges_page` writes them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rageval.judges import JUDGES
from rageval.metrics import ALL_METRICS, MetricDefinition
from rageval.metrics.definitions import AnswerMetric, JudgedMetric

PAGE = Path(__file__).parents[2] / "docs" / "judges.md"
PASSAGES = 5
NONE = "–"
BAR = r"\|"


def with_tables(page: str) -> str:
    """The page with what stands between its markers made anew. Raises ValueError unless each marker is there once."""
    for name, rows in (("judges", judge_rows()), ("metrics", metric_rows())):
        table = "".join(map(line, rows))
        marked = re.compile(rf"(<!-- {name}: [^>]* -->\n).*?(<!-- end of {name} -->\n)", re.DOTALL)
        parts = marked.split(page)
        if len(parts) != 4:
            raise ValueError(f"{PAGE.name}: the markers of {name} must be there once")
        before, start, end, after = parts
        page = f"{before}{start}\n{table}\n{end}{after}"
    return page


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |\n"


def judge_rows() -> Iterator[Sequence[str]]:
    yield "judge", "question", f"calls for {PASSAGES} passages", "prompts"
    yield ("---",) * 4
    for judge in JUDGES.values():
        low, high = judge.calls(PASSAGES)
        calls = str(low) if low == high else f"{low} to {high}"
        yield f"`{judge.name}`", judge.summary, calls, ", ".join(judge.prompts) or NONE


def metric_rows() -> Iterator[Sequence[str]]:
    yield "metric", "kind", "judges", "what it is", "source"
    yield ("---",) * 5
    for metric in ALL_METRICS:
        arrow = " ↓" if metric.lower_is_better else ""
        judges = ", ".join(f"`{name}`" for name in judges_of(metric)) or NONE
        yield f"`{metric.form}`{arrow}", metric.kind, judges, metric.meaning, metric.source


def judges_of(metric: MetricDefinition) -> Sequence[str]:
    """The judges whose verdicts the metric reads; of a metric on answers alone, those that it asks if need be."""
    return metric.judges if isinstance(metric, JudgedMetric | AnswerMetric) else ()


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

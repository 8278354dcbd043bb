"""Every metric and every judge, from their registries."""

from __future__ import annotations

from rageval.judges import JUDGES
from rageval.metrics import ALL_METRICS, MetricDefinition
from rageval.metrics.definitions import AnswerMetric, JudgedMetric
from website.reference.markdown import NONE, code, table

_KINDS = {
    "ranking": "Of rankings",
    "evidence": "Of evidence in passages",
    "judged": "Judged",
    "answer": "Of answers, without a judge",
}
_PASSAGES = 5
_ABOUT_METRICS = """\
# Metrics

Made from the code. Scores run from 0 to 1; ↓ marks metrics of which less is better. What each one means, where it fails
and its source in full: [judges](../judges.md).
"""


def metrics_page() -> str:
    """The page of all metrics, by kind."""
    sections = [
        f"## {heading}\n\n" + table(_HEAD, [_row(metric) for metric in ALL_METRICS if metric.kind == kind])
        for kind, heading in _KINDS.items()
    ]
    return "\n".join(
        [
            _ABOUT_METRICS,
            *sections,
        ]
    )


def judges_page() -> str:
    """The page of all judges."""
    rows = [
        (code(judge.name), judge.summary, _calls(*judge.calls(_PASSAGES)), ", ".join(map(code, judge.prompts)) or NONE)
        for judge in JUDGES.values()
    ]
    return (
        "# Judges\n\nMade from the code. A judge reads an answer and gives verdicts; [metrics](metrics.md) are "
        "arithmetic over them. How judges work and how to check one: [judges](../judges.md).\n\n"
        + table(("judge", "question", f"calls for {_PASSAGES} passages", "prompts"), rows)
    )


_HEAD = ("metric", "what it is", "judges", "needs", "source")


def _row(metric: MetricDefinition) -> tuple[str, ...]:
    judges = metric.judges if isinstance(metric, JudgedMetric | AnswerMetric) else ()
    forms = ", ".join(map(code, metric.form.split(", ")))
    arrow = " ↓" if metric.lower_is_better else ""
    return f"{forms}{arrow}", metric.meaning, ", ".join(map(code, judges)) or NONE, _needs(metric), metric.source


def _needs(metric: MetricDefinition) -> str:
    if not isinstance(metric, JudgedMetric):
        return NONE
    needs = [
        (metric.needs_reference, "a reference answer"),
        (metric.needs_answerable, "an answerable question"),
        (metric.needs_context, "passages"),
    ]
    return ", ".join(text for needed, text in needs if needed) or NONE


def _calls(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"

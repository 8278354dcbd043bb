"""Cells of the measured tables: means, paired differences from a baseline, and what a question cost."""

from __future__ import annotations

from collections.abc import Sequence

import rageval


def compared(baseline: rageval.Result, found: rageval.Result, metrics: Sequence[str]) -> list[str]:
    """For each metric the mean, and the paired difference from the baseline with its 95% interval."""
    estimates = found.leaderboard.rows[0].estimates
    comparisons = rageval.compare(baseline.runs[0], found.runs[0], metrics).comparisons
    shown: list[str] = []
    for metric in metrics:
        mean, difference = estimates[metric], comparisons[metric].difference
        assert mean is not None
        told = f"{difference.point:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"
        shown += [f"{mean.point:.3f}", "–" if found is baseline else told]
    return shown


def answered(found: rageval.Result) -> list[rageval.Response]:
    outcomes = [outcome for _, outcome in rageval.RunFolder(found.runs[0]).outcomes_as_written()]
    return [one for one in outcomes if isinstance(one, rageval.Response)]


def costs(responses: Sequence[rageval.Response]) -> list[str]:
    """Calls, prompt tokens and seconds of a question."""
    calls, tokens, seconds = (
        sum(values) / len(responses)
        for values in (
            [one.usage.calls for one in responses],
            [one.usage.prompt_tokens for one in responses],
            [one.latency_s for one in responses],
        )
    )
    return [f"{calls:.1f}", f"{tokens:,.0f}", f"{seconds:.1f}"]

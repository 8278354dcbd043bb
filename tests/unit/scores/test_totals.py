from __future__ import annotations

from rageval.scores.totals import totals
from rageval.types import Failure, Response, Step, Usage


def test_stages_add_up_to_the_whole() -> None:
    rewriting, answering = Usage(1, 0, 10, 0, 2), Usage(1, 1, 30, 5, 4, 7)
    composed = Response(
        answer="a",
        steps=(Step("rewrite", usage=rewriting), Step("replay"), Step("answer", usage=answering)),
        usage=rewriting + answering,
        latency_s=2.0,
    )
    of_a_function = Response(answer="b", abstained=True, usage=Usage(3, 0, 50), latency_s=1.0)
    found = totals([composed, composed, of_a_function, Failure("ModelError", "no")])
    assert {key: found[key] for key in ("failed", "abstained", "mean_latency_s")} == {
        "failed": 1,
        "abstained": 1,
        "mean_latency_s": 5 / 3,
    }
    counts = ("calls", "cached_calls", "prompt_tokens", "cached_tokens", "completion_tokens", "saved_tokens")
    assert found["usage"] == dict(zip(counts, (7, 2, 130, 10, 12, 14), strict=True))
    assert found["usage_by_stage"] == {
        "rewrite": dict(zip(counts, (2, 0, 20, 0, 4, 0), strict=True)),
        "answer": dict(zip(counts, (2, 2, 60, 10, 8, 14), strict=True)),
        "pipeline": dict(zip(counts, (3, 0, 50, 0, 0, 0), strict=True)),
    }


def test_nothing_answered() -> None:
    found = totals([Failure("ModelError", "no")])
    assert (found["failed"], found["mean_latency_s"], found["usage_by_stage"]) == (1, None, {})

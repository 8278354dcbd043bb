from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.io.records import usage_from_json
from rageval.scores.totals import total, totals
from rageval.types import Failure, Json, Response, Step, Usage


def read(parts: Json) -> dict[str, Usage]:
    assert isinstance(parts, dict)
    return {name: usage_from_json(part) for name, part in parts.items() if isinstance(part, dict)}


def paid(request: str) -> Usage:
    """A call that a model answers, of 10 prompt tokens and 2 completion tokens."""
    return Usage(1, 0, 10, 0, 2, requests={request: (1, 10, 2)})


def cached(request: str) -> Usage:
    return Usage(1, 1, 10, 0, 2, 1, 10, 2, {request: (1, 10, 2)})


def test_stages_add_up_to_the_whole() -> None:
    rewriting, answering = Usage(1, 0, 10, 0, 2), Usage(2, 1, 36, 5, 5, 1, 6, 1)
    composed = Response(
        answer="a",
        steps=(Step("rewrite", usage=rewriting), Step("replay"), Step("answer", usage=answering)),
        usage=rewriting + answering,
        latency_s=2.0,
    )
    of_a_function = Response(answer="b", abstained=True, usage=Usage(3, 0, 50), latency_s=1.0)
    found = totals(
        [composed, composed, of_a_function, Failure("ModelError", "no")], [], {"judge": [rewriting, rewriting]}
    )
    assert {key: found[key] for key in ("failed", "abstained", "mean_latency_s")} == {
        "failed": 1,
        "abstained": 1,
        "mean_latency_s": 5 / 3,
    }
    assert read(found["usage"]) == {
        "answering": Usage(9, 2, 142, 10, 14, 2, 12, 2),
        "indexing": Usage(),
        "judge": Usage(2, 0, 20, 0, 4),
    }
    assert read(found["usage_by_stage"]) == {
        "rewrite": Usage(2, 0, 20, 0, 4),
        "answer": Usage(4, 2, 72, 10, 10, 2, 12, 2),
        "pipeline": Usage(3, 0, 50),
    }


def test_nothing_answered() -> None:
    found = totals([Failure("ModelError", "no")], [], {})
    assert (found["failed"], found["mean_latency_s"], found["usage_by_stage"]) == (1, None, {})


@pytest.mark.parametrize("first", [paid("0a"), cached("0a")])
def test_what_a_run_asks_again_costs_nothing_alone(first: Usage) -> None:
    """Two questions, one stage, two judges and an index that is built twice ask the same: it counts in the index, or
    else in the stage, whoever was first to pay for it.
    """
    answers = [
        Response(steps=(Step("answer", usage=usage),), usage=usage + extra, latency_s=1.0)
        for usage, extra in ((first, paid("0b")), (cached("0a"), cached("0b")))
    ]
    indexing = [("Index", paid("0e")), ("Index", cached("0e")), ("Index 2", cached("0e"))]
    found = totals(
        answers, indexing, {"one": [cached("0a"), paid("0c")], "two": [cached("0c"), paid("0d"), cached("0e")]}
    )
    assert {name: usage.calls for name, usage in read(found["usage_by_stage"]).items()} == {"answer": 1, "pipeline": 1}
    usage = read(found["usage"])
    assert {name: one.calls for name, one in usage.items()} == {"answering": 2, "indexing": 1, "one": 1, "two": 1}
    assert {name: one.calls for name, one in read(found["usage_by_index"]).items()} == {"Index": 1, "Index 2": 0}
    assert {name: one.cached_calls for name, one in usage.items()} == {
        "answering": 2 + first.cached_calls,
        "indexing": 2,
        "one": 1,
        "two": 2,
    }
    assert sum(one.paid_calls for one in usage.values()) == 4 + first.paid_calls
    assert sum(one.prompt_tokens for one in usage.values()) == 50
    assert sum(one.completion_tokens for one in usage.values()) == 10


asked = st.lists(st.tuples(st.sampled_from(["0a", "0b", "0c", "0d"]), st.booleans()), max_size=12)


@given(asked)
def test_a_sum_in_any_order_costs_alone_what_its_different_requests_do(calls: list[tuple[str, bool]]) -> None:
    """What was paid is the sum, also where a request was paid for twice, since the cache was lost."""
    usages = [paid(request) if pays else cached(request) for request, pays in calls]
    for order in itertools.islice(itertools.permutations(usages), 20):
        summed = sum(order, Usage())
        different = len({request for request, _ in calls})
        assert (summed.calls, summed.prompt_tokens, summed.completion_tokens) == (
            different,
            10 * different,
            2 * different,
        )
        assert summed.paid_calls == sum(pays for _, pays in calls)
        assert summed.cached_calls == sum(not pays for _, pays in calls)
        assert replace(summed, requests={}) == total(order)

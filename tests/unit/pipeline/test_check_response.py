"""Responses from anywhere: what can be kept is kept as plain values, and what cannot be is named."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from rageval.errors import ExecutionError
from rageval.io.records import outcome_from_json, outcome_to_json
from rageval.pipeline.abstention import read_abstention
from rageval.pipeline.check_response import check_response
from rageval.types import Hit, Passage, Response, Step, Usage

PASSAGE = Passage("d1", 0, 4, "text", "Title")
HITS = (Hit(PASSAGE, 2.0), Hit(Passage("d2", 3, 5, "文本"), -1.0))
GOOD = Response(
    HITS,
    "Because.",
    context=(1, 0),
    citations=(0,),
    abstained=False,
    steps=(Step("search", {"queries": ["a", "b"], "n": 2, "best": 0.5, "done": True, "none": None}, Usage(calls=1)),),
    usage=Usage(calls=2, prompt_tokens=7),
    latency_s=0.5,
    cited_answer="Because [1].",
)


def written(response: Response) -> Response:
    """What a run reads back."""
    again = outcome_from_json(json.loads(json.dumps(outcome_to_json(response, {}), allow_nan=False)), {})
    assert isinstance(again, Response)
    return again


def test_a_good_response_stays_what_it_is() -> None:
    assert check_response(GOOD) == GOOD
    assert check_response(GOOD).hits == HITS
    assert check_response(Response()) == Response()


NUMPY: list[tuple[Response, Response]] = [
    (replace(GOOD, hits=tuple(Hit(hit.passage, np.float32(hit.score)) for hit in HITS)), GOOD),  # type: ignore[arg-type]
    (replace(GOOD, hits=tuple(Hit(hit.passage, np.int64(hit.score)) for hit in HITS)), GOOD),  # type: ignore[arg-type]
    (replace(GOOD, hits=(Hit(PASSAGE, Decimal("2.0")), HITS[1])), GOOD),  # type: ignore[arg-type]
    (replace(GOOD, hits=(Hit(replace(PASSAGE, start=np.int32(0), end=np.uint8(4)), 2), HITS[1])), GOOD),
    (replace(GOOD, hits=[*HITS], context=[1, 0], citations=range(1), steps=[*GOOD.steps]), GOOD),  # type: ignore[arg-type]
    (replace(GOOD, context=np.array([1, 0]), citations=(np.int64(0),)), GOOD),  # type: ignore[arg-type]
    (replace(GOOD, abstained=np.bool_(False)), GOOD),  # type: ignore[arg-type]
    (replace(GOOD, usage=Usage(np.int64(2), prompt_tokens=np.int32(7))), GOOD),
    (replace(GOOD, latency_s=np.float64(0.5)), GOOD),
    (
        replace(GOOD, steps=(Step("s", {"at": np.array([[1.5], [2.5]]), "n": np.int8(3), "in": ("a", ("b",))}),)),  # type: ignore[dict-item]
        replace(GOOD, steps=(Step("s", {"at": [[1.5], [2.5]], "n": 3, "in": ["a", ["b"]]}),)),
    ),
]


@pytest.mark.parametrize(("given", "kept"), NUMPY)
def test_numbers_of_other_kinds_become_pythons_own(given: Response, kept: Response) -> None:
    found = check_response(given)
    assert found == kept
    assert written(found) == kept
    assert {type(hit.score) for hit in found.hits} == {float}


def hit(**changes: Any) -> Response:
    return Response((Hit(replace(PASSAGE, **changes), 1.0),))


def scored(score: Any) -> Response:
    return Response((Hit(PASSAGE, score),))


def detail(value: Any) -> Response:
    return Response(steps=(Step("mine", {"found": value}),))


LOOP: list[Any] = []
LOOP.append(LOOP)

WRONG: list[tuple[Any, str]] = [
    (None, "the response: found a NoneType, expected a Response"),
    ("Because.", "the response: found a str, expected a Response"),
    (Response(answer=5), "the response's answer: found a int, expected a text or None"),  # type: ignore[arg-type]
    (Response(answer=b"x"), "the response's answer: found a bytes, expected a text or None"),  # type: ignore[arg-type]
    (Response(hits=("d1",)), "hit 0: found a str, expected a Hit"),  # type: ignore[arg-type]
    (Response(hits=(HITS[0], PASSAGE)), "hit 1: found a Passage, expected a Hit"),  # type: ignore[arg-type]
    (Response(hits="d1"), "the response's hits: found a str, expected a tuple"),  # type: ignore[arg-type]
    (Response(hits=None), "the response's hits: found a NoneType, expected a tuple"),  # type: ignore[arg-type]
    (Response((Hit("d1", 1.0),)), "hit 0: found a str, expected a Passage"),  # type: ignore[arg-type]
    (hit(doc_id=7), "hit 0: doc_id: found a int, expected a text"),
    (hit(doc_id=""), "hit 0: found an empty doc_id, expected the document's id"),
    (hit(text=None), "hit 0: text: found a NoneType, expected a text"),
    (hit(title=b"x"), "hit 0: title: found a bytes, expected a text"),
    (hit(start=1.5), "hit 0: start: found a float, expected a whole number"),
    (hit(end="4"), "hit 0: end: found a str, expected a whole number"),
    (hit(end=True), "hit 0: end: found a bool, expected a whole number"),
    (hit(start=5), "hit 0: found the span 5 to 4, expected 0 <= start <= end"),
    (hit(start=-1), "hit 0: found the span -1 to 4, expected 0 <= start <= end"),
    (scored(math.nan), "hit 0: found the score nan, expected a finite number"),
    (scored(np.float32("inf")), "hit 0: found the score inf, expected a finite number"),
    (scored("0.5"), "hit 0: score: found a str, expected a number"),
    (scored(None), "hit 0: score: found a NoneType, expected a number"),
    (scored(1j), "hit 0: score: found a complex, expected a number"),
    (scored(10**400), "hit 0: score: found a int, expected a number"),
    (scored(np.ones(2)), "hit 0: score: found a ndarray, expected a number"),
    (Response(answer="x", cited_answer=b"x"), "the response's cited_answer: found a bytes, expected a text or None"),  # type: ignore[arg-type]
    (Response(HITS, context=(2,)), "the response's context: found (2,), expected positions in its 2 hits"),
    (Response(HITS, citations=(0, -1)), "the response's citations: found (0, -1), expected positions in its 2 hits"),
    (Response(context=(0,)), "the response's context: found (0,), expected positions in its 0 hits"),
    (Response(HITS, context=(0.0,)), "the response's context: found a float, expected a whole number"),  # type: ignore[arg-type]
    (Response(HITS, citations=("d1",)), "the response's citations: found a str, expected a whole number"),  # type: ignore[arg-type]
    (Response(HITS, context=1), "the response's context: found a int, expected a tuple of positions"),  # type: ignore[arg-type]
    (Response(abstained="no"), "the response's abstained: found a str, expected True, False or None"),  # type: ignore[arg-type]
    (Response(abstained=0), "the response's abstained: found a int, expected True, False or None"),
    (Response(steps=({"name": "s"},)), "step 0: found a dict, expected a Step"),  # type: ignore[arg-type]
    (Response(steps=(Step(1),)), "step 0: name: found a int, expected a text"),  # type: ignore[arg-type]
    (Response(steps=(Step("s", [1]),)), "step 's': detail: found a list, expected a mapping"),  # type: ignore[arg-type]
    (Response(steps=(Step("s", {1: 2}),)), "step 's': detail: a key: found a int, expected a text"),  # type: ignore[dict-item]
    (Response(steps=(Step("s", usage=5),)), "step 's': usage: found a int, expected a Usage"),  # type: ignore[arg-type]
    (detail({1, 2}), "step 'mine': detail.found: found a set, expected JSON: texts, numbers, true, false, None, lists"),
    (detail(b"x"), "step 'mine': detail.found: found a bytes, expected JSON"),
    (detail([0.5, math.nan]), "step 'mine': detail.found[1]: found nan, expected a finite number"),
    (detail(np.array([1.0, np.inf])), "step 'mine': detail.found[1]: found inf, expected a finite number"),
    (detail({"a": [object()]}), "step 'mine': detail.found.a[0]: found a object, expected JSON"),
    (detail({"a": {2: "b"}}), "step 'mine': detail.found.a: a key: found a int, expected a text"),
    (detail(10**5000), "step 'mine': detail.found: found a greater one, expected a finite number of at most 64 bits"),
    (detail(LOOP), "step 'mine': detail.found[0][0]"),
    (Response(usage={"calls": 1}), "the response: usage: found a dict, expected a Usage"),  # type: ignore[arg-type]
    (Response(usage=Usage(calls=-1)), "the response: usage.calls: found a negative number, expected a count"),
    (Response(usage=Usage(calls=1.5)), "the response: usage.calls: found a float, expected a whole number"),  # type: ignore[arg-type]
    (Response(usage=Usage(cached_tokens=None)), "the response: usage.cached_tokens: found a NoneType"),  # type: ignore[arg-type]
    (Response(latency_s=math.inf), "the response's latency_s: found inf, expected seconds from 0 on"),
    (Response(latency_s=-1.0), "the response's latency_s: found -1.0, expected seconds from 0 on"),
    (Response(latency_s="1"), "the response's latency_s: found a str, expected a number"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("given", "problem"), WRONG, ids=[problem for _, problem in WRONG])
def test_what_cannot_be_kept_is_named(given: Any, problem: str) -> None:
    with pytest.raises(ExecutionError) as raised:
        check_response(given)
    assert str(raised.value).startswith(problem)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("answer", "said", "abstained"),
    [
        ("I don't know.", None, True),
        ("我不知道。", None, True),
        ("Paris.", None, False),
        (None, None, False),
        ("I don't know.", False, False),
        ("根据已知信息无法回答该问题。", False, False),
        ("Pass.", True, True),
        ("略。", True, True),
        (None, True, True),
    ],
)
def test_what_is_said_of_an_abstention_counts_and_else_the_text(
    answer: str | None, said: bool | None, abstained: bool
) -> None:
    given = check_response(Response(answer=answer, abstained=said))
    assert read_abstention(given, (), "en").abstained is abstained

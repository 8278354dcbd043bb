"""What follows from attempts, whatever the order in which they ended."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from rageval.synthesis.attempts import Attempt, settle
from rageval.synthesis.drafts import Draft
from rageval.types import Document, Passage, Usage

DOCUMENT = Document("d", "Mount Arlen is high.", "Arlen")
PIECE = DOCUMENT.passage(0, 20)


def attempt(slot: int, number: int, text: str, filter_: str = "") -> Attempt:
    draft = Draft(text, "en", "a", (PIECE,), ("p",), core="", references=("a", "b"), details={"said": "x"})
    return Attempt(slot, number, "factual", filter_, "why" if filter_ else "", draft, 2, (PIECE,), PIECE, Usage(3))


def by_key(*attempts: Attempt) -> dict[tuple[int, int], Attempt]:
    return {(one.slot, one.attempt): one for one in attempts}


def test_nothing_made_leaves_all_open() -> None:
    state = settle({}, 3, 2, ["own question"])
    assert (state.round, [*state.open], [*state.earlier]) == (0, [0, 1, 2], ["own question"])


def test_a_round_is_finished_before_the_next() -> None:
    made = by_key(attempt(0, 0, "alpha one"), attempt(1, 0, "beta two", "quote"))
    state = settle(made, 3, 2, [])
    assert (state.round, [*state.open], [*state.earlier], [*state.kept]) == (0, [2], [], [0])
    made |= by_key(attempt(2, 0, "gamma three"))
    state = settle(made, 3, 2, [])
    assert (state.round, [*state.open], [*state.earlier]) == (1, [1], ["alpha one", "gamma three"])
    assert [name for _, name in state.refused] == ["quote"]


def test_of_two_that_ask_the_same_the_lower_slot_is_kept() -> None:
    made = by_key(attempt(1, 0, "how high is it"), attempt(0, 0, "How high is it?"))
    state = settle(made, 2, 1, [])
    assert [*state.kept] == [0]
    assert [(one.slot, name) for one, name in state.refused] == [(1, "duplicate")]
    assert not state.open


def test_it_ends_when_all_slots_are_filled_or_all_rounds_made() -> None:
    full = settle(by_key(attempt(0, 0, "alpha one")), 1, 5, [])
    assert (len(full.kept), [*full.open]) == (1, [])
    spent = settle(by_key(attempt(0, 0, "a", "quote"), attempt(0, 1, "b", "evidence")), 1, 2, [])
    assert (len(spent.kept), [*spent.open], [name for _, name in spent.refused]) == (0, [], ["quote", "evidence"])


@given(st.lists(st.sampled_from(["", "quote", "same"]), min_size=1, max_size=8), st.randoms())
def test_every_attempt_is_counted_once_in_any_order(fates: list[str], random: object) -> None:
    attempts = [
        attempt(
            slot,
            0,
            "the same words" if fate == "same" else f"word{slot} term{slot}",
            "quote" if fate == "quote" else "",
        )
        for slot, fate in enumerate(fates)
    ]
    in_order = settle(by_key(*attempts), len(fates), 1, [])
    random.shuffle(attempts)  # type: ignore[attr-defined]
    assert settle(by_key(*attempts), len(fates), 1, []) == in_order
    assert len(in_order.kept) + len(in_order.refused) == len(fates)
    assert len(in_order.kept) == fates.count("") + min(fates.count("same"), 1)


def test_an_attempt_survives_the_log() -> None:
    one = attempt(4, 1, "How high?", "evidence")
    assert Attempt.from_json(json.loads(json.dumps(one.to_json())), {"d": DOCUMENT}) == one
    nothing = Attempt(
        0, 0, "factual", "unreadable", "no JSON", None, None, (), Passage("d", 0, 5, "Mount", "Arlen"), Usage()
    )
    assert Attempt.from_json(json.loads(json.dumps(nothing.to_json())), {"d": DOCUMENT}) == nothing

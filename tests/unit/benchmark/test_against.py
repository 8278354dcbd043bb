"""What became of evidence when documents changed, on cases of which each fate is known by construction."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.benchmark import from_records
from rageval.benchmark.against import check_against, relocate
from rageval.types import Benchmark, Document, Question, RelevanceLabel

CORVA = "Lake Corva is 61 metres deep. Its water is salty."
ARLEN = "Mount Arlen was first climbed in 1871."
DONGHU = "东湖最深处四十米，湖中盛产银鱼。"
OLD = {"corva": CORVA, "arlen": ARLEN, "donghu": DONGHU}
DEPTH = RelevanceLabel("q", "corva", 2, 14, 28)
FISH = RelevanceLabel("q", "donghu", 1, 9, 15)


def made(documents: Mapping[str, str], *labels: RelevanceLabel, questions: tuple[str, ...] = ("q",)) -> Benchmark:
    return from_records(
        "lakes", [Document(*pair) for pair in documents.items()], [Question(q, "How deep?") for q in questions], labels
    )


def fate(label: RelevanceLabel, **changes: str | None) -> tuple[str, str, str]:
    """The fate of one label where documents change (None takes one out), and the words there now."""
    documents = {name: text for name, text in {**OLD, **changes}.items() if text is not None}
    (found,) = check_against(made(documents), made(OLD, label)).findings
    if found.now is not None and found.now.start is not None:
        assert documents[found.now.doc_id][found.now.start : found.now.end] == found.now_text
    return found.fate, "" if found.now is None else found.now.doc_id, found.now_text


@pytest.mark.parametrize(
    ("label", "changes", "expected"),
    [
        (DEPTH, {}, ("there", "corva", "61 metres deep")),
        (DEPTH, {"corva": CORVA + " More."}, ("there", "corva", "61 metres deep")),
        (DEPTH, {"corva": "New. " + CORVA}, ("moved", "corva", "61 metres deep")),
        (DEPTH, {"corva": "Lake Corva is 61 metres\ndeep."}, ("there", "corva", "61 metres\ndeep")),
        (DEPTH, {"corva": "The lake is 61 me-\ntres  DEEP."}, ("moved", "corva", "61 me-\ntres  DEEP")),
        (DEPTH, {"corva": "Gone.", "arlen": f"{ARLEN} {CORVA}"}, ("moved", "arlen", "61 metres deep")),
        (DEPTH, {"corva": None, "lakes": CORVA}, ("moved", "lakes", "61 metres deep")),
        (DEPTH, {"corva": None, "one": CORVA, "two": CORVA}, ("gone", "", "")),
        (DEPTH, {"corva": "Lake Corva is 62 metres deep."}, ("changed", "", "62 metres deep")),
        (DEPTH, {"corva": None, "lakes": "It is 62 metres deep."}, ("changed", "", "62 metres deep")),
        (DEPTH, {"corva": "Its water is salty."}, ("gone", "", "")),
        (DEPTH, {"corva": None}, ("gone", "", "")),
        (FISH, {"donghu": "新增一句。" + DONGHU}, ("moved", "donghu", "湖中盛产银鱼")),
        (FISH, {"donghu": DONGHU.replace("，", ",")}, ("there", "donghu", "湖中盛产银鱼")),
        (FISH, {"donghu": DONGHU.replace("银鱼", "鲤鱼")}, ("changed", "", "湖中盛产鲤鱼")),
        (RelevanceLabel("q", "corva", 1), {"corva": "Another."}, ("there", "corva", "")),
        (RelevanceLabel("q", "corva", 1), {"corva": None}, ("gone", "", "")),
    ],
)  # fmt: skip
def test_fates(label: RelevanceLabel, changes: dict[str, str | None], expected: tuple[str, str, str]) -> None:
    assert fate(label, **changes) == expected


def test_of_several_places_the_nearest() -> None:
    """The words stood at the second place, which is now further on."""
    old = "It is deep. It is deep. It is cold."
    new = "It is deep. Then. It is deep. It is cold. It is deep."
    label = RelevanceLabel("q", "a", 1, 12, 22)
    (found,) = check_against(made({"a": new}), made({"a": old}, label)).findings
    assert found.now is not None
    assert (found.fate, found.now.start) == ("moved", new.index("It is deep", 5))


def test_questions_of_one_side() -> None:
    old = made(OLD, DEPTH, RelevanceLabel("lost", "corva", 1), questions=("q", "lost"))
    new = made(OLD, RelevanceLabel("new", "donghu", 1, 0, 2, "a"), questions=("new", "q"))
    found = check_against(new, old)
    assert (found.lost, found.added) == (("lost",), ("new",))
    assert found.fate_of_questions() == {"q": "there"}
    relocated = relocate(found, new.labels)
    assert relocated.labels == (DEPTH, RelevanceLabel("new", "donghu", 1, 0, 2, "a"))
    assert relocated.left_out == ()


def test_a_question_has_the_worst_fate_of_its_labels() -> None:
    labels = [DEPTH, RelevanceLabel("q", "arlen", 1, 0, 11), FISH]
    found = check_against(made({**OLD, "corva": "New. " + CORVA, "arlen": "Nothing."}), made(OLD, *labels))
    assert [one.fate for one in found.findings] == ["moved", "gone", "there"]
    assert found.fate_of_questions() == {"q": "gone"}
    relocated = relocate(found, ())
    assert [(x.doc_id, x.start) for x in relocated.labels] == [("corva", 19), ("donghu", 9)]
    assert relocated.left_out == ("q, arlen 0 to 11: gone",)


def test_labels_that_cannot_stand_together_are_left_out() -> None:
    """Both documents became one, with one grade."""
    labels = [DEPTH, RelevanceLabel("q", "arlen", 1, 0, 11)]
    new = made({"both": f"{CORVA} {ARLEN}"})
    relocated = relocate(check_against(new, made(OLD, *labels)), ())
    assert [(x.doc_id, x.start, x.grade) for x in relocated.labels] == [("both", 14, 2)]
    (line,) = relocated.left_out
    assert line.startswith("q, arlen 0 to 11: found grade 1 for question 'q' and document 'both', expected 2")


words = st.lists(st.sampled_from(["alpha", "beta", "gamma", "东湖", "银鱼"]), min_size=1, max_size=6)


@given(before=words, after=words, put_in=words, position=st.integers(0, 12))
def test_text_put_in_elsewhere_moves_evidence_by_its_length(
    before: list[str], after: list[str], put_in: list[str], position: int
) -> None:
    evidence = "delta 四十米 epsilon"
    head, tail = " ".join(before) + " ", " " + " ".join(after)
    new_text = " ".join(put_in) + " "
    old = head + evidence + tail
    label = RelevanceLabel("q", "a", 1, len(head), len(head) + len(evidence))
    front = position % 2 == 0
    new = new_text + old if front else old + " " + new_text
    (found,) = check_against(made({"a": new}), made({"a": old}, label)).findings
    shift = len(new_text) if front else 0
    assert found.fate == ("moved" if shift else "there")
    assert found.now is not None
    assert found.now.start == len(head) + shift

"""Choosing questions."""

from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from rageval.benchmark import QuestionFilter, Selection, from_records, select_questions
from rageval.errors import DeclarationError
from rageval.types import Benchmark, Document, Language, Question


def make_question(number: int, language: Language) -> Question:
    kind = ("factual", "multi-hop", "unanswerable")[number % 3]
    return Question(f"{language}-{number}", "text", language, (), (kind,))


def make_benchmark(en: int, zh: int) -> Benchmark:
    questions = [make_question(i, "zh") for i in range(zh)] + [make_question(i, "en") for i in range(en)]
    return from_records("mixed", [Document("d", "x")], questions)


MIXED = make_benchmark(en=12, zh=9)


def ids(selection: Selection, seed: int = 7, benchmark: Benchmark = MIXED) -> list[str]:
    return [question.id for question in select_questions(benchmark, selection, seed)]


def languages(chosen: list[str]) -> Counter[str]:
    return Counter(name[:2] for name in chosen)


def test_none_is_all() -> None:
    assert select_questions(MIXED, None, 7) == MIXED.questions


def test_ids_keep_the_order_of_the_benchmark() -> None:
    assert ids(["en-3", "zh-8", "zh-1"]) == ["zh-1", "zh-8", "en-3"]
    assert ids(("en-3",)) == ["en-3"]


@pytest.mark.parametrize(("n", "en", "zh"), [(1, 1, 0), (2, 1, 1), (7, 4, 3), (18, 9, 9), (20, 11, 9), (21, 12, 9)])
def test_a_sample_is_even_over_languages(n: int, en: int, zh: int) -> None:
    assert languages(ids(n)) == Counter({"en": en, "zh": zh})


def test_a_sample_keeps_the_order_of_the_benchmark_and_grows() -> None:
    order = [question.id for question in MIXED.questions]
    previous: set[str] = set()
    for n in range(1, 22):
        chosen = ids(n)
        assert len(set(chosen)) == n
        assert chosen == sorted(chosen, key=order.index)
        assert previous < set(chosen)
        previous = set(chosen)


def test_a_sample_is_the_smallest_hashes() -> None:
    """Pinned to SHA-256 of `seed:id`, which every platform and Python version computes alike."""
    english = make_benchmark(en=12, zh=0)
    by_hash = sorted((f"en-{i}" for i in range(12)), key=lambda name: hashlib.sha256(f"3:{name}".encode()).hexdigest())
    assert set(ids(5, seed=3, benchmark=english)) == set(by_hash[:5])


def test_a_sample_depends_on_the_seed_and_not_on_the_order_of_the_file() -> None:
    reordered = from_records("mixed", MIXED.documents, MIXED.questions[::-1])
    assert len({tuple(ids(6, seed=seed)) for seed in range(20)}) > 10
    assert ids(6, benchmark=reordered) == ids(6)[::-1]


def test_every_question_is_as_likely_to_be_drawn() -> None:
    """1,000 seeds, 3 of 12: each is drawn 250 times in the mean, standard deviation 13.7; 5 of those either way."""
    english = make_benchmark(en=12, zh=0)
    drawn = Counter(name for seed in range(1000) for name in ids(3, seed=seed, benchmark=english))
    assert len(drawn) == 12
    assert all(abs(count - 250) < 5 * 13.7 for count in drawn.values())


def test_filters() -> None:
    assert languages(ids(QuestionFilter(language="zh"))) == Counter({"zh": 9})
    assert ids(QuestionFilter(language="zh", tags=("factual",))) == ["zh-0", "zh-3", "zh-6"]
    assert ids(QuestionFilter(language="zh", tags=("factual", "multi-hop"))) == [f"zh-{i}" for i in (0, 1, 3, 4, 6, 7)]
    assert ids(QuestionFilter(language="zh", exclude_tags=("unanswerable", "factual"))) == ["zh-1", "zh-4", "zh-7"]
    assert ids(QuestionFilter()) == ids(None)


def test_a_sample_is_drawn_after_the_filter() -> None:
    chosen = select_questions(MIXED, QuestionFilter(tags=("multi-hop",), sample=6), 7)
    assert Counter(question.language for question in chosen) == Counter({"en": 3, "zh": 3})
    assert {question.tags for question in chosen} == {("multi-hop",)}


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (0, "questions: found a sample of 0, expected 1 to 21"),
        (-1, "questions: found a sample of -1, expected 1 to 21"),
        (22, "questions: found a sample of 22, expected 1 to 21"),
        (QuestionFilter(language="zh", sample=10), "questions: found a sample of 10, expected 1 to 9"),
        ([], "questions: found [], expected a number, a list of question ids, or a filter"),
        ("en-1", "questions: found 'en-1', expected a number, a list of question ids, or a filter"),
        (["en-1", "zh-1", "en-1"], "questions: found the id 'en-1' 2 times, expected each id once"),
        (["zn-8"], "questions: found the unknown id 'zn-8', expected one of mixed; did you mean zh-8"),
        (
            QuestionFilter(tags=("factul",)),
            "questions: found the unknown tag 'factul', expected one of mixed; did you mean fact",
        ),
        (
            QuestionFilter(tags=("factual",), exclude_tags=("factual",)),
            "questions: found no question of mixed for Question",
        ),
    ],
)
def test_selections_that_cannot_be_met(selection: Selection, message: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        select_questions(MIXED, selection, 7)
    assert str(caught.value).startswith(message)


def test_a_language_without_questions() -> None:
    with pytest.raises(DeclarationError, match="found no question of mixed"):
        select_questions(make_benchmark(en=3, zh=0), QuestionFilter(language="zh"), 7)

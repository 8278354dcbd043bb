"""The conformance tests of corpus loaders and reports, on sound ones and broken ones."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from rageval import benchmark_from_records
from rageval.decide.leaderboard import Leaderboard
from rageval.report.leaderboard import markdown
from rageval.testing import check_corpus_loader, check_report
from rageval.types import Benchmark, Card, Document, Question, RelevanceLabel

DOCUMENT, QUESTION = Document("d", "The lake is deep."), Question("q", "How deep is it?")


def load(name: str = "lakes", *, title: str = "") -> Benchmark:
    return benchmark_from_records(name, [Document("d", "The lake is deep.", title)], [QUESTION])


def by_hand(*labels: RelevanceLabel, documents: Any = (DOCUMENT,)) -> Callable[[], Benchmark]:
    """A benchmark that nothing has validated."""
    return lambda: Benchmark(Card("lakes"), documents, (QUESTION,), labels, "0" * 64)


def broken_file() -> Benchmark:
    raise OSError("no such file")


_numbers = count()


def other_each_time() -> Benchmark:
    return load(title=f"Lake {next(_numbers)}")


def test_sound_loaders_pass() -> None:
    check_corpus_loader(load)
    check_corpus_loader(load, "rivers", title="Lake")
    check_corpus_loader(by_hand(RelevanceLabel("q", "d", 1)))


BROKEN_LOADERS: list[tuple[Callable[..., Any], str]] = [
    (lambda: [DOCUMENT], "found a list, expected a Benchmark"),
    (broken_file, "raised OSError (no such file)"),
    (by_hand(documents=()), "found no documents"),
    (by_hand(documents=(DOCUMENT, DOCUMENT)), "found the document id 'd' again"),
    (by_hand(documents=("text",)), "found a str, expected a Document"),
    (by_hand(RelevanceLabel("q", "nowhere", 1)), "found the unknown document 'nowhere'"),
    (by_hand(RelevanceLabel("nobody", "d", 1)), "found the unknown question 'nobody'"),
    (other_each_time, "found other content at the second call"),
]


@pytest.mark.parametrize(("loader", "problem"), BROKEN_LOADERS, ids=[problem for _, problem in BROKEN_LOADERS])
def test_a_broken_loader_is_told_what_is_wrong(loader: Callable[..., Any], problem: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_corpus_loader(loader)
    assert problem in str(caught.value)


def test_sound_reports_pass() -> None:
    check_report(markdown)
    check_report(lambda board: b"\x89PNG")


def rounded(board: Leaderboard) -> str:
    return "".join(f"{row.label} {row.estimates['ndcg@10'].point:.2f}" for row in board.rows)  # type: ignore[union-attr]


BROKEN_REPORTS: list[tuple[Callable[[Leaderboard], Any], str]] = [
    (lambda board: None, "found a NoneType, expected a text or bytes"),
    (lambda board: "", "found nothing, expected a text or bytes"),
    (lambda board: f"{markdown(board)} {next(_numbers)}", "found another text at the second call"),
    (lambda board: board.rows[0].label, "found no name of the pipeline"),
    (rounded, "raised AttributeError"),
]


@pytest.mark.parametrize(("report", "problem"), BROKEN_REPORTS, ids=[problem for _, problem in BROKEN_REPORTS])
def test_a_broken_report_is_told_what_is_wrong(report: Callable[[Leaderboard], Any], problem: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_report(report)
    assert problem in str(caught.value)

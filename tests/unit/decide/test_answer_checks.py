"""By what an answer counts as right, and whether what was read supports it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rageval.decide.answer_checks import TEXT_OVERLAP, right_by_reference
from rageval.errors import DeclarationError
from rageval.io.run_folder import RunFolder
from rageval.types import Question, Response, Score, Unscored
from tests.unit.sides import write_run

QUESTION = Question("q000", "How high is Mount Arlen?", references=("2310 metres",))


def chosen(tmp_path: Path, metrics: list[str], metric: str | None = None) -> str:
    scores = {name: {"questions": {"q000": 0.25}, "unscored": {}} for name in metrics}
    return right_by_reference(RunFolder(tmp_path), scores, metric).name


@pytest.mark.parametrize(
    ("metrics", "name"),
    [
        (["faithfulness", "answer_correctness"], "answer_correctness"),
        (["answer_recall", "answer_correctness:strong"], "answer_correctness:strong"),
        (["answer_correctness:strong", "answer_correctness"], "answer_correctness"),
        (["answer_recall", "nugget_recall"], "nugget_recall"),
        (["faithfulness", "token_f1", "ndcg@10"], TEXT_OVERLAP),
    ],
)
def test_the_metric_that_is_chosen(metrics: list[str], name: str, tmp_path: Path) -> None:
    assert chosen(tmp_path, metrics) == name


def test_a_metric_by_name(tmp_path: Path) -> None:
    assert chosen(tmp_path, ["token_f1", "answer_correctness"], "token_f1") == "token_f1"
    with pytest.raises(DeclarationError, match=r"found no metric ndcg@10 of answers, expected one of"):
        chosen(tmp_path, ["token_f1", "ndcg@10"], "ndcg@10")


def test_scores_are_turned_round_where_lower_is_better_and_gaps_have_reasons(tmp_path: Path) -> None:
    folder = RunFolder(write_run(tmp_path / "run", {"hallucination": [0.25, None]}))
    found = right_by_reference(folder, folder.scores(), "hallucination")
    assert found.score(QUESTION, Response(answer="x")) == Score(0.75)
    assert found.score(Question("q001", "?"), Response(answer="x")) == Unscored("hallucination: nothing to score")


@pytest.mark.parametrize(
    ("question", "answer", "score"),
    [
        (QUESTION, "It is 2310 metres high, as all maps say and have said for a hundred years.", 1.0),
        (QUESTION, "2310", 2 / 3),
        (QUESTION, "95 kilometres", 0.0),
        (Question("q", "青石山有多高？", "zh", ("一千八百米",)), "青石山的高度是一千八百米。", 1.0),
        (Question("q", "青石山有多高？", "zh", ("一千八百米",)), "两千米", 0.5),
    ],
)
def test_text_overlap(question: Question, answer: str, score: float, tmp_path: Path) -> None:
    """The better of containment and token F1: 2310 has one of two words, so 2 x 1 / 3; 两千米 shares 千 and 米 of three
    and five characters, 2 x 2 / 8.
    """
    folder = RunFolder(write_run(tmp_path / "run", {"ndcg@10": [0.5]}))
    found = right_by_reference(folder, folder.scores(), None).score(question, Response(answer=answer))
    assert found == Score(pytest.approx(score))


def test_without_a_reference_nothing_is_right_or_wrong(tmp_path: Path) -> None:
    folder = RunFolder(write_run(tmp_path / "run", {"ndcg@10": [0.5]}))
    found = right_by_reference(folder, folder.scores(), None).score(Question("q", "?"), Response(answer="x"))
    assert found == Unscored("the question has no reference answer")

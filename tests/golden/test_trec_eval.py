"""The numbers of trec_eval's C code for drawn labels and a drawn run; make_trec_eval.py tells what they hold."""

import json
import math
from pathlib import Path

import pytest

from rageval.io.trec_files import read_qrels, read_run
from rageval.metrics import parse
from rageval.metrics.ranking import score_rankings
from rageval.types import Score
from tests.golden.make_trec_eval import FOLDER, FORGOTTEN, MEASURES, UNKNOWN, main, trec_eval

QRELS, RUN = FOLDER / "qrels.txt", FOLDER / "run.txt"
EXPECTED: dict[str, dict[str, float]] = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("measure", MEASURES)
def test_equals_trec_eval(measure: str) -> None:
    metric = parse(measure)
    labels = read_qrels(QRELS).grades
    scored = score_rankings([metric], labels, read_run(RUN), list(labels))[metric]
    values = {question: score.value for question, score in scored.items() if isinstance(score, Score)}
    values["all"] = sum(values.values()) / len(values)
    expected = EXPECTED[measure]
    assert values.keys() == expected.keys()
    assert {q: v for q, v in values.items() if not math.isclose(v, expected[q], rel_tol=0, abs_tol=1e-9)} == {}


def test_question_that_the_run_forgot_is_zero_in_both_and_one_without_labels_counts_nowhere() -> None:
    assert FORGOTTEN not in read_run(RUN)
    assert UNKNOWN in read_run(RUN)
    assert {FORGOTTEN: 0.0}.items() <= EXPECTED["map"].items()
    assert UNKNOWN not in EXPECTED["map"]


def test_the_kept_numbers_are_those_of_the_installed_trec_eval() -> None:
    run = {question: dict(ranking) for question, ranking in read_run(RUN).items()}
    found = trec_eval(read_qrels(QRELS).grades, run)
    assert found == {measure: pytest.approx(values, abs=1e-12) for measure, values in EXPECTED.items()}


def test_the_files_are_what_the_script_draws(tmp_path: Path) -> None:
    main(tmp_path)
    for path in (QRELS, RUN):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()

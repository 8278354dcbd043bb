"""Training a light judge: what the examples say, that documents are left out, and what people's labels do."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rageval.benchmark import load
from rageval.errors import DeclarationError
from rageval.judges import JUDGES
from rageval.judges.light.features import FEATURES
from rageval.judges.light.weights import shipped_weights, weights_text
from rageval.people import read_items
from rageval.people.judge_examples import corpus_examples, support_examples
from rageval.people.judge_training import pull, train
from rageval.types import Document

HANDBOOK = load("handbook")
SMALL = replace(HANDBOOK, documents=HANDBOOK.documents[:6] + HANDBOOK.documents[-6:], labels=(), questions=())


def test_examples_say_what_they_are() -> None:
    examples = support_examples(SMALL.documents)
    texts = {document.id: document.text for document in SMALL.documents}
    kinds = Counter((example.label, example.kind) for example in examples)
    assert {kind for label, kind in kinds if label} == {
        "verbatim",
        "cut",
        "reordered",
        "shortened",
        "reworded",
        "joined",
    }
    assert {kind for label, kind in kinds if not label} >= {
        "number", "word", "negation", "opposite", "opinion", "sentence added", "evidence removed", "other document",
        "near document",
    }  # fmt: skip
    for example in examples:
        assert all(part.strip() for part in [example.claim, *example.passages]) or example.kind == "evidence removed"
        if example.kind == "verbatim":
            assert example.claim in example.passages[0]
            assert example.claim in texts[example.document]
        if example.kind == "evidence removed":
            assert not example.passages[0] or example.claim not in example.passages[0]


@pytest.mark.parametrize("metric", ["context_relevance", "answer_relevance"])
def test_questions_are_held_against_texts_of_their_language(metric: Any) -> None:
    examples = corpus_examples(HANDBOOK, metric)
    assert {example.label for example in examples} == {0, 1}
    assert {example.language for example in examples} == {"en", "zh"}
    asked = {question.text: question for question in HANDBOOK.questions}
    assert all(asked[example.claim].language == example.language for example in examples)


def test_the_seed_decides_all() -> None:
    assert support_examples(SMALL.documents, 1) == support_examples(SMALL.documents, 1)
    assert support_examples(SMALL.documents, 1) != support_examples(SMALL.documents, 2)


def test_training_is_the_same_twice_and_beats_the_baselines_on_documents_left_out() -> None:
    examples = support_examples(SMALL.documents)
    first, second = (train("faithfulness", examples, source="small") for _ in range(2))
    assert weights_text(first.weights) == weights_text(second.weights)
    light, *baselines = first.measured
    assert light.on == "2 documents left out"
    assert light.figures.auc is not None
    for baseline in baselines:
        assert baseline.figures.auc is not None
        assert light.figures.auc.point > baseline.figures.auc.point


@pytest.mark.parametrize("documents", [(), SMALL.documents[:3], tuple(Document(f"d{i}", "") for i in range(9))])
def test_too_little_to_learn_from_is_told(documents: tuple[Document, ...]) -> None:
    bare = replace(SMALL, documents=documents)
    with pytest.raises(DeclarationError, match=r"bare: found \d+ examples for faithfulness in \d documents, expected"):
        train("faithfulness", corpus_examples(bare, "faithfulness"), source="bare")


def write_labels(path: Path, n: int, numbers_count: bool = True) -> Path:
    """Answers in other words, and copied ones with another number; people call the first supported, or the second."""
    rng = np.random.default_rng(0)
    lines: list[dict[str, object]] = []
    for i in range(n):
        number = int(rng.integers(10, 99))
        answer = f"The road number {i} is {number + 100} miles long." if i % 2 else f"All of {number}, folks say here."
        lines.append(
            {
                "id": str(i),
                "question": "How long is it?",
                "context": [f"The road number {i} is {number} miles long. It was built of stone."],
                "answer": answer,
                "label": int((i % 2 == 0) == numbers_count),
            }
        )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_labels_pull_the_weights(tmp_path: Path) -> None:
    """People who care for numbers alone make them count more, and the judge is right more often."""
    file = read_items(write_labels(tmp_path / "labels.jsonl", 80), JUDGES["claim_support"])
    before = shipped_weights("faithfulness")
    trained = pull(before, file)
    numbers = FEATURES.index("missing_numbers")
    assert trained.weights.weights[numbers] < before.weights[numbers]
    assert trained.weights.trained["labels"]["n"] == 80  # pyright: ignore[reportArgumentType, reportCallIssue, reportIndexIssue, reportOptionalSubscript]
    by_name = {one.judge: one.figures for one in trained.measured}
    old, new = by_name["before the labels"].balanced_accuracy, by_name["after"].balanced_accuracy
    assert old is not None
    assert new is not None
    assert new.point > old.point


def test_signs_stay_against_labels(tmp_path: Path) -> None:
    """Where people call the wrong number supported, no weight gets the other sign."""
    file = read_items(write_labels(tmp_path / "labels.jsonl", 40, numbers_count=False), JUDGES["claim_support"])
    weights = pull(shipped_weights("faithfulness"), file).weights.weights
    assert weights[FEATURES.index("missing_numbers")] <= 0.0
    assert weights[FEATURES.index("rare_words")] >= 0.0


def test_few_labels_are_refused(tmp_path: Path) -> None:
    file = read_items(write_labels(tmp_path / "labels.jsonl", 12), JUDGES["claim_support"])
    with pytest.raises(DeclarationError, match="expected at least 10 of each to train on"):
        pull(shipped_weights("faithfulness"), file)

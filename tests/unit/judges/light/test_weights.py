"""The weights' file: what is shipped, what is refused, and that reading gives back what was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rageval.benchmark import load
from rageval.errors import DeclarationError
from rageval.judges.light import weights as weights_module
from rageval.judges.light.features import FEATURES, SIGNS
from rageval.judges.light.weights import (
    EVERY_FEATURE,
    SHIPPED,
    read_weights,
    shipped_weights,
    weights_text,
    write_weights,
)
from rageval.people.judge_examples import corpus_examples
from rageval.people.judge_training import examples_digest, train

FOLDER = Path(__file__).parents[4] / "rageval" / "judges" / "light" / "weights"


@pytest.mark.parametrize(("aligned", "ending"), [(False, ""), (True, "_aligned")])
@pytest.mark.parametrize("metric", SHIPPED)
def test_the_shipped_file_is_small_and_has_the_signs(metric: Any, aligned: bool, ending: str) -> None:
    weights = shipped_weights(metric, aligned=aligned)
    assert all(weight * sign >= 0.0 for weight, sign in zip(weights.weights, weights.signs, strict=True))
    assert sum(weight != 0.0 for weight in weights.weights) >= 6
    assert (FOLDER / f"{metric}{ending}.json").stat().st_size <= 4096
    assert weights.word in [row["judge"] for row in weights.measured]
    assert weights.aligned == aligned


def test_an_aligned_judge_is_told_by_its_features() -> None:
    """And its digest by the embedder, so that a verdict's key says which one it was."""
    weights = shipped_weights("faithfulness", aligned=True)
    assert weights.features == EVERY_FEATURE
    assert weights.weights[-1] < 0.0
    assert shipped_weights("faithfulness").features == FEATURES
    assert shipped_weights("faithfulness").trained["digest"] == weights.trained["digest"]


def test_the_embedder_is_part_of_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    def digests() -> tuple[str, ...]:
        return tuple(shipped_weights("faithfulness", aligned=aligned).digest for aligned in (False, True))

    plain, aligned = digests()
    monkeypatch.setattr(weights_module, "IDENTITY", "another model")
    assert digests()[0] == plain
    assert digests()[1] != aligned


def test_the_shipped_weights_are_those_of_the_handbook() -> None:
    """Byte for byte what `rageval train-judge` writes; of `faithfulness`, which takes longer, the examples alone."""
    handbook = load("handbook")
    made = train("context_relevance", corpus_examples(handbook, "context_relevance"), source="handbook").weights
    assert weights_text(made) == (FOLDER / "context_relevance.json").read_text(encoding="utf-8")
    examples = corpus_examples(handbook, "faithfulness")
    assert shipped_weights("faithfulness").trained["digest"] == examples_digest(examples)


@pytest.mark.parametrize("aligned", [False, True])
def test_what_is_written_is_read_again(tmp_path: Path, aligned: bool) -> None:
    weights = shipped_weights("faithfulness", aligned=aligned)
    write_weights(weights, tmp_path / "new" / "judge.json")
    again = read_weights(tmp_path / "new" / "judge.json")
    assert again == weights
    assert again.digest == weights.digest


def changed(**changes: object) -> str:
    return json.dumps({**json.loads((FOLDER / "faithfulness.json").read_text(encoding="utf-8")), **changes})


def of(sign: float) -> list[float]:
    return [sign * one for one in SIGNS]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "found no JSON"),
        ("[1]", "found no JSON object"),
        (changed(format=2), "format"),
        (changed(metric="truth"), "metric"),
        (changed(weights=of(-1.0)), "weights: found -1 for subsequence, expected at least 0"),
        (changed(weights=[1.0]), "weights: found 1 numbers, expected 8"),
        (changed(sd=[0.0] * 8), "sd"),
        (changed(bias="high"), "bias"),
        (changed(bias=float("nan")), "bias"),
        (changed(features=["other"] * 8), "features: found other, other"),
        (changed(features=[*EVERY_FEATURE]), "mean: found 8 numbers, expected 9"),
        (changed(code="import os"), "code: found an unknown key"),
    ],
)
def test_a_bad_file_is_refused_by_its_name(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "judge.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError) as error:
        read_weights(path)
    assert str(error.value).startswith(f"{path}: {told}")


def test_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="no such file"):
        read_weights(tmp_path / "judge.json")


@pytest.mark.parametrize("part", ["mean", "sd", "weights", "bias"])
def test_the_digest_knows_what_decides_and_nothing_else(tmp_path: Path, part: str) -> None:
    read: Callable[[str], Any] = lambda text: read_weights(_written(tmp_path, text))  # noqa: E731
    plain = read(changed())
    data = json.loads(changed())
    other = data[part] + 0.5 if part == "bias" else [data[part][0] + 0.5, *data[part][1:]]
    assert read(changed(**{part: other})).digest != plain.digest
    assert read(changed(measured=[])).digest == plain.digest
    assert len(FEATURES) == len(plain.weights)


def _written(folder: Path, text: str) -> Path:
    path = folder / "judge.json"
    path.write_text(text, encoding="utf-8")
    return path

"""The weights of a light judge: a JSON file of about 2 KB that says what it was trained on and how good it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, cast

import numpy as np
import pydantic
from pydantic import Field

from rageval.errors import DeclarationError
from rageval.identity import fingerprint
from rageval.io.disk import cannot_write, write_atomically
from rageval.io.strict import Number, Strict, first_problem
from rageval.judges.light.alignment import ALIGNED, ALIGNED_SIGNS, aligned_features
from rageval.judges.light.features import FEATURES, SIGNS, features
from rageval.judges.light.fit import Floats, Logistic
from rageval.models.e5_file import IDENTITY
from rageval.text.languages import Language
from rageval.types import Json

TrainedMetric: TypeAlias = Literal["faithfulness", "context_relevance", "answer_relevance"]
TRAINED_METRICS: tuple[TrainedMetric, ...] = ("faithfulness", "context_relevance", "answer_relevance")
SHIPPED: tuple[TrainedMetric, ...] = ("faithfulness", "context_relevance")
"""The metrics for which rageval has weights."""
EVERY_FEATURE = (*FEATURES, *ALIGNED)
"""The features of an aligned judge; any other has the first of them alone, `FEATURES`."""

LIGHT, LIGHT_ALIGNED = "light", "light-aligned"
FORMAT = 1
_DECIMALS = 5
_FEWEST_SD = 1e-6
_AGAIN = "write it with `rageval train-judge`"


@dataclass(frozen=True)
class Weights:
    """A logistic model of the `FEATURES`, for one metric; of `EVERY_FEATURE` where it is `aligned` and needs vectors.

    `mean` and `sd` standardize the features. `trained` says on what the weights were trained, `measured` how good they
    are on what was left out; neither changes a verdict.
    """

    metric: TrainedMetric
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    trained: Mapping[str, Json]
    measured: tuple[Mapping[str, Json], ...] = ()
    aligned: bool = False

    @property
    def word(self) -> str:
        """What tables call the judge, and what the shipped one is asked for by."""
        return LIGHT_ALIGNED if self.aligned else LIGHT

    @property
    def features(self) -> tuple[str, ...]:
        """The names of its features, in the order of `row`."""
        return EVERY_FEATURE if self.aligned else FEATURES

    @property
    def signs(self) -> tuple[int, ...]:
        """Which way each of them may push the probability."""
        return signs_of(self.aligned)

    @property
    def digest(self) -> str:
        """Identifies what decides a verdict: features, mean, sd, weights, bias, and the embedder of an aligned one."""
        embedder = {"embedder": IDENTITY} if self.aligned else {}
        return fingerprint({"features": [*self.features], **self._numbers(), **embedder})[:16]

    def row(self, claim: str, passages: Sequence[str], language: Language) -> tuple[float, ...]:
        """The features of the claim against the passages."""
        return features_of(claim, passages, language, self.aligned)

    def probability(self, claim: str, passages: Sequence[str], language: Language) -> float:
        """P(the passages support the claim), or answer the question; from 0 to 1 for any text."""
        return float(self.probabilities(np.array([self.row(claim, passages, language)]))[0])

    def probabilities(self, rows: Floats) -> Floats:
        """As `probability`, for rows of features."""
        return self.model.probabilities(self.standardized(rows))

    @property
    def model(self) -> Logistic:
        """The weights as they act on standardized features."""
        return Logistic(np.array(self.weights), self.bias)

    def standardized(self, rows: Floats) -> Floats:
        """The rows of features with mean 0 and standard deviation 1 where the weights were trained."""
        return (rows - np.array(self.mean)) / np.array(self.sd)

    def with_measured(self, measured: Sequence[Mapping[str, Json]]) -> Weights:
        """The same weights with another account of how good they are."""
        return replace(self, measured=tuple(measured))

    def to_json(self) -> dict[str, Json]:
        """The content of the file."""
        return {
            "format": FORMAT,
            "metric": self.metric,
            "features": [*self.features],
            **self._numbers(),
            "trained": {**self.trained},
            "measured": [{**row} for row in self.measured],
        }

    def _numbers(self) -> dict[str, Json]:
        return {"mean": [*self.mean], "sd": [*self.sd], "weights": [*self.weights], "bias": self.bias}


def signs_of(aligned: bool) -> tuple[int, ...]:
    """Which way each feature may push the probability."""
    return (*SIGNS, *ALIGNED_SIGNS) if aligned else SIGNS


def features_of(claim: str, passages: Sequence[str], language: Language, aligned: bool) -> tuple[float, ...]:
    """The `FEATURES` of the claim against the passages; with `aligned`, `EVERY_FEATURE`.

    Only with `aligned` it raises: `MissingExtraError` or DeclarationError where the embedder is not at hand.
    """
    more = aligned_features(claim, passages, language) if aligned else ()
    return (*features(claim, passages, language), *more)


def rounded(
    metric: TrainedMetric, mean: Floats, sd: Floats, model: Logistic, trained: Mapping[str, Json], *, aligned: bool
) -> Weights:
    """The weights as they stand in a file: rounded, so that two machines write the same."""

    def short(values: Floats) -> tuple[float, ...]:
        return tuple(round(float(value), _DECIMALS) + 0.0 for value in values)

    numbers = (short(mean), short(sd), short(model.weights), round(model.bias, _DECIMALS))
    return Weights(metric, *numbers, trained, aligned=aligned)


def write_weights(weights: Weights, path: Path) -> None:
    """Write the file. Raises DeclarationError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, weights_text(weights))
    except OSError as error:
        raise cannot_write(path, error) from None


def weights_text(weights: Weights) -> str:
    """The text of the file: one key a line, and one row of `measured` a line."""
    data = weights.to_json()
    measured = cast("list[Json]", data.pop("measured"))
    lines = [f"  {_text(key)}: {_text(value)}" for key, value in data.items()]
    rows = ",\n".join(f"    {_text(row)}" for row in measured)
    lines.append(f'  "measured": [\n{rows}\n  ]' if rows else '  "measured": []')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_weights(path: Path) -> Weights:
    """The weights in a file. Raises DeclarationError that names the file and the key for anything else."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DeclarationError(f"{path}: no such file; expected the weights of a light judge: {_AGAIN}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    return _parsed(text, str(path))


@cache
def shipped_weights(metric: TrainedMetric, *, aligned: bool = False) -> Weights:
    """The weights that rageval has for one of the `SHIPPED` metrics, without a model or with the embedder."""
    name = f"{metric}_aligned.json" if aligned else f"{metric}.json"
    file = resources.files("rageval.judges.light") / "weights" / name
    return _parsed(file.read_text(encoding="utf-8"), name)


class _File(Strict):
    """The whole file."""

    format: Literal[1]
    metric: TrainedMetric
    features: tuple[str, ...]
    mean: tuple[Number, ...]
    sd: tuple[Annotated[Number, Field(ge=_FEWEST_SD)], ...]
    weights: tuple[Number, ...]
    bias: Number
    trained: dict[str, Any]
    measured: tuple[dict[str, Any], ...] = ()

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _parsed(text: str, place: str) -> Weights:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise DeclarationError(f"{place}: found no JSON ({error}), expected a light judge: {_AGAIN}") from None
    if not isinstance(data, dict):
        raise DeclarationError(f"{place}: found no JSON object, expected the weights of a light judge: {_AGAIN}")
    try:
        file = _File.model_validate(data)
    except pydantic.ValidationError as error:
        raise DeclarationError(f"{place}: {first_problem(error, lambda _: [*_File.model_fields])}") from None
    aligned = file.features == EVERY_FEATURE
    if not aligned and file.features != FEATURES:
        raise DeclarationError(
            f"{place}: features: found {', '.join(file.features)}, expected {', '.join(FEATURES)}, with "
            f"{', '.join(ALIGNED)} or without: {_AGAIN} again"
        )
    for key, row in (("mean", file.mean), ("sd", file.sd), ("weights", file.weights)):
        if len(row) != len(file.features):
            raise DeclarationError(f"{place}: {key}: found {len(row)} numbers, expected {len(file.features)}")
    for name, weight, sign in zip(file.features, file.weights, signs_of(aligned), strict=True):
        if weight * sign < 0:
            side = "at least 0" if sign > 0 else "at most 0"
            raise DeclarationError(f"{place}: weights: found {weight:g} for {name}, expected {side}")
    return Weights(file.metric, file.mean, file.sd, file.weights, file.bias, file.trained, file.measured, aligned)


def _text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)

"""What an experiment file says of a detector that judges in the place of a chat model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from rageval.errors import DeclarationError
from rageval.experiment.endpoint_spec import EndpointPart
from rageval.io.strict import EXPECTED, Number, Place, Strict, WholeNumber
from rageval.io.user_files import find_file
from rageval.judges.light.detectors import Detector, Light
from rageval.judges.light.weights import LIGHT, LIGHT_ALIGNED, TrainedMetric, read_weights
from rageval.models.rerank_endpoint import RerankService

_WORDS = (LIGHT, LIGHT_ALIGNED)
_JSON = ".json"


class LightPart(Strict):
    """The light judge: with the shipped weights, or with those that `rageval train-judge` wrote to `path`.

    `aligned` chooses the shipped weights that need the embedder; of a file, its features say so.
    """

    provider: Literal["light"] = LIGHT
    path: Path | None = None
    aligned: bool = False


class OnnxPart(Strict):
    """A classifier of the user's own: an ONNX file and its tokenizer (`tokenizer.json`).

    It reads (passage, claim) and gives a logit for each of its labels; `supported` is the number of the label that says
    yes, counted from 0. A model with one output gives the logit of yes.
    """

    provider: Literal["onnx"]
    path: Path
    tokenizer: Path
    supported: Annotated[WholeNumber, Field(ge=0)] = 0
    max_tokens: Annotated[WholeNumber, Field(ge=8)] = 512
    metrics: Annotated[tuple[TrainedMetric, ...], Field(min_length=1)] = ("faithfulness",)


class RerankPart(EndpointPart):
    """A classifier or reranker behind an address, whose score of claim and passage is P(yes), or its logit."""

    provider: Literal["rerank"]  # pyright: ignore[reportIncompatibleVariableOverride]
    shape: str = "auto"
    batch: Annotated[WholeNumber, Field(ge=1)] = 100
    scores: Literal["probability", "logit"] = "probability"
    metrics: Annotated[tuple[TrainedMetric, ...], Field(min_length=1)] = ("faithfulness",)

    @property
    def service(self) -> RerankService:
        """The service. Raises DeclarationError for what cannot be one."""
        return RerankService(**self.model_dump(exclude={"provider", "scores", "metrics"}))


class GgufPart(Strict):
    """A classifier of the user's own in a GGUF file, run by llama.cpp, with one score for each pair of texts.

    `scores` says whether the model gives P(yes) or its logit, and `first` which text it reads first.
    """

    provider: Literal["gguf"]
    path: Path
    scores: Literal["probability", "logit"] = "logit"
    first: Literal["claim", "passage"] = "claim"
    max_tokens: Annotated[WholeNumber, Field(ge=8)] = 512
    metrics: Annotated[tuple[TrainedMetric, ...], Field(min_length=1)] = ("faithfulness",)
    threads: Annotated[WholeNumber, Field(ge=1)] | None = None


_PARTS: Mapping[str, type[Strict]] = {"light": LightPart, "onnx": OnnxPart, "gguf": GgufPart, "rerank": RerankPart}


def _spell_out(value: object) -> object:
    """A word or the path of a trained judge as a mapping, so that both spellings are the same choice."""
    if isinstance(value, str | Path) and is_detector(value):
        return {"provider": LIGHT, **_chosen(str(value))}
    if not is_detector(value):
        raise PydanticCustomError(
            EXPECTED, f"expected {LIGHT}, {LIGHT_ALIGNED}, the path of a trained judge (.json), or a mapping"
        )
    return {**cast("Mapping[str, Any]", value)} if isinstance(value, Mapping) else value


def _chosen(named: str) -> dict[str, Any]:
    """What a word or path says, as keys of `LightPart`."""
    return {"aligned": named == LIGHT_ALIGNED} if named in _WORDS else {"path": Path(named)}


DetectorPart: TypeAlias = LightPart | OnnxPart | GgufPart | RerankPart
DetectorChoice: TypeAlias = Annotated[DetectorPart, Field(discriminator="provider"), BeforeValidator(_spell_out)]


class CascadePart(Strict):
    """A detector before the chat judge: it decides the clear noes alone, those whose P(yes) is less than `below`."""

    below: Annotated[Number, Field(gt=0.0, le=0.5)]
    light: DetectorChoice = LightPart()


def is_detector(value: object) -> bool:
    """Whether an entry under `judge` is a detector, and no chat model."""
    if isinstance(value, Mapping):
        return cast("Mapping[object, object]", value).get("provider") in _PARTS
    if isinstance(value, str | Path):
        return str(value) in _WORDS or str(value).endswith(_JSON)
    return isinstance(value, DetectorPart)


def open_detector(choice: DetectorPart, base: Path, place: str = "models.judge") -> Detector:
    """The detector of a choice; paths are relative to `base` or to the current directory.

    Raises DeclarationError for a file that is not there or that is no detector, MissingExtraError for a package.
    """
    if isinstance(choice, RerankPart):
        from rageval.judges.light.rerank import RerankDetector

        certificates = {} if choice.verify is None else {"verify": find_file(place, str(choice.verify), base)}
        return RerankDetector(replace(choice.service, **certificates), choice.scores, choice.metrics)
    if isinstance(choice, OnnxPart):
        from rageval.judges.light.onnx import OnnxDetector

        model, tokenizer = (find_file(place, str(path), base) for path in (choice.path, choice.tokenizer))
        return OnnxDetector(model, tokenizer, choice.supported, choice.max_tokens, choice.metrics)
    if isinstance(choice, GgufPart):
        from rageval.judges.light.gguf import GgufDetector

        model = find_file(place, str(choice.path), base)
        return GgufDetector(model, **choice.model_dump(exclude={"provider", "path"}))
    if choice.path is None:
        return Light(aligned=choice.aligned)
    if choice.aligned:
        raise DeclarationError(
            f"{place}.aligned: found a path beside it, expected one of them: the file says what it is"
        )
    weights = read_weights(find_file(place, str(choice.path), base))
    return Light(weights, weights.aligned)


def named_detector(named: str, base: Path, place: str) -> Detector:
    """The detector of a word or path, as a command takes it. Raises DeclarationError for any other."""
    if not is_detector(named):
        raise DeclarationError(
            f"{place}: found {named!r}, expected {' or '.join(_WORDS)}, or the path of a trained judge (.json)"
        )
    return open_detector(LightPart.model_validate(_chosen(named)), base, place)


def located_detector(choice: DetectorPart, base: Path) -> DetectorPart:
    """The choice with paths that hold from any directory."""
    paths = choice.model_dump(include={"path", "tokenizer", "verify"}, exclude_none=True)
    return choice.model_copy(update={key: find_file("judge", str(path), base) for key, path in paths.items()})


def known_detector_keys(place: Place) -> list[str]:
    """The keys that there may be at that place of an experiment file; none where no detector stands there."""
    return next((list(part.model_fields) for name, part in _PARTS.items() if name in place), list[str]())

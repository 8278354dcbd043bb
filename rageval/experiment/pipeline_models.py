"""Models of a pipeline's own, so that a sweep can compare them: `models` of a pipeline, or `models.chat` of a sweep.

models: {named: {small: {provider: openai, …}, large: {provider: openai, …}}}
sweep: {pipeline: [naive], models.chat: [small, large], models.temperature: [0, 0.7]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import pydantic
from pydantic import Field

from rageval.errors import DeclarationError
from rageval.experiment.open_models import OpenModels
from rageval.experiment.spec import Models, known_keys
from rageval.io.strict import Number, Strict, WholeNumber, first_problem
from rageval.models.base import ChatModel, Embedder
from rageval.pipeline import Pipeline
from rageval.types import Json


class _Part(Strict):
    chat: Any = None
    embed: Any = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    repeat: Annotated[WholeNumber, Field(ge=0, le=1000)] = 0


@dataclass(frozen=True, slots=True)
class PipelineModels:
    """What a pipeline asks in the place of the experiment's models; None where it asks these.

    `temperature` is that of the pipeline's calls for a text; calls from whose reply P(yes) or JSON is read stay at 0.
    `repeat` numbers other draws of the same requests, from 0: the draws of the experiment itself.
    """

    chat: ChatModel | None = None
    embedder: Embedder | None = None
    temperature: float | None = None
    repeat: int = 0

    @property
    def draws(self) -> dict[str, Json]:
        """What the key of a run says beside the identities of the models; nothing where it is that of others."""
        temperature: dict[str, Json] = {} if self.temperature is None else {"temperature": self.temperature}
        return {**temperature, **({"repeat": self.repeat} if self.repeat else {})}


SAME_MODELS = PipelineModels()


def called(model: object) -> object:
    """What labels call a model: its name, or of a mapping the name that its provider knows it by."""
    if not isinstance(model, Mapping):
        return model
    entry = cast("Mapping[str, object]", model)
    return next((entry[key] for key in ("model", "hub", "path", "provider") if entry.get(key)), "model")


def check_pipeline_models(pipelines: Sequence[Pipeline], models: Models) -> None:
    """Raises DeclarationError for `models` of a pipeline that cannot be read, or that nobody can tell apart."""
    for pipeline in pipelines:
        _choices(pipeline, models)


def own_pipeline_models(
    pipelines: Sequence[Pipeline], models: Models, base: Path, opened: OpenModels, *, generate: bool
) -> dict[str, PipelineModels]:
    """The models of the pipelines that have some of their own, by label. Opens what they need, and asks nothing.

    Raises DeclarationError for what cannot be read or opened.
    """
    found: dict[str, PipelineModels] = {}
    for pipeline in pipelines:
        if not pipeline.models:
            continue
        part, chat, embed = _choices(pipeline, models)
        needs = pipeline.stage.needs(generate)
        found[pipeline.label] = PipelineModels(
            opened.chat(chat.chat, base) if chat is not None and "chat" in needs else None,
            opened.embedder(embed.embed, base) if embed is not None and "embed" in needs else None,
            part.temperature,
            part.repeat,
        )
    return found


def _choices(pipeline: Pipeline, models: Models) -> tuple[_Part, Models | None, Models | None]:
    place = f"pipelines.{pipeline.name}.models"
    try:
        part = _Part.model_validate(pipeline.models)
    except pydantic.ValidationError as error:
        raise DeclarationError(f"{place}: {first_problem(error, lambda _: list(_Part.model_fields))}") from None
    chosen = [_chosen(role, given, models, place) for role, given in (("chat", part.chat), ("embed", part.embed))]
    return part, chosen[0], chosen[1]


def _chosen(role: str, given: object, models: Models, place: str) -> Models | None:
    """The model of that role, as `models` of an experiment; None where nothing is given."""
    if given is None:
        return None
    named: Mapping[str, object] = models.named
    if isinstance(given, str) and given != "local":
        if given not in named:
            known = ", ".join(["local", *named])
            raise DeclarationError(
                f"{place}.{role}: found {given!r}, expected a model, or a name of models.named: {known}"
            )
        given = named[given]
    try:
        return Models.model_validate({role: given})
    except pydantic.ValidationError as error:
        problem = first_problem(error, lambda loc: known_keys(("models", *loc)))
        raise DeclarationError(f"{place}: {problem}") from None

"""The experiment file: what may stand in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import pydantic
from pydantic import Field

from rageval.benchmark.hugging_face import reference_of
from rageval.errors import DeclarationError
from rageval.io.strict import Place, Strict, first_problem, read_mapping
from rageval.models.budget import Most, Price
from rageval.types import Language

MOST_SAMPLES = 50


class LocalModel(Strict):
    """The packaged model in this process, or another GGUF by `path` or `hub` (`repo/name:file.gguf`)."""

    provider: Literal["local"] = "local"
    path: Path | None = None
    hub: str | None = None
    context_tokens: Annotated[int, Field(ge=512)] = 4096
    threads: Annotated[int, Field(ge=1)] | None = None


class PricePart(Strict):
    """What a model costs per million tokens, in any currency; prompt tokens from the endpoint's cache cost `cached`."""

    prompt: Annotated[float, Field(ge=0)]
    completion: Annotated[float, Field(ge=0)]
    cached: Annotated[float, Field(ge=0)] | None = None

    @property
    def price(self) -> Price:
        return Price(self.prompt, self.completion, self.cached)


class OpenAIModel(Strict):
    """Any OpenAI-compatible endpoint. The key is read from the environment variable named, never from the file.

    Chat calls are made one by one, or as batches where that is the `transport`; embeddings are always asked directly.
    """

    provider: Literal["openai"]
    base_url: str
    model: str
    api_key_env: str = "OPENAI_API_KEY"
    concurrency: Annotated[int, Field(ge=1)] = 16
    timeout_s: Annotated[float, Field(gt=0)] = 60.0
    max_retries: Annotated[int, Field(ge=0)] = 4
    requests_per_minute: Annotated[float, Field(gt=0)] | None = None
    tokens_per_minute: Annotated[float, Field(gt=0)] | None = None
    price: PricePart | None = None
    transport: Literal["direct", "batch"] = "direct"

    @property
    def endpoint(self) -> dict[str, Any]:
        """What `OpenAIChat` and `OpenAIEmbedder` are made of, by the names of their arguments."""
        return self.model_dump(exclude={"provider", "price", "transport"})


ModelChoice: TypeAlias = Literal["local"] | Annotated[LocalModel | OpenAIModel, Field(discriminator="provider")]


class Models(Strict):
    """Which model does what; the judge is the chat model unless it is given.

    Several judges are a panel; each is asked `judge_samples` times.
    """

    chat: ModelChoice = "local"
    embed: ModelChoice = "local"
    judge: ModelChoice | Annotated[tuple[ModelChoice, ...], Field(min_length=1)] | None = None
    judge_samples: Annotated[int, Field(ge=1, le=MOST_SAMPLES)] = 1

    @property
    def raters(self) -> tuple[ModelChoice, ...]:
        """The models that judge."""
        if isinstance(self.judge, tuple):
            return self.judge
        return (self.judge or self.chat,)


class BudgetPart(Strict):
    """What the chat calls of one command may take together, at most; those answered from the cache take nothing."""

    max_calls: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_cost: Annotated[float, Field(gt=0)] | None = None

    @property
    def most(self) -> Most:
        return Most(self.max_calls, self.max_tokens, self.max_cost)


class Filter(Strict):
    """Which questions to ask, by language and tags, and how many of them."""

    language: Language | None = None
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    sample: Annotated[int, Field(ge=1)] | None = None


class HuggingFacePart(Strict):
    """A Hugging Face dataset, with what the reference `hf:NAME` has no room for: see `load_hugging_face`."""

    hf: str
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    columns: dict[str, str] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None

    @property
    def reference(self) -> str:
        """What the manifest of a run says."""
        return reference_of(self.hf, self.config, self.split)


class ExperimentFile(Strict):
    """The whole file. Unknown keys are refused; paths are relative to the file, or absolute.

    Beside `pipelines`, or in their place, `sweep` gives levels by factor, of which `exclude` leaves combinations out.
    """

    benchmark: str | HuggingFacePart
    split: str | None = None
    questions: Annotated[int, Field(ge=1, strict=True)] | tuple[str, ...] | Filter | None = None
    pipelines: tuple[str | dict[str, dict[str, Any] | None], ...] = ()
    sweep: dict[str, list[Any]] | None = None
    exclude: tuple[dict[str, Any], ...] = ()
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    models: Models = Models()
    budget: BudgetPart | None = None
    calibrations: tuple[str, ...] = ()
    seed: int = 0


def read_experiment_file(path: Path) -> ExperimentFile:
    """Parse and check the form of an experiment file. Raises DeclarationError that names file and line or key."""
    data = read_mapping(path, "an experiment file", "benchmark and pipelines")
    try:
        file = ExperimentFile.model_validate(data)
    except pydantic.ValidationError as error:
        raise DeclarationError(f"{path}: {first_problem(error, _known_keys)}") from None
    if not file.pipelines and file.sweep is None:
        raise DeclarationError(f"{path}: found neither pipelines nor a sweep, expected at least one of them")
    if file.exclude and file.sweep is None:
        raise DeclarationError(f"{path}: exclude: found no sweep to exclude something from")
    return file


def parse_model_choice(value: object, place: str) -> ModelChoice:
    """A model given in Python in the form that the file uses."""
    try:
        return _MODEL_CHOICE.validate_python(value)
    except pydantic.ValidationError as error:
        raise DeclarationError(f"{place}: {first_problem(error, _known_keys)}") from None


def parse_budget(value: object, place: str) -> BudgetPart:
    """A budget given in Python in the form that the file uses."""
    try:
        return BudgetPart.model_validate(value)
    except pydantic.ValidationError as error:
        raise DeclarationError(f"{place}: {first_problem(error, lambda _: list(BudgetPart.model_fields))}") from None


_MODEL_CHOICE: pydantic.TypeAdapter[ModelChoice] = pydantic.TypeAdapter(ModelChoice)


def _known_keys(loc: Place) -> list[str]:
    if loc and loc[-1] == "price":
        return list(PricePart.model_fields)
    if "openai" in loc:
        return list(OpenAIModel.model_fields)
    if "local" in loc:
        return list(LocalModel.model_fields)
    if loc and loc[0] == "budget":
        return list(BudgetPart.model_fields)
    if loc and loc[0] == "models":
        return list(Models.model_fields)
    if loc and loc[0] == "benchmark":
        return list(HuggingFacePart.model_fields)
    if loc and loc[0] == "questions":
        return list(Filter.model_fields)
    return list(ExperimentFile.model_fields)

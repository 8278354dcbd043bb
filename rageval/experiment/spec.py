"""The specification of an experiment: one form for experiment files and for `rageval.evaluate`.

In Python, a model, a benchmark, a pipeline or a judge may also be an object. Everything else is the same in both.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeGuard, cast

import pydantic
from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from rageval.benchmark import QuestionFilter, Selection
from rageval.benchmark.hugging_face import reference_of
from rageval.errors import DeclarationError
from rageval.experiment.detector_spec import (
    CascadePart,
    DetectorChoice,
    DetectorPart,
    is_detector,
    known_detector_keys,
)
from rageval.experiment.embedder_spec import EmbeddingEndpoint, InputTypePart
from rageval.experiment.endpoint_spec import EndpointPart
from rageval.experiment.until_spec import DecidedPart, UntilPart
from rageval.io.plugins import Kind, installed_plugins, split_reference
from rageval.io.strict import EXPECTED, Number, Place, Strict, WholeNumber, first_problem, read_mapping
from rageval.models.access import Access, endpoint_identity
from rageval.models.base import ChatModel, Embedder
from rageval.models.budget import Most, Price
from rageval.models.reasoning_room import chat_settings
from rageval.text.languages import LANGUAGE_CODE, Language
from rageval.types import Benchmark

MOST_SAMPLES = 50
MOST_REPEATS = 20


class PricePart(Strict):
    """What a model costs per million tokens, in any currency; prompt tokens from the endpoint's cache cost `cached`."""

    prompt: Annotated[Number, Field(ge=0)]
    completion: Annotated[Number, Field(ge=0)]
    cached: Annotated[Number, Field(ge=0)] | None = None

    @property
    def price(self) -> Price:
        return Price(self.prompt, self.completion, self.cached)


class LocalModel(Strict):
    """The packaged model in this process, or another GGUF by `path` or `hub` (`repo/name:file.gguf`)."""

    provider: Literal["local"] = "local"
    path: Path | None = None
    hub: str | None = None
    context_tokens: Annotated[WholeNumber, Field(ge=512)] = 4096
    threads: Annotated[WholeNumber, Field(ge=1)] | None = None
    price: PricePart | None = None


class ReasoningPart(Strict):
    """How a chat model is to reason before it replies: its effort, and the tokens that it gets for that."""

    effort: str | None = None
    max_tokens: Annotated[WholeNumber, Field(ge=1)] | None = None


class OpenAIModel(EndpointPart):
    """A chat model at any OpenAI-compatible endpoint. Calls are made one by one or, by `transport`, as batches."""

    reasoning: ReasoningPart | None = None
    price: PricePart | None = None
    transport: Literal["direct", "batch"] = "direct"

    @property
    def endpoint(self) -> dict[str, Any]:
        """What `OpenAIChat` is made of, by the names of its arguments."""
        return self.model_dump(exclude={"provider", "price", "transport"})

    @property
    def identity(self) -> str:
        """That of the `OpenAIChat` that is made of it. Raises DeclarationError for what cannot be one."""
        access = Access(api_version=self.api_version, extra_headers=self.endpoint["extra_headers"])
        settings = chat_settings(self.endpoint["reasoning"], self.extra_body)
        return endpoint_identity(self.base_url, self.model, {**access.settings, **settings})


class PluginModel(Strict):
    """A model of the user's own: `provider` is the path of its file, or the name that an installed package gives it.

    In a file the `settings` stand beside `provider` and `price`; the paths among them are relative to `base`.
    """

    provider: str
    price: PricePart | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    base: Path = Path()


def _names_plugin(kind: Kind, value: object) -> bool:
    """Whether it is a model of the user's own, or a mapping with a provider that names one."""
    if isinstance(value, PluginModel):
        return True
    provider = cast("Mapping[object, object]", value).get("provider") if isinstance(value, Mapping) else None
    if not isinstance(provider, str) or provider in ("local", "openai"):
        return False
    return split_reference(provider)[0] is not None or provider in installed_plugins(kind)


def _gather_settings(value: object) -> object:
    """The form of a file as that of `PluginModel`, whose `base` only `located` sets."""
    if not isinstance(value, Mapping):
        return value
    given = dict(cast("Mapping[str, object]", value))
    own = {key: given.pop(key) for key in ("provider", "price") if key in given}
    return {**own, "settings": given}


def _spell_out(value: object) -> object:
    """`local` as a mapping, so that both spellings are the same choice."""
    if isinstance(value, Mapping):
        return dict(cast("Mapping[object, object]", value))
    return {"provider": "local"} if value == "local" else value


def _form(kind: Kind, value: object, is_model: Callable[[object], bool]) -> str | None:
    if _names_plugin(kind, value):
        return "[plugin]"
    if isinstance(value, Mapping | LocalModel | OpenAIModel | EmbeddingEndpoint) or (
        isinstance(value, str) and value == "local"
    ):
        return "[named]"
    return "[object]" if is_model(value) else None


def _has(value: object, *methods: str) -> bool:
    """Whether it is an object with an identity and these methods."""
    try:
        return isinstance(getattr(value, "identity", None), str) and all(
            callable(getattr(value, name, None)) for name in methods
        )
    except Exception:  # noqa: BLE001 (an identity of the user's own may raise anything)
        return False


def is_chat_model(value: object) -> TypeGuard[ChatModel]:
    """Whether the object can serve as a `ChatModel`."""
    return _has(value, "complete", "close") and isinstance(getattr(value, "concurrency", None), int)


def is_embedder(value: object) -> TypeGuard[Embedder]:
    """Whether the object can serve as an `Embedder`."""
    return _has(value, "embed", "close")


class _AsGiven:
    """Makes pydantic accept an object as it is; other code checks its type first."""

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        return core_schema.any_schema()


ModelChoice: TypeAlias = LocalModel | OpenAIModel | PluginModel
EmbedderModel: TypeAlias = LocalModel | EmbeddingEndpoint | PluginModel
_Plugin: TypeAlias = Annotated[Annotated[PluginModel, BeforeValidator(_gather_settings)], Tag("[plugin]")]
_NamedChat: TypeAlias = Annotated[
    Annotated[LocalModel | OpenAIModel, Field(discriminator="provider"), BeforeValidator(_spell_out)], Tag("[named]")
]
_NamedEmbedder: TypeAlias = Annotated[
    Annotated[LocalModel | EmbeddingEndpoint, Field(discriminator="provider"), BeforeValidator(_spell_out)],
    Tag("[named]"),
]
_MODEL_FORMS = "expected 'local', a mapping with the provider 'local' or 'openai', or in Python "
ChatChoice: TypeAlias = Annotated[
    _NamedChat | _Plugin | Annotated[ChatModel, _AsGiven(), Tag("[object]")],
    Discriminator(
        lambda value: _form("chat", value, is_chat_model),
        custom_error_type=EXPECTED,
        custom_error_message=_MODEL_FORMS + "a chat model",
    ),
]
EmbedderChoice: TypeAlias = Annotated[
    _NamedEmbedder | _Plugin | Annotated[Embedder, _AsGiven(), Tag("[object]")],
    Discriminator(
        lambda value: _form("embedders", value, is_embedder),
        custom_error_type=EXPECTED,
        custom_error_message=_MODEL_FORMS + "an embedder",
    ),
]


def _list(value: object) -> object:
    if isinstance(value, list | tuple):
        return cast("object", value)
    one = value if isinstance(value, str | int | float) and not isinstance(value, bool) else "…"
    raise PydanticCustomError(EXPECTED, "expected a list: [{one}]", {"one": one})


def _path_as_text(value: object) -> object:
    return os.fspath(cast("os.PathLike[str]", value)) if isinstance(value, os.PathLike) else value


_List = BeforeValidator(_list)
_Reference: TypeAlias = Annotated[str, BeforeValidator(_path_as_text)]


def _form_of_judge(value: object) -> str:
    return "[several]" if isinstance(value, list | tuple) else "[detector]" if is_detector(value) else "[one]"


class Models(Strict):
    """Which model does what; the judge is the chat model unless it is given.

    Several judges are a panel; each is asked `judge_samples` times. A detector judges in the place of a chat model, or,
    in a `cascade`, before it. `named` are models by name, which `models` of single pipelines and sweeps may call by it.
    """

    chat: ChatChoice = LocalModel()
    embed: EmbedderChoice = LocalModel()
    judge: (
        Annotated[
            Annotated[ChatChoice, Tag("[one]")]
            | Annotated[tuple[ChatChoice, ...], Field(min_length=1), Tag("[several]")]
            | Annotated[DetectorChoice, Tag("[detector]")],
            Discriminator(_form_of_judge),
        ]
        | None
    ) = None
    judge_samples: Annotated[WholeNumber, Field(ge=1, le=MOST_SAMPLES)] = 1
    cascade: CascadePart | None = None
    named: dict[str, Any] = Field(default_factory=dict)

    @property
    def raters(self) -> tuple[ModelChoice | ChatModel, ...]:
        """The chat models that judge; none where a detector does."""
        if isinstance(self.judge, DetectorPart):
            return ()
        if isinstance(self.judge, tuple):
            return self.judge
        return (self.chat if self.judge is None else self.judge,)

    @property
    def detector(self) -> DetectorPart | None:
        """The detector that judges in the place of a chat model, if there is one."""
        return self.judge if isinstance(self.judge, DetectorPart) else None


class BudgetPart(Strict):
    """What the chat calls of one command may take together, at most; those answered from the cache take nothing."""

    max_calls: Annotated[WholeNumber, Field(ge=1)] | None = None
    max_tokens: Annotated[WholeNumber, Field(ge=1)] | None = None
    max_cost: Annotated[Number, Field(gt=0)] | None = None

    @property
    def most(self) -> Most:
        return Most(self.max_calls, self.max_tokens, self.max_cost)


class AbstentionPart(Strict):
    """How answers abstain, beyond what rageval knows: `phrases` are refusals in the words of the user's prompts."""

    phrases: Annotated[tuple[Annotated[str, Field(pattern=r"\w")], ...], _List] = ()


class Filter(Strict):
    """Which questions to ask, by language and tags, and how many of them."""

    language: Annotated[Language, Field(pattern=LANGUAGE_CODE)] | None = None
    tags: Annotated[tuple[str, ...], _List] = ()
    exclude_tags: Annotated[tuple[str, ...], _List] = ()
    sample: Annotated[WholeNumber, Field(ge=1)] | None = None


class HuggingFacePart(Strict):
    """A Hugging Face dataset, with what the reference `hf:NAME` has no room for: see `load_hugging_face`."""

    hf: str
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    columns: dict[str, str] | None = None
    limit: Annotated[WholeNumber, Field(ge=1)] | None = None

    @property
    def arguments(self) -> dict[str, Any]:
        """What `load_hugging_face` is given, by the names of its arguments."""
        return {"name": self.hf, **self.model_dump(exclude={"hf"})}

    @property
    def reference(self) -> str:
        """What the manifest of a run says."""
        return reference_of(self.hf, self.config, self.split)


def _form_of_benchmark(value: object) -> str | None:
    if isinstance(value, Mapping):
        entries = [*cast("Mapping[object, object]", value).items()]
        is_own = len(entries) == 1 and entries[0][0] != "columns" and isinstance(entries[0][1], Mapping | None)
        return "[own]" if is_own else "[hf]"
    if isinstance(value, HuggingFacePart):
        return "[hf]"
    return "[object]" if isinstance(value, Benchmark) else "[name]" if isinstance(value, str | os.PathLike) else None


def _form_of_questions(value: object) -> str | None:
    if isinstance(value, Mapping | Filter | QuestionFilter):
        return "[filter]"
    if isinstance(value, int) and not isinstance(value, bool):
        return "[number]"
    return "[ids]" if isinstance(value, list | tuple) else None


def _filter_as_mapping(value: object) -> object:
    return dataclasses.asdict(value) if isinstance(value, QuestionFilter) else value


class Spec(Strict):
    """The specification of an experiment. Unknown keys are refused; paths are relative to the file, or absolute.

    `strict` refuses irregular data that is otherwise tolerated; `exclude_self` and `grade_threshold` are settings of
    the benchmark (see `Benchmark`). `sweep` gives levels by factor, in addition to `pipelines` or instead of it;
    `exclude` leaves out combinations. `judges` are more, by name. Each question is asked `repeats` times
    (`Experiment.repeats_of`). `until` stops before all questions are asked. `plan` checks later whether names, settings
    and judges exist.
    """

    benchmark: Annotated[
        Annotated[_Reference, Tag("[name]")]
        | Annotated[HuggingFacePart, Tag("[hf]")]
        | Annotated[dict[str, dict[str, Any] | None], Tag("[own]")]
        | Annotated[Benchmark, _AsGiven(), Tag("[object]")],
        Discriminator(
            _form_of_benchmark,
            custom_error_type=EXPECTED,
            custom_error_message="expected a name, a path, a mapping with 'hf', a loader, or in Python a Benchmark",
        ),
    ]
    split: str | None = None
    strict: bool = False
    exclude_self: bool | None = None
    grade_threshold: Annotated[int, Field(ge=1)] | None = None
    questions: (
        Annotated[
            Annotated[WholeNumber, Field(ge=1), Tag("[number]")]
            | Annotated[tuple[str, ...], Tag("[ids]")]
            | Annotated[Filter, BeforeValidator(_filter_as_mapping), Tag("[filter]")],
            Discriminator(
                _form_of_questions,
                custom_error_type=EXPECTED,
                custom_error_message="expected a whole number, a list of question ids, or a filter",
            ),
        ]
        | None
    ) = None
    pipelines: Annotated[tuple[Any, ...], _List] = ()
    sweep: dict[str, Annotated[list[Any], _List]] | None = None
    exclude: Annotated[tuple[dict[str, Any], ...], _List] = ()
    metrics: Annotated[tuple[Any, ...], Field(min_length=1), _List]
    models: Models = Models()
    judges: dict[str, DetectorChoice] = Field(default_factory=dict)
    budget: BudgetPart | None = None
    until: UntilPart | None = None
    abstention: AbstentionPart = AbstentionPart()
    calibrations: Annotated[tuple[_Reference, ...], _List] = ()
    seed: WholeNumber = 0
    repeats: Annotated[WholeNumber, Field(ge=1, le=MOST_REPEATS)] = 1

    @property
    def selection(self) -> Selection:
        """The `questions`, as `select_questions` takes them."""
        asked = self.questions
        if isinstance(asked, Filter):
            return QuestionFilter(asked.language, asked.tags, asked.exclude_tags, asked.sample)
        return asked


def read_spec(path: Path) -> Spec:
    """Parse an experiment file and check its form. Raises DeclarationError that names file and line or key."""
    data = read_mapping(path, "an experiment file", "benchmark and pipelines")
    try:
        return parse_spec(data)
    except DeclarationError as error:
        raise DeclarationError(f"{path}: {error}") from None


def parse_spec(data: Mapping[str, object]) -> Spec:
    """Check the form of what is asked, by the keys of an experiment file. Raises DeclarationError with the key."""
    try:
        spec = Spec.model_validate(data)
    except pydantic.ValidationError as error:
        raise DeclarationError(first_problem(error, known_keys)) from None
    if not spec.pipelines and spec.sweep is None:
        raise DeclarationError("found neither pipelines nor a sweep, expected at least one of them")
    if spec.exclude and spec.sweep is None:
        raise DeclarationError("exclude: found no sweep to exclude something from")
    return spec


def known_keys(loc: Place) -> list[str]:
    """The keys that there may be at a place of an experiment file."""
    inner = {"price": PricePart, "reasoning": ReasoningPart, "input_type": InputTypePart, "decided": DecidedPart}
    if loc and loc[-1] in inner:
        return list(inner[str(loc[-1])].model_fields)
    if "openai" in loc:
        return list((EmbeddingEndpoint if "embed" in loc else OpenAIModel).model_fields)
    if "local" in loc:
        return list(LocalModel.model_fields)
    if loc[-1:] == ("cascade",):
        return list(CascadePart.model_fields)
    if known := known_detector_keys(loc):
        return known
    parts = {
        "abstention": AbstentionPart,
        "budget": BudgetPart,
        "models": Models,
        "benchmark": HuggingFacePart,
        "questions": Filter,
        "until": UntilPart,
    }
    part = parts.get(str(loc[0])) if loc else None
    return list((part or Spec).model_fields)

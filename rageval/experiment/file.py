"""The experiment file: what may stand in it, and how its mistakes are told."""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, cast

import pydantic
import yaml
from pydantic import Field

from rageval.errors import DeclarationError
from rageval.types import Language


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class LocalModel(_Strict):
    """The packaged model in this process, or another GGUF by `path` or `hub` (`repo/name:file.gguf`)."""

    provider: Literal["local"] = "local"
    path: Path | None = None
    hub: str | None = None
    context_tokens: Annotated[int, Field(ge=512)] = 4096
    threads: Annotated[int, Field(ge=1)] | None = None


class OpenAIModel(_Strict):
    """Any OpenAI-compatible endpoint. The key is read from the environment variable named, never from the file."""

    provider: Literal["openai"]
    base_url: str
    model: str
    api_key_env: str = "OPENAI_API_KEY"
    concurrency: Annotated[int, Field(ge=1)] = 16
    timeout_s: Annotated[float, Field(gt=0)] = 60.0
    max_retries: Annotated[int, Field(ge=0)] = 4


ModelChoice: TypeAlias = Literal["local"] | Annotated[LocalModel | OpenAIModel, Field(discriminator="provider")]


class Models(_Strict):
    """Which model does what; the judge is the chat model unless it is given."""

    chat: ModelChoice = "local"
    embed: ModelChoice = "local"
    judge: ModelChoice | None = None


class Filter(_Strict):
    """Which questions to ask, by language and tags, and how many of them."""

    language: Language | None = None
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    sample: Annotated[int, Field(ge=1)] | None = None


class ExperimentFile(_Strict):
    """The whole file. Unknown keys are refused; paths are relative to the file, or absolute."""

    benchmark: str
    split: str | None = None
    questions: Annotated[int, Field(ge=1, strict=True)] | tuple[str, ...] | Filter | None = None
    pipelines: Annotated[tuple[str | dict[str, dict[str, Any] | None], ...], Field(min_length=1)]
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    models: Models = Models()
    seed: int = 0


def read_experiment_file(path: Path) -> ExperimentFile:
    """Parse and check the form of an experiment file. Raises DeclarationError that names file and line or key."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DeclarationError(f"{path}: no such file; expected an experiment file (YAML)") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    try:
        data = yaml.load(text, Loader=_UniqueKeyLoader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DeclarationError(f"{path}:{line}: found invalid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise DeclarationError(f"{path}: found invalid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise DeclarationError(f"{path}: found {type(data).__name__}, expected keys such as benchmark and pipelines")
    try:
        return ExperimentFile.model_validate(data)
    except pydantic.ValidationError as error:
        raise DeclarationError(f"{path}: {_first_problem(error)}") from None


def parse_model_choice(value: object, place: str) -> ModelChoice:
    """A model given in Python in the form that the file uses."""
    try:
        return _MODEL_CHOICE.validate_python(value)
    except pydantic.ValidationError as error:
        raise DeclarationError(f"{place}: {_first_problem(error)}") from None


_MODEL_CHOICE: pydantic.TypeAdapter[ModelChoice] = pydantic.TypeAdapter(ModelChoice)


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, of which plain YAML silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} twice", problem_mark=key.start_mark)
                seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def _first_problem(error: pydantic.ValidationError) -> str:
    """One line for the most telling problem: where, what was found, what was expected."""
    problems = error.errors()
    problem = max(problems, key=lambda p: (p["type"] == "extra_forbidden", len(p["loc"]), "union_tag" in p["type"]))
    place = ".".join(str(part) for part in problem["loc"] if not _is_union_tag(part)) or "the file"
    if problem["type"] == "extra_forbidden":
        known = _known_keys(problem["loc"][:-1])
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{place}: found an unknown key, expected one of {', '.join(known)}{hint}"
    if problem["type"] == "missing":
        return f"{place}: found nothing, expected this key"
    if "union_tag" in problem["type"]:
        return f"{place}.provider: found {problem['input'].get('provider')!r}, expected local or openai"
    message = problem["msg"][:1].lower() + problem["msg"][1:]
    return f"{place}: found {problem.get('input')!r}: {message}"


def _is_union_tag(part: int | str) -> bool:
    return isinstance(part, str) and (part in ("local", "openai", "Filter", "constrained-int", "str") or "[" in part)


def _known_keys(loc: Sequence[int | str]) -> list[str]:
    if "openai" in loc:
        return list(OpenAIModel.model_fields)
    if "local" in loc:
        return list(LocalModel.model_fields)
    if loc and loc[0] == "models":
        return list(Models.model_fields)
    if loc and loc[0] == "questions":
        return list(Filter.model_fields)
    return list(ExperimentFile.model_fields)

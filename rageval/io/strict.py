"""YAML files that people write: read strictly, and their mistakes told in one line."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast

import pydantic
import yaml
from pydantic_core import PydanticCustomError
from yaml.constructor import BaseConstructor

from rageval.errors import DeclarationError
from rageval.io.spreadsheets import refuse_sheet

Place: TypeAlias = Sequence[int | str]

EXPECTED = "expected"
"""The error type of our own validators: their message says what was expected, and `first_problem` adds what was found.
"""
_FORMS = {
    "model_type": "expected a mapping",
    "dict_type": "expected a mapping",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "too_short": "expected at least one entry",
}


YES_AND_NO = "YAML reads yes, no, on and off as true and false, unless they are in quotes"


class Strict(pydantic.BaseModel):
    """What may stand in a file, and nothing else."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


def _refuse_flag(value: object) -> object:
    if isinstance(value, bool):
        raise PydanticCustomError(EXPECTED, "expected a number")
    return value


WholeNumber: TypeAlias = Annotated[int, pydantic.BeforeValidator(_refuse_flag)]
Number: TypeAlias = Annotated[float, pydantic.BeforeValidator(_refuse_flag)]
"""Numbers of a file; True and False are none."""


def read_mapping(path: Path, what: str, keys: str, *, as_written: bool = False) -> dict[str, Any]:
    """Read the mapping in a YAML file; a key given twice is an error.

    `what` describes the file, and `keys` the keys it may have. With `as_written`, every plain value stays the text in
    the file: `no` is not a boolean. Raises DeclarationError that names the file, and the line if YAML reports one.
    """
    refuse_sheet(path, f"{what} (YAML)")
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DeclarationError(f"{path}: no such file; expected {what} (YAML)") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    try:
        data = yaml.load(text, Loader=_TextLoader if as_written else _ValueLoader)  # noqa: S506 (no objects are made)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DeclarationError(f"{path}:{line}: found invalid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise DeclarationError(f"{path}: found invalid YAML: {' '.join(str(error).split())}") from None
    if data is None:
        found = "no key" if text.strip() else "an empty file"
        raise DeclarationError(f"{path}: found {found}, expected {what} with keys such as {keys}")
    if not isinstance(data, dict):
        raise DeclarationError(f"{path}: found {shown(data)}, expected {what} with keys such as {keys}")
    return cast("dict[str, Any]", data)


def first_problem(error: pydantic.ValidationError, known_keys: Callable[[Place], Sequence[str]]) -> str:
    """One line for the most telling problem: where, what was found, what was expected.

    `known_keys` says which keys there may be at a place.
    """
    problems = error.errors()
    problem = max(problems, key=lambda p: (p["type"] == "extra_forbidden", len(p["loc"]), "union_tag" in p["type"]))
    place = ".".join(str(part) for part in problem["loc"] if not _is_union_tag(part)) or "the file"
    if problem["type"] == "extra_forbidden":
        known = known_keys(problem["loc"][:-1])
        near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return f"{place}: found an unknown key, expected one of {', '.join(known)}{hint}"
    if problem["type"] == "missing":
        return f"{place}: found nothing, expected this key"
    if "union_tag" in problem["type"]:
        found = problem["input"].get("provider")
        return f"{place}.provider: found {found!r}, expected local or openai, or the path or name of your own"
    found = shown(problem["input"])
    if problem["type"] == EXPECTED:
        told = f"{place}: found {found}, {problem['msg']}"
    elif problem["type"] in _FORMS:
        told = f"{place}: found {found}, {_FORMS[problem['type']]}"
    else:
        told = f"{place}: found {found}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"
    return f"{told}; {YES_AND_NO}" if isinstance(problem["input"], bool) else told


def shown(value: object) -> str:
    """Format a value for a message: plain values as they are, up to 80 characters; for all others, their type."""
    if value is None or isinstance(value, bool | int | float | str):
        text = repr(value)
        return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, list | tuple | Mapping):
        name = "mapping" if isinstance(value, Mapping) else "list"
        return f"a {name}" if value else f"an empty {name}"
    name = type(value).__name__
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"


_LONGEST_SHOWN = 80
_UNION_TAGS = ("local", "openai", "light", "onnx", "gguf", "rerank")


def _is_union_tag(part: int | str) -> bool:
    return isinstance(part, str) and (part in _UNION_TAGS or "[" in part)


class _UniqueKeys(BaseConstructor):
    """Refuses a key given twice, of which plain YAML silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} twice", problem_mark=key.start_mark)
                seen.add(str(key.value))
        return super().construct_mapping(node, deep)


class _ValueLoader(_UniqueKeys, yaml.SafeLoader):
    """YAML's values as they are usually read."""


class _TextLoader(_UniqueKeys, yaml.BaseLoader):
    """Texts, lists and mappings alone."""

"""Every key of an experiment file, from its specification; what the keys mean is told in `keys.yaml`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from rageval.experiment.spec import Spec
from website.reference.markdown import NONE, code, prose, table

MEANINGS = Path(__file__).with_name("keys.yaml")
_SET_BY_RAGEVAL = {"PluginModel": {"settings", "base"}}
_BOUNDS = {"ge": "≥ ", "gt": "> ", "le": "≤ ", "lt": "< ", "minimum": "≥ "}
_TYPES = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}
_INTRODUCTION = """\
# Experiment files

Made from the code. An experiment file is YAML; unknown keys are refused, and paths are relative to the file.
`rageval.evaluate` takes the same keys as arguments. Settings of pipelines: [pipelines and their parts](pipelines.md).
"""


def parts() -> dict[str, dict[str, Any]]:
    """The parts of a file by the name of their class, with the JSON schema of each."""
    schema = Spec.model_json_schema()
    return {"Spec": schema, **schema["$defs"]}


def keys() -> dict[str, list[str]]:
    """The keys that may stand in each part."""
    return {
        name: [key for key in part["properties"] if key not in _SET_BY_RAGEVAL.get(name, ())]
        for name, part in parts().items()
    }


def experiment_page() -> str:
    """The page of all keys. Raises ValueError unless `keys.yaml` has the parts and keys of the specification."""
    meanings = yaml.safe_load(MEANINGS.read_text(encoding="utf-8"))
    told = {name: list(part["keys"]) for name, part in meanings.items()}
    if {name: sorted(some) for name, some in told.items()} != {name: sorted(some) for name, some in keys().items()}:
        missing = [f"{name}.{key}" for name, some in keys().items() for key in some if key not in told.get(name, ())]
        extra = [f"{name}.{key}" for name, some in told.items() for key in some if key not in keys().get(name, ())]
        raise ValueError(f"{MEANINGS.name}: found no meaning of {missing}, and of keys that are not there: {extra}")
    known = parts()
    return "\n".join([_INTRODUCTION, *(_section(name, part, known[name]) for name, part in meanings.items())])


def _section(name: str, told: dict[str, Any], schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        (code(key), _value(schema["properties"][key]), _default(key, schema["properties"][key], required), meaning)
        for key, meaning in told["keys"].items()
    ]
    heading = "Keys of the file" if name == "Spec" else told["at"].replace("`", "")
    return f"## {heading}\n\n{prose(schema.get('description'))}\n\n" + table(
        ("key", "value", "default", "meaning"), rows
    )


def _value(schema: dict[str, Any]) -> str:
    return " or ".join(dict.fromkeys(_values(schema))) or "anything"


def _values(schema: dict[str, Any]) -> Iterator[str]:
    for form in ("anyOf", "oneOf"):
        for one in schema.get(form, ()):
            yield from _values(one)
    if "$ref" in schema:
        yield "mapping"
    elif "const" in schema:
        yield code(schema["const"])
    elif "enum" in schema:
        yield from (code(one) for one in schema["enum"])
    elif schema.get("type") == "array":
        yield "list"
    elif schema.get("type") == "object":
        yield "mapping"
    elif schema.get("format") == "path":
        yield "path"
    elif schema.get("type") in _TYPES:
        bounds = [f"{sign}{schema[key]:g}" for key, sign in _BOUNDS.items() if key in schema]
        yield " ".join([_TYPES[schema["type"]], *bounds])


def _default(key: str, schema: dict[str, Any], required: list[str]) -> str:
    if key in required:
        return "required"
    default = schema.get("default")
    if default in (None, [], {}, "") or (isinstance(default, dict) and key != "chat" and key != "embed"):
        return NONE
    if isinstance(default, dict):
        return code("local")
    return code(default if isinstance(default, str) else json.dumps(default))

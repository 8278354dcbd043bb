"""Descriptions of objects as JSON data, from which the keys of runs, stored indexes, judges and caches are made.

A description covers whatever can change a result: class, fields, the user's code, and the user's files that this code
imports. What cannot be described gets a description that is unique to the process, so that no other process reuses its
results.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import json
import logging
import re
import types
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import PurePath
from typing import Any, TypeAlias, cast

from rageval.source import (
    captured_values,
    code_data,
    defined_in,
    file_origin,
    global_names,
    imported_by_module,
    installed_source,
    is_generated,
    module_origin,
    package_version,
    qualified_name,
    source_text,
)
from rageval.types import Json

Rule: TypeAlias = "Callable[[object, Describer], Json | None]"
"""Describes things of one framework by their parts; None for what it does not know."""

_PLAIN = (bool, int, float, str)
_BASES_WITHOUT_STATE = ("builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol")
_MODULES_WITHOUT_CONTENT = ("_thread", "threading", "logging", "asyncio", "concurrent", "contextvars")
_MODULES_OF_VALUES = ("datetime", "decimal", "fractions", "uuid", "ipaddress", "zoneinfo", "operator", "typing")
_MODULES_OF_STATE = ("functools", "types")
_OURS = ("user", "rageval")
_VALUES = (complex, range, slice, type(...), type(NotImplemented), types.GenericAlias, types.UnionType)
_LEFT_OUT = ("_abc_impl",)
_PLACES_OF_FIELDS = ("member_descriptor", "getset_descriptor", "_tuplegetter")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

_log = logging.getLogger("rageval")
_marks: dict[int, tuple[Callable[[], object], str]] = {}
_told: set[str] = set()


def fingerprint(value: Json) -> str:
    """64 hex digits of the canonical JSON of `value`: equal values, equal digits, on every platform."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def describe(value: object, *, label: str = "", rule: Rule | None = None, version: str | None = None) -> Json:
    """Return a description of `value` as JSON data without NaN: equal things have equal descriptions in every process.

    Plain values, containers and paths are described by their data. An instance is described by its class and fields, or
    by its `identity` if it has one (a model). Functions, and classes outside rageval and Python, are described by their
    code: the user's own with defaults, captured values, the globals they read and the files that their module imports;
    those of an installed package with its version.

    Other objects (a live index, a client) cannot be described. Their description is unique to the object and this
    process, and the log says so once. A `version` (the argument, or an attribute of an object, class or function)
    vouches for all such objects inside the thing that has it. `label` names `value` in the log; `rule` is tried first
    for everything but plain values.
    """
    describer = Describer(label or _label(value), rule, vouched=version is not None)
    described = describer.describe(value)
    for owner, part in describer.unread:
        _tell(label or owner, part)
    return described if version is None else {"version": version, "of": described}


def find_unreadable(value: object) -> tuple[str, ...]:
    """Return, in words, the parts of `value` that cannot be described; see `describe`."""
    describer = Describer(_label(value), None, vouched=False)
    describer.describe(value)
    return tuple(part for _, part in describer.unread)


class Describer:
    """One call of `describe`; a `Rule` uses it to describe parts."""

    def __init__(self, label: str, rule: Rule | None, *, vouched: bool) -> None:
        self._rule = rule
        self._vouched = vouched
        self._path = [label]
        self._done: dict[tuple[int, bool], tuple[object, Json]] = {}
        self._imported_by = functools.cache(imported_by_module)  # files are read once in one description
        self._owners = [label]
        self.unread: list[tuple[str, str]] = []  # what may be given a version, and what cannot be read in it

    def describe(self, value: object, name: str = "") -> Json:
        """The description of a part; `name` is what it is called in the whole."""
        if value is None or type(value) in _PLAIN:
            return repr(value) if isinstance(value, float) and not abs(value) < float("inf") else cast("Json", value)
        key = id(value), self._vouched
        if key not in self._done:
            self._done[key] = value, {"again": qualified_name(type(value))}  # where it is a part of itself
            self._path.append(name)
            described = None if self._rule is None else self._rule(value, self)
            self._done[key] = value, self._value(value) if described is None else described
            self._path.pop()
        return self._done[key][1]

    @property
    def is_vouched(self) -> bool:
        """Whether a version answers for what cannot be described."""
        return self._vouched

    @contextmanager
    def vouching(self, vouched: bool = True) -> Generator[None]:
        """Within the block, if `vouched`, things that cannot be described are described by their class alone."""
        before, self._vouched = self._vouched, self._vouched or vouched
        try:
            yield
        finally:
            self._vouched = before

    @contextmanager
    def _within(self, owner: object) -> Generator[Json]:
        """Yield the owner's version, which vouches for everything described in the block."""
        version = _version(owner)
        self._owners.append(_label(owner))
        try:
            with self.vouching(version is not None):
                yield version
        finally:
            self._owners.pop()

    def parts(self, values: Mapping[str, object]) -> dict[str, Json]:
        """The descriptions of named parts."""
        return {name: self.describe(value, name) for name, value in values.items()}

    def class_of(self, value: object) -> dict[str, Json]:
        """The name of the class, and a digest of its code where some of it is not rageval's or Python's."""
        return cast("dict[str, Json]", self.describe(type(value)))

    def unreadable(self, value: object) -> Json:
        """Return a placeholder for an object that cannot be described."""
        name = qualified_name(type(value))
        if self._vouched:
            return {"class": name}
        self.unread.append((self._owners[-1], f"a {name} ({'.'.join(filter(None, self._path))})"))
        return {"class": name, "only": _mark(value)}

    def _value(self, value: object) -> Json:
        match value:
            case Enum():
                return {**self.class_of(value), "value": self.describe(value.value)}
            case int():
                return int(value)
            case float():
                return self.describe(float(value))
            case str():
                return str(value)
            case PurePath():
                return value.as_posix()
            case bytes() | bytearray():
                return {"bytes": hashlib.sha256(value).hexdigest()}
            case dict() | types.MappingProxyType() | list() | tuple() | deque() | set() | frozenset():
                return self._container(cast("Any", value))
            case type():
                return self._class(value)
            case types.ModuleType():
                return self._module(value)
            case re.Pattern():
                return {"pattern": self.describe(cast("Any", value).pattern), "flags": int(value.flags)}
            case _:
                described = self._callable(value)
                return self._object(value) if described is None else described

    def _container(self, value: Any) -> Json:
        items: Json
        if not isinstance(value, dict | types.MappingProxyType):
            items = [self.describe(item) for item in value]
        elif all(isinstance(key, str) for key in cast("Iterable[object]", value)):
            items = self.parts(cast("Mapping[str, object]", value))
        else:
            items = [self.describe([*pair]) for pair in cast("Mapping[object, object]", value).items()]
        if isinstance(items, list) and not isinstance(value, list | tuple | deque):
            items.sort(key=fingerprint)
        kind = type(cast("object", value))
        return (
            items
            if kind.__module__ in ("builtins", "collections")
            else {**self.class_of(cast("object", value)), "of": items}
        )

    # Code

    def _class(self, kind: type) -> Json:
        code: list[Json] = []
        for one in kind.__mro__:
            origin = module_origin(one.__module__)
            if origin == "user":
                code.append(
                    [qualified_name(one), source_text(one), self._members(one), *self._imported_by(one.__module__)]
                )
            elif origin == "installed":
                code.append([qualified_name(one), package_version(one.__module__), installed_source(one.__module__)])
        name: dict[str, Json] = {"class": qualified_name(kind)}
        return {**name, "source": fingerprint(code)} if code else name

    def _members(self, kind: type) -> Json:
        """Describe what a user's class defines: its source may be missing, or belong to a namesake."""
        written = "__dataclass_fields__" in vars(kind)
        members: dict[str, Json] = {}
        for name, value in sorted(vars(kind).items()):
            special = name.startswith("__") and name.endswith("__")
            if special and (not inspect.isfunction(value) or (written and is_generated(name, value))):
                continue
            if name not in _LEFT_OUT and type(value).__name__ not in _PLACES_OF_FIELDS:
                members[name] = self.describe(value, name)
        return members

    def _module(self, module: types.ModuleType) -> Json:
        origin = module_origin(module.__name__)
        described: dict[str, Json] = {"module": module.__name__.rpartition(".")[2]}
        if origin == "installed":
            described["package"] = package_version(module.__name__)
        if origin == "user":
            own = self.parts(defined_in(module))
            described["source"] = fingerprint([source_text(module), own, *self._imported_by(module.__name__)])
        return described

    def _callable(self, value: object) -> Json | None:
        """Describe callables, and the wrappers that hold functions in a class; None for anything else."""
        match value:
            case types.FunctionType():
                return self._function(value)
            case types.MethodType():
                return {"method": self.describe(value.__func__), "of": self.describe(value.__self__, "self")}
            case functools.partial():
                part = cast("functools.partial[object]", value)
                given = self.describe([*part.args, part.keywords], "partial")
                return {"partial": self.describe(part.func), "given": given}
            case staticmethod() | classmethod():
                return self.describe(cast("Any", value).__func__)
            case property():
                return [self.describe(one) for one in (value.fget, value.fset, value.fdel)]
            case functools.cached_property():
                return self.describe(cast("Any", value).func)
            case types.BuiltinFunctionType():
                owner = value.__self__
                name: dict[str, Json] = {"function": qualified_name(value)}
                return name if owner is None or inspect.ismodule(owner) else {**name, "of": self.describe(owner)}
            case types.MethodDescriptorType() | types.WrapperDescriptorType() | types.ClassMethodDescriptorType():
                return {"function": f"{qualified_name(value.__objclass__)}.{value.__name__}"}
            case _ if qualified_name(type(value)) == "functools._lru_cache_wrapper":
                return self.describe(cast("Any", value).__wrapped__)
            case _:
                return None

    def _function(self, function: types.FunctionType) -> Json:
        file = function.__code__.co_filename
        origin = module_origin(function.__module__ or "") if file.startswith("<") else file_origin(file)
        if origin != "user":
            described: dict[str, Json] = {"function": qualified_name(function)}
            if origin == "installed":
                described["package"] = package_version(function.__module__)
            captured = self.parts(captured_values(function))
            return {**described, "captured": captured} if captured else described
        known = function.__globals__
        read = {name: known[name] for name in sorted(global_names(function.__code__)) if name in known}
        with self._within(function) as version:
            made_of: list[Json] = [
                source_text(function),
                code_data(function.__code__),
                self.describe([*(function.__defaults__ or ()), function.__kwdefaults__], "defaults"),
                self.parts(captured_values(function)),
                self.parts(read),
                *self._imported_by(function.__module__ or ""),
            ]
        described = {"function": function.__qualname__, "source": fingerprint(made_of)}
        return described if version is None else {**described, "version": version}

    # Instances

    def _object(self, value: object) -> Json:
        kind = type(value)
        top, name = kind.__module__.partition(".")[0], kind.__name__
        if top in _MODULES_WITHOUT_CONTENT and name != "_local":
            return {"class": qualified_name(kind)}
        if top in _MODULES_OF_VALUES or isinstance(value, _VALUES):
            return {"class": qualified_name(kind), "value": _ADDRESS.sub("", repr(cast("object", value)))}
        if top == "numpy" and hasattr(value, "tobytes"):
            return self._array(cast("Any", value))
        if kind is object or name in ("SecretStr", "SecretBytes"):
            return {"class": qualified_name(kind)}
        identity = _attribute(value, "identity")
        if isinstance(identity, str) and identity:
            return {"identity": identity}
        fields = _fields(value)
        if fields is None:
            version = _version(value)
            return self.unreadable(value) if version is None else {**self.class_of(value), "version": version}
        with self._within(value) as version:
            described: dict[str, Json] = {**self.class_of(value), "fields": self.parts(fields)}
        return described if version is None else {**described, "version": version}

    def _array(self, array: Any) -> Json:
        if array.dtype.hasobject:
            return self.describe(array.tolist())
        shape: list[Json] = [*array.shape]
        return {"array": array.dtype.str, "shape": shape, "bytes": hashlib.sha256(array.tobytes()).hexdigest()}


def _fields(value: object) -> dict[str, object] | None:
    """What an instance consists of; None where that cannot be told."""
    kind = type(value)
    if hasattr(kind, "identity_fields"):
        return cast("Any", value).identity_fields()
    held = attributes_of(value)
    if hasattr(kind, "__pydantic_fields__"):
        return held
    if dataclasses.is_dataclass(kind):
        declared = {field.name: getattr(value, field.name) for field in dataclasses.fields(cast("Any", value))}
        return declared if "__dataclass_fields__" in vars(kind) else {**declared, **held}
    if kind.__module__ in _MODULES_OF_STATE:
        return held
    bases = [one for one in kind.__mro__ if qualified_name(one) not in _BASES_WITHOUT_STATE]
    readable = module_origin(kind.__module__) == "user" and all(module_origin(o.__module__) in _OURS for o in bases)
    return held if readable else None


def attributes_of(value: object) -> dict[str, object]:
    """Return an instance's attributes, including private ones of a pydantic model, without cached properties."""
    kind = type(value)
    slots = [name for one in kind.__mro__ for name in _names(vars(one).get("__slots__", ()))]
    held = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    private = cast("dict[str, object] | None", held.get("__pydantic_private__"))
    held = {**held, **getattr(value, "__dict__", {}), **(private or {})}
    return {
        name: part
        for name, part in held.items()
        if not name.startswith("__") and not isinstance(getattr(kind, name, None), functools.cached_property)
    }


def _names(slots: str | Iterable[str]) -> Iterable[str]:
    return (slots,) if isinstance(slots, str) else slots


def _attribute(value: object, name: str) -> object:
    """The attribute; None where there is none, or it cannot be read."""
    try:
        return getattr(value, name, None)
    except Exception:  # noqa: BLE001 (code of the user's)
        return None


def _version(value: object) -> Json:
    """The version that the user gave to an object or function; None where there is none."""
    version = _attribute(value, "version")
    return version if isinstance(version, str | int | float) and not isinstance(version, bool) else None


def _tell(label: str, part: str) -> None:
    """Log the problem once."""
    message = (
        f"{label}: found {part}, whose content cannot be read, so no other process reuses the results: give {label} "
        "a `version`, and change it whenever that content changes"
    )
    if message not in _told:
        _told.add(message)
        _log.warning(message)


def _label(value: object) -> str:
    name = getattr(value, "__qualname__", None)
    return name if isinstance(name, str) else type(value).__qualname__


def _mark(value: object) -> str:
    """Return a mark that is unique to that object and this process."""
    known = _marks.get(id(value))
    if known is not None and known[0]() is value:
        return known[1]
    try:
        found: Callable[[], object] = weakref.ref(value)
    except TypeError:
        found = lambda: value  # noqa: E731 (kept alive, so that no other object gets its id)
    _marks[id(value)] = found, uuid.uuid4().hex
    return _marks[id(value)][1]

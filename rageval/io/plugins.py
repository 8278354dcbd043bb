"""Parts that are named in an experiment: by a built-in name, by a file of the user's, or by an installed package."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Literal, TypeAlias, Union, Unpack, cast, get_args, get_origin, get_type_hints

import pydantic

from rageval.errors import DeclarationError
from rageval.io.strict import YES_AND_NO
from rageval.io.user_files import find_file, load_module

Kind: TypeAlias = Literal[
    "chunkers", "indexes", "rerankers", "chat", "embedders", "stages", "judges", "metrics", "corpora", "reports"
]

# How the message begins where a setting is at fault, and not a file, say.
_A_SETTING = re.compile(r"[a-z_]\w*(?:\[\d+\]|\.[a-z_]\w*)*: ")

# The default name in a file when the reference gives none: FILE.py means FILE.py:build, for example.
_NAMES: Mapping[Kind, str] = {
    "chunkers": "chunker",
    "indexes": "index",
    "rerankers": "reranker",
    "chat": "chat",
    "embedders": "embedder",
    "stages": "build",
    "judges": "judge",
    "metrics": "metric",
    "corpora": "load",
    "reports": "report",
}


@dataclass(frozen=True)
class Plugin:
    """The result of resolving a reference: `target` is the class, function or object. `file` is the user's or built-in
    file that defines it, or None.
    """

    name: str
    target: Any
    file: Path | None = None


class BuiltSetting(ABC):
    """Marks a setting, within `Annotated`, whose value is built of what a file says; `Part` is one of these."""

    @abstractmethod
    def build(self, given: object, base: Path, place: str) -> object:
        """Build the given value; paths are relative to `base`. Raises DeclarationError with a message that begins with
        `place`.
        """


@dataclass(frozen=True, eq=False)
class Part(BuiltSetting):
    """Marks a setting as a plugin, as in `Annotated[Chunker, Part("chunkers", CHUNKERS, as_chunker)]`. The setting
    takes whatever `build_plugin` takes, or a list of these if `several`.

    `check` takes the object that was built and the name of the setting. It returns the object in the annotated form, or
    raises DeclarationError.
    """

    kind: Kind
    builtin: Mapping[str, object]
    check: Callable[[Any, str], object]
    several: bool = False

    def build(self, given: object, base: Path, place: str) -> object:
        if self.several and isinstance(given, list | tuple):
            some = cast("Sequence[object]", given)
            return self.check(tuple(build_plugin(self.kind, one, self.builtin, base, place) for one in some), place)
        return self.check(build_plugin(self.kind, given, self.builtin, base, place), place)


def find_plugin(
    kind: Kind, reference: str, builtin: Mapping[str, object], base: Path, place: str, *, attribute: str | None = None
) -> Plugin:
    """Resolve `reference`: one of `builtin`, an entry point of the group `rageval.<kind>`, or `FILE.py:NAME`.

    A built-in that is a `Path` is a file too. `FILE.py` without a name means what the file calls `attribute` (`build`
    for stages, else the kind: `chunker`, `index`, ...), or else its only class. Files are relative to `base` or to the
    current directory. Raises DeclarationError with a message that begins with `place`.
    """
    attribute = attribute or _NAMES[kind]
    file, name = split_reference(reference)
    if file is not None:
        path = find_file(place, file, base)
        return Plugin(name or path.stem, _from_file(load_module(path), path, name, attribute), path)
    if reference in builtin:
        found = builtin[reference]
        if not isinstance(found, Path):
            return Plugin(reference, found)
        return Plugin(reference, _from_file(load_module(found), found, None, attribute), found)
    installed = installed_plugins(kind)
    if reference in installed:
        return Plugin(reference, _load(installed[reference], place))
    known = [*builtin, *(name for name in installed if name not in builtin)]
    raise DeclarationError(
        f"{place}: found {reference!r}, expected a path or one of {', '.join(known)}{_near(reference, known)}"
    )


def build_plugin(kind: Kind, given: object, builtin: Mapping[str, object], base: Path, place: str) -> Any:
    """Return the object that `given` describes: a name, a mapping of one name to its settings, or a built object.

    Names are resolved as in `find_plugin`, and settings are checked as in `call_with_settings`.
    """
    if isinstance(given, str):
        name, settings = given, None
    elif isinstance(given, Mapping):
        name, settings = split_entry(cast("Mapping[object, object]", given), place)
    elif isinstance(given, type):
        raise DeclarationError(
            f"{place}: found the class {given.__name__}, expected an object, such as {given.__name__}()"
        )
    else:
        return given
    return build_found(find_plugin(kind, name, builtin, base, place), settings, base, place)


def build_found(plugin: Plugin, settings: Mapping[str, object] | None, base: Path, place: str) -> Any:
    """Return the object that a plugin makes with these settings: an instance of its class, its function's return value,
    or the object itself.
    """
    if inspect.isclass(plugin.target) or inspect.isroutine(plugin.target):
        return call_with_settings(plugin.target, settings or {}, base, f"{place}.{plugin.name}")
    if settings:
        raise DeclarationError(f"{place}.{plugin.name}: found settings, expected none for what is built in its file")
    return plugin.target


def split_entry(given: Mapping[object, object], place: str) -> tuple[str, Mapping[str, object] | None]:
    """The name and the settings of an entry such as `{"naive": {"k": 3}}`; None where it has no settings."""
    names = [*given]
    settings = given[names[0]] if len(names) == 1 else None
    if len(names) != 1 or not isinstance(names[0], str):
        raise DeclarationError(f"{place}: found {names} in one entry, expected one name with its settings")
    if settings is not None and not isinstance(settings, Mapping):
        raise DeclarationError(f"{place}.{names[0]}: found {settings!r}, expected settings by name, or nothing")
    return names[0], cast("Mapping[str, object] | None", settings)


def call_with_settings(target: Callable[..., Any], settings: Mapping[str, object], base: Path, place: str) -> Any:
    """Call a class or function with these settings, which its annotations must allow, and return the result.

    `**settings: Unpack[S]` takes the keys of the `TypedDict` S. A setting annotated as `Path` (or `Path | None`) is
    relative to `base`; for a setting annotated with a `Part`, see there. Raises DeclarationError with a message that
    begins with `place`, also for errors that `target` raises.
    """
    parameters, hints = inspect.signature(target).parameters, _hints(target, place)
    takes_any = False
    accepted: dict[str, Any] = {}
    for name, parameter in parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD and get_origin(hints.get(name)) is Unpack:
            accepted |= get_type_hints(get_args(hints[name])[0], include_extras=True)
        elif parameter.kind is parameter.VAR_KEYWORD:
            takes_any = True
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            accepted[name] = hints.get(name, Any)
    for key in settings:
        if key not in accepted and not takes_any:
            raise DeclarationError(
                f"{place}: found the setting {key!r}, expected one of: {', '.join(accepted) or 'none'}"
                f"{_near(key, accepted)}"
            )
    for name in accepted:
        if name in parameters and parameters[name].default is inspect.Parameter.empty and name not in settings:
            raise DeclarationError(f"{place}.{name}: found nothing, expected a value")
    values = {key: _check(value, accepted.get(key, Any), base, f"{place}.{key}") for key, value in settings.items()}
    try:
        return target(**values)
    except DeclarationError as error:
        if type(error) is DeclarationError:
            raise DeclarationError(f"{place}{'.' if _A_SETTING.match(str(error)) else ': '}{error}") from None
        raise
    except Exception as error:
        raise DeclarationError(f"{place}: building it failed: {type(error).__name__}: {error}") from error


def _check(value: object, hint: Any, base: Path, place: str) -> Any:
    """Return the value converted to its annotation."""
    if hint is Path or (isinstance(value, str) and Path in get_args(hint)):
        return base / str(value)
    part = _part(hint)
    if part is not None:
        return None if value is None else part.build(value, base, place)
    try:
        return _adapter(hint).validate_python(value, strict=True if isinstance(value, bool) else None)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join([place, *(str(part) for part in first["loc"])])
        advice = f"; {YES_AND_NO}" if isinstance(first.get("input"), bool) else ""
        raise DeclarationError(f"{where}: found {first.get('input')!r}: {first['msg'].lower()}{advice}") from None


def built_setting(target: Callable[..., Any], name: str) -> BuiltSetting | None:
    """What builds that setting of a class or function by its annotation; None where nothing does."""
    return _part(_hints(target, name).get(name))


def _part(hint: Any) -> BuiltSetting | None:
    """What builds the setting by its annotation, also where None is allowed beside it; None where nothing does."""
    hints = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return next(
        (one for each in hints for one in getattr(each, "__metadata__", ()) if isinstance(one, BuiltSetting)), None
    )


def _adapter(hint: Any) -> pydantic.TypeAdapter[Any]:
    try:
        return pydantic.TypeAdapter(hint, config=pydantic.ConfigDict(arbitrary_types_allowed=True))
    except pydantic.PydanticUserError:  # a type with a configuration of its own
        return pydantic.TypeAdapter(hint)


def _hints(target: Any, place: str) -> Mapping[str, Any]:
    of = target.__init__ if inspect.isclass(target) and not dataclasses.is_dataclass(target) else target
    try:
        return get_type_hints(of, include_extras=True)
    except Exception as error:
        raise DeclarationError(f"{place}: its annotations cannot be read: {error}") from error


def split_reference(reference: str) -> tuple[str | None, str | None]:
    """File and name of `FILE.py:NAME`; no file where the reference is a plain name."""
    file, colon, name = reference.rpartition(":")
    if colon and file.endswith(".py"):
        return file, name
    return (reference, None) if reference.endswith(".py") or "/" in reference else (None, None)


def _from_file(module: ModuleType, path: Path, name: str | None, attribute: str) -> Any:
    found = getattr(module, name or attribute, None)
    if found is not None:
        return found
    own = [
        key
        for key, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__ and not key.startswith("_")
    ]
    if name is not None:
        raise DeclarationError(f"{path}: found no {name}{_near(name, [key for key in vars(module) if key[0] != '_'])}")
    if attribute != "build" and len(own) == 1:
        return getattr(module, own[0])
    if attribute == "build":
        raise DeclarationError(f"{path}: found no function build, expected `def build(...)`")
    which = f", or the name of one of its classes: {path.name}:{own[0]}" if own else ""
    raise DeclarationError(f"{path}: found no {attribute}, expected `{attribute} = ...`{which}")


def installed_plugins(kind: Kind) -> dict[str, EntryPoint]:
    """The entry points of that kind which installed packages offer, by name."""
    return {point.name: point for point in entry_points(group=f"rageval.{kind}")}


def _load(point: EntryPoint, place: str) -> Any:
    try:
        return point.load()
    except Exception as error:
        package = point.dist.name if point.dist else "a package"
        what = f"{type(error).__name__}: {error}"
        raise DeclarationError(f"{place}.{point.name}: loading {point.value} of {package} failed: {what}") from error


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""

"""Where code comes from, and which of the user's files belong together because one imports the other."""

from __future__ import annotations

import ast
import dis
import hashlib
import importlib.util
import inspect
import sys
import sysconfig
import textwrap
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, Literal, TypeAlias, cast

from rageval.types import Json

Origin: TypeAlias = Literal["rageval", "python", "installed", "user"]

USER_MODULES = "rageval_user_"
"""Prefix of the names of the packages into which the user's files are loaded; see `rageval.io.user_files`."""

_RAGEVAL = Path(__file__).parent
_PYTHON = tuple(
    path
    for name in ("stdlib", "platstdlib")
    for path in (Path(sysconfig.get_path(name)), Path(sysconfig.get_path(name)).resolve())
)
_WRITTEN_BY_DATACLASS = ("__init__", "__repr__", "__eq__", "__hash__", "__lt__", "__le__", "__gt__", "__ge__")
_INSTALLED = {"site-packages", "dist-packages"}

_PARSE_ATTEMPTS = 5


def module_origin(name: str) -> Origin:
    """Return the module's origin. One without a file is the user's (a notebook, say), unless it is Python's."""
    top = name.partition(".")[0]
    if top == "rageval":
        return "rageval"
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is not None:
        return file_origin(file)
    return "python" if top in sys.stdlib_module_names else "user"


@lru_cache(maxsize=1024)
def file_origin(file: str | Path) -> Origin:
    """Whose code a file holds; also of the names that Python gives to code without a file, such as `<stdin>`."""
    if str(file).startswith("<frozen"):
        return "python"
    path = Path(file)
    if path.is_relative_to(_RAGEVAL):
        return "rageval"
    if _INSTALLED.intersection(path.parts):
        return "installed"
    return "python" if any(path.is_relative_to(folder) for folder in _PYTHON) else "user"


def qualified_name(thing: object) -> str:
    """Module and name of a class or function; the module of a file that the user names is called after the file."""
    module, name = getattr(thing, "__module__", None) or "", getattr(thing, "__qualname__", type(thing).__qualname__)
    if module.startswith(USER_MODULES):
        module = module.partition(".")[2]
    return f"{module}.{name}" if module else name


@cache
def package_version(module: str) -> str:
    """Name and version of the installed package that the module is part of."""
    top = module.partition(".")[0]
    try:
        return f"{top} {metadata.version(top)}"
    except metadata.PackageNotFoundError:
        for name in metadata.packages_distributions().get(top, ()):
            return f"{name} {metadata.version(name)}"
    return f"{top} {getattr(sys.modules.get(top), '__version__', 'of unknown version')}"


def source_text(thing: object) -> str:
    """The source of a module, class or function; empty where Python does not find it."""
    try:
        return textwrap.dedent(inspect.getsource(cast("Any", thing)))
    except Exception:  # noqa: BLE001 (of a file that was edited since, Python may make anything)
        return ""


def code_digest(*modules: ModuleType) -> str:
    """16 hex digits of the source of rageval's own modules, of its version where their source is not installed."""
    texts = [source_text(module) for module in modules]
    made_of = texts if all(texts) else [metadata.version("rageval")]
    return hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:16]


@cache
def installed_source(module: str) -> str:
    """The SHA-256 of the source of an installed module."""
    return hashlib.sha256(source_text(sys.modules.get(module)).encode()).hexdigest()


def code_data(code: CodeType) -> Json:
    """Return compiled code as data: what actually runs, even if the file has changed since."""
    names: list[Json] = [*code.co_names]
    constants = [_constant(one) for one in code.co_consts]
    return [code.co_code.hex(), code.co_exceptiontable.hex(), code.co_flags, names, constants]


def _constant(value: object) -> Json:
    match value:
        case CodeType():
            return code_data(value)
        case tuple():
            return [_constant(one) for one in cast("tuple[object, ...]", value)]
        case frozenset():
            return [*sorted(map(repr, cast("frozenset[object]", value)))]
        case _:
            return repr(value)


def global_names(code: CodeType) -> set[str]:
    """The global names that code, or a function made within it, reads; without those that Python sets (`__file__`)."""
    read = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    read = {name for name in read if not name.startswith("__")}
    return read.union(*(global_names(one) for one in code.co_consts if isinstance(one, CodeType)))


def captured_values(function: FunctionType) -> dict[str, object]:
    """What a function captured, by name; without what is not assigned yet."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return {name: cell.cell_contents for name, cell in cells if cell != CellType()}


def is_generated(name: str, function: FunctionType) -> bool:
    """Whether `dataclass` wrote that method of a class of its own."""
    return name in _WRITTEN_BY_DATACLASS and function.__code__.co_filename == "<string>"


def defined_in(module: ModuleType) -> dict[str, object]:
    """The functions and classes that a module defines, sorted by name."""
    names = {name: value for name, value in vars(module).items() if inspect.isfunction(value) or inspect.isclass(value)}
    return {name: value for name, value in sorted(names.items()) if value.__module__ == module.__name__}


def imported_by_module(name: str) -> list[str]:
    """Digests of the user's files that a module of the user's imports, directly or through each other, sorted."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or not Path(file).is_file():
        return []
    return file_digests(imported_files(Path(file)))


def source_digest(path: Path) -> str:
    """64 hex digits of a file and of the user's files that it imports, directly or through each other."""
    return hashlib.sha256("\n".join([*file_digests([path]), *file_digests(imported_files(path))]).encode()).hexdigest()


def file_digests(paths: Iterable[Path]) -> list[str]:
    """The SHA-256 of each file's content, sorted."""
    return sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


def imported_files(path: Path) -> set[Path]:
    """The user's files that a Python file imports, directly or through each other, without itself.

    Names are looked up beside the file, in the folder that its package lies in, and where Python would look for them.
    What is imported by a computed name is not seen; Python's own and installed modules are left out.
    """
    start = path.resolve()
    found, left = {start}, [start]
    while left:
        file = left.pop()
        for level, name in _imports(file.read_bytes()):
            for one in _find_import(file, start.parent, level, name):
                if one not in found and file_origin(one) == "user":
                    found.add(one)
                    left.append(one)
    return found - {start}


def find_module(folder: Path, name: str) -> Path | None:
    """The file of a module or package of that plain name in a folder."""
    for file in (folder / name / "__init__.py", folder / f"{name}.py"):
        if file.is_file():
            return file
    return None


def _find_import(file: Path, start: Path, level: int, name: str) -> Iterator[Path]:
    parts = [part for part in name.split(".") if part]
    if level:
        yield from _walk(file.parents[min(level, len(file.parents)) - 1], parts)
        return
    if not parts or parts[0] in sys.stdlib_module_names or parts[0] == "rageval":
        return
    for folder in dict.fromkeys((file.parent, start, _package_root(file))):
        yield from _walk(folder, parts)
    home = _home(parts[0])
    if home is not None:
        yield from _walk(home, parts)


def _home(module: str) -> Path | None:
    """Return the folder from which Python would import a top-level module of the user's."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.has_location or file_origin(spec.origin) != "user":
        return None
    return Path(spec.origin).parents[0 if spec.submodule_search_locations is None else 1]


def _walk(folder: Path, parts: list[str]) -> Iterator[Path]:
    """The files of `a`, `a.b` and `a.b.c` under the folder, as far as they are there."""
    initial = folder / "__init__.py"
    if not parts and initial.is_file():
        yield initial.resolve()
    for part in parts:
        file = find_module(folder, part)
        if file is not None:
            yield file.resolve()
        folder = folder / part


def _package_root(file: Path) -> Path:
    folder = file.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _parse(source: bytes) -> ast.Module | None:
    """The syntax tree; None for what Python cannot parse.

    CPython 3.11 counts the depth of a tree in one place for all threads, so that parsing beside another thread that
    parses (a traceback does) may fail with SystemError: it is tried again.
    """
    for attempt in range(_PARSE_ATTEMPTS):
        try:
            return ast.parse(source)
        except (SyntaxError, ValueError):
            return None
        except SystemError:
            if attempt == _PARSE_ATTEMPTS - 1:
                raise
    return None


@lru_cache(maxsize=512)
def _imports(source: bytes) -> tuple[tuple[int, str], ...]:
    """Level and name of every import statement; none of a file that Python cannot parse."""
    tree = _parse(source)
    if tree is None:
        return ()
    nodes = [*ast.walk(tree)]
    found: list[tuple[int, str]] = []
    for node in nodes:
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            found += [(node.level, f"{base}.{alias.name}") for alias in node.names]
            found.append((node.level, base))
    return tuple(dict.fromkeys(found))

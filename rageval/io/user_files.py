"""Python files of the user's own: found, and loaded together with the files beside them that they import."""

from __future__ import annotations

import builtins
import hashlib
import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from rageval.errors import DeclarationError
from rageval.source import USER_MODULES, find_module, source_digest


def find_file(key: str, reference: str, base: Path) -> Path:
    """The file at that path, relative to `base` or to the current directory. `key` is where it was named."""
    for folder in (base, Path.cwd()):
        path = folder / reference
        if path.is_file():
            return path.resolve()
    raise DeclarationError(f"{key}: {reference}: no such file under {base} or the current directory")


def load_module(path: Path) -> ModuleType:
    """The module of a Python file, executed anew if it or a file beside it that was loaded with it has changed.

    The file may import its neighbours, as `import helper`, `from helper import build` or `from . import helper`. A
    neighbour with the name of a module of Python's does not hide it. Files of equal name in two folders are two
    modules. Raises DeclarationError where the file cannot be loaded.
    """
    path = path.resolve()
    if path.suffix != ".py":
        raise DeclarationError(f"{path}: cannot be loaded as Python; expected a .py file")
    folder = _folders.get(path.parent)
    if folder is None or folder.has_changed():
        folder = _folders[path.parent] = _open_folder(path.parent)
    name = f"{folder.package}.{path.stem.replace('.', '_')}"
    folder.files[name] = path
    folder.loaded[path] = source_digest(path)
    try:
        return importlib.import_module(name)
    except DeclarationError:
        raise
    except (Exception, SystemExit) as error:
        raise DeclarationError(f"{path}: importing it failed: {type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class _Folder:
    """The files of one folder as the modules of one package. A change creates a new package, so that old and new code
    never mix.

    `files` are the files named by the user, by module name; `loaded` has a digest of each of them and of its imports.
    """

    path: Path
    package: str
    files: dict[str, Path] = field(default_factory=dict[str, Path])
    loaded: dict[Path, str] = field(default_factory=dict[Path, str])

    def has_changed(self) -> bool:
        """Whether any loaded file differs from what would be found now."""
        return any(not one.is_file() or source_digest(one) != digest for one, digest in self.loaded.items())


_folders: dict[Path, _Folder] = {}


def _open_folder(path: Path) -> _Folder:
    """An empty package for the folder, of a new name."""
    stem = f"{USER_MODULES}{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    number = sum(name.startswith(stem) and "." not in name for name in sys.modules)
    if _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)
    package = ModuleType(f"{stem}_{number}")
    package.__path__ = [str(path)]
    sys.modules[package.__name__] = package
    return _Folder(path, package.__name__)


class _Finder:
    """Finds the modules of the folders' packages, for Python's import."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if path is None or not name.startswith(USER_MODULES):
            return None
        known = [folder.files[name] for folder in _folders.values() if name in folder.files]
        found = known[0] if known else find_module(Path(path[0]), name.rpartition(".")[2])
        if found is None:
            return None
        inside = [str(found.parent)] if found.name == "__init__.py" and not known else None
        return spec_from_file_location(name, found, loader=_Loader(name, str(found)), submodule_search_locations=inside)


class _Loader(SourceFileLoader):
    """Compiles the file as it is now: there may be bytecode of a file that was edited within the same second."""

    def get_code(self, fullname: str) -> Any:
        return compile(self.get_data(self.path), self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
        super().exec_module(module)


def _import(
    name: str,
    globals: Mapping[str, Any] | None = None,  # noqa: A002 (the names of Python's own)
    locals: Mapping[str, Any] | None = None,  # noqa: A002
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """Python's `__import__`, which finds files beside the user's file first."""
    package = str((globals or {}).get("__name__", "")).partition(".")[0]
    top = name.partition(".")[0]
    if level or not package.startswith(USER_MODULES) or not _is_neighbour(package, top):
        return builtins.__import__(name, globals, locals, fromlist or (), level)
    module = builtins.__import__(f"{package}.{name}", globals, locals, fromlist or (), 0)
    return module if fromlist else sys.modules[f"{package}.{top}"]


def _is_neighbour(package: str, name: str) -> bool:
    if name in sys.stdlib_module_names or name == "rageval":
        return False
    return find_module(Path(sys.modules[package].__path__[0]), name) is not None

"""Files of the user's own that an experiment names."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from rageval.errors import DeclarationError

USER_MODULES = "rageval_user_"
"""How the names of loaded modules begin: they are in `sys.modules`, and nobody else can import them."""


def find_file(key: str, reference: str, base: Path) -> Path:
    """The file at that path, relative to `base` or to the current directory. `key` is where it was named."""
    for folder in (base, Path.cwd()):
        path = folder / reference
        if path.is_file():
            return path.resolve()
    raise DeclarationError(f"{key}: {reference}: no such file under {base} or the current directory")


def load_module(path: Path) -> ModuleType:
    """A Python file, executed anew. Raises DeclarationError where that fails."""
    name = f"{USER_MODULES}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise DeclarationError(f"{path}: cannot be loaded as Python; expected a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        # Not by the loader: it may take bytecode of a file that was edited within the same second.
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102
    except DeclarationError:
        raise
    except Exception as error:
        raise DeclarationError(f"{path}: importing it failed: {type(error).__name__}: {error}") from error
    return module

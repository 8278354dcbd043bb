"""Recipes, chunkers, indexes and rerankers that experiment files name, with their settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rageval.experiment.recipes import list_recipes
from rageval.io.user_files import load_module
from rageval.retrieval.chunkers import CHUNKERS
from rageval.retrieval.indexes import INDEXES
from rageval.retrieval.rerankers import RERANKERS
from website.reference.markdown import prose
from website.reference.signatures import settings_table

_INTRODUCTION = """\
# Pipelines and their parts

Made from the code. All of them can be your own as well: [extending](../extending.md).

## Pipelines
"""


def parts_page() -> str:
    """The page of everything that `pipelines` and its settings can name."""
    families = (("chunkers", CHUNKERS), ("indexes", INDEXES), ("rerankers", RERANKERS))
    return "\n".join(
        [
            _INTRODUCTION,
            *_recipes(),
            *(_family(name, known) for name, known in families),
        ]
    )


def _family(name: str, known: Mapping[str, Callable[..., object]]) -> str:
    return f"## {name.capitalize()}\n\n" + "\n".join(_section(part, one.__doc__, one) for part, one in known.items())


def _recipes() -> Iterator[str]:
    for name, path in list_recipes().items():
        module = load_module(path)
        yield _section(name, f"{prose(module.__doc__)}\n\n{prose(module.build.__doc__)}", module.build)


def _section(name: str, doc: str | None, target: Callable[..., object]) -> str:
    return f"### {name}\n\n{prose(doc)}\n\n{settings_table(target)}"

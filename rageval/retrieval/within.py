"""Searches that keep to some of the passages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from rageval.types import Hit, Passage

_DEEPER = 4


async def search_within(
    search: Callable[[int], Awaitable[Sequence[Hit]]], depth: int, allowed: Callable[[Passage], bool]
) -> tuple[Hit, ...]:
    """The hits on allowed passages of the `depth` best documents among them. `search` takes a depth: it is called with
    four times more each time, until there are enough or it finds no more.
    """
    asked = depth
    while True:
        hits = await search(asked)
        kept = [hit for hit in hits if allowed(hit.passage)]
        documents = list(dict.fromkeys(hit.passage.doc_id for hit in kept))
        if len(documents) >= depth or len({hit.passage.doc_id for hit in hits}) < asked:
            first = frozenset(documents[:depth])
            return tuple(hit for hit in kept if hit.passage.doc_id in first)
        asked *= _DEEPER

"""Where in the passages does a supported claim stand?"""

from __future__ import annotations

from collections.abc import Sequence

from rageval.text import search_words, sentences
from rageval.types import Evidence, Passage


def nearest_sentence(claim: str, passages: Sequence[tuple[int, Passage]]) -> tuple[Evidence, ...]:
    """The sentence that shares most of the claim's words, as evidence; none where no sentence shares any.

    `passages` are (position in the hits, passage). The quote is located by words, without a model: it shows a reader
    where to look and does not decide the verdict. Between equals the first one wins.
    """
    wanted = set(search_words(claim))
    best: tuple[float, Evidence] | None = None
    for position, passage in passages:
        for start, end in sentences(passage.text):
            sentence = passage.text[start:end]
            words = set(search_words(sentence))
            shared = len(wanted & words) / (len(wanted) or 1) - 0.001 * len(words)
            if wanted & words and (best is None or shared > best[0]):
                best = shared, Evidence(position, sentence)
    return () if best is None else (best[1],)

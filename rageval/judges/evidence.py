"""The sentence of the passages that shows a claim, found by the words that both have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from rageval.text import search_words, sentences
from rageval.text.languages import Language
from rageval.types import Evidence, Passage

# (position in the hits, passage), in the order of the prompt
Context: TypeAlias = Sequence[tuple[int, Passage]]

# Of a claim's distinct words. On 50 questions of the handbook, the sentence with the evidence has 0.38 or more of the
# reference's words; the best sentence of other passages has a third or more in 3 of 51 cases.
_ENOUGH = 1 / 3


def nearest_sentence(claim: str, context: Context, language: Language) -> Evidence | None:
    """The first sentence with the most of the claim's words, or None where the best has less than a third of them.

    Words are those of lexical search in that language (`rageval.text.search_words`). A passage's title counts as part
    of each of its sentences, since the prompt shows it with them.
    """
    words = set(search_words(claim, language))
    best, most = None, 0
    for hit, sentence, shared in _sentences(words, context, language):
        if shared > most:
            best, most = Evidence(hit, sentence), shared
    return best if words and most >= _ENOUGH * len(words) else None


def sentence_in(claim: str, named: tuple[int, Passage], language: Language) -> Evidence:
    """The sentence of the passage that the judge named with the most of the claim's words, or no words where none has
    any. It is not `found`: the judge's word is all that speaks for it.
    """
    best, most = "", 0
    for _, sentence, shared in _sentences(set(search_words(claim, language)), [named], language):
        if shared > most:
            best, most = sentence, shared
    return Evidence(named[0], best, found=False)


def _sentences(words: set[str], context: Context, language: Language) -> Iterator[tuple[int, str, int]]:
    """(Position in the hits, sentence, how many of the words it has) in the order of the prompt."""
    for hit, passage in context:
        title = set(search_words(passage.title, language))
        for start, end in sentences(passage.text):
            sentence = passage.text[start:end]
            yield hit, sentence, len(words & (title | set(search_words(sentence, language))))

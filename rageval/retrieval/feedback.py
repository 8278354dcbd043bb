"""Pseudo-relevance feedback: the words of the best passages join the search."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from rageval.errors import DeclarationError
from rageval.pipeline import Query, Resources, Stage, State
from rageval.text import search_words


@dataclass(frozen=True)
class Feedback(Stage):
    """Add a query: the question with the `words` most telling words of the `passages` best passages.

    Stand it between two searches: `retrieve`, `feedback`, `retrieve`. A word weighs sum over passages of
    (its share of the passage's words / rank), as in a relevance model that takes 1 / rank for P(passage); words of the
    question are left out, since it stands there itself. Helps where questions are short; it makes a wrong first search
    worse. No model is asked. Source: RM3 (Lavrenko and Croft 2001; Jaleel et al. 2004), in a simple form.
    """

    words: int = 10
    passages: int = 3

    def __post_init__(self) -> None:
        for name, value in (("words", self.words), ("passages", self.passages)):
            if value < 1:
                raise DeclarationError(f"{name}: found {value}, expected at least 1")

    async def run(self, state: State, resources: Resources) -> State:
        question = state.standalone
        known = set(search_words(question.text, question.language))
        weights = Counter[str]()
        for rank, passage in enumerate(state.response.context_passages[: self.passages], start=1):
            words = search_words(passage.text, question.language)
            for word, count in Counter(words).items():
                if word not in known:
                    weights[word] += count / len(words) / rank  # type: ignore[assignment]
        added = [word for word, _ in sorted(weights.items(), key=lambda one: (-one[1], one[0]))[: self.words]]
        if not added:
            return state
        queries = (*state.queries, Query(" ".join([question.text, *added])))
        return replace(state, queries=queries).with_step("feedback", words=[*added])

"""How many calls a question takes and how long prompts get, at most: what `rageval check` adds up before any is made.

Tokens are estimated (`rageval.text.count_tokens`). None is "not known".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

from rageval.models.base import ChatRequest
from rageval.prompts import Prompt, as_prompt, shown_question
from rageval.text import count_tokens, sentences
from rageval.text.images import IMAGE_TOKENS, find_references
from rageval.text.languages import Language
from rageval.types import Document, Question

# `[12] Title: text` in the fence `<passages>`, `</passages>`.
_AROUND_PASSAGE = 4
_AROUND_PASSAGES = 9
_TOKENS_A_REPLY_TOKEN = 2


@dataclass(frozen=True, slots=True)
class Calls:
    """How many model calls one question takes, at least and at most."""

    low: int = 0
    high: int = 0

    def __add__(self, other: Calls) -> Calls:
        return Calls(self.low + other.low, self.high + other.high)


@dataclass(frozen=True, slots=True)
class ContextSize:
    """The most passages in the context, and the most estimated tokens per passage; None where no bound is known. So
    many more tokens may be `added` to each by stages that write into them.
    """

    passages: int = 0
    tokens_each: int | None = 0
    added: int = 0


NO_CONTEXT = ContextSize()


@dataclass(frozen=True, slots=True)
class Bound:
    """An upper bound: this many calls, with this many tokens in all their prompts together."""

    calls: int | None = 0
    prompt_tokens: int | None = 0

    def __add__(self, other: Bound) -> Bound:
        return Bound(total(self.calls, other.calls), total(self.prompt_tokens, other.prompt_tokens))

    def __mul__(self, n: int) -> Bound:
        return Bound(times(n, self.calls), times(n, self.prompt_tokens))


class CorpusSizes:
    """What is long in a corpus, measured when it is asked for."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._sentences: dict[int | None, int] = {}

    @cached_property
    def title(self) -> int:
        """Tokens of the longest title."""
        return max((count_tokens(document.title) for document in self._documents), default=0)

    @cached_property
    def document(self) -> int:
        """Tokens of the longest text."""
        return max((count_tokens(document.text) for document in self._documents), default=0)

    @cached_property
    def caption(self) -> int:
        """Tokens of the longest caption of an image."""
        named = (one for document in self._documents if document.images for one in find_references(document.text))
        return max((count_tokens(one.caption) for one in named), default=0)

    def sentences(self, tokens: int | None) -> int:
        """The most sentences that lie, whole or in part, in a span of so many tokens; None: in a document."""
        if tokens not in self._sentences:
            self._sentences[tokens] = max((_most_sentences(d.text, tokens) for d in self._documents), default=0)
        return self._sentences[tokens]


@dataclass(frozen=True, slots=True)
class PromptSizes:
    """Upper bounds on the tokens of what prompts about one question show.

    `question`, with its history, and each of the `references` belong to the question; `context` is what has been
    retrieved so far, `answer` what has been answered, and `pool` the answers of all pipelines as passages.
    """

    language: Language
    question: int
    references: tuple[int, ...]
    corpus: CorpusSizes = field(repr=False)
    context: ContextSize = NO_CONTEXT
    answer: int | None = 0
    pool: int | None = 0

    @classmethod
    def of(cls, question: Question, corpus: CorpusSizes) -> PromptSizes:
        references = tuple(map(count_tokens, question.references))
        return cls(question.language, count_tokens(shown_question(question)), references, corpus)

    @property
    def listed_references(self) -> int:
        """All references, each after a dash."""
        return sum(self.references) + len(self.references)

    @property
    def passage_text(self) -> int:
        """One passage, without its title."""
        each = self.context.tokens_each
        return (self.corpus.document if each is None else each) + self.context.added

    @property
    def passage_sentences(self) -> int:
        """The most sentences in one passage; of what was added, each token may be one."""
        return self.corpus.sentences(self.context.tokens_each) + self.context.added

    @property
    def passage(self) -> int:
        """One passage, alone in a prompt."""
        return self.passages(1)

    def passages(self, n: int | None = None) -> int:
        """Tokens of `n` passages in a prompt, by default of the whole context; 0 if there are no passages."""
        n = self.context.passages if n is None else n
        return passages_size([self.passage_text + self.corpus.title] * n)


def passages_size(texts: Sequence[int]) -> int:
    """Tokens that texts of these sizes take as passages in a prompt."""
    return _AROUND_PASSAGES + sum(texts) + _AROUND_PASSAGE * len(texts) if texts else 0


def passage_size(text: int | None) -> int | None:
    """Tokens that a text of this size takes as the only passage in a prompt."""
    return None if text is None else passages_size([text])


def reply_size(max_tokens: int) -> int:
    """Upper bound, in estimated tokens, on a reply of `max_tokens` model tokens. A model's token may be a long word or
    several characters, so the bound is twice that number.
    """
    return _TOKENS_A_REPLY_TOKEN * max_tokens


def prompt_size(
    prompt: str | Prompt, language: Language, *parts: int | None, variant: str = "instruction"
) -> int | None:
    """A prompt, system line included, whose placeholders and passages have so many tokens."""
    return total(_template_size("shared", language, "system"), _template_size(prompt, language, variant), *parts)


def requests_size(requests: Iterable[ChatRequest]) -> int:
    """Tokens of the prompts of these requests, images included."""
    messages = [message for request in requests for message in request.messages]
    return sum(count_tokens(message.content) + IMAGE_TOKENS * len(message.images) for message in messages)


def text_size(name: str, language: Language, variant: str, *parts: int | None) -> int | None:
    """A text of a prompt file alone, whose placeholders have so many tokens."""
    return total(_template_size(name, language, variant), *parts)


def total(*parts: int | None) -> int | None:
    """The sum; None where a part is not known."""
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def times(n: int, part: int | None) -> int | None:
    """Return `n` times the part; None if the part is not known, unless `n` is 0."""
    return 0 if n == 0 else None if part is None else n * part


@cache
def _template_size(prompt: str | Prompt, language: Language, variant: str) -> int:
    template = as_prompt(prompt).text(language, variant)
    return count_tokens(template.format_map(_Empty()))


class _Empty(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""


def _most_sentences(text: str, tokens: int | None) -> int:
    sizes = [count_tokens(text[start:end]) for start, end in sentences(text)]
    if tokens is None:
        return len(sizes)
    most = first = used = 0
    for last, size in enumerate(sizes):
        used += size
        while used > tokens:
            used -= sizes[first]
            first += 1
        most = max(most, last + 1 - first)
    return min(most + 2, len(sizes))  # of one sentence at each end there may be a part

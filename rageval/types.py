"""The nouns of rageval: frozen dataclasses without behaviour beyond what their fields imply.

One word, one meaning. Character offsets count Unicode code points from 0 and ends are exclusive, as in Python slices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from rageval.text.images import Image
from rageval.text.languages import Language, detect_language

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
DETECTED: Language = ""
"""Placeholder for a language: it is replaced by what `rageval.text.languages.detect_language` finds in the text."""
UNANSWERABLE = "unanswerable"
UNDERSPECIFIED = "underspecified"
"""The tag of a question that has no answer until it is asked more exactly: it deserves a question back."""
PARTIAL = "partial"
"""The tag of a question of which the corpus answers a part."""
SYNTHETIC = "synthetic"
"""The tag of a question that a model wrote."""
COMPOUND = "compound"
_NO_IMAGES: Mapping[str, Image | str] = {}  # one for all: a corpus may have millions of documents
BETWEEN_PARTS = "; "


@dataclass(frozen=True, slots=True)
class Document:
    """A text that can be retrieved. `text` never includes the title.

    The language is detected in title and text where it is not given. `images` are those that the text names, by these
    names (`rageval.text.images.find_references`): each an image, or why it cannot be used.
    """

    id: str
    text: str
    title: str = ""
    language: Language = DETECTED
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])
    images: Mapping[str, Image | str] = field(default_factory=lambda: _NO_IMAGES)

    def __post_init__(self) -> None:
        if not self.language:
            object.__setattr__(self, "language", detect_language(f"{self.title} {self.text}"))

    @property
    def image_digests(self) -> dict[str, str]:
        """The digest of each image that can be used, by its name."""
        return {name: image.digest for name, image in self.images.items() if isinstance(image, Image)}

    def passage(self, start: int, end: int) -> Passage:
        """The passage from `start` to `end` of the text."""
        return Passage(self.id, start, end, self.text[start:end], self.title)


@dataclass(frozen=True, slots=True)
class Passage:
    """The span `document.text[start:end]` of a document; what is indexed, retrieved and put into a prompt."""

    doc_id: str
    start: int
    end: int
    text: str
    title: str = ""

    @property
    def id(self) -> str:
        return f"{self.doc_id}#{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said in a conversation before the question."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. The text never changes; a query transform sets the text that is searched with.

    The language, in which models are prompted, is detected in the text where none is given. `metadata` is to report by.
    `history` is the conversation before the question, oldest turn first; models that are asked about the question see
    it (`rageval.prompts.shown_question`).
    """

    id: str
    text: str
    language: Language = DETECTED
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json], hash=False)
    history: tuple[Turn, ...] = ()

    def __post_init__(self) -> None:
        if not self.language:
            object.__setattr__(self, "language", detect_language(f"{self.text}"))

    @property
    def answerable(self) -> bool:
        """False only where the benchmark tags the question `unanswerable`."""
        return UNANSWERABLE not in self.tags

    @property
    def answer_parts(self) -> tuple[tuple[str, ...], ...]:
        """The parts of the expected answer, each with its alternatives: a right answer says one of every part.

        A question that is not tagged `compound`, or whose references, parted at "; ", do not all have equally many
        parts, has one part: its references. One without references has none.
        """
        rows = [reference.split(BETWEEN_PARTS) for reference in self.references]
        if COMPOUND not in self.tags or len({len(row) for row in rows}) != 1:
            return (self.references,) if self.references else ()
        return tuple(tuple(dict.fromkeys(column)) for column in zip(*rows, strict=True))


@dataclass(frozen=True, slots=True)
class RelevanceLabel:
    """A graded relevance label (a qrel). Grade 0 or less means judged and not relevant.

    `start` and `end`, both given or both None, mark the evidence inside the document's text. Of the spans of one `part`
    any one suffices; different parts are all needed. With "" a span is a part of its own.
    """

    question_id: str
    doc_id: str
    grade: int
    start: int | None = None
    end: int | None = None
    part: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """Where a benchmark comes from, what may be done with it, and what people's review of written questions found."""

    name: str
    description: str = ""
    license: str = "unknown"
    source: str = ""
    review: str = ""


@dataclass(frozen=True, slots=True)
class Tolerated:
    """One kind of irregularity in the files of a benchmark that did not keep it from loading.

    `kind` says what was found and `treatment` what was done about it; `count` is how often it was found. `examples` are
    the first of them, at most three, each with its place.
    """

    kind: str
    treatment: str
    count: int
    examples: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        return {
            "kind": self.kind,
            "treatment": self.treatment,
            "count": self.count,
            "examples": [*self.examples],
        }

    def __str__(self) -> str:
        return f"{self.kind}: {self.count} ({self.treatment}); first: {self.examples[0]}"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Documents, questions and relevance labels, validated, with a hash of their content (64 hex digits).

    `exclude_self` takes a document out of the ranking of the question that has its id, for benchmarks whose questions
    are documents. Documents with grades of at least `grade_threshold` are relevant; ndcg looks at all grades. Where
    they are not the usual ones, both are part of the hash. `tolerated` is what was irregular in the files.
    """

    card: Card
    documents: tuple[Document, ...]
    questions: tuple[Question, ...]
    labels: tuple[RelevanceLabel, ...]
    content_hash: str
    exclude_self: bool = False
    grade_threshold: int = 1
    tolerated: tuple[Tolerated, ...] = ()

    @property
    def name(self) -> str:
        return self.card.name


@dataclass(frozen=True, slots=True)
class Hit:
    """One retrieved passage and its score, for information: the order of the hits is the ranking."""

    passage: Passage
    score: float

    @classmethod
    def whole(cls, document: Document, score: float = 0.0) -> Hit:
        """A hit on a whole document, for systems that do not split theirs."""
        return cls(Passage(document.id, 0, len(document.text), document.text, document.title), score)


@dataclass(frozen=True, slots=True)
class Usage:
    """The cost of model calls if nothing had been in rageval's cache beforehand, and how much of it was free.

    `calls`, `prompt_tokens` and `completion_tokens` are that stand-alone cost. Others had already paid for the `free_`
    part: the reply was in the cache, or came from an equal call that was running. The rest was paid. `cached_tokens` is
    the part of the paid prompt tokens that the model's prefix cache saved (0 where the endpoint does not say), and
    `reasoning_tokens` the part of the paid completion tokens that came before the answer.
    `cached_calls` counts all replies taken without a call, including repeats within the same answer.

    `requests` names the requests that the cache answers from now on, each with the calls, prompt tokens and completion
    tokens that it cost. Asking one again costs nothing, even stand-alone, so a sum of usages counts it once. If a
    request was paid for twice because the cache was lost, a `free_` count may be below 0.
    """

    calls: int = 0
    cached_calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    free_calls: int = 0
    free_prompt_tokens: int = 0
    free_completion_tokens: int = 0
    requests: Mapping[str, tuple[int, int, int]] = field(
        default_factory=dict[str, tuple[int, int, int]], hash=False, repr=False
    )
    reasoning_tokens: int = 0

    @property
    def paid_calls(self) -> int:
        return self.calls - self.free_calls

    @property
    def paid_prompt_tokens(self) -> int:
        return self.prompt_tokens - self.free_prompt_tokens

    @property
    def paid_completion_tokens(self) -> int:
        return self.completion_tokens - self.free_completion_tokens

    def __add__(self, other: Usage) -> Usage:
        repeated = [cost for request, cost in other.requests.items() if request in self.requests]
        calls, prompt_tokens, completion_tokens = map(sum, zip(*repeated, strict=True)) if repeated else (0, 0, 0)
        return Usage(
            self.calls + other.calls - calls,
            self.cached_calls + other.cached_calls,
            self.prompt_tokens + other.prompt_tokens - prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens - completion_tokens,
            self.free_calls + other.free_calls - calls,
            self.free_prompt_tokens + other.free_prompt_tokens - prompt_tokens,
            self.free_completion_tokens + other.free_completion_tokens - completion_tokens,
            {**other.requests, **self.requests},
            self.reasoning_tokens + other.reasoning_tokens,
        )

    def paid_before(self, paid: Usage) -> Usage:
        """Return the usage of the same work if others had paid what `paid` says was paid."""
        return replace(
            self,
            cached_calls=self.cached_calls + paid.paid_calls,
            cached_tokens=self.cached_tokens - paid.cached_tokens,
            free_calls=self.free_calls + paid.paid_calls,
            free_prompt_tokens=self.free_prompt_tokens + paid.paid_prompt_tokens,
            free_completion_tokens=self.free_completion_tokens + paid.paid_completion_tokens,
            reasoning_tokens=self.reasoning_tokens - paid.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a pipeline did on the way (queries it wrote, grades it gave), for people to read.

    `usage` is what its model calls cost, as a part of the response's.
    """

    name: str
    detail: Mapping[str, Json] = field(default_factory=dict[str, Json])
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Response:
    """What a pipeline returned for one question.

    `hits` is the whole ranking, best first. `context` lists the positions in `hits` of the passages that the generator
    read, in the order in which it read them; `citations` are positions in `hits` too. `answer` is None where nothing
    was generated (retrieval-only runs). `cited_answer` is the answer with its citation markers where they were taken
    out of `answer`, so that it is known which sentence cites what. `abstained` says whether the answer says that it
    cannot answer; with None the text decides (`rageval.pipeline.abstention`). What a run keeps is None only where the
    words do not settle it; it then counts as an answer, unless the judge `abstention` says otherwise.
    """

    hits: tuple[Hit, ...] = ()
    answer: str | None = None
    context: tuple[int, ...] = ()
    citations: tuple[int, ...] = ()
    abstained: bool | None = None
    steps: tuple[Step, ...] = ()
    usage: Usage = Usage()
    latency_s: float = 0.0
    cited_answer: str | None = None

    @property
    def context_passages(self) -> tuple[Passage, ...]:
        return tuple(self.hits[i].passage for i in self.context)


@dataclass(frozen=True, slots=True)
class Failure:
    """A question that a pipeline could not answer, after retries. Counted at the metric's worst value.

    `error` is the type of the exception, `traceback` where it was raised, the user's own code first; "" where only
    rageval's own code was at work and the message says it all.
    """

    error: str
    message: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage that a verdict rests on, by its position in `Response.hits`, and the sentence there that shows it.

    `found` says whether the sentence shares enough words with the claim to be taken for its source. Where none does,
    `hit` is the passage that the judge named, if it named one, and `quote` its nearest sentence, or empty.
    """

    hit: int | None
    quote: str
    found: bool = True


@dataclass(frozen=True, slots=True)
class Graded:
    """A verdict. `grade` is on the judge's scale; `probability` is the judge's own P(yes) where it could be read.

    Where a panel judged, `votes` holds the grade of each rater, None where it abstained.
    """

    grade: float
    probability: float | None = None
    evidence: tuple[Evidence, ...] = ()
    rationale: str = ""
    votes: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Abstained:
    """No verdict: the reply was unreadable, cut off or refused. `raw` keeps the reply. No grade is ever invented.

    `votes` as in `Graded`: grades that no strict majority agrees on. `traceback` as in `Failure`, of the judge's code.
    """

    reason: str
    raw: str = ""
    votes: tuple[float | None, ...] = ()
    traceback: str = field(default="", compare=False)


Verdict: TypeAlias = Graded | Abstained

WHOLE_RESPONSE = "response"
"""The item of a judgment that stands for all items of a judge: the judge failed before it came to any."""


@dataclass(frozen=True, slots=True)
class Judgment:
    """One instrument's verdict on one item of one question.

    `item` says what was judged (`claim`, `answer`, `passage`), `index` which one (from 0; for passages a position in
    `Response.hits`), `text` its words.
    """

    question_id: str
    judge: str
    item: str
    index: int
    text: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Score:
    """One question's number on one metric: finite, never NaN. `failed` marks a failure scored at the worst value."""

    value: float
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Unscored:
    """The metric has nothing to say about this question, and why. Counted and shown, never read as 0."""

    reason: str


@dataclass(frozen=True, slots=True)
class SecondJudge:
    """What a second judge has to do with a number that people's labels correct: the weights of the first and of this
    one in their joint score (1 and 0 where this one is not used). It had no score of `without` of the `questions`.
    `unused` says why it could not be used; empty where it was tried.
    """

    name: str
    weights: tuple[float, float] = (1.0, 0.0)
    without: int = 0
    questions: int = 0
    unused: str = ""

    @property
    def used(self) -> bool:
        """Whether it has a weight."""
        return self.weights[1] != 0.0

    @property
    def in_words(self) -> str:
        """`with light as second judge, weights 0.52 and 0.31`, and what was missing."""
        if self.unused:
            return f"{self.name} is not used as second judge: {self.unused}"
        if not self.used:
            return f"{self.name} is not used as second judge: with it the labels say nothing more for certain"
        weights = "weights {:.2f} and {:.2f}".format(*self.weights)
        missing = (
            f", without a score of {self.without} of {self.questions} questions (there the first judge's stands for it)"
        )
        return f"with {self.name} as second judge, {weights}{missing if self.without else ''}"

    def to_json(self) -> dict[str, Json]:
        return {
            "name": self.name,
            "used": self.used,
            "weights": [*self.weights],
            "without_score": self.without,
            "in_words": self.in_words,
        }


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval. `n` questions were scored, `failed` of them at the worst value because the pipeline
    failed; `unscored` more could not be scored. `method` names the interval; `level` is its nominal coverage.

    Where people labelled `n_labelled` of the questions and the labels were used, `judge_only` and `labels_only` hold
    (point, low, high) as the judge alone and the labels alone would have it, and `these_questions` (low, high) for the
    mean over exactly these questions, not over all that they stand for. `warning` says what is wrong with the
    labels, also where they could not be used. `expert` says what an expert model has to do with the number; empty if
    nothing. `second_judge` is None where no second judge has scored the metric.

    With n = 0 there is no estimate: that case is None at the place that holds estimates, never a 0 or NaN.
    """

    point: float
    low: float
    high: float
    level: float
    method: str
    n: int
    unscored: int = 0
    failed: int = 0
    n_labelled: int = 0
    judge_only: tuple[float, float, float] | None = None
    labels_only: tuple[float, float, float] | None = None
    these_questions: tuple[float, float] | None = None
    warning: str = ""
    expert: str = ""
    second_judge: SecondJudge | None = None

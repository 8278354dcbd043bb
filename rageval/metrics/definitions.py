"""What a metric is made of: one definition says its name, formula, direction, the judges that it reads, and its source.

A definition stands in the file that holds the metric's formula; `rageval.metrics.catalogue` lists the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from rageval.text.languages import Language
from rageval.types import Failure, Judgment, Question, Response, Score, Unscored

if TYPE_CHECKING:
    from rageval.metrics.evidence_formulas import FoundEvidence
    from rageval.metrics.ranking_formulas import Floats, RankedHits

MetricKind: TypeAlias = Literal["ranking", "evidence", "judged", "answer", "custom"]
Cutoff: TypeAlias = Literal["required", "optional", "forbidden"]
Judgments: TypeAlias = Mapping[str, Sequence[Judgment]]

RAGAS = "Es et al. 2023, arXiv 2309.15217"
RAGCHECKER = "Ru et al. 2024, arXiv 2408.08067"
RGB = "Chen et al. 2023, arXiv 2309.01431"


@dataclass(frozen=True)
class MetricDefinition:
    """What every metric says of itself: one row of `rageval list metrics`.

    Scores run from 0 to 1. `meaning` is the formula in one line of words. `binary` says that every question scores 0 or
    1, `lower_is_better` that 1 is the worst score, `reads_answers` that it looks at answers, so that they must be
    generated. `cutoff` says whether the metric's text takes `@k`, and `budget` whether `@Nt` may stand in its place, a
    budget of N tokens of context.
    """

    name: str
    meaning: str
    source: str
    binary: bool = field(default=False, kw_only=True)
    lower_is_better: bool = field(default=False, kw_only=True)
    reads_answers: bool = field(default=True, kw_only=True)
    cutoff: Cutoff = field(default="forbidden", kw_only=True)
    budget: bool = field(default=False, kw_only=True)

    kind: ClassVar[MetricKind]

    @property
    def form(self) -> str:
        """How the metric is written, such as `recall@k` or `ndcg, ndcg@k`."""
        match self.cutoff:
            case "required":
                return f"{self.name}@k, {self.name}@Nt" if self.budget else f"{self.name}@k"
            case "optional":
                return f"{self.name}, {self.name}@k"
            case "forbidden":
                return self.name


@dataclass(frozen=True, kw_only=True)
class RankingMetric(MetricDefinition):
    """Works on hits and relevance labels: `formula` takes all questions' hits and the cutoff, and returns an array with
    a number from 0 to 1 for each question. `graded` says that grades are gains; for other metrics a document is
    relevant or not. With `all_labels` the hits are the labelled documents of any grade, and `RankedHits.least_grade` is
    that of a relevant one.
    """

    formula: Callable[[RankedHits, int | None], Floats]
    graded: bool = False
    all_labels: bool = False
    reads_answers: bool = False

    kind: ClassVar[MetricKind] = "ranking"


@dataclass(frozen=True, kw_only=True)
class EvidenceMetric(MetricDefinition):
    """Works on the passages of a ranking and the spans that labels mark as evidence.

    `formula` takes what all questions' passages hold of the evidence, and the cutoff (None: all passages). It returns
    an array with a number from 0 to 1 for each question. `over_space` says that a passage counts with the white space
    around it, which chunkers leave out, since the metric asks whether anything is missing.
    """

    formula: Callable[[FoundEvidence, int | None], Floats]
    over_space: bool = False
    reads_answers: bool = False
    cutoff: Cutoff = "required"
    budget: bool = True

    kind: ClassVar[MetricKind] = "evidence"


@dataclass(frozen=True, kw_only=True)
class AnswerMetric(MetricDefinition):
    """Works on the answer and the references alone: `formula` takes one question and what came of it.

    `judges` are asked only where the words of an answer do not settle whether it abstains, if there is a model to ask.
    """

    formula: Callable[[Question, Response | Failure], Score | Unscored]
    judges: tuple[str, ...] = ()

    kind: ClassVar[MetricKind] = "answer"


@dataclass(frozen=True, kw_only=True)
class JudgedMetric(MetricDefinition):
    """Works on judgments: `formula` takes one question, its response, and the judgments by the judge's name.

    `judges` are the names of the judges that it reads. Questions without a reference answer are unscored where
    `needs_reference`, unanswerable ones where `needs_answerable`, and all where `needs_context` and no response of the
    run has a context. `instruction` is what people are asked when they
    label the same thing, in one line for each language; it must be the question that the metric asks.
    """

    judges: tuple[str, ...]
    formula: Callable[[Question, Response, Judgments], Score | Unscored]
    instruction: Mapping[Language, str]
    needs_reference: bool = False
    needs_answerable: bool = False
    needs_context: bool = False

    kind: ClassVar[MetricKind] = "judged"


@dataclass(frozen=True)
class CustomDefinition(MetricDefinition):
    """A custom metric. Only its name is known here; its formula is a `CustomMetric`."""

    kind: ClassVar[MetricKind] = "custom"

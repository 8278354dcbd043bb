"""The names of metrics: a metric is a value, printed as its text and parsed back from it."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace

from rageval.errors import DeclarationError
from rageval.metrics.answer_verdicts import metric_of_own_judge
from rageval.metrics.catalogue import ALL_METRICS
from rageval.metrics.definitions import CustomDefinition, MetricDefinition, MetricKind

CUSTOM = "custom."
CUSTOM_METRIC = "metric."
OF_JUDGE = ":"
BUDGET = "t"


_DEFINITIONS = {definition.name: definition for definition in ALL_METRICS}

# Lower case; what other tools (ir_measures, trec_eval) call the same metric.
_ALIASES = {
    "success": "hit_rate",
    "hit": "hit_rate",
    "rr": "mrr",
    "recip_rank": "mrr",
    "p": "precision",
    "r": "recall",
    "ap": "map",
    "rprec": "r_precision",
}
# trec_eval writes the cutoff after an underscore in its output and after a point on its command line.
_TREC_EVAL_CUT_NAMES = {
    "p": "precision",
    "recall": "recall",
    "ndcg_cut": "ndcg",
    "map_cut": "map",
    "success": "hit_rate",
}
_CUSTOM_NAME = re.compile(re.escape(CUSTOM) + r"[a-z][a-z0-9_]*")
_CUSTOM_METRIC_NAME = re.compile(re.escape(CUSTOM_METRIC) + r"[a-z][a-z0-9_]*")
_JUDGE_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_CUTOFF = re.compile(r"([0-9]{1,9})(t?)")
_TREC_EVAL_CUT = re.compile(r"([a-z_]+)[_.]([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as a value: equal and hashable, `str(metric)` is its canonical text (`ndcg@10`, `faithfulness:strong`).

    `name` is one of `ALL_METRICS`; `cutoff` is the number of documents (passages for evidence metrics) looked at, from
    1, or None for all; with `tokens`, it is a number of tokens of context (`evidence_recall@2000t`). `judge` says whose
    verdicts a judged metric reads: those that `rageval judge --name` added to a run; empty for the run's own.
    Raises DeclarationError for an unknown name, a cutoff where none belongs, or none where one is needed, a judge where
    none belongs, and a judge's name that is none.
    """

    name: str
    cutoff: int | None = None
    judge: str = ""
    tokens: bool = False

    def __post_init__(self) -> None:
        definition = self.definition
        if self.cutoff is None and definition.cutoff == "required":
            raise DeclarationError(f"metric {self.name!r} needs a cutoff: write for example {self.name}@10")
        if self.cutoff is not None and definition.cutoff == "forbidden":
            raise DeclarationError(f"metric '{self}': {self.name} takes no cutoff: write {self.name}")
        if self.cutoff is not None and self.cutoff < 1:
            raise DeclarationError(f"metric '{self}': the cutoff must be at least 1: write for example {self.name}@10")
        if self.tokens and not definition.budget:
            raise DeclarationError(
                f"metric '{self}': only evidence metrics take a budget of tokens: write for example "
                f"evidence_recall@{self.cutoff or 2000}t"
            )
        if self.judge:
            check_judge_name(self.judge, f"metric '{self}'")
            if definition.kind != "judged":
                raise DeclarationError(f"metric '{self}': no judge scores {self.name}: write {replace(self, judge='')}")

    def __str__(self) -> str:
        cutoff = "" if self.cutoff is None else f"@{self.cutoff}{BUDGET if self.tokens else ''}"
        return f"{self.name}{cutoff}{OF_JUDGE if self.judge else ''}{self.judge}"

    @property
    def definition(self) -> MetricDefinition:
        """What the metric says of itself."""
        return _definition(self.name)

    @property
    def kind(self) -> MetricKind:
        """What the metric is worked out from; see `MetricDefinition`."""
        return self.definition.kind

    @property
    def binary(self) -> bool:
        """Whether every question scores 0 or 1."""
        return self.definition.binary

    @property
    def lower_is_better(self) -> bool:
        """Whether 1 is the worst score, and 0 the best."""
        return self.definition.lower_is_better

    @property
    def worst(self) -> float:
        """What a failed question scores: every metric runs from 0 to 1."""
        return 1.0 if self.lower_is_better else 0.0


def parse(text: str) -> Metric:
    """Read a metric from its canonical text, or from what ir_measures or trec_eval call it, in any case.

    `ndcg@10`, `nDCG@10` and `ndcg_cut_10` are the same metric, and `parse(str(metric)) == metric`. A budget of tokens
    ends in `t`, as in `evidence_recall@2000t`. `custom.NAME` is the metric of a judge of the user's own and
    `metric.NAME` a metric of the user's own, their names as they stand. After a colon stands the judge whose verdicts
    count.
    Raises DeclarationError, with the nearest names, for text that names no metric.
    """
    plain, of_judge, judge = text.partition(OF_JUDGE)
    if of_judge:
        check_judge_name(judge.strip(), f"metric {text!r}")
        return replace(parse(plain), judge=judge.strip())
    if text.startswith((CUSTOM, CUSTOM_METRIC)):
        return Metric(text)
    lowered = text.strip().lower()
    if lowered in _DEFINITIONS or lowered in _ALIASES:
        return Metric(_ALIASES.get(lowered, lowered))
    name, at, cutoff = lowered.partition("@")
    name = _ALIASES.get(name, name)
    if at and name in _DEFINITIONS:
        if not (number := _CUTOFF.fullmatch(cutoff)):
            budget = f", or {name}@2000t for tokens of context" if _DEFINITIONS[name].budget else ""
            raise DeclarationError(
                f"metric {text!r}: found the cutoff {cutoff!r}, expected a whole number from 1: write {name}@10{budget}"
            )
        return Metric(name, int(number[1]), tokens=number[2] == BUDGET)
    found = _TREC_EVAL_CUT.fullmatch(lowered)
    if found and found[1] in _TREC_EVAL_CUT_NAMES:
        return Metric(_TREC_EVAL_CUT_NAMES[found[1]], int(found[2]))
    raise _unknown(text)


def check_judge_name(name: str, place: str) -> None:
    """Raises DeclarationError for an invalid name of an added judge (`rageval judge --name`). The message begins with
    the place.
    """
    if not _JUDGE_NAME.fullmatch(name):
        raise DeclarationError(
            f"{place}: found {name!r} as the name of a judge, expected lower-case letters, digits, '-' and '_', as in "
            "strong"
        )


def names_custom_metric(name: str) -> bool:
    """Whether the name is of a metric of the user's own: `metric.` with lower-case letters, digits and _."""
    return _CUSTOM_METRIC_NAME.fullmatch(name) is not None


def _definition(name: str) -> MetricDefinition:
    if _CUSTOM_NAME.fullmatch(name):
        return metric_of_own_judge(name)
    if names_custom_metric(name):
        return CustomDefinition(name, "a metric of your own", "its file")
    if name not in _DEFINITIONS:
        raise _unknown(name)
    return _DEFINITIONS[name]


def _unknown(text: str) -> DeclarationError:
    near = difflib.get_close_matches(text.strip().lower().partition("@")[0], [*_DEFINITIONS, *_ALIASES], n=3)
    near_forms = dict.fromkeys(_DEFINITIONS[_ALIASES.get(match, match)].form for match in near)
    guess = f"did you mean {' or '.join(near_forms)}? " if near else ""
    return DeclarationError(f"unknown metric {text!r}: {guess}`rageval list metrics` lists all of them")

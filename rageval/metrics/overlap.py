"""Metrics that compare the answer with the references as text: characters and words, and no model.

References are alternatives: the best one counts. English texts are normalised as SQuAD does it (Rajpurkar et al. 2016,
arXiv 1606.05250): lower case, no punctuation, no articles, single spaces. Chinese ones lose their punctuation and white
space, as in CMRC 2018 (Cui et al. 2019, arXiv 1810.07366). Three things differ from the scripts of both: texts are put
into NFKC first, so that full-width letters are letters; punctuation is that of all Unicode; and white space between two
digits stays, so that 1、2 is not 12. A text of which nothing is left matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TypeAlias

from rageval.extras import need_package
from rageval.metrics.definitions import RGB, AnswerMetric
from rageval.metrics.verdicts import NO_ANSWER, NO_REFERENCE, RIGHTLY_ABSTAINED
from rageval.text import CJK, take_citations
from rageval.text.languages import Language, base_language
from rageval.text.normal_words import normal_words, token_f1, tokens
from rageval.types import Failure, Question, Response, Score, Unscored

TextMetric: TypeAlias = Callable[[str, str, Language], float]

_SQUAD = "Rajpurkar et al. 2016, arXiv 1606.05250"
_PACKAGES = {"rouge_l": "rouge_score", "bleu": "sacrebleu", "chrf": "sacrebleu"}
_SPACE_OUTSIDE_NUMBERS = re.compile(r"(?<!\d) | (?!\d)")
_LATIN = re.compile(rf"[^\W{CJK}]")
_DIGIT = re.compile(r"\d")
_WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "km", "my"})


def check_available(metrics: Sequence[str]) -> None:
    """Raise MissingExtraError where a metric of these needs a package that is not installed; other names pass."""
    for metric in metrics:
        if metric in _PACKAGES:
            need_package(_PACKAGES[metric], "text", f"the metric {metric}")


def exact_match(prediction: str, reference: str, language: Language) -> float:
    """1 where the texts are equal after normalisation, else 0."""
    text = _normalised(prediction, language)
    return float(text != "" and text == _normalised(reference, language))


def answer_contains(prediction: str, reference: str, language: Language) -> float:
    """1 where the prediction contains the reference after normalisation, else 0.

    In English whole words count (12 is not in 120), in Chinese any characters, but no part of a number. The marks
    inside a word may join its parts or part them: "France's" contains France and "1999-2003" contains 1999, yet 3.14
    does not contain 3. Source: accuracy in RGB (Chen et al. 2023, arXiv 2309.01431) and in Mallen et al. 2023 (arXiv
    2212.10511), which look for the reference as it stands; RGB wants every part of an answer that it gives in parts.
    """
    joined = _holds(_normalised(prediction, language), _normalised(reference, language), language)
    parted = _holds(
        " ".join(normal_words(prediction, language, gap=" ")),
        " ".join(normal_words(reference, language, gap=" ")),
        language,
    )
    return float(joined or parted)


def rouge_l(prediction: str, reference: str, language: Language) -> float:
    """F1 of the longest common subsequence of tokens, those of `token_f1`, without stemming.

    Source: Lin 2004, computed by rouge-score. Raises MissingExtraError where that is not installed.
    """
    check_available(["rouge_l"])
    scorer = import_module("rouge_score.rouge_scorer").RougeScorer(["rougeL"], tokenizer=_Tokenizer(language))
    return float(scorer.score(reference, prediction)["rougeL"].fmeasure)


def bleu(prediction: str, reference: str, language: Language) -> float:
    """Sentence BLEU / 100 by sacrebleu, with effective order; tokenisation `zh` for Chinese, `13a` for English.

    Case and punctuation count. `score_overlap` hands all references to sacrebleu at once, as BLEU is defined.
    Source: Papineni et al. 2002; Post 2018, arXiv 1804.08771. Raises MissingExtraError without sacrebleu.
    """
    return _bleu(prediction, [reference], language)


def chrf(prediction: str, reference: str, language: Language) -> float:
    """Sentence chrF2 / 100 by sacrebleu: F2 over runs of one to six characters, white space aside; case counts.

    Source: Popović 2015. Raises MissingExtraError where sacrebleu is not installed.
    """
    check_available(["chrf"])
    from sacrebleu.metrics.chrf import CHRF

    return CHRF().sentence_score(prediction, [reference]).score / 100


OVERLAP_METRICS: Mapping[str, TextMetric] = {
    "exact_match": exact_match,
    "answer_contains": answer_contains,
    "token_f1": token_f1,
    "rouge_l": rouge_l,
    "bleu": bleu,
    "chrf": chrf,
}


def score_overlap(metric: str, question: Question, outcome: Response | Failure) -> Score | Unscored:
    """One question's score on one of `OVERLAP_METRICS`, 0 to 1: the best over its references, in its language.

    An answer with citations such as [1] (of passages of its context, where there is one) counts as it stands and
    without them, whichever scores better; `answer_contains` wants every part of an answer.
    A failure and an empty answer score 0; so does an abstention on an answerable question, while on an unanswerable one
    it is right and Unscored. Unscored too where the question has no reference, and where no answer was asked for.
    """
    if isinstance(outcome, Response) and outcome.abstained and not question.answerable:
        return Unscored(RIGHTLY_ABSTAINED)
    if not question.references:
        return Unscored(NO_REFERENCE)
    if isinstance(outcome, Failure):
        return Score(0.0, failed=True)
    if outcome.abstained:
        return Score(0.0)
    if outcome.answer is None:
        return Unscored(NO_ANSWER)
    without_citations, _ = take_citations(outcome.answer, len(outcome.context) or None)
    return Score(max(_overlap(metric, text, question) for text in {outcome.answer, without_citations}))


def _overlap(metric: str, answer: str, question: Question) -> float:
    if answer == "":
        return 0.0
    if metric == "bleu":
        return _bleu(answer, question.references, question.language)
    compare = OVERLAP_METRICS[metric]
    if metric == "answer_contains":
        parts = question.answer_parts
        found = (any(compare(answer, text, question.language) for text in alternatives) for alternatives in parts)
        return float(all(found))
    return max(compare(answer, reference, question.language) for reference in question.references)


def _bleu(prediction: str, references: Sequence[str], language: Language) -> float:
    check_available(["bleu"])
    from sacrebleu.metrics.bleu import BLEU

    tokenizer = "13a" if not _is_unspaced(language) else "zh" if base_language(language) == "zh" else "char"
    scorer = BLEU(tokenize=tokenizer, effective_order=True)
    # The exponential of a mean of logarithms, which rounding may carry above 100.
    return min(scorer.sentence_score(prediction, references).score / 100, 1.0)


@dataclass(frozen=True, slots=True)
class _Tokenizer:
    """Our tokens in the form in which rouge-score asks for them."""

    language: Language

    def tokenize(self, text: str) -> list[str]:
        return tokens(text, self.language)


def _is_unspaced(language: Language) -> bool:
    """Whether no spaces part the words of the language."""
    return base_language(language) in _WITHOUT_SPACES


def _normalised(text: str, language: Language) -> str:
    spaced = " ".join(normal_words(text, language))
    return _SPACE_OUTSIDE_NUMBERS.sub("", spaced) if _is_unspaced(language) else spaced


def _holds(text: str, reference: str, language: Language) -> bool:
    if not reference:
        return False
    joins = _DIGIT.match if _is_unspaced(language) else _LATIN.match
    start = text.find(reference)
    while start >= 0:
        before, after = text[:start][-1:], text[start + len(reference) :][:1]
        if not (joins(reference[0]) and joins(before)) and not (joins(reference[-1]) and joins(after)):
            return True
        start = text.find(reference, start + 1)
    return False


def _metric(name: str, meaning: str, source: str, *, binary: bool = False) -> AnswerMetric:
    return AnswerMetric(name, meaning, source, formula=partial(score_overlap, name), binary=binary)


METRICS = (
    _metric(
        "exact_match",
        "1 if the answer is a reference, letter for letter after normalisation, else 0",
        _SQUAD,
        binary=True,
    ),
    _metric(
        "answer_contains",
        "1 if the answer contains a reference after normalisation, else 0",
        f"accuracy in RGB, {RGB}",
        binary=True,
    ),
    _metric("token_f1", "F1 of the words shared with the best reference (characters in Chinese)", _SQUAD),
    _metric("rouge_l", "F1 of the longest common subsequence of words with the best reference", "Lin 2004"),
    _metric("bleu", "sentence BLEU against the references / 100", "sacrebleu; Papineni et al. 2002"),
    _metric("chrf", "sentence chrF2 against the references / 100", "sacrebleu; Popović 2015"),
)

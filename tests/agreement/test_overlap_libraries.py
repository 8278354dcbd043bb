"""The metrics that libraries compute, against the libraries called in another way and against sums of our own."""

from collections.abc import Sequence

import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.metrics.overlap import rouge_l, score_overlap
from rageval.types import Language, Question, Response, Score

SACREBLEU_TOKENIZERS: dict[Language, str] = {"en": "13a", "zh": "zh"}

languages: st.SearchStrategy[Language] = st.sampled_from(["en", "zh"])
words = st.sampled_from(["cat", "Cat", "sat.", "on", "3.5", "巴黎", "是", "首都，", "BM25"])
sentences = st.lists(words, min_size=1, max_size=12).map(" ".join)
references = st.lists(sentences, min_size=1, max_size=3)


def common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    """The length of the longest one, by the lengths for all beginnings of `right`, a token of `left` at a time."""
    lengths = [0] * (len(right) + 1)
    for token in left:
        before = lengths[:]
        for place, other in enumerate(right, 1):
            lengths[place] = before[place - 1] + 1 if token == other else max(before[place], lengths[place - 1])
    return lengths[-1]


def score(metric: str, answer: str, expected: Sequence[str], language: Language) -> float:
    found = score_overlap(metric, Question("q", "?", language, tuple(expected)), Response(answer=answer))
    assert isinstance(found, Score)
    return found.value


@settings(deadline=None)
@given(sentences, references, languages)
def test_bleu(answer: str, expected: list[str], language: Language) -> None:
    oracle = sacrebleu.sentence_bleu(answer, expected, tokenize=SACREBLEU_TOKENIZERS[language]).score / 100
    assert score("bleu", answer, expected, language) == pytest.approx(oracle, abs=1e-12)


@settings(deadline=None)
@given(sentences, references, languages)
def test_chrf(answer: str, expected: list[str], language: Language) -> None:
    oracle = sacrebleu.sentence_chrf(answer, expected).score / 100
    assert score("chrf", answer, expected, language) == pytest.approx(oracle, abs=1e-12)


@settings(deadline=None)
@given(st.data(), languages)
def test_rouge_l(data: st.DataObject, language: Language) -> None:
    tokens, between = (["cat", "sat", "mat", "12"], " ") if language == "en" else (["巴", "黎", "首", "都"], "")
    texts = st.lists(st.sampled_from(tokens), min_size=1, max_size=12)
    left, right = data.draw(texts), data.draw(texts)
    f1 = 2 * common_subsequence(left, right) / (len(left) + len(right))
    assert rouge_l(between.join(left), between.join(right), language) == pytest.approx(f1)

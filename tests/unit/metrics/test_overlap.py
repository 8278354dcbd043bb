"""Answers against references as text: the arithmetic of every example stands beside it."""

import importlib.util
import math
import re
import string
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rageval.errors import MissingExtraError
from rageval.metrics.overlap import (
    OVERLAP_METRICS,
    answer_contains,
    bleu,
    check_available,
    chrf,
    exact_match,
    rouge_l,
    score_overlap,
    token_f1,
)
from rageval.text.languages import LANGUAGES, Language
from rageval.types import UNANSWERABLE, Failure, Hit, Passage, Question, Response, Score, Unscored

ASKED = Question("q", "Where?", references=("Paris",))
ASKED_ZH = Question("q", "哪里？", "zh", references=("巴黎",))
NOT_ANSWERABLE = Question("q", "Where?", tags=(UNANSWERABLE,))
FALSE_PREMISE = Question("q", "Where?", references=("Nowhere",), tags=(UNANSWERABLE,))
NO_REFERENCE = Unscored("the question has no reference answer")
RIGHTLY_ABSTAINED = Unscored("the pipeline rightly abstained")
ABSTENTION = Response(answer="Paris is not mentioned: I do not know.", abstained=True)
FAILURE = Failure("ExecutionError", "timed out")

every_metric = pytest.mark.parametrize("metric", OVERLAP_METRICS)
languages: st.SearchStrategy[Language] = st.sampled_from(["en", "zh"])
# Drawn from few characters, so that texts share some of them, or from all of Unicode.
texts = st.text(st.sampled_from("abAthe 1203.,-'，、。（巴黎是Ｐ　\n"), max_size=20) | st.text(max_size=20)


@pytest.mark.parametrize(
    ("prediction", "reference", "language", "value"),
    [
        ("The Denver Broncos!", "Denver Broncos", "en", 1.0),
        ("Denver   broncos", "the DENVER Broncos.", "en", 1.0),
        ("Denver", "Denver Broncos", "en", 0.0),
        ("Ｐａｒｉｓ", "Paris", "en", 1.0),
        ("don’t", "don't", "en", 1.0),
        ("A", "a.", "en", 1.0),
        ("A", "The", "en", 0.0),
        ("《红楼梦》。", "红楼梦", "zh", 1.0),
        ("2008 年 12 月", "２００８年１２月", "zh", 1.0),
        ("ｉＰｈｏｎｅ 15", "iPhone15", "zh", 1.0),
        ("1、2", "12", "zh", 0.0),
        ("红楼", "红楼梦", "zh", 0.0),
        ("...", "...", "en", 0.0),
        ("", "", "zh", 0.0),
    ],
)
def test_exact_match(prediction: str, reference: str, language: Language, value: float) -> None:
    assert exact_match(prediction, reference, language) == value


@pytest.mark.parametrize(
    ("prediction", "reference", "language", "value"),
    [
        ("It is in Paris, of course.", "paris", "en", 1.0),
        ("It is the city of Paris.", "City of the Paris", "en", 1.0),
        ("There are 120 of them.", "12", "en", 0.0),
        ("There are 12: see there.", "12", "en", 1.0),
        ("Comparison", "Paris", "en", 0.0),
        ("France's capital", "France", "en", 1.0),
        ("From 1999-2003", "2003", "en", 1.0),
        ("He lives in the US.", "U.S.", "en", 1.0),
        ("It is 3.14", "3", "en", 0.0),
        ("It is 3.14", "3.14", "en", 1.0),
        ("1,000 people", "1000", "en", 1.0),
        ("1000 people", "000", "en", 0.0),
        ("答案是Paris。", "Paris", "en", 1.0),
        ("答案是巴黎。", "巴黎", "en", 1.0),
        ("首都是巴黎。", "巴黎", "zh", 1.0),
        ("死亡112人", "12人", "zh", 0.0),
        ("死亡12人", "12人", "zh", 1.0),
        ("共120人", "12", "zh", 0.0),
        ("占70.5%", "70", "zh", 0.0),
        ("用ResNet50模型", "ResNet", "zh", 1.0),
        ("在2008、2012年", "2012年", "zh", 1.0),
        ("在1999-2003年", "2003年", "zh", 1.0),
        ("第1、2章", "12", "zh", 0.0),
        ("作者是 J. K. Rowling。", "J.K. Rowling", "zh", 1.0),
        ("anything at all", "...", "en", 0.0),
        ("什么都有……", "……", "zh", 0.0),
        ("", "Paris", "en", 0.0),
    ],
)
def test_answer_contains(prediction: str, reference: str, language: Language, value: float) -> None:
    assert answer_contains(prediction, reference, language) == value


@pytest.mark.parametrize(
    ("prediction", "reference", "language", "value"),
    [
        # 2 of 4 predicted, 2 of 2 expected.
        ("Denver Broncos of Colorado", "the Denver Broncos", "en", 2 * (2 / 4) * (2 / 2) / (2 / 4 + 2 / 2)),
        # "to" and "be" twice each against once each.
        ("to be, to be", "To be", "en", 2 * (2 / 4) * (2 / 2) / (2 / 4 + 2 / 2)),
        ("Paris", "London", "en", 0.0),
        # 北 京 是 首 都, all among 北 京 是 中 国 的 首 都.
        ("北京是首都", "北京是中国的首都。", "zh", 2 * (5 / 5) * (5 / 8) / (5 / 5 + 5 / 8)),
        # bm25 and 检 索 against 用 bm25 检 索: a Latin run is one token.
        ("BM25 检索", "用 ＢＭ２５ 检索", "zh", 2 * (3 / 3) * (3 / 4) / (3 / 3 + 3 / 4)),
        # alice, bob against bob: a full-width mark parts words.
        ("Alice、Bob", "Bob", "zh", 2 * (1 / 2) * (1 / 1) / (1 / 2 + 1 / 1)),
        # 答 案 是 巴 黎 against 巴 黎, in an English question.
        ("答案是巴黎", "巴黎", "en", 2 * (2 / 5) * (2 / 2) / (2 / 5 + 2 / 2)),
        ("...", "...", "en", 0.0),
    ],
)
def test_token_f1(prediction: str, reference: str, language: Language, value: float) -> None:
    assert token_f1(prediction, reference, language) == pytest.approx(value)


@pytest.mark.parametrize(
    ("prediction", "reference", "language", "value"),
    [
        # police killed gunman / police kill gunman: police, gunman in order.
        ("police killed gunman", "Police kill the gunman.", "en", 2 / 3),
        # The same words the other way round: one of them is in order.
        ("gunman police", "police gunman", "en", 1 / 2),
        # 猫 吃 鱼 / 鱼 吃 猫: one character in order.
        ("猫吃鱼", "鱼吃猫。", "zh", 1 / 3),
        # 用 bm25 / 用 bm25 检 索: 2 of 2, 2 of 4.
        ("用 BM25", "用BM25检索", "zh", 2 * (2 / 2) * (2 / 4) / (2 / 2 + 2 / 4)),
        ("", "Paris", "en", 0.0),
    ],
)
def test_rouge_l(prediction: str, reference: str, language: Language, value: float) -> None:
    assert rouge_l(prediction, reference, language) == pytest.approx(value)


@pytest.mark.parametrize(
    ("prediction", "reference", "language", "value"),
    [
        # Runs of 1 to 4 words shared: 5 of 6, 3 of 5, 1 of 4, 0 of 3; the first 0 counts 1/2. Equal lengths.
        ("the cat sat on the mat", "the cat is on the mat", "en", (5 / 6 * 3 / 5 * 1 / 4 * (1 / 2) / 3) ** (1 / 4)),
        # All runs there are, 1 and 2 words; half as long as the reference.
        ("the cat", "the cat sat down", "en", math.exp(1 - 4 / 2)),
        # Runs of 1 to 4 characters shared: 5 of 5, 3 of 4, 1 of 3, 0 of 2; 5 characters against 8.
        (
            "北京是首都",
            "北京是中国的首都",
            "zh",
            math.exp(1 - 8 / 5) * (5 / 5 * 3 / 4 * 1 / 3 * (1 / 2) / 2) ** (1 / 4),
        ),
        ("巴黎", "伦敦", "zh", 0.0),
        ("", "Paris", "en", 0.0),
    ],
)
def test_bleu(prediction: str, reference: str, language: Language, value: float) -> None:
    assert bleu(prediction, reference, language) == pytest.approx(value)


@pytest.mark.parametrize(
    ("prediction", "reference", "language", "value"),
    [
        # Characters: 1 of 2 and 1 of 2; pairs: 0 of 1 and 0 of 1. Mean precision and recall 1/4.
        ("ab", "ac", "en", 1 / 4),
        # Precision 1 and 1, recall 2/3 and 1/2, mean 7/12; F2 = 5 P R / (4 P + R).
        ("ab", "abc", "en", 5 * (7 / 12) / (4 + 7 / 12)),
        ("北京", "北京市", "zh", 5 * (7 / 12) / (4 + 7 / 12)),
        ("", "Paris", "en", 0.0),
    ],
)
def test_chrf(prediction: str, reference: str, language: Language, value: float) -> None:
    assert chrf(prediction, reference, language) == pytest.approx(value)


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        # Without articles, "cat sat" is the second reference.
        ("exact_match", 1.0),
        ("answer_contains", 1.0),
        ("token_f1", 1.0),
        ("rouge_l", 1.0),
        # Every word and every pair is in one of the two; of the one run of three, none, which counts 1/2.
        ("bleu", (3 / 3 * 2 / 2 * (1 / 2) / 1) ** (1 / 3)),
    ],
)
def test_the_best_of_several_references_counts_and_bleu_takes_all(metric: str, value: float) -> None:
    question = Question("q", "What?", references=("a cat ran", "the cat sat"))
    assert score_overlap(metric, question, Response(answer="a cat sat")) == Score(pytest.approx(value))


@pytest.mark.parametrize("text", ["x[0]", "x[1]", "RFC [793]", "see [1]", "第[3]条", "第［3］条", "arr［0］"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("passages", [0, 3])
def test_numbers_in_brackets_that_belong_to_the_answer_count(text: str, language: Language, passages: int) -> None:
    hits = tuple(Hit(Passage(f"d{i}", 0, 1, "x"), 1.0) for i in range(passages))
    response = Response(hits, text, context=tuple(range(passages)))
    question = Question("q", "What?", language, (text,))
    for metric in ("exact_match", "token_f1", "answer_contains"):
        assert score_overlap(metric, question, response) == Score(1.0)


def test_an_answer_is_compared_with_and_without_its_citations() -> None:
    hits = tuple(Hit(Passage(f"d{i}", 0, 1, "x"), 1.0) for i in range(3))
    question = Question("q", "Which document?", references=("RFC 793",))
    for answer, score in (("RFC 793 [2]", 1.0), ("RFC [793]", 1.0), ("RFC 793 [4]", 0.0), ("RFC", 0.0)):
        assert score_overlap("exact_match", question, Response(hits, answer, context=(0, 1, 2))) == Score(score)


@every_metric
@pytest.mark.parametrize(
    ("question", "outcome", "expected"),
    [
        (ASKED, Response(answer="Paris"), Score(pytest.approx(1.0))),
        (ASKED, Response(answer="Paris [1][2]"), Score(pytest.approx(1.0))),
        (ASKED_ZH, Response(answer="巴黎［1］"), Score(pytest.approx(1.0))),
        (ASKED, Response(answer="42"), Score(0.0)),
        (ASKED, Response(answer=""), Score(0.0)),
        (ASKED, Response(answer=" \n"), Score(0.0)),
        (ASKED, Response(answer="[1]"), Score(0.0)),
        (ASKED, ABSTENTION, Score(0.0)),
        (ASKED, FAILURE, Score(0.0, failed=True)),
        (ASKED, Response(), Unscored("no answer was generated")),
        (FALSE_PREMISE, Response(answer="Nowhere"), Score(pytest.approx(1.0))),
        (FALSE_PREMISE, ABSTENTION, RIGHTLY_ABSTAINED),
        (FALSE_PREMISE, FAILURE, Score(0.0, failed=True)),
        (NOT_ANSWERABLE, ABSTENTION, RIGHTLY_ABSTAINED),
        (NOT_ANSWERABLE, Response(answer=""), NO_REFERENCE),
        (FALSE_PREMISE, Response(answer=""), Score(0.0)),
        (NOT_ANSWERABLE, Response(answer="Paris"), NO_REFERENCE),
        (NOT_ANSWERABLE, FAILURE, NO_REFERENCE),
        (Question("q", "Where?"), Response(answer="Paris"), NO_REFERENCE),
        (Question("q", "Where?"), Response(), NO_REFERENCE),
        (Question("q", "Where?"), ABSTENTION, NO_REFERENCE),
        (Question("q", "Where?"), FAILURE, NO_REFERENCE),
    ],
)
def test_what_is_scored_and_what_is_not(
    metric: str, question: Question, outcome: Response | Failure, expected: Score | Unscored
) -> None:
    assert score_overlap(metric, question, outcome) == expected


@pytest.mark.parametrize(
    ("metric", "package"), [("rouge_l", "rouge_score"), ("bleu", "sacrebleu"), ("chrf", "sacrebleu")]
)
def test_a_missing_package_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch, metric: str, package: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else real(name))
    message = rf"the metric {metric} needs the package {package}.*\[text\]"
    with pytest.raises(MissingExtraError, match=message):
        check_available(["ndcg@10", "token_f1", metric])
    with pytest.raises(MissingExtraError, match=message):
        score_overlap(metric, ASKED, Response(answer="Paris"))
    check_available(["ndcg@10", "exact_match", "answer_contains", "token_f1"])
    assert score_overlap("token_f1", ASKED, Response(answer="Paris")) == Score(1.0)


@settings(deadline=None)
@given(st.sampled_from(sorted(OVERLAP_METRICS)), texts, st.lists(texts, min_size=1, max_size=3), languages)
def test_scores_are_within_bounds(metric: str, answer: str, references: list[str], language: Language) -> None:
    question = Question("q", "?", language, tuple(references))
    score = score_overlap(metric, question, Response(answer=answer))
    assert isinstance(score, Score)
    assert 0.0 <= score.value <= 1.0


@settings(deadline=None)
@given(st.sampled_from(sorted(OVERLAP_METRICS)), texts, languages)
def test_a_text_agrees_with_itself(metric: str, text: str, language: Language) -> None:
    assume(any(map(str.isalnum, text)))
    assert OVERLAP_METRICS[metric](text, text, language) == pytest.approx(1.0, abs=1e-12)


@given(texts, texts, languages)
def test_token_f1_is_symmetric(left: str, right: str, language: Language) -> None:
    assert token_f1(left, right, language) == token_f1(right, left, language)


@given(texts, texts, languages)
def test_a_text_contains_what_it_equals(left: str, right: str, language: Language) -> None:
    assert exact_match(left, right, language) <= answer_contains(left, right, language)


english = st.lists(st.sampled_from(["the", "a", "An", "cat", "Cat's", "sat", "U.S.", "e-mail", "--", "(mat)", "3.5"]))


@given(english, english)
def test_english_is_scored_as_squad_scores_it(left: list[str], right: list[str]) -> None:
    def squad_words(words: list[str]) -> list[str]:
        bare = " ".join(words).lower().translate(str.maketrans("", "", string.punctuation))
        return re.sub(r"\b(?:a|an|the)\b", " ", bare).split()

    predicted, expected = squad_words(left), squad_words(right)
    assume(predicted and expected)
    shared = sum(min(count, Counter(expected)[word]) for word, count in Counter(predicted).items())
    precision, recall = shared / len(predicted), shared / len(expected)
    f1 = 2 * precision * recall / (precision + recall) if shared else 0.0
    assert token_f1(" ".join(left), " ".join(right), "en") == pytest.approx(f1)
    assert exact_match(" ".join(left), " ".join(right), "en") == float(predicted == expected)


@pytest.mark.parametrize(
    ("language", "answer", "reference", "f1"),
    [
        ("ja", "東京タワー", "東京タワ", 2 * 4 / (5 + 4)),
        ("ko", "서울시", "서울", 2 * 2 / (3 + 2)),
        ("de", "der Turm", "Der Turm!", 1.0),
        ("de", "a b", "b", 2 / 3),
        ("pt-BR", "a casa", "casa", 2 / 3),
    ],
)
def test_f1_of_other_languages(language: str, answer: str, reference: str, f1: float) -> None:
    """By hand: characters where no spaces part words or particles are glued on, else words. Articles stay."""
    assert OVERLAP_METRICS["token_f1"](answer, reference, language) == pytest.approx(f1)


def test_characters_of_japanese_count_wherever_they_stand() -> None:
    assert OVERLAP_METRICS["answer_contains"]("答えは東京です", "東京", "ja") == 1.0
    assert OVERLAP_METRICS["answer_contains"]("Die Türme", "Turm", "de") == 0.0

"""The light judge's features: worked out by hand in both languages, and bounded for any text."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.judges.light.features import FEATURES, SIGNS, common_subsequence, features, surface_tokens
from rageval.judges.light.numbers import numbers
from rageval.judges.light.weights import shipped_weights
from rageval.judges.light.words import denials

LAKE = ["The lake is 40 metres deep. Its water is salty."]
HU = ["东湖最深处四十米。湖水是咸的。"]


def named(claim: str, passages: list[str], language: str) -> dict[str, float]:
    return dict(zip(FEATURES, features(claim, passages, language), strict=True))


def test_english_by_hand() -> None:
    """Of the six tokens five stand in the context in this order; of the words lake, 50, metr and deep, the context has
    three, each in one of its two sentences; of the five pairs of tokens it has three; and it lacks one number.
    """
    seen, unseen = math.log(3 / 1.5), math.log(3 / 0.5)
    covered = 3 * seen / (3 * seen + unseen)
    assert named("The lake is 50 metres deep.", LAKE, "en") == pytest.approx(
        {
            "subsequence": 5 / 6,
            "rare_words": covered,
            "nearest_rare_words": covered,
            "bigrams": 3 / 5,
            "missing_numbers": 0.5,
            "missing_names": 0.0,
            "added_negation": 0.0,
            "opposites": 0.0,
        }
    )


def test_chinese_by_hand() -> None:
    """The characters 东湖深四十米 stand in the context in this order, three of the five pairs side by side. Of the
    words 东湖, 深, 四十, 十米 and 四十米 only 深 is no word of the context, but its character is there: half.
    """
    seen, unseen = math.log(3 / 1.5), math.log(3 / 0.5)
    covered = (4 * seen + unseen / 2) / (4 * seen + unseen)
    found = named("东湖深四十米。", HU, "zh")
    assert [found[name] for name in FEATURES[:4]] == pytest.approx([1.0, covered, covered, 3 / 5])
    assert [found[name] for name in FEATURES[4:]] == [0.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("claim", "passages", "language", "feature", "value"),
    [
        ("It is 41 metres deep and 7 wide.", LAKE, "en", "missing_numbers", 0.75),
        ("It is forty metres deep.", LAKE, "en", "missing_numbers", 0.0),
        ("东湖深四十一米。", HU, "zh", "missing_numbers", 0.5),
        ("东湖深40米。", HU, "zh", "missing_numbers", 0.0),
        ("The lake of Bern is deep.", LAKE, "en", "missing_names", 0.5),
        ("Bern has a lake.", LAKE, "en", "missing_names", 0.0),  # the first word is always capitalised
        ("东湖在瑞士。", HU, "zh", "missing_names", 0.5),
        ("The lake is not deep.", LAKE, "en", "added_negation", 1.0),
        ("The lake isn't deep.", ["The lake isn't deep."], "en", "added_negation", 0.0),
        ("湖水不咸。", HU, "zh", "added_negation", 1.0),
        ("湖水非常咸。", HU, "zh", "added_negation", 0.0),
        ("Prices decreased.", ["Prices increased in May."], "en", "opposites", 0.5),
        ("价格下降。", ["价格在五月上升。"], "zh", "opposites", 0.5),
    ],
)
def test_one_feature_at_a_time(claim: str, passages: list[str], language: str, feature: str, value: float) -> None:
    assert named(claim, passages, language)[feature] == value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2,310 metres in 1871", {2310, 1871}),
        ("3.5 million people", {3.5e6}),
        ("twenty-three of two hundred", {23, 200}),
        ("one of them", set()),
        ("一千八百米，建于一六〇二年", {1800, 1602}),
        ("两万居民", {20000}),
        ("３万五千人", {30000, 5000}),
        ("一个人，一些水", set()),
        ("十二亿", {1.2e9}),
    ],
)
def test_numbers(text: str, found: set[float]) -> None:
    assert numbers(text) == found


def test_denials() -> None:
    assert [denials(text) for text in ("It is not so, never.", "I can't.", "nothing new", "known notes")] == [
        2,
        1,
        1,
        0,
    ]
    assert [denials(text) for text in ("不是", "没有，也不会", "不同、非常、未来", "是否")] == [1, 2, 0, 0]


@given(st.lists(st.sampled_from("abc"), max_size=7), st.lists(st.sampled_from("abc"), max_size=9))
def test_common_subsequence_is_the_longest_of_all_subsequences(a: list[str], b: list[str]) -> None:
    def is_in(part: tuple[str, ...]) -> bool:
        rest = iter(b)
        return all(token in rest for token in part)

    lengths = [n for n in range(len(a) + 1) for part in combinations(a, n) if is_in(part)]
    assert common_subsequence(a, b) == max(lengths)


_TEXT = st.text(max_size=60) | st.sampled_from(["", " ", "。", "not", "不", "1,000", "\x00", "A" * 200, "is not 东湖"])


@given(claim=_TEXT, passages=st.lists(_TEXT, max_size=3), language=st.sampled_from(["en", "zh", "ja", "de"]))
def test_any_text_has_features_from_0_to_1_and_a_probability(claim: str, passages: list[str], language: str) -> None:
    assert all(0.0 <= value <= 1.0 for value in features(claim, passages, language))
    for metric in ("faithfulness", "context_relevance"):
        assert 0.0 <= shipped_weights(metric).probability(claim, passages, language) <= 1.0


@pytest.mark.parametrize(("text", "language"), [(LAKE[0], "en"), (HU[0], "zh")])
def test_a_copy_has_all_that_speaks_for_it_and_nothing_against(text: str, language: str) -> None:
    wanted = [1.0 if sign > 0 else 0.0 for sign in SIGNS]
    found = named(text, [text], language)
    assert [found[name] for name in FEATURES if name != "nearest_rare_words"] == [
        one for name, one in zip(FEATURES, wanted, strict=True) if name != "nearest_rare_words"
    ]


def test_tokens_are_words_and_single_characters() -> None:
    assert surface_tokens("BM25在 2024年，ＡＢ!") == ("bm25", "在", "2024", "年", "ab")

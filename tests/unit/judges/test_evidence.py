"""The sentence that shows a claim is the one with the most of its words, worked out by hand."""

import pytest

from rageval.judges.evidence import nearest_sentence, sentence_in
from rageval.types import Evidence, Passage

ARLEN = Passage("arlen", 0, 62, "Mount Arlen is 2310 metres high. Two sisters climbed it in 1871.")
BRONE = Passage("brone", 0, 38, "The river Brone is 95 kilometres long.", "Rivers of Delmar")
QINGSHI = Passage("qingshi", 0, 24, "青石山高一千八百米。山顶的寺庙建于1602年。")
CONTEXT = [(4, ARLEN), (0, BRONE), (7, QINGSHI)]


@pytest.mark.parametrize(
    ("claim", "hit", "sentence"),
    [
        ("Mount Arlen is 2310 metres high.", 4, "Mount Arlen is 2310 metres high."),
        ("In 1871 two sisters made the climb.", 4, "Two sisters climbed it in 1871."),  # climb, climbed: one stem
        ("The Brone measures 95 kilometres.", 0, "The river Brone is 95 kilometres long."),
        ("Delmar has a river.", 0, "The river Brone is 95 kilometres long."),  # delmar is in the title
        ("寺庙建于1602年。", 7, "山顶的寺庙建于1602年。"),
        ("ＭＯＵＮＴ　ＡＲＬＥＮ", 4, "Mount Arlen is 2310 metres high."),
    ],
)
def test_the_sentence_with_the_most_words_of_the_claim(claim: str, hit: int, sentence: str) -> None:
    assert nearest_sentence(claim, CONTEXT, "en") == Evidence(hit, sentence)


@pytest.mark.parametrize(
    "claim",
    [
        "The lake of Veld freezes in Arlen.",  # one of four words: lake, veld, freez, arlen
        "湖水很深，冬天结冰。",
        "The temple was built in the seventeenth century.",
        "It is.",
        "",
        "!",
    ],
)
def test_too_few_words_are_no_evidence(claim: str) -> None:
    assert nearest_sentence(claim, CONTEXT, "en") is None


def test_a_third_of_the_words_is_enough() -> None:
    """mount, arlen of mount, arlen, veld, lake, brook, ford."""
    assert nearest_sentence("mount arlen veld lake brook ford", CONTEXT, "en") == Evidence(4, ARLEN.text[:32])
    assert nearest_sentence("mount arlen veld lake brook ford hill", CONTEXT, "en") is None


def test_of_equal_sentences_the_first_counts() -> None:
    assert nearest_sentence("river", [(2, BRONE), (5, BRONE)], "en") == Evidence(2, BRONE.text)


def test_without_passages_there_is_none() -> None:
    assert nearest_sentence("Mount Arlen", [], "en") is None


def test_what_the_judge_named_is_not_found() -> None:
    assert sentence_in("The temple dates from 1602.", (7, QINGSHI), "zh") == Evidence(
        7, "山顶的寺庙建于1602年。", found=False
    )
    assert sentence_in("The temple is old.", (7, QINGSHI), "zh") == Evidence(7, "", found=False)
    assert sentence_in("Anything", (3, Passage("empty", 0, 0, "")), "en") == Evidence(3, "", found=False)


def test_in_another_language() -> None:
    """Bigrams of kana: にほ, ほん, んの … of にほんのやま, of which the second sentence has all but the last two."""
    passage = Passage("yama", 0, 20, "うみはあおい。にほんのかわはながい。")
    assert nearest_sentence("にほんのやま", [(1, passage)], "ja") == Evidence(1, "にほんのかわはながい。")

"""Which answers say that they cannot answer?"""

from pathlib import Path

import pytest

from rageval.pipeline.abstention import is_abstention
from rageval.prompts import shared_text
from rageval.types import Language

ABSTENTIONS = [
    "The passages do not contain the answer.",
    "The passages don't mention it.",
    "The passages don’t mention it.",
    "The provided context does not specify the release date.",
    "The text does not explicitly state this.",
    "None of the passages mention a price.",
    "I don't know.",
    "I cannot answer this question from the passages.",
    "I'm sorry, but the passages do not provide this information.",
    "Unfortunately, I am unable to answer.",
    "Based on the given passages, the answer cannot be determined.",
    "Not stated in the passages.",
    "It is not mentioned in the context.",
    "There is no information about the author in the passages.",
    "  THE PASSAGES DO NOT STATE THE ANSWER",
    "No, the passages do not say so.",
    "根据已知信息无法回答该问题。",
    "根据所给段落，无法回答这个问题。",
    "很抱歉，根据提供的信息无法确定。",
    "抱歉，我不知道。",
    "无法得知。",
    "从文本中无法得知作者是谁。",
    "段落中没有提到这一点。",
    "上述资料并未说明价格。",
    "文中未提及。",
    "该问题无法根据段落回答。",
    "不知道",
]
ANSWERS = [
    "",
    "Paris.",
    "BM25 ranks by words; the passages do not mention its speed.",
    "It was founded in 1998. The passages do not say by whom.",
    "The parameter k1 controls saturation, though I don't know its default.",
    "BM25 cannot answer questions that share no words with the text.",
    "A bag of words cannot tell the two apart.",
    "People don't know which words the author used.",
    "The passages contain the answer: 42.",
    "No, BM25 does not use embeddings.",
    "Contexts are limited to 4096 tokens.",
    "巴黎。",
    "BM25无法判断语义相似性。",
    "词袋模型无法确定词序。",
    "缓存不能回答新的问题。",
    "成立于1998年。段落中没有提到创始人。",
    "答案是倒数排名融合。无法确定更多细节。",
    "参数k1控制饱和度，但文中没有说明默认值。",
    "没有，BM25不使用向量。",
    "根据段落，常数k取60。",
]


@pytest.mark.parametrize("answer", ABSTENTIONS)
def test_an_abstention_is_seen(answer: str) -> None:
    assert is_abstention(answer)


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_with_a_caveat_or_about_inability_is_none(answer: str) -> None:
    assert not is_abstention(answer)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_house_phrases_are_abstentions(language: Language) -> None:
    assert is_abstention(shared_text(language, "abstention"))


SETS = Path(__file__).with_name("abstention_sets")
"""Written by hand for this test; a line is an answer, in which the two characters backslash and n are a line break."""


def read_set(kind: str, language: str) -> list[str]:
    lines = (SETS / f"{kind}.{language}.txt").read_text(encoding="utf-8").splitlines()
    return [line.replace("\\n", "\n") for line in lines]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_recall_and_precision_on_refusals_and_on_answers_that_sound_like_one(language: str) -> None:
    refusals, answers = (read_set(kind, language) for kind in ("refusals", "answers"))
    assert min(len(refusals), len(answers)) >= 120
    found = [answer for answer in refusals if is_abstention(answer)]
    mistaken = [answer for answer in answers if is_abstention(answer)]
    assert len(found) / len(refusals) >= 0.95, set(refusals) - set(found)
    assert len(found) / (len(found) + len(mistaken)) >= 0.98, mistaken


@pytest.mark.parametrize("language", ["en", "zh"])
def test_few_answers_are_left_to_a_judge(language: str) -> None:
    refusals, answers = (read_set(kind, language) for kind in ("refusals", "answers"))
    assert sum(is_abstention(answer) is None for answer in refusals) <= 0.05 * len(refusals)
    assert sum(is_abstention(answer) is None for answer in answers) <= len(answers) / 3


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_refusal_is_called_an_answer(language: str) -> None:
    assert [refusal for refusal in read_set("refusals", language) if is_abstention(refusal) is False] == []


@pytest.mark.parametrize(
    ("answer", "settled"),
    [
        ("The passages do not state the price. It was sold to a buyer in Ghent.", None),
        ("The contract does not specify a penalty.", None),
        ("An answer.", None),
        ("文本向量", False),
        ("合同没有写明违约金。", None),
        ("Could you say which of the two you mean?", None),
        ("The passages do not state the price. In general, such a house costs a million.", None),
        ("The passages do not state the price, but it was sold to a buyer in Ghent.", None),
        ("Sadly the leaflet you uploaded skips the part on dosage for children.", None),
        ("The retrieved chunks only deal with installation. Uninstalling is a topic they never touch.", None),
        ("I came up empty on the warranty period.", True),
        ("题目问的是面积，文中给的只有人口。", True),
        ("您要查的航班号不在时刻表里。", None),
        ("No, the warranty does not cover water damage.", False),
        ("The documents do not need to be notarised.", None),
        ("不，保修不包括进水损坏。", False),
        ("这些文件不需要公证。", False),
        ("没有查看权限的同事，请找负责人开通。", False),
        ("I can't help with that.", False),
        ("I can't help with that: the documents do not mention it.", True),
    ],
)
def test_what_the_words_settle_and_what_they_leave_open(answer: str, settled: bool | None) -> None:
    assert is_abstention(answer) is settled


@pytest.mark.parametrize(
    ("answer", "settled"),
    [
        ("Computer says no.", True),
        ("**computer says no**", True),
        ("Sorry! Computer says no. Please call us.", True),
        ("Computer says no, but the fee is 5 euros.", None),
        ("Das weiß ich leider nicht.", True),
        ("The fee is 5 euros.", False),
    ],
)
def test_phrases_of_the_user_s_own_count(answer: str, settled: bool | None) -> None:
    assert is_abstention(answer, ["Computer says no.", "Das weiß ich leider nicht"]) is settled


@pytest.mark.parametrize(
    ("answer", "settled"),
    [
        ("Das steht nicht in den Dokumenten.", None),
        ("Die Gebühr beträgt 5 Euro.", None),
        ("I can't help with that.", None),
        ("I don't know.", True),
        ("根据已知信息无法回答该问题。", True),
        ("Computer sagt nein.", True),
    ],
)
def test_in_a_language_without_patterns_the_words_settle_nothing_else(answer: str, settled: bool | None) -> None:
    assert is_abstention(answer, ["Computer sagt nein"], "de") is settled


@pytest.mark.parametrize("language", ["en-GB", "zh-Hant"])
def test_regions_of_a_language_have_its_patterns(language: str) -> None:
    assert is_abstention("The fee is 5 euros.", (), language) is False


@pytest.mark.parametrize(
    "text", ["the documents about " * 2000, "资料中的里" * 4000, "<think>" * 5000, '"' * 20000, "a" * 200000]
)
def test_a_long_answer_is_read_in_no_time(text: str) -> None:
    assert is_abstention(text) in (True, False, None)

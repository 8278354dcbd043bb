"""Which answers say that they cannot answer?"""

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

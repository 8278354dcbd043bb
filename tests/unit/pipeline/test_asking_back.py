"""Answers that ask the user back, and answers that only look so."""

from __future__ import annotations

import pytest

from rageval.pipeline.asking_back import asks_back

ASKING = [
    "Do you mean Lake Corva or Lake Brone?",
    "Could you tell me which lake you mean?",
    "Which lake are you asking about?",
    "Please specify the year.",
    "I'm not sure what you are referring to. Can you give more details?",
    "Could you clarify your question?",
    "What exactly would you like to know about the lake?",
    "There are two lakes of that name: one in the north and one in the south. Which one is meant?",
    "Lake Corva is 61 m deep, Lake Brone 12 m. **Which one are you talking about?**",
    "I need a bit more information: which product do you have?",
    "<think>They may mean either.</think> Which of the two?",
    "您指的是哪个湖？",
    "请问您想了解的是东湖还是西湖？",
    "你说的“它”是指什么？",
    "能具体说明一下是哪一年吗？",
    "请问是哪一家医院？",
    "请补充您使用的产品型号。",
    "有很多个湖，您问的是哪一个？",
    "请明确您要查询的年份。",
    "您是想问它的深度还是面积？",
]
NOT_ASKING = [
    "",
    "Lake Corva is 61 metres deep.",
    "Would you like to know more about it?",
    "Is there anything else I can help you with?",
    "The lake is 61 metres deep. Do you want me to list its fish?",
    "The question asks which of the lakes is deepest: it is Lake Corva.",
    "You can specify the region in the settings.",
    "Please contact the support team for more information.",
    "What is a lake? A lake is a body of water.",
    "If you mean Lake Corva, it is 61 metres deep.",
    "Why do people go there? Because it is deep.",
    "I am sorry that I do not have that information.",
    "<think>Which lake do they mean?</think> Lake Corva is 61 metres deep.",
    "东湖最深处四十米。",
    "还有什么可以帮您的吗？",
    "您需要进一步了解东湖吗？",
    "请参阅说明书第三页。",
    "请联系客服了解更多信息。",
    "您可以在设置中指定地区。",
    "根据已知信息无法回答该问题。",
    "什么是湖？湖是一种水体。",
    "如果您指的是东湖，它深四十米。",
]


@pytest.mark.parametrize("answer", ASKING)
def test_it_asks_back(answer: str) -> None:
    assert asks_back(answer)


@pytest.mark.parametrize("answer", NOT_ASKING)
def test_it_does_not(answer: str) -> None:
    assert not asks_back(answer)

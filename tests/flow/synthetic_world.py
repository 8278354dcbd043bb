"""A corpus of mountains, and a model that writes and checks questions about them by rule, or with faults.

Each document is named after its mountain and says how high it is and which village lies at its foot. The model knows a
prompt by its words alone, so that it serves in this process and behind a server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rageval.errors import ExecutionError
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import ScriptedChat
from rageval.types import Usage
from tests.flow.small_world import write_lines
from tests.unit.scripts import as_json

ENGLISH = {
    name: (1000 + 7 * i, f"{name[:3]}ford")
    for i, name in enumerate(
        ("Arlen", "Bresk", "Corvin", "Dunmar", "Eltor", "Fennick", "Gorlan", "Hastur", "Ilmen", "Jorvik", "Kestrel")
    )
}
CHINESE = {"青石山": (1801, "白沙镇"), "云台山": (1802, "东湖村"), "翠屏山": (1803, "南溪镇")}
HEIGHTS = {name: height for name, (height, _) in (ENGLISH | CHINESE).items()}

PROMPTS = {
    "question_factual": ("that a specific fact in the passage answers", "某个具体事实"),
    "question_paraphrase": ("Ask the same thing in other words", "请换一种说法"),
    "question_multi_hop": ("joining a fact from passage 1", "结合起来"),
    "question_comparison": ("compares what passage 1", "比较段落 1"),
    "question_summary": ("sums up what passages 1", "归纳段落 1"),
    "question_cross_lingual": ("Translate the question", "翻译成中文"),
    "question_false_premise": ("takes the false sentence for granted", "错话当成事实"),
    "question_unanswerable": ("asks for this missing detail", "询问这个细节"),
    "question_follow_up": ("the person's next question", "下一个问题"),
    "question_multiple_choice": ("three wrong answers", "三个错误答案"),
    "question_self_contained": ("Somebody gets only this question", "有人只看到这个问题"),
    "question_options": ("For each option", "逐项判断：根据段落"),
    "answer": ("Find the part of the passages", "请在段落中找出"),
    "answer_from_memory": ("from what you know", "根据你已有的知识"),
    "answer_correctness": ("Answer to check", "待检查的答案"),
    "passage_relevance": ("For each passage: does it state", "逐段判断"),
}
NO_ANSWER = {"en": "The passages do not contain the answer.", "zh": "根据已知信息无法回答该问题。"}


def write_corpus(folder: Path, names: Mapping[str, tuple[int, str]] | None = None) -> Path:
    """The documents of these mountains (by default all) as a folder without questions."""
    folder.mkdir(parents=True)
    (folder / "card.yaml").write_text("name: mountains\nlicense: CC0-1.0\n", encoding="utf-8")
    rows = (ENGLISH | CHINESE if names is None else names).items()
    write_lines(folder / "documents.jsonl", [{"id": name, "text": text_of(name, *about)} for name, about in rows])
    return folder


def text_of(name: str, height: int, village: str) -> str:
    if name.isascii():
        return (
            f"Mount {name} is {height} metres high. The village of {village} lies at the foot of Mount {name}, "
            "and its people keep sheep."
        )
    return f"{name}高{height}米。{village}位于{name}脚下，村民大多养羊，也种茶。"


@dataclass
class Author:
    """Replies by rule. `faults` has, by the name of a mountain, what goes wrong with questions about it."""

    faults: Mapping[str, str] = field(default_factory=dict)
    calls: int = 0

    def chat(self, identity: str = "author", concurrency: int = 4) -> ScriptedChat:
        return ScriptedChat(self.reply, identity, concurrency)

    def reply(self, request: ChatRequest) -> str | ChatReply | Exception:
        return self.say(request.messages[-1].content)

    def say(self, text: str) -> str | ChatReply | Exception:
        """What the model says to a prompt with this text."""
        self.calls += 1
        prompt = next(name for name, words in PROMPTS.items() if any(word in text for word in words))
        language = "zh" if PROMPTS[prompt][1] in text else "en"
        passages = re.findall(r"^\[\d+\] (.*)$", text, flags=re.MULTILINE)
        asked = (re.findall(r"^(?:Question: |问题：)(.*)$", text, flags=re.MULTILINE) or [""])[-1]
        if prompt.startswith("question_") and prompt not in ("question_self_contained", "question_options"):
            return self._write(prompt, language, passages, text)
        return self._check(prompt, language, passages, asked, text)

    def _write(self, prompt: str, language: str, passages: list[str], text: str) -> str | ChatReply | Exception:
        about = [next(name for name in HEIGHTS if name in one) for one in passages]
        fault = self.faults.get(about[0], "") if about else ""
        if fault == "call failed":
            return ExecutionError("the connection broke")
        if fault == "garbage":
            return "I would rather not say."
        if fault == "refused":
            return ChatReply("", "refusal", usage=Usage(calls=1))
        if fault == "cut off":
            return ChatReply('{"quote": "Mount', "length", usage=Usage(calls=1))
        if not about:
            return _rewritten(prompt, text)
        if len(about) > 1:
            return as_json(**_joined(prompt, about[0], about[1], passages, fault))
        written = {**_one(prompt, about[0], passages[0]), **_spoiled(fault, about[0])}
        return as_json(**written)

    def _check(self, prompt: str, language: str, passages: list[str], asked: str, text: str) -> str:
        names = [name for name in HEIGHTS if name in asked]
        fault = self.faults.get(names[0], "") if names else ""
        yes, no = ("yes", "no") if language == "en" else ("是", "否")
        if prompt == "question_self_contained":
            return no if fault == "unclear" else "perhaps" if fault == "odd judge" else yes
        if prompt == "answer_correctness":
            said = (re.findall(r"(?:Answer to check: |待检查的答案：)(.*)", text) or [""])[0]
            references = re.findall(r"^- (.*)$", text, flags=re.MULTILINE)
            return yes if any(_fold(reference) in _fold(said) for reference in references) else no
        if prompt == "answer_from_memory":
            return (
                answer_to(asked, [text_of(name, *(ENGLISH | CHINESE)[name]) for name in names], language)
                if (fault == "closed book")
                else NO_ANSWER[language]
            )
        if prompt == "answer":
            return NO_ANSWER[language] if fault == "evidence" else answer_to(asked, passages, language)
        if prompt == "question_options":
            rows = re.findall(r"^(\d)\. (.*)$", text, flags=re.MULTILINE)
            right = [fault == "options" or str(HEIGHTS[names[0]]) in option for _, option in rows]
            return json.dumps({number: yes if good else no for (number, _), good in zip(rows, right, strict=True)})
        answers = [answer_to(asked, [one], language) != NO_ANSWER[language] for one in passages]
        return json.dumps({str(i): yes if good else no for i, good in enumerate(answers, 1)}, ensure_ascii=False)


def answer_to(asked: str, passages: list[str], language: str) -> str:
    """The heights or villages of the mountains that are asked about, if the passages say them all."""
    names = [name for name in HEIGHTS if name in asked]
    wanted = (
        "village" if re.search("village|村镇", asked) else "painter" if re.search("painted|画家", asked) else "height"
    )
    found: list[str] = []
    for name in names:
        height, village = (ENGLISH | CHINESE)[name]
        told = {"height": str(height), "village": village, "painter": "Nobody said that"}[wanted]
        if any(name in one and told in one for one in passages):
            found.append(f"{told} metres" if wanted == "height" and language == "en" else told)
    return " and ".join(found) if names and len(found) == len(names) else NO_ANSWER[language]


def _one(prompt: str, name: str, passage: str) -> dict[str, Any]:
    height = HEIGHTS[name]
    english = name.isascii()
    first = passage.split(". ")[0] + "." if english else passage.split("。")[0] + "。"
    if prompt == "question_unanswerable":
        asked = f"Who first painted Mount {name}?" if english else f"哪位画家最早画了{name}？"
        return {"quote": first, "missing": "the painter", "question": asked}
    if prompt == "question_false_premise":
        asked = f"Why is Mount {name} only nine metres high?" if english else f"{name}为什么只有九米高？"
        return {"quote": first, "question": asked, "answer": str(height), "false": "nine"}
    if prompt == "question_follow_up":
        village = (ENGLISH | CHINESE)[name][1]
        asked = f"Which village lies at the foot of Mount {name}?" if english else f"{name}脚下是哪个村镇？"
        said = "And which village lies at its foot?" if english else "它脚下是哪个村镇？"
        return {"quote": village, "question": asked, "said": said, "answer": village}
    asked = f"How high is Mount {name}?" if english else f"{name}的海拔高度是多少？"
    return {"quote": first, "question": asked, "answer": f"{height} metres" if english else str(height)}


def _joined(prompt: str, a: str, b: str, passages: list[str], fault: str) -> dict[str, Any]:
    quotes = {f"quote_{n}": re.split(r"(?<=[.。])\s*", one)[0] for n, one in enumerate(passages, 1)}
    if fault == "one passage":
        b = a
    english = a.isascii()
    asked = f"How high are Mount {a} and Mount {b}?" if english else f"{a}和{b}的海拔高度分别是多少？"
    parts = [f"{HEIGHTS[name]} metres" if english else str(HEIGHTS[name]) for name in dict.fromkeys((a, b))]
    return {**quotes, "question": asked, "answer": " and ".join(parts)}


def _rewritten(prompt: str, text: str) -> str:
    asked = re.findall(r"^(?:Question: |问题：)(.*)$", text, flags=re.MULTILINE)[-1]
    name = next(name for name in HEIGHTS if name in asked)
    height = HEIGHTS[name]
    match prompt:
        case "question_multiple_choice":
            return as_json(wrong_1=f"{height + 1} m", wrong_2=f"{height + 2} m", wrong_3=f"{height + 3} m")
        case "question_cross_lingual":
            chinese = "翻译成中文" in text
            question = (
                f"{name} 这座山的海拔高度是多少？" if chinese else f"What is the elevation of the mountain {name}?"
            )
            return as_json(question=question, answer=str(height) if chinese else f"{height} metres")
        case _:
            english = name.isascii()
            return as_json(question=f"What elevation does {name} reach?" if english else f"{name}有多高？")


def _spoiled(fault: str, name: str) -> dict[str, Any]:
    match fault:
        case "quote":
            return {"quote": "A sentence that stands nowhere.", "answer": "7 miles"}
        case "language":
            return {"question": f"{name} 这座山的海拔高度究竟是多少米呢？"}
        case "given away":
            return {"question": f"Is Mount {name} {HEIGHTS[name]} metres high?"}
        case "refers to a text":
            return {"question": f"How high is Mount {name} according to the passage?"}
        case "duplicate":
            return {"question": "How high is Mount Arlen?"}
        case "answerable":
            return {"question": f"How high is Mount {name}?"}
        case _:
            return {}


def _fold(text: str) -> str:
    return text.lower().replace("metres", "").replace("m", "").strip(" .。")

"""What people are asked, one line per judged metric and language; the same question that the metric asks."""

from __future__ import annotations

from rageval.types import Language

INSTRUCTIONS: dict[str, dict[Language, str]] = {
    "faithfulness": {
        "en": (
            "What share of the answer's claims can be inferred from the passages alone, whatever you know yourself? "
            "A number from 0 (none) to 1 (all), such as 0.5."
        ),
        "zh": (
            "答案中的陈述，有多大比例仅凭以上段落就能推出（不要用自己的知识）？"
            "填 0（全都不能）到 1（全都能）之间的数，例如 0.5。"
        ),
    },
    "answer_relevance": {
        "en": (
            "Does the answer directly address what the question asks, whether or not it is correct? "
            "1 for yes, 0 for no; an answer that only says that it cannot answer is 0."
        ),
        "zh": "答案是否直接回应了问题（不论对错）？是填 1，否填 0；只说无法回答的填 0。",
    },
    "context_relevance": {
        "en": (
            "What share of the passages states the answer to the question, or a part of it? "
            "A number from 0 (none) to 1 (all): 2 of 5 passages are 0.4."
        ),
        "zh": (
            "有多大比例的段落写明了问题的答案或答案的一部分？填 0（都没有）到 1（都有）之间的数：5 段中有 2 段填 0.4。"
        ),
    },
}

"""The word lists of the light judge: negations and opposites in English and Chinese."""

from __future__ import annotations

import re

_ENGLISH_NEGATION = re.compile(
    r"\b(?:no|not|never|none|nothing|nobody|neither|nor|without|cannot|unable|fail(?:s|ed)? to)\b|n['’]t\b",
    re.IGNORECASE,
)
_CHINESE_NEGATION = re.compile(r"[不没未无非勿莫]|否(?!则)")
# Words with a character of negation that deny nothing.
_NO_DENIAL = re.compile(
    "不同|不仅|不但|不断|不过|不只|不少|不论|不管|不久|不得不|不错|不妨|不禁|无论|无数|非常|非洲|未来|除非|"
    "是否|能否|可否|否则"
)
_ENGLISH_OPPOSITES = (
    "increase decrease", "increases decreases", "increased decreased", "more fewer", "more less", "higher lower",
    "high low", "raise lower", "raises lowers", "rises falls", "rose fell", "larger smaller", "large small",
    "longer shorter", "long short", "first last", "before after", "earlier later", "early late", "always never",
    "all none", "most least", "better worse", "best worst", "faster slower", "fast slow", "inside outside",
    "above below", "left right", "start end", "begins ends", "open closed", "north south", "east west", "win lose",
    "won lost", "true false", "easy hard", "same different", "cheap expensive", "strong weak", "old new", "male female",
    "maximum minimum", "positive negative", "add remove", "adds removes", "with without", "many few", "up down",
)  # fmt: skip
_CHINESE_OPPOSITES = (
    "增加 减少", "提高 降低", "上升 下降", "高于 低于", "大于 小于", "多于 少于", "更高 更低", "更大 更小", "更多 更少",
    "更长 更短", "更快 更慢", "更好 更差", "最高 最低", "最大 最小", "最多 最少", "最早 最晚", "最好 最差", "之前 之后",
    "以前 以后", "开始 结束", "第一 最后", "全部 部分", "总是 从不", "容易 困难", "相同 不同", "有 没有", "能 不能",
    "需要 不需要", "支持 反对", "包括 不包括", "北 南", "东 西", "内 外", "男 女", "正确 错误", "成功 失败",
    "昂贵 便宜", "里面 外面",
)  # fmt: skip


def _both_ways(pairs: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        one, other = pair.split()
        found[one] = (*found.get(one, ()), other)
        found[other] = (*found.get(other, ()), one)
    return found


ENGLISH_OPPOSITES = _both_ways(_ENGLISH_OPPOSITES)
CHINESE_OPPOSITES = _both_ways(_CHINESE_OPPOSITES)


def denials(text: str) -> int:
    """How many negations the text has, in English and Chinese; words such as 不同 and 非常 deny nothing."""
    chinese = _CHINESE_NEGATION.findall(_NO_DENIAL.sub("", text))
    return len(chinese) + len(_ENGLISH_NEGATION.findall(text))

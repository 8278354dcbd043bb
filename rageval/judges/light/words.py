"""The word lists of the light judge: negations, opposites and synonyms in English and Chinese."""

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


_ENGLISH_SYNONYMS = (
    "use employ", "uses employs", "used employed", "show demonstrate", "shows demonstrates", "showed demonstrated",
    "begin start", "begins starts", "began started", "large big", "small little", "fast quick", "way manner",
    "method approach", "methods approaches", "result outcome", "results outcomes", "need require", "needs requires",
    "build construct", "builds constructs", "built constructed", "give provide", "gives provides", "gave provided",
    "keep retain", "keeps retains", "kept retained", "get obtain", "gets obtains", "often frequently",
    "whole entire", "part portion", "parts portions", "several multiple", "many numerous", "answer reply",
    "answers replies", "question query", "questions queries", "text passage", "texts passages", "choose select",
    "chooses selects", "chosen selected", "help assist", "helps assists", "improve enhance", "improves enhances",
    "improved enhanced", "change alter", "changes alters", "changed altered", "only solely", "almost nearly",
    "about roughly", "however nevertheless", "because since", "also additionally", "must should", "make create",
    "makes creates", "made created", "split divide", "splits divides", "join combine", "joins combines",
    "compare contrast", "contain include", "contains includes", "holds contains", "works operates", "work operate",
    "tests trials", "find discover", "finds discovers", "found discovered", "propose suggest",
    "proposed suggested", "proposes suggests", "document file", "documents files", "step stage", "steps stages",
    "length size", "error mistake", "errors mistakes", "cost expense", "common frequent",
    "same identical", "enough sufficient", "set collection", "sets collections", "simple plain", "each every",
)  # fmt: skip
_CHINESE_SYNONYMS = (
    "使用 采用", "开始 着手", "方法 做法", "结果 成果", "需要 需", "提供 给出", "经常 常常",
    "全部 所有", "部分 一部分", "回答 答复", "问题 提问", "文本 文字", "选择 挑选", "帮助 协助",
    "提高 提升", "改变 更改", "因为 由于", "所以 因此", "但是 不过", "如果 假如", "可以 能够",
    "同时 并且", "包含 含有", "包括 涵盖", "发现 找到", "提出 提议", "文档 文件", "步骤 环节",
    "长度 大小", "错误 差错", "成本 花费", "常见 普遍", "相同 一样", "足够 充足", "简单 简便",
    "每个 各个", "比较 对比", "作者 研究者", "论文 文章", "检索 查找", "生成 产生", "判断 判定",
    "计算 算出", "得到 获得", "保留 留下", "去掉 删去", "分成 划分为", "主要 首要", "通常 一般",
    "大约 约莫", "只有 仅有", "然后 随后", "之后 以后", "非常 十分",
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
ENGLISH_SYNONYMS = _both_ways(_ENGLISH_SYNONYMS)
CHINESE_SYNONYMS = _both_ways(_CHINESE_SYNONYMS)


def denials(text: str) -> int:
    """How many negations the text has, in English and Chinese; words such as 不同 and 非常 deny nothing."""
    chinese = _CHINESE_NEGATION.findall(_NO_DENIAL.sub("", text))
    return len(chinese) + len(_ENGLISH_NEGATION.findall(text))

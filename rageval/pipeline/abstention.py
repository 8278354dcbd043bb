"""Does an answer say that it cannot answer?"""

from __future__ import annotations

import re

_EN_SOURCE = (
    r"(?:(?:the|these|this|any of the|none of the) )?(?:given |provided |retrieved )?"
    r"(?:passages?|context|texts?|documents?|sources?)(?: given| provided)?"
)
_EN_STATE = r"(?:contain|state|hold|mention|provide|include|specify|specifie|give|say)s?"
_ZH_SOURCE = (
    r"(?:根据|从|在)?(?:已知|所给|所提供|提供|给定|给出|以上|上述|这些|该|现有)?的?"
    r"(?:信息|段落|资料|内容|上下文|文本|文档|文章|文中)(?:中|里|内)?"
)
_REFUSAL = re.compile(
    # Ways to begin that do not answer yet.
    r"(?:(?:unfortunately|(?:i'm |i am )?sorry|apologies|i apologi[sz]e)[^,.:;]{0,20}[,.]\s*(?:but |however,? )?"
    r"|(?:based on|according to|from) [^,.:;]{0,40},\s*|no[,.]\s*|answer:\s*"
    r"|(?:(?:(?:很|非常)?(?:抱歉|遗憾)|对不起)[^，。,：:；]{0,10}|否|没有)[，,。]\s*(?:但是?)?"
    r"|(?:根据|基于|从)[^，。,：:；]{0,20}[，,]\s*|(?:回答|答案?)[：:]\s*)*"
    # The refusals themselves.
    rf"(?:{_EN_SOURCE} (?:do(?:es)? not|don't|doesn't|did not|didn't) (?:\w+ly )?{_EN_STATE}"
    rf"|none of the {_EN_SOURCE} (?:\w+ly )?{_EN_STATE}"
    r"|(?:i|we) (?:do not|don't) know|(?:do not|don't) know"
    r"|(?:(?:i|we) )?(?:cannot|can't|can not|am unable to|are unable to|unable to) answer"
    r"|(?:the|this) (?:question|answer) (?:cannot|can't|can not) be (?:answered|determined|found)"
    r"|(?:(?:it|this|that|the answer) )?(?:is |was )?(?:not|isn't|wasn't) (?:\w+ly )?"
    rf"(?:stated|mentioned|specified|given|provided) in {_EN_SOURCE}"
    rf"|there is no (?:mention|information|answer)[^.,;]{{0,60}} in {_EN_SOURCE}"
    rf"|(?:{_ZH_SOURCE}，?)?(?:我|因此|所以|目前)?(?:无法|不能|不足以)(?:回答|确定|得知|得出|判断)"
    rf"|{_ZH_SOURCE}(?:并没有|没有|并未|未|不)(?:明确|直接)?(?:提到|提及|写明|给出|说明|包含|提供|指出)"
    r"|(?:该|这个|此)?问题(?:的答案)?(?:无法|不能)[^，。]{0,15}(?:回答|确定)"
    r"|我?不知道)",
    re.IGNORECASE,
)


def is_abstention(answer: str) -> bool:
    """True where the answer begins by saying that the context does not hold the answer, in English or Chinese.

    The house phrases (`abstention` in prompts/shared.yaml) and common wordings of them count. Only an apology or a
    reference to the passages may come before: an answer that merely adds a caveat later does not count, nor does one
    about something that cannot be determined ("BM25 cannot answer ...", "词袋模型无法判断……").
    """
    return _REFUSAL.match(answer.strip().replace("’", "'")) is not None

"""Does an answer say that it cannot answer?"""

from __future__ import annotations

import re

_REFUSALS = re.compile(
    r"(?:the )?(?:given |provided )?(?:passages?|context|texts?|documents?)(?: given| provided)? "
    r"(?:do(?:es)? not|don't|doesn't) (?:contain|state|hold|mention|provide|include|specify|give)"
    r"|(?:i )?(?:do not|don't) know"
    r"|(?:i )?(?:cannot|can't|can not|am unable to) answer"
    r"|(?:not|isn't) (?:stated|mentioned|specified) in the (?:passages?|context)"
    r"|(?:根据|从)?(?:已知|所给|提供的|给定的|以上|上述)?(?:信息|段落|资料|内容|上下文|文本)?中?"
    r"(?:无法|不能)(?:回答|确定|得知|得出|判断)"
    r"|(?:段落|资料|文中|上下文|文本)中?(?:没有|并未|未)(?:提到|提及|写明|给出|说明|包含)"
    r"|我?不知道",
    re.IGNORECASE,
)
_LEAD = 12


def is_abstention(answer: str) -> bool:
    """True where the answer begins by saying that the context does not hold the answer, in English or Chinese.

    The house phrases (`abstention` in prompts/shared.yaml) and common wordings of them count; the refusal must start
    within the first twelve characters, so that an answer which merely adds a caveat later does not count.
    """
    match = _REFUSALS.search(answer.strip())
    return match is not None and match.start() <= _LEAD

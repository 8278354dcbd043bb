"""Does an answer ask the user back what the question means?"""

from __future__ import annotations

import re

from rageval.pipeline.abstention import plain
from rageval.text import CJK, sentences

_HAN = re.compile(f"[{CJK}]")
_MEAN = (
    r"(?:mean|meant|refer(?:ring)?|talk(?:ing)?|ask(?:ing)?|look(?:ing)?|think(?:ing)?|speak(?:ing)?|interested|inquir"
    r"(?:e|ing)|have in mind|want|need|like|wish|curious|trying)"
)
_SPECIFY = (
    r"(?:specif(?:y|ic)|clarify|elaborate|rephrase|be (?:a (?:bit|little) )?more (?:specific|precise)|narrow|tell me "
    r"(?:which|what|who|where|when|more)|let me know (?:which|what|who|where|when)|say which|provide (?:me )?(?:with )?"
    r"(?:a (?:bit|little) )?(?:more|further|additional|the (?:name|specific))|give (?:me )?(?:more|further|the name)"
    r"|share (?:more|which|what)|point out which|name the)"
)
_EN = re.compile(
    r"\b(?:which|what|who|whose|where|when)\b[^?]*\b(?:are|were|do|did|would|is it|was it|might|could) you\b[^?]*"
    rf"\b{_MEAN}\b[^?]*\?|\b(?:are|were|do|did) you\b[^?]*\b{_MEAN}\b[^?]*\?"
    r"|\bwhat (?:exactly |specifically |else )?would you like to know\b[^?]*\?"
    r"|\bwhich (?:one|of (?:them|these|those|the \w+))\b[^?,]{0,20}\?"
    r"|\bwhich\b[^?]*\bdo you (?:have|use|own)\b[^?]*\?"
    rf"|\b(?:can|could|would|will|may) (?:you|i ask)\b(?:[^?.]*\b)?(?:{_SPECIFY}|you {_MEAN})\b"
    rf"|\b(?:please|kindly) (?:also |first )?{_SPECIFY}\b"
)
_OFFER = re.compile(
    r"^(?:(?!\b(?:which|what|who|where|when)\b).)*"
    r"\b(?:would you like|do you want|do you need|did you want|are you interested)\b[^?]*"
    r"\b(?:me to|more|further|help|anything|additional|to know|to learn|assistance)\b"
)
_ZH = re.compile(
    "(?:[您你](?:是|想|要|具体|所|的|这里|这句话|刚才|指|说|问)*(?:指|说|问|想|要|意思|了解|知道|查询|谈)[^？?]*[？?]"
    "|(?:请问|具体)[^？?]*(?:哪|什么|谁|何时|几)[^？?]*[？?]"
    "|(?:哪|什么)[^？?]{0,12}[您你][^？?]*[？?]"
    "|(?:请|能否|能不能|可以|可否|麻烦)(?:您|你)?(?:再|先|更|进一步|具体|详细|补充|一下)*"
    "(?:说明|明确|指明|指出|说清|说清楚|澄清|补充|确认|告诉我|告知|提供更多|具体)(?!书))"
)
_ZH_OFFER = re.compile("(?:还|需要|要不要)[^？?]{0,6}(?:其他|别的|帮助|帮忙|帮[您你]|进一步了解|更多)")


def asks_back(answer: str) -> bool:
    """Whether some sentence of the answer asks the user what is meant: which of several things, or for something to go
    on. Offers ("Would you like to know more?") and questions to nobody in particular do not. English and Chinese.
    """
    text = plain(answer)
    return any(_asks(text[start:end]) for start, end in sentences(text))


def _asks(sentence: str) -> bool:
    question, offer = (_ZH, _ZH_OFFER) if _HAN.search(sentence) else (_EN, _OFFER)
    return bool(question.search(sentence)) and not offer.search(sentence)

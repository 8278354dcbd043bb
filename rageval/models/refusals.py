"""What a failed call means: one place that sorts every failure into six kinds, by tables.

The body decides before the status, and its codes before its words: services disagree on statuses, and a text may quote
the request. The codes and words are those of the services' documentation and source, late 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from rageval.models.json_parts import as_list, as_object
from rageval.models.service_errors import ServiceError

Kind: TypeAlias = Literal["account", "address", "field", "input", "limit", "service"]
"""The key or the money (stop), the address or the model (stop), a field of the request (leave it out), this input
(this call fails), a limit (wait), the service (try again)."""

Reason: TypeAlias = Literal[
    "key", "money", "right", "allowance", "model", "images", "setting", "too_long", "withheld", "no_room"
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failure, sorted: its kind, what is known beyond that, the field refused, and how many attempts make sense at
    most (None: as many as are allowed).
    """

    kind: Kind
    reason: Reason | None = None
    field: str | None = None
    most_attempts: int | None = None


@dataclass(frozen=True, slots=True)
class _Rule:
    """One row: any of the `codes`, or words in the text where the status is one of `statuses` (empty: any)."""

    refusal: Refusal
    codes: frozenset[str] = frozenset()
    words: str = ""
    statuses: tuple[int, ...] = ()

    def is_said(self, status: int, message: str, echoes: str) -> bool:
        """Whether the message, in lower case, has the words other than as an echo of the request."""
        if not self.words or (self.statuses and status not in self.statuses):
            return False
        return any(not _is_echo(found, echoes) for found in re.finditer(self.words, message, re.IGNORECASE))


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.lower().split())


_NO_MONEY = Refusal("account", "money")
_RULES = (
    _Rule(
        Refusal("input", "no_room"),
        words=r"could not finish the message because max_tokens|max_tokens or model output limit was reached",
    ),
    _Rule(
        Refusal("input", "withheld"),
        _codes(
            "content_filter data_inspection_failed DataInspectionFailed 1301 InputTextRiskDetection "
            "SensitiveContentDetected unsafe_request flagged_input content_policy_violation 1026 1027 "
            "ResponsibleAIPolicyViolation moderation_blocked"
        ),
        r"\bwas flagged\b|requires moderation",
        (403,),
    ),
    _Rule(
        Refusal("address", "setting"),
        words=r"enable_thinking must be set to (false|true)|only supported in v1/responses",
    ),
    _Rule(
        Refusal("limit"),
        _codes(
            "Throttling Throttling.RateQuota Throttling.BurstRate Throttling.AllocationQuota limit_requests "
            "limit_burst_rate engine_overloaded_error ServerOverloaded overloaded "
            "RateLimitExceeded.EndpointRPMExceeded RateLimitExceeded.EndpointTPMExceeded "
            "1302 1303 1305 1312 3505 service_tier_capacity_exceeded 1002 "
            "capacity_exceeded"
        ),
    ),
    _Rule(
        _NO_MONEY,
        _codes(
            "insufficient_quota credit_balance_exhausted exceeded_current_quota_error Arrearage AccountOverdueError "
            "QuotaExceeded PrepaidBillOverdue PostpaidBillOverdue CommodityNotPurchased BudgetLimitExceeded "
            "AllocationQuota.FreeTierOnly 1113 30001 1008 insufficient_balance billing_hard_limit_reached"
        ),
        r"insufficient (account )?balance|insufficient credits?|no credits remaining|free allocated quota exceeded|"
        r"balance is insufficient|credit balance is too low|余额不足|账户欠费",
        (402, 403, 429),
    ),
    _Rule(Refusal("account", "allowance"), _codes("1308 1310")),
    _Rule(
        Refusal("account", "key"),
        _codes("invalid_api_key authentication_error invalid_authentication_error invalid_iam_token 1004 2049"),
        r"api[_ ]?key not valid|invalid api[_ ]?key|incorrect api key",
        (400, 401, 403),
    ),
    _Rule(
        Refusal("input", "too_long"),
        _codes(
            "context_length_exceeded tokens_too_long characters_too_long exceed_context_size_error 1261 20042 1039 "
            "max_tokens_per_request request_too_large"
        ),
        r"maximum context length|longer than the model's context length|exceeds? (the )?context (window|limit)|"
        r"exceeds? the available context size|exceeds? the maximum number of tokens allowed|"
        r"exceeded model token limit|input token length too long|prompt is too long|input (is )?too long|"
        r"range of input length should be|maximum input length is|must have less than \d+ tokens|"
        r"`inputs` tokens \+ `max_new_tokens` must be|is too large to process|request too large for|"
        r"context[_ ](length|size|window)",
        (200, 400, 403, 413, 422, 429, 500),
    ),
    _Rule(Refusal("service"), _codes("json_validate_failed provider_unavailable content_filter_error")),
    # Xinference says so of most mistakes of its callers.
    _Rule(Refusal("service", most_attempts=2), words=r"^\[address=", statuses=(500,)),
    _Rule(
        Refusal("address", "model"),
        _codes(
            "model_not_found DeploymentNotFound invalid_model 20012 1211 30003 InvalidEndpointOrModel.NotFound "
            "ModelNotOpen resource_not_found_error not_found_error NotFoundError no_endpoints"
        ),
        r"invalid model( name)?\b|model .{0,80}(does not exist|not found)|unexpected endpoint or method",
        (200, 400, 401, 404, 500),
    ),
)
_NO_IMAGES = re.compile(
    r"(not|n't|cannot) (support|accept|process|handle|read|have) (any )?(image|vision|visual|multi-?modal)"
    r"|(image|vision|multi-?modal)( input| content| understanding)?s? (is |are )?(not |un)(supported|enabled|allowed)"
    r"|image_url.{0,80}(only supported|not supported|unsupported|expected .?text)|unsupported content part type"
    r"|no endpoints found that support image|not a (multi-?modal|vision)|at most 0 image|mmproj"
    r"|missing data required for image|不支持(图|视觉|多模态)",
    re.IGNORECASE,
)
_NO_IMAGES_STATUSES = (200, 400, 403, 404, 415, 422, 500, 501)
_PER_DAY = re.compile(r"per[- ](day|month)|\bdaily\b|\bmonthly\b|\((RPD|TPD)\)|每日|每月", re.IGNORECASE)
# Where these are 0, the plan has none of the model at all.
_ALLOWED = (
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-limit-req-minute",
    "x-ratelimit-limit-tokens-minute",
    "x-ratelimit-limit-requests-minute",
)
_BY_STATUS: Mapping[int, Refusal] = {
    400: Refusal("input"),
    401: Refusal("account", "key"),
    402: _NO_MONEY,
    403: Refusal("account", "right"),
    404: Refusal("address", "model"),
    405: Refusal("address", "model"),
    408: Refusal("service"),
    409: Refusal("service"),
    410: Refusal("address", "model"),
    413: Refusal("input", "too_long"),
    422: Refusal("input"),
    424: Refusal("service", most_attempts=3),
    425: Refusal("service"),
    429: Refusal("limit"),
    498: Refusal("limit"),
    499: Refusal("service"),
    501: Refusal("address", "setting"),
}
# Where a field may be what is refused, and what names no field that could be left out.
_FIELD_STATUSES = (200, 400, 403, 404, 422, 501)
_OWN_TEXTS = ("messages", "input", "query", "documents", "texts")
_ALWAYS_SENT = frozenset({"model", *_OWN_TEXTS})
# Other words for a field.
_LENGTHS = ("max_tokens", "max_completion_tokens", "max_new_tokens")
_ALIASES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_LENGTHS, _LENGTHS),
    "response_format": ("response_format", "json_schema", "json_object", "response format", "structured output"),
    "reasoning_effort": ("reasoning_effort", "reasoning effort", "reasoning.effort"),
}
_REFUSES = re.compile(
    r"support|unknown|unrecogni[sz]ed|unexpected|invalid|allow|permit|forbid|unavailable|disabled|not enabled|\bonly\b|"
    r"\bmust\b|\bno\b|greater than|less than|larger than|smaller than|at most|too large|deprecated|cannot find|"
    r"out of range|between|should be|expected|\bextra\b|unsupported|不支持|无效|非法|未知|必须|超出",
    re.IGNORECASE,
)
_NEAR = 80  # characters between an ordinary word and the words that refuse it
_WORD = r"[a-z0-9_]+|[^\W a-z0-9_]{1,4}"  # a word in Latin letters, or some Chinese characters
_LAST_WORD, _FIRST_WORD = re.compile(rf"({_WORD})\W*$"), re.compile(rf"^\W*({_WORD})")


def sort_failure(
    status: int,
    error: ServiceError,
    sent: Mapping[str, Any] | None = None,
    *,
    served: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Refusal:
    """What a call that failed with this status and error means. `sent` is its body; `served` says that the endpoint has
    answered other calls with this key; `headers` came with the answer.

    A 429 that says `insufficient_quota` after a success is a limit that passes: DashScope means tokens a minute by it.
    """
    sent = sent or {}
    if status in _NO_IMAGES_STATUSES and _has_images(sent) and _NO_IMAGES.search(error.message):
        return Refusal("address", "images")
    rule = next((rule.refusal for rule in _RULES if rule.codes & error.codes), None)
    if rule is not None and rule.kind == "limit" and status in (401, 402):
        rule = None
    named = _named_beside(status, error, sent)
    if rule is None and named is not None and named not in _LENGTHS:
        return Refusal("field", field=named)
    message, echoes = error.message.lower(), _echoes(sent)
    rule = rule or next((rule.refusal for rule in _RULES if rule.is_said(status, message, echoes)), None)
    if rule is _NO_MONEY and served and status == 429 and "insufficient_quota" in error.codes:
        return Refusal("limit", "money")
    if rule is not None:
        return rule
    field = refused_field(status, error, sent)
    if field is not None:
        return Refusal("field", field=field)
    if status == 429 and any((headers or {}).get(name, "").strip() == "0" for name in _ALLOWED):
        return Refusal("account", "allowance")
    if status == 429 and error.wait_s is None and _PER_DAY.search(error.message):
        return Refusal("account", "allowance")
    by_status = _BY_STATUS.get(status)
    if by_status is not None:
        return by_status
    return Refusal("service") if status >= 500 else Refusal("address", "model") if status < 400 else Refusal("input")


def refused_field(status: int, error: ServiceError, sent: Mapping[str, Any]) -> str | None:
    """The field of the request `sent` that the error refuses, None where it is about something else.

    A field counts as refused where the error names it beside its text, or in its text together with a word that
    refuses. A name between two words as they stand in the request's own texts is an echo of them.
    """
    if status not in _FIELD_STATUSES:
        return None
    named = _named_beside(status, error, sent)
    if named is not None:
        return named
    if not _REFUSES.search(error.message):
        return None
    fields = sorted((field for field in sent if field not in _ALWAYS_SENT), key=len, reverse=True)
    message, echoes = error.message.lower(), _echoes(sent)
    return next((field for field in fields if _is_named(field, message, echoes)), None)


def _named_beside(status: int, error: ServiceError, sent: Mapping[str, Any]) -> str | None:
    """The field of the request that the error names beside its text."""
    usable = status in _FIELD_STATUSES
    return next((name for name in error.fields if usable and name in sent and name not in _ALWAYS_SENT), None)


def _is_named(field: str, message: str, echoes: str) -> bool:
    for word in _ALIASES.get(field, (field,)):
        for found in re.finditer(rf"(?<![a-z0-9_]){re.escape(word)}(?![a-z0-9_])", message):
            start, end = found.span()
            if _is_echo(found, echoes):
                continue
            near = message[max(0, start - _NEAR) : end + _NEAR]
            if not word.isalpha() or word == "logprobs" or _REFUSES.search(near):
                return True
    return False


def _echoes(sent: Mapping[str, Any]) -> str:
    """The request's own texts, in lower case."""
    return " ".join(_texts([sent.get(name) for name in _OWN_TEXTS])).lower()


def _is_echo(found: re.Match[str], echoes: str) -> bool:
    """Whether what was found in a text stands in what was sent: a word between the same two words, or several words
    beside the same one.
    """
    last, first = _LAST_WORD.search(found.string[: found.start()]), _FIRST_WORD.search(found.string[found.end() :])
    before, after = [last[1]] if last else [], [first[1]] if first else []
    sides = [[*before, found[0]], [found[0], *after]] if " " in found[0] else [[*before, found[0], *after]]
    return any(re.search(r"\W*".join(map(re.escape, side)), echoes) for side in sides)


def _has_images(sent: Mapping[str, Any]) -> bool:
    contents = (as_object(message).get("content") for message in as_list(sent.get("messages")))
    inputs = (as_object(one) for one in as_list(sent.get("input")))
    parts = (as_object(part) for content in contents for part in as_list(content))
    return any("image_url" in part for part in parts) or any("image" in one for one in inputs)


def _texts(value: Any) -> list[str]:
    """The texts in what was sent, messages and inputs, without images."""
    if isinstance(value, str):
        return [] if value.startswith("data:") else [" ".join(value.split())]
    return [text for part in (*as_object(value).values(), *as_list(value)) for text in _texts(part)]

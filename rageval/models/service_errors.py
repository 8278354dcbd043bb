"""What a service says went wrong: one reader for the many shapes of error bodies, in a status 200 too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rageval.models.json_parts import as_list, as_object
from rageval.models.retry_after import wait_in_text, wait_until

_MESSAGES = ("message", "msg", "error_msg", "status_msg", "Message", "detail", "error", "title")
_CODES = ("code", "type", "status", "error_type", "error_code", "status_code", "Code", "provider_code")
_RESULTS = ("choices", "data", "results")
_STATUSES = range(400, 600)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(script|style).*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
# What the codes of errors inside a status 200 stand for: MiniMax's `base_resp`, and Qianfan's older `error_code`.
_STANDS_FOR = {
    "1000": 500, "1001": 504, "1002": 429, "1004": 401, "1008": 402, "1013": 500, "1024": 500, "1026": 400,
    "1027": 400, "1033": 500, "1039": 400, "1041": 429, "2013": 400, "2049": 401, "2056": 429,
    "4": 429, "17": 402, "18": 429, "19": 402, "110": 401, "111": 401, "336100": 503,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ServiceError:
    """An error as its service tells it.

    `message` is its text, whole and possibly empty. `codes` are its code, type and status as text in lower case,
    numbers too (`"1113"`). `fields` are the fields of the request that it names beside the text, by `param` or `loc`,
    each without what is below it (`response_format`). `wait_s` is how many seconds it asks to wait, None where it does
    not say.
    """

    message: str
    codes: frozenset[str] = frozenset()
    fields: tuple[str, ...] = ()
    wait_s: float | None = None


def read_error(content: Any) -> ServiceError:
    """The error in a body: parsed JSON of any shape, or text where it is no JSON. Never fails."""
    first = as_object(next(iter(as_list(content)), None))
    body = first if "error" in first else as_object(content)
    if not body:
        message = _text(content)
        return ServiceError(message, wait_s=wait_in_text(message))
    parts = [*_parts(body)]
    message = next((text for text in map(_message, parts) if text), "")
    raw = next((part["raw"] for part in parts if isinstance(part.get("raw"), str)), "")
    if raw and raw not in message:
        message = f"{message}: {raw}"
    codes = (str(part[name]).lower() for part in parts for name in _CODES if isinstance(part.get(name), str | int))
    fields = (field for part in parts for field in _fields(part))
    waits = [wait for part in parts if (wait := _wait(part)) is not None]
    return ServiceError(
        message or _text(content),
        frozenset(code for code in codes if code),
        tuple(dict.fromkeys(fields)),
        waits[0] if waits else wait_in_text(message),
    )


def error_inside(content: Any) -> tuple[int, ServiceError] | None:
    """The error in a body that came with status 200, and the status that it stands for; None where there is none.

    It is an `error`, a code other than 0 in `base_resp` or `error_code`, `Response.Error`, or an `error` in the first
    choice. A body with results that also has an empty one of these is no error.
    """
    body = as_object(content)
    found: Any = None
    if str(as_object(body.get("base_resp")).get("status_code", 0)) != "0":
        found = {"base_resp": body["base_resp"]}
    elif body.get("error_code") and str(body["error_code"]) != "0":
        found = body
    elif any(body.get(name) for name in _RESULTS):
        of_choice = as_object(next(iter(as_list(body.get("choices"))), None)).get("error")
        found = {"error": of_choice} if of_choice else None
    elif body.get("error") or body.get("object") == "error" or as_object(body.get("Response")).get("Error"):
        found = body
    if found is None:
        return None
    error = read_error(found)
    return _status(error), error


def _status(error: ServiceError) -> int:
    """The HTTP status that an error inside a 200 stands for; 500 where nothing says."""
    for code in sorted(error.codes):
        if code in _STANDS_FOR:
            return _STANDS_FOR[code]
        if code.isdecimal() and int(code) in _STATUSES:
            return int(code)
    return 500


def _parts(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects that tell of the error, the most specific first."""
    told = as_object(as_object(body.get("Response")).get("Error") or body.get("error") or body.get("base_resp"))
    within = [told, *(told.get(name) for name in ("innererror", "metadata", "availability"))]
    yield from filter(None, map(as_object, [*within, *as_list(told.get("details"))]))
    yield body
    yield from filter(None, map(as_object, as_list(body.get("detail"))))


def _message(part: Mapping[str, Any]) -> str:
    for name in _MESSAGES:
        value = part.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if name == "detail" and isinstance(value, list):
            return "; ".join(map(_fault, as_list(value)))
    return ""


def _fault(fault: Any) -> str:
    """One fault of a list such as FastAPI's: where, and what."""
    told = as_object(fault)
    where = ".".join(map(str, as_list(told.get("loc"))))
    return f"{where}: {told.get('msg', '')}".strip(": ") if told else str(fault)


def _fields(part: Mapping[str, Any]) -> Iterator[str]:
    param = part.get("param")
    if isinstance(param, str) and param:
        yield re.split(r"[.\[]", param)[0]
    places = [str(place) for place in as_list(part.get("loc")) if place != "body"]
    if places:
        yield places[0]


def _wait(part: Mapping[str, Any]) -> float | None:
    """Gemini's `retryDelay`, and OpenRouter's `retry_after` and headers."""
    for name in ("retryDelay", "retry_after", "retry_after_seconds"):
        if name in part and (wait := wait_until(str(part[name]))) is not None:
            return wait
    reset = as_object(part.get("headers")).get("X-RateLimit-Reset")
    return None if reset is None else wait_until(str(reset))


def _text(content: Any) -> str:
    """Text as people read it: of a web page its title, or else its words."""
    text = "" if content is None else str(content)
    if text.lstrip().startswith("<"):
        title = _TITLE.search(text)
        text = title[1] if title else _TAG.sub(" ", text)
    return " ".join(text.split())

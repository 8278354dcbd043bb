"""What a service says went wrong: one reader for the many shapes of error bodies, in a status 200 too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

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
    if isinstance(content, list) and content:
        content = (
            cast("list[Any]", content)[0] if isinstance(content[0], Mapping) and "error" in content[0] else content
        )
    if not isinstance(content, Mapping):
        message = _text(content)
        return ServiceError(message, wait_s=wait_in_text(message))
    parts = [*_parts(cast("Mapping[str, Any]", content))]
    message = next(filter(None, map(_message, parts)), "")
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
    if not isinstance(content, Mapping):
        return None
    body = cast("Mapping[str, Any]", content)
    found: Any = None
    base = body.get("base_resp")
    if isinstance(base, Mapping) and str(cast("Mapping[str, Any]", base).get("status_code", 0)) != "0":
        found = {"base_resp": base}
    elif body.get("error_code") and str(body["error_code"]) != "0":
        found = body
    elif not any(body.get(name) for name in _RESULTS):
        nested = body.get("Response")
        is_told = body.get("error") or body.get("object") == "error"
        is_nested = isinstance(nested, Mapping) and cast("Mapping[str, Any]", nested).get("Error")
        found = body if is_told or is_nested else None
    else:
        choices = body.get("choices")
        first = cast("list[Any]", choices)[0] if isinstance(choices, list) and choices else None
        if isinstance(first, Mapping) and cast("Mapping[str, Any]", first).get("error"):
            found = {"error": cast("Mapping[str, Any]", first)["error"]}
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
    error = body.get("error") or body.get("base_resp")
    nested = body.get("Response")
    if isinstance(nested, Mapping):
        error = cast("Mapping[str, Any]", nested).get("Error")
    if isinstance(error, Mapping):
        told = cast("Mapping[str, Any]", error)
        yield told
        for name in ("innererror", "metadata", "availability"):
            if isinstance(told.get(name), Mapping):
                yield told[name]
        for detail in _list(told.get("details")):
            if isinstance(detail, Mapping):
                yield cast("Mapping[str, Any]", detail)
    yield body
    for detail in _list(body.get("detail")):
        if isinstance(detail, Mapping):
            yield cast("Mapping[str, Any]", detail)


def _message(part: Mapping[str, Any]) -> str:
    for name in _MESSAGES:
        value = part.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if name == "detail" and isinstance(value, list):
            return "; ".join(_fault(fault) for fault in cast("list[Any]", value))
    return ""


def _fault(fault: Any) -> str:
    """One fault of a list such as FastAPI's: where, and what."""
    if not isinstance(fault, Mapping):
        return str(fault)
    told = cast("Mapping[str, Any]", fault)
    where = ".".join(map(str, _list(told.get("loc"))))
    return f"{where}: {told.get('msg', '')}".strip(": ")


def _fields(part: Mapping[str, Any]) -> Iterator[str]:
    param = part.get("param")
    if isinstance(param, str) and param:
        yield re.split(r"[.\[]", param)[0]
    places = [str(place) for place in _list(part.get("loc")) if place != "body"]
    if places:
        yield places[0]


def _wait(part: Mapping[str, Any]) -> float | None:
    """Gemini's `retryDelay`, and OpenRouter's `retry_after` and headers."""
    for name in ("retryDelay", "retry_after", "retry_after_seconds"):
        if name in part and (wait := wait_until(str(part[name]))) is not None:
            return wait
    headers = part.get("headers")
    if isinstance(headers, Mapping):
        reset = cast("Mapping[str, Any]", headers).get("X-RateLimit-Reset")
        return None if reset is None else wait_until(str(reset))
    return None


def _text(content: Any) -> str:
    """Text as people read it: of a web page its title, or else its words."""
    text = "" if content is None else str(content)
    if text.lstrip().startswith("<"):
        title = _TITLE.search(text)
        text = title[1] if title else _TAG.sub(" ", text)
    return " ".join(text.split())


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []

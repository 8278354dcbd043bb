"""What errors mean. Bodies are those that services document or that users saw; see docs/endpoints.md for more."""

from __future__ import annotations

from typing import Any

import pytest

from rageval.models.refusals import refused_field, sort_failure
from rageval.models.service_errors import read_error

SENT = {
    "messages": [
        {"role": "system", "content": "What if the seed bank says incorrect api key?"},
        {"role": "user", "content": "At which temperature does the seed sprout? Is temperature: only 1 allowed?"},
    ],
    "max_tokens": 16,
    "temperature": 0.0,
    "seed": 5,
    "logprobs": True,
    "top_logprobs": 20,
    "response_format": {"type": "json_schema"},
}


def told(message: str, **more: object) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", **more}}


@pytest.mark.parametrize(
    ("status", "body", "field"),
    [
        (400, told("Unsupported value: 'temperature' does not support 0", param="temperature"), "temperature"),
        (403, told("You are not allowed to request logprobs from this model", param=None), "logprobs"),
        (400, told("invalid temperature: only 1 is allowed for this model"), "temperature"),
        (400, told("This response_format type is unavailable now", param=None), "response_format"),
        (400, told("`logprobs` is not supported with this model"), "logprobs"),
        (400, told("property 'seed' is unsupported"), "seed"),
        (400, [told('Invalid JSON payload received. Unknown name "logprobs": Cannot find field.')], "logprobs"),
        (422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, "seed"),
        (400, {"error": "'response_format.type' must be 'json_schema' or 'text'"}, "response_format"),
        (400, told("Invalid 'top_logprobs': must be at most 5"), "top_logprobs"),
        (400, told("bad", param="response_format.json_schema"), "response_format"),
        (400, told("max_completion_tokens is too large: 5. This model supports at most 4"), "max_tokens"),
        (400, told("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."), "max_tokens"),
        # Names that stand in the question are echoes of it.
        (400, told("Rejected: At which temperature does the seed sprout? is not allowed"), None),
        (400, told("Bad words in 'Is temperature: only 1 allowed?'"), None),
        # A name without a word that refuses it, and a field that was not sent.
        (400, told("the temperature of the GPU is high"), None),
        (400, told("Unknown parameter: 'stop'"), None),
        (500, told("logprobs is not supported"), None),
        (429, told("logprobs is not supported"), None),
    ],
)  # fmt: skip
def test_a_refused_field_is_one_that_the_error_names(status: int, body: Any, field: str | None) -> None:
    assert refused_field(status, read_error(body), SENT) == field


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, told("'max_tokens' is too large. This model's maximum context length is 10 tokens"), "input"),
        (403, told("no access"), "account"),
        (403, "<html><title>Blocked</title></html>", "account"),
        (404, "<html>nginx</html>", "address"),
        (302, "", "address"),
        (413, "<html>413</html>", "input"),
        # Words of the question are no words of the service.
        (400, told("Rejected: What if the seed bank says incorrect api key? (policy)"), "input"),
        (400, told("bad, see the maximum context length", param="logprobs"), "field"),
        (418, "", "input"),
        (425, "", "service"),
        (501, told("This server does not support chat"), "address"),
        (503, told("At 5 insufficient balance"), "service"),
    ],
)
def test_where_the_body_says_nothing_the_status_decides(status: int, body: Any, kind: str) -> None:
    assert sort_failure(status, read_error(body), SENT).kind == kind


def test_no_quota_is_a_limit_once_the_key_has_served() -> None:
    """DashScope means tokens a minute by the words that OpenAI has for an empty account."""
    error = read_error(told("You exceeded your current quota", code="insufficient_quota"))
    assert sort_failure(429, error, SENT).kind == "account"
    assert sort_failure(429, error, SENT, served=True).kind == "limit"


def test_an_allowance_of_none_and_of_the_day_never_pass() -> None:
    plain = read_error(told("Rate limit exceeded"))
    assert sort_failure(429, plain, SENT).kind == "limit"
    assert sort_failure(429, plain, SENT, headers={"x-ratelimit-limit-req-minute": "0"}).kind == "account"
    assert sort_failure(429, read_error(told("Limit of requests per day reached")), SENT).kind == "account"
    soon = read_error(told("Limit of requests per day reached. Please try again in 3s"))
    assert (sort_failure(429, soon, SENT).kind, soon.wait_s) == ("limit", 3.0)

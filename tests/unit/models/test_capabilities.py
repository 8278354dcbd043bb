"""The steps down from what an endpoint refuses."""

from __future__ import annotations

from typing import Any

import pytest

from rageval.models.base import ChatRequest, Message
from rageval.models.capabilities import Capabilities
from rageval.models.wire import to_payload

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}


def payload(takes: Capabilities) -> dict[str, Any]:
    request = ChatRequest(
        (Message("user", "Reply in JSON"),), "t@1", 4096, temperature=0.5, schema=SCHEMA, top_logprobs=20, sample=1
    )
    return takes.fit(to_payload(request))


def steps(*refusals: tuple[str, str]) -> dict[str, Any]:
    takes = Capabilities()
    for field, told in refusals:
        sent = payload(takes)
        assert takes.learn(field, told, sent) is not None
        assert payload(takes) != sent
    return payload(takes)


@pytest.mark.parametrize(
    ("refusals", "logprobs", "top_logprobs"),
    [
        ([], True, 20),
        ([("logprobs", "Requested sample logprobs of 20, which is greater than max allowed: 8")], True, 8),
        ([("top_logprobs", "top_logprobs must be less than or equal to 5")], True, 5),
        ([("top_logprobs", "top_logprobs must be between 0 and 5")], True, 5),
        ([("top_logprobs", "Range of top_logprobs should be [0, 3]")], True, 3),
        ([("top_logprobs", "top_logprobs is not valid")], True, 5),
        ([("top_logprobs", "no")] * 2, None, None),
        ([("logprobs", "expected an integer")], 20, None),
        ([("logprobs", "expected an integer"), ("logprobs", "logprobs: at most 5")], 5, None),
        ([("logprobs", "You are not allowed to request logprobs from this model")], None, None),
        ([("logprobs", "Extra inputs are not permitted")], None, None),
        ([("logprobs", "`logprobs` is not supported with this model")], None, None),
    ],
)
def test_log_probabilities(refusals: list[tuple[str, str]], logprobs: object, top_logprobs: object) -> None:
    sent = steps(*refusals)
    assert (sent.get("logprobs"), sent.get("top_logprobs")) == (logprobs, top_logprobs)


@pytest.mark.parametrize(
    ("refusals", "length"),
    [
        ([("max_tokens", "Use 'max_completion_tokens' instead")], {"max_completion_tokens": 4096}),
        ([("max_tokens", "unsupported"), ("max_completion_tokens", "unsupported")], {}),
        ([("max_tokens", "max_tokens is too large: 4096. It supports at most 1024 tokens")], {"max_tokens": 1024}),
        ([("max_tokens", "no"), ("max_completion_tokens", "supports at most 64")], {"max_completion_tokens": 64}),
    ],
)
def test_length(refusals: list[tuple[str, str]], length: dict[str, int]) -> None:
    sent = steps(*refusals)
    assert {name: value for name, value in sent.items() if name.startswith("max_")} == length


def test_a_length_that_is_too_large_is_no_reason_for_another_name() -> None:
    takes = Capabilities()
    assert takes.learn("max_tokens", "max_completion_tokens is too large: 4096.", payload(takes)) is None


def test_json_and_seed_and_temperature() -> None:
    sent = steps(("response_format", "no"))
    assert sent["response_format"] == {"type": "json_object"}
    assert sent["messages"] == [{"role": "user", "content": "Reply in JSON"}]
    assert "response_format" not in steps(("response_format", "no"), ("response_format", "no"))
    assert 1 <= steps(("seed", "seed must be between 1 and 10000"))["seed"] <= 10000
    assert "seed" not in steps(("seed", "seed must be between 1 and 10000"), ("seed", "no seed at all"))
    assert "temperature" not in steps(("temperature", "only 1 is allowed"))


def test_what_is_no_field_of_a_request_cannot_be_left_out() -> None:
    takes = Capabilities()
    assert takes.learn("messages", "bad", payload(takes)) is None

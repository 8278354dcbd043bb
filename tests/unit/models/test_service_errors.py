"""One reader for all shapes of errors."""

from __future__ import annotations

from typing import Any

import pytest

from rageval.models.service_errors import error_inside, read_error


@pytest.mark.parametrize(
    ("body", "message", "codes"),
    [
        ({"error": {"message": "m", "type": "T", "param": None, "code": "c"}}, "m", {"t", "c"}),
        ({"error": {"code": 400, "message": "m", "type": "e"}}, "m", {"400", "e"}),
        ({"error": {"code": "1302", "message": "m"}}, "m", {"1302"}),
        ([{"error": {"code": 400, "message": "m", "status": "INVALID_ARGUMENT"}}], "m", {"400", "invalid_argument"}),
        ({"object": "error", "message": "m", "type": "t", "code": 400}, "m", {"t", "400"}),
        ({"message": "m", "code": 422, "type": "Validation"}, "m", {"422", "validation"}),
        ({"code": 20012, "message": "m", "data": None}, "m", {"20012"}),
        ({"error": "m", "error_type": "validation"}, "m", {"validation"}),
        ({"error": "m"}, "m", set()),
        ({"detail": "m"}, "m", set()),
        ({"detail": [{"loc": ["body", "input"], "msg": "too long"}, "x"]}, "body.input: too long; x", set()),
        ({"error_code": 17, "error_msg": "m"}, "m", {"17"}),
        ({"base_resp": {"status_code": 1008, "status_msg": "m"}}, "m", {"1008"}),
        ({"Response": {"Error": {"Code": "A.B", "Message": "m"}}}, "m", {"a.b"}),
        ({"error": {"message": "m", "innererror": {"code": "Inner"}, "status": 400}}, "m", {"inner", "400"}),
        (
            {"error": {"message": "m", "code": 502, "metadata": {"raw": "why", "error_type": "x"}}},
            "m: why",
            {"502", "x"},
        ),
        ("Invalid token", "Invalid token", set()),
        ("", "", set()),
        (None, "", set()),
        (3, "3", set()),
        ([], "[]", set()),
        ({}, "{}", set()),
        ({"error": []}, "{'error': []}", set()),
        ("<html><head><title>502 Bad\nGateway</title></head><body>x</body></html>", "502 Bad Gateway", set()),
        ("<p>It <b>broke</b></p>", "It broke", set()),
    ],
)
def test_message_and_codes_of_every_shape(body: Any, message: str, codes: set[str]) -> None:
    error = read_error(body)
    assert (error.message, error.codes) == (message, codes)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"error": {"message": "m", "param": "response_format.json_schema"}}, ("response_format",)),
        ({"error": {"message": "m", "param": "messages[0].content"}}, ("messages",)),
        ({"detail": [{"loc": ["body", "seed"], "msg": "a"}, {"loc": ["body", "n"], "msg": "b"}]}, ("seed", "n")),
        ({"object": "error", "message": "m", "param": "logprobs"}, ("logprobs",)),
    ],
)
def test_named_fields(body: Any, fields: tuple[str, ...]) -> None:
    assert read_error(body).fields == fields


@pytest.mark.parametrize(
    ("body", "wait_s"),
    [
        ([{"error": {"message": "m", "details": [{"@type": "RetryInfo", "retryDelay": "34s"}]}}], 34.0),
        ({"error": {"message": "m", "availability": {"retry_after": 7}}}, 7.0),
        ({"error": {"message": "m", "metadata": {"headers": {"X-RateLimit-Reset": "1000000000000"}}}}, 0.0),
        ({"error": {"message": "Please try again in 1m2.5s."}}, 62.5),
        ({"error": {"message": "Please try again in a while."}}, None),
    ],
)
def test_waits_in_bodies(body: Any, wait_s: float | None) -> None:
    assert read_error(body).wait_s == wait_s


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"code": 502, "message": "m"}}, 502),
        ({"error": {"code": "429", "message": "m"}, "choices": []}, 429),
        ({"error": "m"}, 500),
        ({"choices": [{"error": {"code": 503, "message": "m"}}]}, 503),
        ({"base_resp": {"status_code": 1004, "status_msg": "m"}, "choices": None}, 401),
        ({"base_resp": {"status_code": 1008, "status_msg": "m"}}, 402),
        ({"base_resp": {"status_code": 1002, "status_msg": "m"}}, 429),
        ({"error_code": 110, "error_msg": "m"}, 401),
        ({"Response": {"Error": {"Code": "X", "Message": "m"}}}, 500),
        ({"object": "error", "message": "m", "code": 400}, 400),
        ({"choices": [{"message": {}}], "error": None}, None),
        ({"choices": [{"message": {}}], "base_resp": {"status_code": 0, "status_msg": ""}}, None),
        ({"data": [], "error": None}, None),
        ({"choices": []}, None),
        ([], None),
        (None, None),
    ],
)
def test_errors_inside_a_status_200(body: Any, status: int | None) -> None:
    found = error_inside(body)
    assert (found and found[0]) == status

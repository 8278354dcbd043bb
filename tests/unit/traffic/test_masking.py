"""Personal data taken out of records: in both languages, at any depth, and nothing else."""

from __future__ import annotations

import json

from rageval.traffic.fields import FieldNames
from rageval.traffic.masking import Masker

SECRETS = (
    "ann.lee@acme-works.org",
    "+1 650-253-0000",
    "11010519491231002X",
    "13912345678",
    "4111 1111 1111 1111",
    "GB82 WEST 1234 5698 7654 32",
)


def test_all_kinds_at_any_depth() -> None:
    record = {
        "question": f"Write to {SECRETS[0]} or call {SECRETS[1]}",
        "answer": f"身份证号{SECRETS[2]}，手机{SECRETS[3]}。",
        "passages": [{"text": f"Card {SECRETS[4]}", "metadata": {"iban": SECRETS[5]}}],
        "user_note": int(SECRETS[3]),
    }
    masker = Masker(FieldNames())
    masked = json.dumps(masker.mask(record), ensure_ascii=False)
    assert not [secret for secret in SECRETS if secret in masked]
    assert {**masker.counts} == {
        "e-mail": 1, "phone number": 3, "Chinese ID number": 1, "bank card": 1, "IBAN": 1,
    }  # fmt: skip
    assert masker.answers == 1


def test_every_address_is_masked() -> None:
    """Also those that a check of documents takes for nobody's: in a log they are somebody's."""
    masker = Masker(FieldNames())
    masked = masker.mask(
        {"question": "Mail jo@example.com, info@acme.org or you@acme.org.", "answer": "好，已发给 name@qq.com。"}
    )
    assert "@" not in json.dumps(masked)
    assert masker.counts["e-mail"] == 4


def test_sessions_stay_apart_and_numbers_stay() -> None:
    masker = Masker(FieldNames())
    first, second, third = (
        masker.mask({"session": name, "time": 1796040000, "latency_ms": 6502530000, "question": "How deep?"})
        for name in ("ann@acme.org", "bob@acme.org", "ann@acme.org")
    )
    assert (first["session"], second["session"], third["session"]) == ("session-1", "session-2", "session-1")
    assert (first["time"], first["latency_ms"], first["question"]) == (1796040000, 6502530000, "How deep?")
    clean = {"session": "abc", "answer": "The lake is 61 m deep and was measured in 1871."}
    assert masker.mask(clean) == clean


def test_a_session_within_an_object() -> None:
    masker = Masker(FieldNames({"session": "meta.user"}))
    masked = masker.mask({"meta": {"user": "ann@acme.org"}, "question": "q"})
    assert masked["meta"] == {"user": "[e-mail]"}
    assert masked["meta.user"] == "session-1"

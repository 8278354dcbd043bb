from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.models.known_models import FILE, KnownModel


def test_facts_last_beyond_the_process_by_role_and_model(tmp_path: Path) -> None:
    file = tmp_path / "cache" / FILE
    KnownModel("m @ here", "embed", file).learn(batch=10, left_out=["dimensions"])
    known = KnownModel("m @ here", "embed", file)
    assert (known.whole("batch"), known.names("left_out")) == (10, {"dimensions"})
    assert datetime.fromisoformat(str(known.facts["found"])).tzinfo is not None
    assert abs((datetime.now(UTC) - datetime.fromisoformat(str(known.facts["found"]))).total_seconds()) < 100
    for other in (KnownModel("m @ here", "chat", file), KnownModel("n @ here", "embed", file)):
        assert (other.facts, other.whole("batch"), other.names("left_out")) == ({}, None, frozenset())


def test_what_two_processes_learn_is_kept_together_and_renewing_forgets_it(tmp_path: Path) -> None:
    one, two = (KnownModel("m", "embed", tmp_path / FILE) for _ in range(2))
    one.learn(batch=10)
    two.learn(max_tokens=512)
    both = KnownModel("m", "embed", tmp_path / FILE)
    assert (both.whole("batch"), both.whole("max_tokens")) == (10, 512)
    both.renew({"batch": 64})
    again = KnownModel("m", "embed", tmp_path / FILE)
    assert (again.whole("batch"), again.whole("max_tokens")) == (64, None)


def test_without_a_file_facts_last_as_long_as_the_object() -> None:
    known = KnownModel("m", "rerank")
    known.learn(batch=10)
    assert known.whole("batch") == 10


@pytest.mark.parametrize("value", [True, 0, -1, 2.5, "10", None])
def test_only_a_whole_number_above_0_is_one(value: object) -> None:
    known = KnownModel("m", "embed")
    known.learn(batch=value)  # type: ignore[arg-type]
    assert known.whole("batch") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"embed m": 3}'])
def test_a_file_that_cannot_be_read_is_set_aside(text: str, tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_text(text)
    known = KnownModel("m", "embed", file)
    assert known.facts == {}
    known.learn(batch=3)
    assert json.loads(file.read_text())["embed m"]["batch"] == 3
    assert (tmp_path / f"{FILE}.corrupt-1").read_text() == text


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(DeclarationError, match="cannot be written"):
        KnownModel("m", "embed", tmp_path / "cache" / FILE).learn(batch=3)


def test_old_facts_do_not_go_unnoticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert KnownModel("m", "chat", tmp_path / FILE).tell_facts() == {}
    assert not caplog.text
    KnownModel("m", "chat", tmp_path / FILE).learn(reasons=True)
    assert KnownModel("m", "chat", tmp_path / FILE).tell_facts()["reasons"] is True
    assert "m: uses what was found on 20" in caplog.text

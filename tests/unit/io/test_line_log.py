"""A log as a mapping: what a dict filled with the same lines would say."""

import json
import re
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.errors import DeclarationError
from rageval.io.line_log import LineLog, read_lines


def value(record: Mapping[str, Any]) -> Any:
    return record["value"]


def append(path: Path, *records: tuple[str, object]) -> None:
    with path.open("a", encoding="utf-8") as file:
        for key, said in records:
            file.write(json.dumps({"question_id": key, "value": said}, ensure_ascii=False) + "\n")


keys = st.sampled_from(["q1", "q2", "问题", "q\n4"])
batches = st.lists(st.lists(st.tuples(keys, st.text(max_size=20)), max_size=5), max_size=5)


@given(batches)
def test_it_says_what_a_dict_would(tmp_path_factory: pytest.TempPathFactory, given_batches: Any) -> None:
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    log, expected = LineLog(path, value), {}
    for batch in given_batches:
        append(path, *batch)
        expected |= dict(batch)
        log.update()
        assert log == expected == LineLog(path, value)
        assert (len(log), [*log]) == (len(expected), [*expected])
    assert [*read_lines(path, lambda line: line["question_id"])] == [key for batch in given_batches for key, _ in batch]


def test_what_is_forgotten_may_come_again(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append(path, ("q1", 1), ("q2", 2), ("q1", 3))
    log = LineLog(path, value)
    log.forget(["q1", "q9"])
    assert log == {"q2": 2}
    assert "q1" not in log
    assert log.get("q1") is None
    log.update()
    assert log == {"q2": 2}
    append(path, ("q1", 4))
    log.update()
    assert log == {"q2": 2, "q1": 4}


@given(batches, batches)
def test_logs_that_share_numbers_do_not_mix(
    tmp_path_factory: pytest.TempPathFactory, of_one: Any, of_other: Any
) -> None:
    folder, numbers = tmp_path_factory.mktemp("logs"), dict[str, int]()
    one, other = (LineLog(folder / name, value, numbers) for name in ("one.jsonl", "other.jsonl"))
    for batch_of_one, batch_of_other in zip_longest(of_one, of_other, fillvalue=()):
        append(folder / "one.jsonl", *batch_of_one)
        append(folder / "other.jsonl", *batch_of_other)
        one.update()
        other.update()
        other.forget([key for key, _ in batch_of_one])
    assert one == LineLog(folder / "one.jsonl", value)
    assert {key: other[key] for key in other} == {
        key: said for key, said in LineLog(folder / "other.jsonl", value).items() if key in other
    }
    assert len(other) == len([*other])


def test_a_line_counts_when_it_has_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append(path, ("q1", 1))
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:9])
    log = LineLog(path, value)
    assert log == {"q1": 1}
    path.write_bytes(whole + whole.replace(b"q1", b"q2"))
    log.update()
    assert log == {"q1": 1, "q2": 1}


def test_a_broken_line_is_told_with_its_number_also_after_others(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append(path, ("q1", 1), ("q2", 2))
    log = LineLog(path, value)
    with path.open("a") as file:
        file.write("{\n")
    with pytest.raises(DeclarationError, match=r"log\.jsonl:3: found a line that is not JSON"):
        log.update()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"question_id": "q2"}', "log.jsonl: question q2: found no key 'value', expected a record of this version"),
        ('{"value": 3}', "log.jsonl: found no key 'question_id', expected a record of this version"),
        ("[]", "log.jsonl:2: found an empty list, expected a JSON object"),
    ],
)
def test_a_line_of_another_version_is_told_and_never_missing(line: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append(path, ("q1", 1))
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(DeclarationError, match=re.escape(told)) as caught:
        LineLog(path, value).get("q2")
    assert str(caught.value).endswith(
        "run its experiment again with --fresh (in Python fresh=True), which moves the old run to results/earlier"
    )
    with pytest.raises(DeclarationError, match=r"log\.jsonl:2: found "):
        [*read_lines(path, lambda line: (line["question_id"], line["value"]))]

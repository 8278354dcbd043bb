"""An experiment file and `rageval.evaluate` accept the same and refuse the same, in the same words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import rageval
from rageval.errors import DeclarationError
from rageval.experiment.plan import Experiment, load_experiment
from rageval.models.scripted import HashEmbedder, ScriptedChat
from tests.flow.small_world import scripted_reply, write_benchmark

MODELS = ("chat", "embed", "judge", "judge_samples")
NOBODY = {"provider": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "nobody"}
RECIPE = "from rageval.generation import AnswerFromMemory as Answer\n\ndef build(k: object = 1): {}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a benchmark and recipes in it."""
    monkeypatch.chdir(tmp_path)
    write_benchmark(tmp_path / "small")
    (tmp_path / "mine.py").write_text(RECIPE.format("return Answer(max_tokens=len(str(k)))"), encoding="utf-8")
    (tmp_path / "broken.py").write_text(RECIPE.format("raise KeyError('k')"), encoding="utf-8")
    return tmp_path


def asked(**changes: Any) -> dict[str, Any]:
    """By the names of the arguments of `evaluate`."""
    usual = {"benchmark": "small", "pipelines": ["closed_book"], "metrics": ["answer_relevance"], "chat": NOBODY}
    return {**usual, **changes}


def from_file(folder: Path, given: Mapping[str, Any]) -> Experiment:
    models = {key: value for key, value in given.items() if key in MODELS}
    content = {**{key: value for key, value in given.items() if key not in MODELS}, "models": models}
    path = folder / "e.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_experiment(path, folder / "cache")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"benchmark": None}, "benchmark: found None, expected a name, a path, a mapping with 'hf'"),
    ({"benchmark": 3}, "benchmark: found 3, expected"),
    ({"benchmark": {"hub": "squad"}}, "benchmark.hub: found an unknown key"),
    ({"benchmark": "smal"}, "found no such folder"),
    ({"split": 3}, "split: found 3: input should be a valid string"),
    ({"split": "dev"}, "split: found 'dev', expected none"),
    ({"pipelines": None}, "pipelines: found None, expected a list"),
    ({"pipelines": "naive"}, "pipelines: found 'naive', expected a list"),
    ({"pipelines": {"naive": {}}}, "pipelines: found a mapping, expected a list"),
    ({"pipelines": []}, "found neither pipelines nor a sweep"),
    ({"pipelines": [None]}, "pipelines: found None, expected a name"),
    ({"pipelines": [3]}, "pipelines: found 3, expected a name"),
    ({"pipelines": [["naive"]]}, "pipelines: found a list, expected a name"),
    ({"pipelines": [""]}, "pipelines: found ''"),
    ({"pipelines": ["naiv"]}, "did you mean naive?"),
    ({"pipelines": [{}]}, "pipelines: found an empty mapping, expected one name with its settings"),
    ({"pipelines": [{"naive": {}, "hyde": {}}]}, "found ['hyde', 'naive'] in one entry, expected one name"),
    ({"pipelines": [{"naive": {}, 3: {}}]}, "found ['3', 'naive'] in one entry, expected one name"),
    ({"pipelines": [{3: {}}]}, "pipelines: found 3 as the name of a pipeline"),
    ({"pipelines": [{"naive": 5}]}, "pipelines.naive: found 5, expected settings by name"),
    ({"pipelines": [{"naive": ["k"]}]}, "pipelines.naive: found a list, expected settings by name"),
    ({"pipelines": [{"naive": {5: 5}}]}, "pipelines.naive: found 5 as a setting"),
    ({"pipelines": [{"naive": {"k": "many"}}]}, "pipelines.naive.k: found 'many'"),
    ({"pipelines": [{"naive": {"k": None}}]}, "pipelines.naive.k: found None"),
    ({"pipelines": [{"naive": {"k": {"a": 1}}}]}, "pipelines.naive.k: found"),
    ({"pipelines": ["./broken.py"]}, "pipelines../broken.py: building it failed: KeyError: 'k'"),
    ({"pipelines": ["closed_book", "closed_book"]}, "pipelines: found closed_book twice"),
    ({"pipelines": ["naive", {"naive": {"k": 5}}]}, "found naive and naive(k=5), which are the same"),
    ({"sweep": ["naive"]}, "sweep: found a list, expected a mapping"),
    ({"sweep": {"pipeline": "naive"}}, "sweep.pipeline: found 'naive', expected a list"),
    ({"sweep": {"k": [1]}}, "sweep: found no pipeline"),
    ({"exclude": [{"k": 1}]}, "exclude: found no sweep"),
    ({"exclude": {"k": 1}}, "exclude: found a mapping, expected a list"),
    ({"metrics": None}, "metrics: found None, expected a list"),
    ({"metrics": "map"}, "metrics: found 'map', expected a list"),
    ({"metrics": []}, "metrics: found an empty list, expected at least one entry"),
    ({"metrics": [None]}, "metrics: found None, expected a name, a path, or a judge"),
    ({"metrics": [3]}, "metrics: found 3, expected a name, a path, or a judge"),
    ({"metrics": [["map"]]}, "metrics: found a list, expected a name, a path, or a judge"),
    ({"metrics": ["mapp"]}, "unknown metric 'mapp'"),
    ({"metrics": ["map", "AP"]}, "metrics: found map twice"),
    ({"metrics": ["custom.tone"]}, "expected the path of that judge, such as tone.yaml"),
    ({"questions": 0}, "questions: found 0: input should be greater than or equal to 1"),
    ({"questions": 2.5}, "questions: found 2.5, expected a whole number, a list of question ids, or a filter"),
    ({"questions": True}, "questions: found True, expected a whole number"),
    ({"questions": "en-1"}, "questions: found 'en-1', expected a whole number"),
    ({"questions": []}, "questions: found (), expected a number, a list"),
    ({"questions": [3]}, "questions.0: found 3: input should be a valid string"),
    ({"questions": ["nobody"]}, "questions: found the unknown id 'nobody'"),
    ({"questions": {"tag": ["x"]}}, "questions.tag: found an unknown key, expected one of language, tags"),
    ({"questions": {"tags": "x"}}, "questions.tags: found 'x', expected a list"),
    ({"questions": 99}, "questions: found a sample of 99"),
    ({"chat": None}, "chat: found None, expected 'local', a mapping"),
    ({"chat": "gpt"}, "chat: found 'gpt', expected 'local', a mapping"),
    ({"chat": ["local"]}, "chat: found a list, expected 'local', a mapping"),
    ({"chat": {}}, "chat.provider: found None, expected local or openai"),
    ({"chat": {"provider": "nowhere"}}, "chat.provider: found 'nowhere', expected local or openai"),
    ({"chat": {"provider": "openai"}}, "chat.base_url: found nothing, expected this key"),
    ({"chat": {**NOBODY, "base_uri": "x"}}, "chat.base_uri: found an unknown key"),
    ({"chat": {**NOBODY, "base_url": "nowhere"}}, "base_url 'nowhere': expected an address"),
    ({"embed": {"provider": "local", "hub": "x"}, "pipelines": ["naive"]}, "embed: found a path or hub id"),
    ({"judge": []}, "judge: found an empty list, expected at least one entry"),
    ({"judge": [3]}, "judge.0: found 3, expected 'local'"),
    ({"judge": [NOBODY, NOBODY]}, "2 times in a panel"),
    ({"judge_samples": 0}, "judge_samples: found 0"),
    ({"judge_samples": 51}, "judge_samples: found 51"),
    ({"judge_samples": "two"}, "judge_samples: found 'two'"),
    ({"judge_samples": None}, "judge_samples: found None"),
    ({"calibrations": "c.json"}, "calibrations: found 'c.json', expected a list"),
    ({"calibrations": [3]}, "calibrations.0: found 3"),
    ({"calibrations": ["c.json"]}, "calibrations: c.json: no such file"),
    ({"budget": 100}, "budget: found 100, expected a mapping"),
    ({"budget": [100]}, "budget: found a list, expected a mapping"),
    ({"budget": {"calls": 1}}, "budget.calls: found an unknown key, expected one of max_calls"),
    ({"budget": {"max_calls": 0}}, "budget.max_calls: found 0"),
    ({"budget": {"max_calls": "many"}}, "budget.max_calls: found 'many'"),
    ({"budget": {"max_cost": float("nan")}}, "budget.max_cost: found nan"),
    ({"budget": {"max_cost": 1.0}}, "budget.max_cost: found no price of nobody"),
    ({"seed": "seven"}, "seed: found 'seven'"),
    ({"seed": None}, "seed: found None"),
    ({"seed": 1.5}, "seed: found 1.5"),
]


@pytest.mark.parametrize(("changes", "told"), WRONG, ids=[str(changes) for changes, _ in WRONG])
def test_the_same_is_refused_in_the_same_words(changes: dict[str, Any], told: str, folder: Path) -> None:
    given = asked(**changes)
    with pytest.raises(DeclarationError) as in_file:
        from_file(folder, given)
    with pytest.raises(DeclarationError) as in_python:
        rageval.evaluate(**given, out=folder / "out")
    assert told in str(in_python.value)
    assert str(in_file.value).removeprefix(f"{folder / 'e.yaml'}: ").removeprefix("models.") == str(in_python.value)
    assert "\n" not in str(in_python.value)
    assert not (folder / "out" / "runs").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"pipelines": [{"closed_book": None}]},
        {"pipelines": [{"closed_book": {}}]},
        {"pipelines": ["./mine.py", {"./mine.py": {"k": [1, 2]}}]},
        {"questions": {"language": "zh"}},
        {"questions": 2},
        {"questions": ["en-1", "zh-1"]},
        {"judge": [NOBODY, {**NOBODY, "model": "other"}]},
        {"sweep": {"pipeline": ["./mine.py"], "k": [1, 2]}, "exclude": [{"k": 2}]},
        {"budget": {"max_calls": 5}},
        {"chat": {"provider": "local"}},
    ],
    ids=str,
)
def test_the_same_is_accepted(changes: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the point where models would be asked."""
    planned: list[Experiment] = []

    def stop(experiment: Experiment, *_: object, **__: object) -> None:
        planned.append(experiment)
        raise KeyboardInterrupt

    monkeypatch.setattr("rageval.front.run_experiment", stop)
    with pytest.raises(KeyboardInterrupt):
        rageval.evaluate(**asked(**changes), out=folder)
    with from_file(folder, asked(**changes)) as filed:
        (given,) = planned
        assert [p.label for p in given.pipelines] == [p.label for p in filed.pipelines]
        assert given.questions == filed.questions
        assert given.metrics == filed.metrics
        assert [rater.identity for rater in given.raters] == [rater.identity for rater in filed.raters]
        assert given.reference == filed.reference


class Unnamed:
    """A model without an identity."""

    concurrency = 1

    async def complete(self, request: object) -> object:
        raise NotImplementedError

    async def close(self) -> None:
        return None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pipelines": {"naive"}}, "pipelines: found a set, expected a list"),
        ({"pipelines": (name for name in ["naive"])}, "pipelines: found a generator, expected a list"),
        ({"pipelines": [object()]}, "pipelines: found an object, expected a name"),
        ({"pipelines": [rageval.Question]}, "pipelines: found the class Question, expected a name"),
        ({"metrics": {"map"}}, "metrics: found a set, expected a list"),
        ({"metrics": iter(["map"])}, "metrics: found a list_iterator, expected a list"),
        ({"metrics": [rageval.CustomJudge]}, "metrics: found the class CustomJudge, expected a name"),
        ({"questions": {"en-1"}}, "questions: found a set, expected a whole number"),
        ({"questions": rageval.QuestionFilter(tags="x")}, "questions.tags: found 'x', expected a list"),  # pyright: ignore[reportArgumentType]
        ({"questions": rageval.QuestionFilter(sample=0)}, "questions.sample: found 0"),
        ({"chat": np.zeros(3)}, "chat: found a ndarray, expected 'local'"),
        ({"metrics": np.array(["map"])}, "metrics: found a ndarray, expected a list"),
        ({"questions": np.array(["en-1"])}, "questions: found a ndarray, expected a whole number"),
        ({"pipelines": [np.zeros(3)]}, "pipelines: found a ndarray, expected a name"),
        ({"chat": Unnamed()}, "chat: found an Unnamed, expected 'local'"),
        ({"chat": HashEmbedder()}, "chat: found a HashEmbedder, expected 'local'"),
        ({"embed": ScriptedChat(scripted_reply)}, "embed: found a ScriptedChat, expected 'local'"),
        ({"judge": {ScriptedChat(scripted_reply)}}, "judge: found a set, expected 'local'"),
        ({"seed": object()}, "seed: found an object"),
        ({"out": None}, "out: found None, expected the path of a folder"),
        ({"name": 3}, "name: found 3, expected a text"),
        ({"executor": 3}, "executor: found 3, expected an executor"),
    ],
    ids=lambda value: re.sub(r"0x[0-9a-f]+", "0x", str(value))[:40],
)
def test_what_no_file_can_hold(changes: dict[str, Any], told: str, folder: Path) -> None:
    with pytest.raises(DeclarationError) as error:
        rageval.evaluate(**{**asked(), "out": folder / "out", **changes})
    assert str(error.value).startswith(told)

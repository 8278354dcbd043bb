"""Chat models and embedders of the user's own in experiment files: by path, by entry point, with settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import rageval
from rageval.errors import BudgetError, DeclarationError
from rageval.experiment.plan import Experiment, load_experiment
from rageval.experiment.run import run_experiment
from rageval.io.run_folder import RunFolder
from tests.flow.small_world import write_benchmark
from tests.unit.installed import install

CHAT = """\
from pathlib import Path
from rageval.models.base import ChatReply
from rageval.types import Usage

class Says:
    concurrency = 4

    def __init__(self, text: str = "yes", times: int = 1, log: Path | None = None):
        self.text = text * times
        self.log = log
        self.identity = "says"

    async def complete(self, request):
        return ChatReply(self.text, usage=Usage(calls=1, prompt_tokens=3, completion_tokens=2))

    async def close(self):
        if self.log:
            self.log.write_text("closed")
"""
EMBEDDER = """\
import numpy as np

class Ones:
    identity = "ones"

    async def embed(self, texts, kind):
        return np.ones((len(texts), 1), dtype=np.float32)

    async def close(self): ...
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_benchmark(tmp_path / "exp" / "small")
    (tmp_path / "exp" / "says.py").write_text(CHAT, encoding="utf-8")
    (tmp_path / "exp" / "ones.py").write_text(EMBEDDER, encoding="utf-8")
    return tmp_path


def load(folder: Path, *, offline: bool = False, budget: Any = None, **models: Any) -> Experiment:
    content = {
        "benchmark": "small",
        "questions": ["en-1", "zh-1"],
        "pipelines": [{"naive": {"retriever": "dense", "k": 1}}],
        "metrics": ["answer_contains", "answer_relevance"],
        "models": {"embed": {"provider": "ones.py"}, **models},
        "budget": budget,
    }
    path = folder / "exp" / "experiment.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_experiment(path, folder / "cache", offline=offline)


def identities(experiment: Experiment) -> list[str | None]:
    """Of chat model, embedder and raters. Closes the models."""
    with experiment:
        models = (experiment.chat, experiment.embedder, *experiment.raters)
        return [None if model is None else model.identity for model in models]


def test_by_path_with_settings(folder: Path) -> None:
    """Closed at the end; the log's path is relative to the experiment file."""
    given = {"provider": "says.py", "text": "It is 2310 metres high. ", "times": 2, "log": "log.txt"}
    with load(folder, chat=given) as experiment:
        (run,) = run_experiment(experiment, folder / "out")
    assert (folder / "exp" / "log.txt").read_text() == "closed"
    outcomes = RunFolder(run).outcomes()
    assert outcomes["en-1"].answer == "It is 2310 metres high. It is 2310 metres high."  # type: ignore[union-attr]
    manifest = RunFolder(run).manifest()
    assert manifest["models"]["chat"].startswith("says (")
    assert manifest["models"]["embed"].startswith("ones (")
    assert manifest["usage"]["answering"]["prompt_tokens"] > 0


def test_replies_of_other_code_and_settings_are_not_taken_from_the_cache(folder: Path) -> None:
    """Although the model gives itself the same identity."""
    asked = [{"provider": "says.py"}, {"provider": "says.py", "text": "no"}, {"provider": "says.py:Says"}]
    first, other, again = (identities(load(folder, chat=chat))[0] for chat in asked)
    (folder / "exp" / "says.py").write_text(CHAT.replace("self.text = text", "self.text = '!' + text"))
    edited = identities(load(folder, chat=asked[0]))[0]
    assert first == again
    assert len({first, other, edited}) == 3


def test_equal_choices_are_one_model(folder: Path) -> None:
    with load(folder, chat={"provider": "says.py"}, judge={"provider": "says.py"}) as experiment:
        assert experiment.raters == (experiment.chat,)
    with load(folder, chat={"provider": "says.py"}, judge={"provider": "says.py", "text": "no"}) as experiment:
        assert experiment.raters[0] is not experiment.chat


def test_by_entry_point_and_in_python(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = "[rageval.chat]\nsays = s:Says\n[rageval.embedders]\nones = o:Ones\n"
    monkeypatch.syspath_prepend(install(folder / "site", {"s": CHAT, "o": EMBEDDER}, points))
    chat = {"provider": "says", "text": "2310 metres"}
    found = identities(load(folder, chat=chat, embed={"provider": "ones"}))
    assert [str(one).partition(" (")[0] for one in found] == ["says", "ones", "says"]
    pipelines = [{"naive": {"retriever": "dense", "k": 1}}]
    result = rageval.evaluate("exp/small", pipelines, ["answer_contains"], chat=chat, embed={"provider": "ones"})
    assert RunFolder(result.runs[0]).outcomes()["en-1"].answer == "2310 metres"  # type: ignore[union-attr]


def test_offline_the_cache_alone_answers(folder: Path) -> None:
    chat = {"provider": "says.py"}
    with load(folder, chat=chat) as experiment:
        run_experiment(experiment, folder / "out")
    with load(folder, chat=chat, offline=True) as experiment:
        (run,) = run_experiment(experiment, folder / "other")
    assert RunFolder(run).manifest()["failed"] == 0


def test_a_price_bounds_the_cost(folder: Path) -> None:
    price = {"prompt": 1.0, "completion": 1.0}
    priced = load(folder, chat={"provider": "says.py", "price": price}, budget={"max_cost": 1e-9})
    with priced, pytest.raises(BudgetError):
        run_experiment(priced, folder / "out")
    with pytest.raises(DeclarationError, match=r"models\.chat\.price\.promt: found an unknown key"):
        load(folder, chat={"provider": "says.py", "price": {"promt": 1.0, "completion": 1.0}})


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ({"chat": {"provider": "nowhere.py"}}, r"models: nowhere\.py: no such file"),
        ({"chat": {"provider": "says.py:Say"}}, r"says\.py: found no Say; did you mean Says\?"),
        ({"chat": {"provider": "says.py", "txt": "no"}}, r"models\.says: found the setting 'txt', "),
        ({"chat": {"provider": "says.py", "times": "many"}}, r"models\.says\.times: found 'many'"),
        (
            {"chat": {"provider": "ones.py"}},
            r"models: ones\.py: found an? Ones, expected a chat model, with `identity`",
        ),
        (
            {"chat": {"provider": "says"}},
            r"models\.chat\.provider: found 'says', expected local or openai, or the path",
        ),
        ({"chat": {"provider": "broken.py"}}, r"broken\.py: importing it failed: ZeroDivisionError"),
        (
            {"chat": {"provider": "says.py"}, "embed": {"provider": "says.py"}},
            r"models: says\.py: found an? Says, expected an embedder",
        ),
        (
            {
                "chat": {"provider": "says.py"},
                "embed": {"provider": "ones.py", "price": {"prompt": 1, "completion": 1}},
            },
            r"models\.embed: found a price, expected none",
        ),
        ({"chat": {"provider": "says.py"}, "judge": [{"provider": "says.py"}] * 2}, "found says .* 2 times in a panel"),
    ],
)
def test_mistakes_are_told_before_any_call(models: dict[str, Any], told: str, folder: Path) -> None:
    (folder / "exp" / "broken.py").write_text("1 / 0\n")
    with pytest.raises(DeclarationError, match=told) as caught:
        load(folder, **models)
    assert "\n" not in str(caught.value)
    assert "experiment.yaml: " in str(caught.value)

"""`rageval sweep`: a grid run over one store, what it shares, and its report, through the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.judged_run import fill
from tests.flow.small_world import read_jsonl, respond, run_folders, write_experiment

GRID: dict[str, Any] = {
    "pipelines": ["closed_book"],
    "sweep": {"pipeline": ["naive", "rag_fusion"], "retriever": ["bm25", "dense"], "k": [1, 2]},
    "exclude": [{"pipeline": "rag_fusion", "k": 1}],
    "metrics": ["answer_relevance", "faithfulness"],
}
CELLS = 7


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


def test_the_report(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    experiment, out = write_experiment(tmp_path, server.base_url, **GRID), tmp_path / "out"
    ended = command_line("sweep", experiment, "--out", out, "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found == json.loads((out / "sweeps" / "experiment.json").read_text("utf-8"))
    labels = [cell["label"] for cell in found["cells"]]
    assert labels[:3] == ["closed_book", "naive(retriever=bm25, k=1)", "naive(retriever=bm25, k=2)"]
    assert len(labels) == len(set(labels)) == CELLS
    assert found["cells"][1]["factors"] == {"pipeline": "naive", "retriever": "bm25", "k": 1}
    assert {gap["label"] for gap in found["behind_the_best"]} < set(labels)
    assert len(found["behind_the_best"]) == CELLS - 1
    assert all(gap["difference"]["point"] >= 0 for gap in found["behind_the_best"])
    shown = [(e["metric"], e["factor"], e["from"], e["to"], e["contexts"]) for e in found["effects"]]
    assert shown[:3] == [
        ("answer_relevance", "pipeline", "naive", "rag_fusion", 2),
        ("answer_relevance", "retriever", "bm25", "dense", 3),
        ("answer_relevance", "k", "1", "2", 2),
    ]
    assert found["front"]
    page = (out / "sweeps" / "experiment.md").read_text("utf-8")
    for title in (
        "| rank | pipeline |",
        "## Behind the best",
        "## What each setting does",
        "## Worth its cost",
        "Shared:",
    ):
        assert title in page


def test_what_is_equal_is_asked_once_over_the_whole_grid(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    """Each request to the server is a different one; calls and tokens count for every cell that uses them."""
    experiment, out = write_experiment(tmp_path, server.base_url, **GRID), tmp_path / "out"
    found = json.loads(command_line("sweep", experiment, "--out", out, "--json").out)
    sent = [json.dumps(r.payload, sort_keys=True) for r in server.received if r.path.endswith("/chat/completions")]
    assert len(sent) == len(set(sent))
    made, wanted = found["saved"]["calls"]
    assert made == len(sent) < wanted
    assert found["saved"]["tokens_saved"] > 0
    built, used = found["saved"]["indexes"]
    assert built < used
    for name, folder in run_folders(out).items():
        lines = read_jsonl(folder / "responses.jsonl")
        usage = [line["usage"] for line in lines]
        label = json.loads((folder / "manifest.json").read_text("utf-8"))["label"]
        cell = next(cell for cell in found["cells"] if cell["label"] == label)
        assert cell["calls"] == pytest.approx(sum(u["calls"] for u in usage) / len(lines)), name
        assert cell["paid_calls"] == pytest.approx(sum(u["paid_calls"] for u in usage) / len(lines)), name
    server.received.clear()
    again = json.loads(command_line("sweep", experiment, "--out", out, "--json").out)
    assert server.calls == 0
    assert again["effects"] == found["effects"]


def test_a_retrieval_only_grid_in_words(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    setting = {**GRID, "pipelines": [], "exclude": None, "metrics": ["ndcg@10"]}
    setting["sweep"] = {"pipeline": ["naive"], "retriever": ["bm25", "dense"], "chunk_tokens": [64, 128]}
    ended = command_line("sweep", write_experiment(tmp_path, server.base_url, **setting), "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert any(line.split()[:5] == ["ndcg@10", "retriever", "bm25", "→", "dense"] for line in ended.out.splitlines())
    assert "0 chat calls made of 0" in ended.out


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sweep": {"k": [1]}}, "sweep: found no pipeline"),
        ({"sweep": {"pipeline": ["naive"], "n": [2, 3]}}, "pipelines.naive: found the setting 'n'"),
        (
            {"sweep": {"pipeline": ["naive"], "k": [1]}, "exclude": [{"k": 2}]},
            "exclude.0.k: found 2, expected one of 1",
        ),
        ({"sweep": {"pipeline": "naive"}}, "sweep.pipeline: found 'naive'"),
        ({"sweep": None, "exclude": [{"k": 2}]}, "exclude: found no sweep"),
    ],
)
def test_mistakes(
    changes: dict[str, Any], told: str, tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    experiment = write_experiment(tmp_path, server.base_url, **{**GRID, "exclude": None, **changes})
    ended = command_line("sweep", experiment, "--out", tmp_path / "out")
    assert (ended.code, server.calls) == (2, 0)
    assert told in ended.err


def test_labels_decide_what_is_behind_the_best(tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    """People say that k = 1 is always right and k = 2 never; of closed_book they say nothing."""
    grid = {**GRID, "sweep": {"pipeline": ["naive"], "k": [1, 2]}, "exclude": None, "metrics": ["answer_relevance"]}
    experiment, out = write_experiment(tmp_path, server.base_url, **grid), tmp_path / "out"
    before = json.loads(command_line("sweep", experiment, "--out", out, "--json").out)
    for cell in before["cells"]:
        k = cell["factors"].get("k")
        if k is not None:
            scores = json.loads((Path(cell["path"]) / "scores.json").read_text("utf-8"))["answer_relevance"]
            sheet = tmp_path / f"{k}.jsonl"
            n = len(scores["questions"])
            sampled = command_line("sample", cell["path"], "-m", "answer_relevance", "-n", n, "--out", sheet)
            assert sampled.code == 0, sampled.err
            fill(sheet, lambda question, k=k: float(k == 1))
            assert command_line("label", cell["path"], sheet).code == 0
    ended = command_line("sweep", experiment, "--out", out, "--json")
    found = json.loads(ended.out)
    one, two = "naive(k=1)", "naive(k=2)"
    assert found["runs"][0]["pipeline"] == one
    gaps = {gap["label"]: gap for gap in found["behind_the_best"]}
    assert {*gaps} == {"closed_book", two}
    assert gaps[two]["difference"]["method"] == "people's labels and judge"
    assert gaps[two]["difference"]["low"] > 0
    assert gaps[two]["p_adjusted"] < 0.05
    assert gaps["closed_book"]["difference"]["method"].endswith(", judge only, uncorrected")
    assert gaps["closed_book"]["p_adjusted"] == 1.0
    assert one in found["front"]
    assert found["effects"] == before["effects"]
    page = " ".join((out / "sweeps" / "experiment.md").read_text("utf-8").split())
    assert "Differences are by people's labels and the judge together." in page
    assert "Effects on judged metrics are the judge's alone: people's labels are not used." in page


CUT = """\
from dataclasses import dataclass
from rageval.pipeline import Stage
from rageval.retrieval import BM25, Retrieve

@dataclass(frozen=True)
class Cut(Stage):
    n: int

    async def run(self, state, resources):
        return state.with_response(hits=state.response.hits[: self.n], context=())

def build(n: int) -> Stage:
    return Retrieve(BM25()) >> Cut(n)
"""


def test_halving_finds_the_best_with_fewer_questions(tmp_path: Path, command_line: CommandLine) -> None:
    """The fewer hits are left of a ranking the fewer relevant documents: in the end n = 20 alone is left."""
    (tmp_path / "cut.py").write_text(CUT, encoding="utf-8")
    experiment = tmp_path / "grid.yaml"
    experiment.write_text(
        "benchmark: handbook\n"
        "questions: {exclude_tags: [unanswerable]}\n"
        "sweep: {pipeline: [./cut.py], n: [1, 2, 20]}\n"
        "metrics: [recall@10]\n",
        encoding="utf-8",
    )
    ended = command_line("sweep", experiment, "--out", tmp_path / "out", "--halving", "--top", "1", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    halving = found["halving"]
    assert halving["kept"] == ["cut(n=20)"]
    dropped = [label for one in halving["rounds"] for label in one["dropped"]]
    assert sorted(dropped) == ["cut(n=1)", "cut(n=2)"]
    assert halving["rounds"][-1]["questions"] == found["questions"] == 112
    assert halving["asked"] < halving["whole"] == 3 * 112
    assert [run["pipeline"] for run in found["runs"]] == halving["kept"]
    assert "## Successive halving" in (tmp_path / "out" / "sweeps" / "grid.md").read_text("utf-8")


@pytest.mark.parametrize("options", [["--top", "2"], ["--halving", "--top", "9"]])
def test_mistakes_of_halving(options: list[str], tmp_path: Path, server: FakeServer, command_line: CommandLine) -> None:
    experiment = write_experiment(tmp_path, server.base_url, **GRID)
    ended = command_line("sweep", experiment, "--out", tmp_path / "out", *options)
    assert (ended.code, server.calls) == (2, 0)


def test_models_temperature_and_repeats_are_factors(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    """Retrieval is the same in all cells: passages are embedded once for each embedder, judges are asked as before."""
    entry = {"provider": "openai", "base_url": server.base_url, "concurrency": 4}
    embed = {key: entry[key] for key in ("provider", "base_url")}
    judge = {**entry, "model": "judge"}
    models = {
        "judge": judge,
        "embed": {**embed, "model": "vectors"},
        "named": {
            "small": {**entry, "model": "s"},
            "large": {**entry, "model": "l"},
            "free": {**embed, "model": "vectors"},
        },
    }
    sweep = {
        "pipeline": [{"mine": {"stages": [{"retrieve": {"k": 1}}, {"answer": {"abstain": "never"}}]}}],
        "models.chat": ["small", "large"],
        "models.embed": ["free", {**embed, "model": "others"}],
        "models.temperature": [0, 0.7],
        "models.repeat": [0, 1],
    }
    setting = {"pipelines": None, "sweep": sweep, "metrics": ["answer_relevance"], "models": models}
    experiment, out = write_experiment(tmp_path, server.base_url, **setting), tmp_path / "out"
    priced = command_line("run", experiment, "--out", out, "--dry-run", "--json")
    assert priced.code == 0, priced.err
    ended = command_line("sweep", experiment, "--out", out, "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert len(found["cells"]) == 16
    first = found["cells"][0]
    assert first["label"] == "mine(models.chat=small, models.embed=free, models.temperature=0, models.repeat=0)"
    assert {effect["factor"] for effect in found["effects"]} == {
        "models.chat", "models.embed", "models.temperature", "models.repeat"
    }  # fmt: skip
    embedded = [r.payload for r in server.received if r.path == "/v1/embeddings"]
    texts = [(one["model"], text) for one in embedded for text in one["input"]]
    assert {model for model, _ in texts} == {"vectors", "others"}
    assert len(texts) == len(set(texts))
    asked = [r.payload for r in server.received if r.path.endswith("/chat/completions")]
    answers = [one for one in asked if one["model"] in ("s", "l")]
    assert {(one["model"], one["temperature"]) for one in answers} == {(m, t) for m in "sl" for t in (0, 0.7)}
    assert {one["model"] for one in asked} == {"s", "l", "judge"}
    again = command_line("sweep", experiment, "--out", out, "--json")
    assert json.loads(again.out)["effects"] == found["effects"]
    assert len({cell["path"] for cell in found["cells"]}) == 16
    manifest = json.loads((Path(found["cells"][-1]["path"]) / "manifest.json").read_text("utf-8"))
    assert manifest["models"]["chat"].startswith("l @ ")
    assert (manifest["temperature"], manifest["repeat"]) == (0.7, 1)


CHOICE: dict[str, Any] = {
    "benchmark": "handbook",
    "questions": {"language": "en", "exclude_tags": ["unanswerable"]},
    "pipelines": None,
    "sweep": {"pipeline": ["naive"], "retriever": ["bm25"], "chunk_tokens": [32, 256], "k": [1, 4]},
    "metrics": ["evidence_recall@400t"],
    "models": None,
}


def test_the_winner_is_reported_on_questions_that_did_not_choose_it(
    tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    experiment, out = write_experiment(tmp_path, server.base_url, **CHOICE), tmp_path / "out"
    ended = command_line("sweep", experiment, "--choose", "--share", 0.6, "--out", out, "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    choice = found["choice"]
    means = {cell["pipeline"]: cell["metrics"]["evidence_recall@400t"]["mean"] for cell in found["runs"]}
    assert choice["winner"] == max(means, key=lambda label: means[label])
    assert choice["choosing"]["point"] == pytest.approx(max(means.values()))
    asked = {
        kind: {
            question
            for path in (out / "runs").glob(f"experiment-{kind}-*")
            for question in json.loads((path / "manifest.json").read_text("utf-8"))["questions"]
        }
        for kind in ("choosing", "held-out")
    }
    assert len(asked["choosing"]) == choice["questions"]["choosing"]
    assert len(asked["held-out"]) == choice["questions"]["held_out"]
    assert asked["choosing"].isdisjoint(asked["held-out"])
    assert choice["held_out"]["low"] <= choice["held_out"]["point"] <= choice["held_out"]["high"]
    held = [*(out / "runs").glob("experiment-held-out-*")]
    assert len(held) == (1 if choice["winner"] == choice["first"] else 2)
    page = (out / "sweeps" / "experiment.md").read_text("utf-8")
    assert page.startswith("## The choice")
    again = command_line("sweep", experiment, "--choose", "--share", 0.6, "--out", out)
    assert again.code == 0
    assert f"Chosen among 4 cells on {len(asked['choosing'])} questions: {choice['winner']}" in " ".join(
        again.out.split()
    )
    halved = command_line("sweep", experiment, "--choose", "--halving", "--out", tmp_path / "halved", "--json")
    assert halved.code == 0, halved.err
    assert json.loads(halved.out)["choice"]["cells"] == 4
    assert json.loads(halved.out)["halving"]["rounds"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--share", 0.5], "sweep: found --share without --choose, expected both, or --choose alone"),
        (["--top", 2], "sweep: found --top without --halving, expected both, or --halving alone"),
        (["--choose", "--share", 2], "--share: found 2, expected more than 0 and less than 1"),
    ],
)
def test_options_that_do_not_fit(
    options: list[object], told: str, tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    ended = command_line("sweep", write_experiment(tmp_path, server.base_url, **CHOICE), *options)
    assert ended.code == 2
    assert told in ended.err

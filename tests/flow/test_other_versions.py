"""Whatever another version of rageval stored: every command that reads it ends with one line, and never a traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rageval.decide.leaderboard import read_leaderboard
from rageval.errors import DeclarationError
from rageval.io.run_folder import FORMAT, RunFolder
from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import read_jsonl, respond, run_folders, write_experiment, write_lines

FRESH = "run its experiment again with --fresh (in Python fresh=True), which moves the old run to results/earlier"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


@pytest.fixture
def folder(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished world: `experiment.yaml`, the runs `a` and `b`, and a filled-in sheet of `a`."""
    shutil.copytree(finished, tmp_path / "world", symlinks=True)
    monkeypatch.chdir(tmp_path / "world")
    return tmp_path / "world"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, server: FakeServer) -> Path:
    from rageval.cli.labels import sample
    from rageval.experiment.plan import load_experiment
    from rageval.experiment.run import run_experiment

    folder = tmp_path_factory.mktemp("finished")
    path = write_experiment(
        folder, server.base_url, pipelines=[{"naive": {"k": 2}}, "closed_book"], metrics=["answer_relevance"]
    )
    with load_experiment(path, folder / "results" / "cache") as planned:
        run_experiment(planned, folder / "results")
    runs = run_folders(folder / "results")
    for name, pipeline in (("a", "naive"), ("b", "closed_book")):
        (folder / name).symlink_to(runs[pipeline].relative_to(folder))
    sample(folder / "a", "answer_relevance", 2, out=folder / "sheet.jsonl")
    write_lines(folder / "sheet.jsonl", [{**line, "label": 1} for line in read_jsonl(folder / "sheet.jsonl")])
    return folder


COMMANDS = {
    "run experiment.yaml": 2,
    "run experiment.yaml --dry-run": 2,
    "run experiment.yaml --retry-failed": 2,
    "sweep experiment.yaml": 2,
    "show a en-1": 2,
    "leaderboard a b": 4,
    "leaderboard b a --unranked": 4,
    "compare b a": 4,
    "gate b --baseline a --margin answer_relevance=0.1": 4,
    "baseline set a": 4,
    "judge a --name strong --experiment experiment.yaml": 2,
    "prefer a b --experiment experiment.yaml": 4,
    "sample a -m answer_relevance -n 2 --out other.jsonl": 2,
    "label a sheet.jsonl": 2,
    "export a run.trec": 2,
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_run_of_another_format_is_refused_by_every_command(
    command: str, folder: Path, server: FakeServer, command_line: CommandLine
) -> None:
    change_manifest(folder / "a", lambda manifest: {**manifest, "format": 1})
    spoil_lines(folder / "a" / "responses.jsonl", "usage")
    before = server.calls
    ended = command_line(*command.split())
    assert (ended.code, ended.out) == (COMMANDS[command], "")
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(f"manifest.json: found format 1, expected {FORMAT}: {FRESH}")
    assert server.calls == before


def test_the_remedy_works(folder: Path, command_line: CommandLine) -> None:
    change_manifest(folder / "a", lambda manifest: {**manifest, "format": 1})
    assert command_line("run", "experiment.yaml", "--fresh").code == 0
    assert command_line("show", "a", "en-1").code == 0


@pytest.mark.parametrize("command", [*COMMANDS, "judge again"])
@pytest.mark.parametrize(
    "spoilt", ["manifest", "responses", "judgments", "questions", "scores", "estimates", "labels", "indexing"]
)
def test_what_lacks_a_key_is_never_a_key_error(
    spoilt: str, command: str, folder: Path, command_line: CommandLine
) -> None:
    """Of the right format, but written by a version in between: one line that names the file, or it is not read."""
    run = folder / "a"
    match spoilt:
        case "manifest":
            change_manifest(run, lambda manifest: {k: manifest[k] for k in ("format", "status", "fresh")})
        case "responses":
            spoil_lines(run / "responses.jsonl", "steps")
        case "judgments":
            (path,) = (run / "judgments").iterdir()
            spoil_lines(path, "judgments")
        case "questions":
            spoil_lines(run / "questions.jsonl", "references")
        case "estimates":
            estimate = {"mean": 0.5, "certainty": 1}
            scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
            scores["answer_relevance"]["estimate"] = estimate
            (run / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
        case "labels":
            (run / "labels").mkdir()
            labels = {"labels": [{"question_id": "en-1", "label": 1, "time": 0}], "sample": None, "reason": "x"}
            (run / "labels" / "answer_relevance.json").write_text(json.dumps(labels), encoding="utf-8")
        case "indexing":
            (run / "indexing.jsonl").write_text('{"index": "MultiVector"}\n', encoding="utf-8")
        case _:
            (run / "scores.json").write_text('{"answer_relevance": {}}', encoding="utf-8")
    ended = command_line(
        *command.replace("judge again", "judge a --name other -m harmlessness --experiment experiment.yaml").split()
    )
    assert "Traceback" not in ended.err
    if ended.code not in (0, 3):
        assert ended.code in (2, 4)
        (line,) = [line for line in ended.err.splitlines() if line.startswith("error: ")]
        assert f"/{spoilt}" in line or "/scores.json" in line
        assert "found no key" in line or "found another form" in line
        assert line.endswith(FRESH)


def test_python_readers_tell_the_same(folder: Path) -> None:
    change_manifest(folder / "a", lambda manifest: {**manifest, "format": 1})
    with pytest.raises(DeclarationError, match=f"found format 1, expected {FORMAT}: "):
        RunFolder("a").to_pandas("responses")
    with pytest.raises(DeclarationError, match=f"found format 1, expected {FORMAT}: "):
        read_leaderboard([Path("a")])


def change_manifest(run: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    path = run / "manifest.json"
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")


def spoil_lines(path: Path, key: str) -> None:
    write_lines(path, [{k: v for k, v in line.items() if k != key} for line in read_jsonl(path)])

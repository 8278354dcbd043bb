"""Whatever is wrong with the input: exit code 2, one line that names the place and what was expected, nothing spent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rageval.io.run_folder import FORMAT
from tests.conftest import CommandLine
from tests.flow.fake_server import FakeServer
from tests.flow.small_world import DOCUMENTS, QUESTIONS, run_folders, write_benchmark, write_experiment

Prepare = Callable[[Path, str], object]


@dataclass(frozen=True)
class Case:
    """`prepare` spoils something in a folder that holds a good experiment; it is told the server's address."""

    id: str
    prepare: Prepare
    told: tuple[str, ...]
    command: tuple[str, ...] = ("run", "experiment.yaml")


def nothing(folder: Path, url: str) -> None:
    """For commands that are wrong in themselves."""


def write(name: str, content: str | bytes) -> Prepare:
    def prepare(folder: Path, url: str) -> None:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return prepare


def add(name: str, content: str) -> Prepare:
    return lambda folder, url: write(name, (folder / name).read_text("utf-8") + content)(folder, url)


def add_line(before: str, after: str) -> Prepare:
    """The experiment with one line in the place of another."""
    name = "experiment.yaml"
    return lambda folder, url: write(name, (folder / name).read_text("utf-8").replace(before, after))(folder, url)


def remove(name: str) -> Prepare:
    return lambda folder, url: (folder / name).unlink()


def change(**keys: Any) -> Prepare:
    """An experiment with other keys; None removes one."""
    return lambda folder, url: write_experiment(folder, url, **keys)


def chat(**keys: Any) -> Prepare:
    return lambda folder, url: write_experiment(folder, url, model=keys)


BM25: dict[str, Any] = {"pipelines": [{"naive": {"retriever": "bm25"}}], "metrics": ["map"]}


def beir(folder: Path, url: str) -> None:
    write("corpus.jsonl", '{"_id": "d", "title": "", "text": "words"}\n')(folder, url)
    write("queries.jsonl", '{"_id": "q", "text": "words?"}\n')(folder, url)
    (folder / "qrels").mkdir()
    write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\td\t1\n")(folder, url)
    change(benchmark="beir:.", split="dev")(folder, url)


def recorded(content: str) -> Prepare:
    def prepare(folder: Path, url: str) -> None:
        write("theirs.jsonl", content)(folder, url)
        change(pipelines=[{"recorded": {"path": "theirs.jsonl"}}])(folder, url)

    return prepare


def own_pipeline(source: str) -> Prepare:
    def prepare(folder: Path, url: str) -> None:
        write("mine.py", source)(folder, url)
        change(pipelines=["./mine.py"])(folder, url)

    return prepare


LAST_DOCUMENT, LAST_LABEL = len(DOCUMENTS) + 1, 8

EXPERIMENT_FILE = [
    Case(
        "no-such-file", nothing, ("nowhere.yaml: no such file", "expected an experiment file"), ("run", "nowhere.yaml")
    ),
    Case("folder-as-file", nothing, ("small: cannot be read", "Is a directory"), ("run", "small")),
    Case("not-utf8", write("experiment.yaml", b"seed: \xff\n"), ("experiment.yaml: cannot be read as UTF-8",)),
    Case(
        "bad-yaml", write("experiment.yaml", "seed: 1\nmetrics: [a\nb: 2\n"), ("experiment.yaml:3: found invalid YAML",)
    ),
    Case("control-character", write("experiment.yaml", "seed: \x00\n"), ("experiment.yaml: found invalid YAML",)),
    Case(
        "not-a-mapping", write("experiment.yaml", "- naive\n"), ("experiment.yaml: found a list", "with keys such as")
    ),
    Case(
        "empty-file",
        write("experiment.yaml", ""),
        ("experiment.yaml: found an empty file, expected an experiment file with keys such as benchmark",),
    ),
    Case("only-a-comment", write("experiment.yaml", "# later\n"), ("experiment.yaml: found no key, expected",)),
    Case("only-a-word", write("experiment.yaml", "naive\n"), ("found 'naive', expected an experiment file with keys",)),
    Case(
        "spreadsheet-as-experiment",
        write("experiment.yaml", b"PK\x03\x04\x14"),
        ("experiment.yaml: found a spreadsheet or packed file, expected an experiment file (YAML)",),
    ),
    Case("metrics-no-list", change(metrics="mrr"), ("metrics: found 'mrr', expected a list: [mrr]",)),
    Case("level-no-list", change(sweep={"pipeline": ["naive"], "k": 5}), ("sweep.k: found 5, expected a list: [5]",)),
    Case(
        "yes-as-number",
        add_line("seed: 7", "seed: yes"),
        ("seed: found True, expected a number; YAML reads yes, no, on and off as true and false",),
    ),
    Case(
        "yes-as-optional-number",
        change(budget={"max_calls": True}),
        ("budget.max_calls: found True, expected a number; YAML reads yes",),
    ),
    Case("yes-as-questions", change(questions=True), ("questions: found True", "YAML reads yes, no, on and off")),
    Case("no-as-language", change(questions={"language": False}), ("language: found False", "YAML reads yes, no, on")),
    Case("key-twice", write("experiment.yaml", "seed: 1\nsplit: a\nseed: 2\n"), ("experiment.yaml:3:", "'seed' twice")),
    Case("no-metrics", change(metrics=None), ("experiment.yaml: metrics: found nothing",)),
    Case("unknown-key", change(metric=["map"]), ("experiment.yaml: metric: found an unknown key", "mean metrics?")),
    Case("unknown-model-key", chat(base_uri="x"), ("models.chat.base_uri: found an unknown key", "mean base_url?")),
    Case("wrong-type", change(seed="seven"), ("experiment.yaml: seed: found 'seven'", "valid integer")),
    Case("no-pipelines", change(pipelines=[]), ("experiment.yaml: found neither pipelines nor a sweep",)),
    Case(
        "out-is-a-file",
        change(**BM25),
        ("card.yaml/runs/experiment-naive", "cannot be written (Not a directory)"),
        ("run", "experiment.yaml", "--out", "small/card.yaml"),
    ),
]

METRICS_AND_PIPELINES = [
    Case("unknown-metric", change(metrics=["ndgc@10"]), ("unknown metric 'ndgc@10'", "did you mean ndcg")),
    Case("metric-without-cutoff", change(metrics=["recall"]), ("'recall' needs a cutoff", "recall@10")),
    Case("cutoff-of-zero", change(metrics=["recall@0"]), ("'recall@0'", "at least 1")),
    Case("metric-twice", change(metrics=["ndcg@10", "nDCG@10"]), ("metrics: found ndcg@10 twice", "each metric once")),
    Case("unlabelled-questions", change(questions=["en-none"]), ("ndcg@10, recall@2 need relevance labels",)),
    Case("unknown-pipeline", change(pipelines=["naiv"]), ("pipelines: found 'naiv'", "did you mean naive?")),
    Case(
        "unknown-setting",
        change(pipelines=[{"naive": {"retriver": "bm25"}}]),
        ("pipelines.naive: found the setting 'retriver'", "did you mean retriever?"),
    ),
    Case(
        "wrong-setting",
        change(pipelines=[{"naive": {"retriever": "fuzzy"}}]),
        (
            "pipelines.naive.retriever: found 'fuzzy'",
            "expected a path or one of bm25, dense, approximate, hybrid, multi_vector",
        ),
    ),
    Case(
        "yes-as-setting",
        change(pipelines=[{"naive": {"k": True}}]),
        ("pipelines.naive.k: found True: input should be a valid integer; YAML reads yes, no, on and off",),
    ),
    Case(
        "sheet-as-recording",
        lambda folder, url: (
            write("theirs.csv", "question_id;answer\nen-1;x\n")(folder, url),
            change(pipelines=[{"recorded": {"path": "theirs.csv"}}])(folder, url),
        ),
        ("theirs.csv: found a table (columns separated by semicolons), expected a TREC run, or JSON Lines (.jsonl)",),
    ),
    Case(
        "setting-out-of-range",
        change(pipelines=[{"naive": {"k": 0}}]),
        ("pipelines.naive.k: found 0", "expected 1 <= k"),
    ),
    Case("same-pipeline-twice", change(pipelines=["naive", "naive"]), ("pipelines: found naive twice", "that differ")),
    Case(
        "same-but-for-a-default", change(pipelines=["naive", {"naive": {"k": 5}}]), ("naive and naive(k=5)", "the same")
    ),
    Case(
        "two-names-in-one",
        change(pipelines=[{"naive": {}, "hyde": {}}]),
        ("found ['hyde', 'naive'] in one entry", "one name"),
    ),
    Case("no-such-recipe", change(pipelines=["pipelines/mine.py"]), ("pipelines: pipelines/mine.py: no such file",)),
    Case(
        "recipe-that-fails",
        own_pipeline("raise ValueError('first\\nsecond')\n"),
        ("mine.py: importing it failed: ValueError",),
    ),
    Case("recipe-without-build", own_pipeline("x = 1\n"), ("mine.py: found no function build", "def build(...)")),
    Case(
        "recipe-builds-nothing",
        own_pipeline("def build(): return 1\n"),
        ("mine.py: build returned a int", "expected a Stage"),
    ),
    Case(
        "no-recording",
        change(pipelines=[{"recorded": {"path": "theirs.run"}}]),
        ("theirs.run: cannot be read", "expected a TREC run"),
    ),
    Case(
        "bad-recording",
        recorded('{"question_id": "en-1"}\n{"answer": "x"}\n'),
        ("theirs.jsonl:2:", "expected an object with question_id"),
    ),
    Case(
        "recording-with-nan",
        recorded('{"question_id": "en-1", "hits": [{"doc_id": "arlen", "score": NaN}]}\n'),
        ("theirs.jsonl:1:", "finite"),
    ),
]

BENCHMARK = [
    Case("no-such-benchmark", change(benchmark="smal"), ("smal: found no such folder", "expected a folder, beir:PATH")),
    Case("no-such-beir-folder", change(benchmark="beir:nowhere"), ("nowhere: found no such folder",)),
    Case("unknown-split", beir, ("qrels: found no split 'dev'", "expected one of: test")),
    Case(
        "split-of-a-native-folder",
        change(split="test"),
        ("split: found 'test'", "only beir: and hf: benchmarks have splits"),
    ),
    Case("incomplete-trec", change(benchmark="trec:qrels=a"), ("benchmark: found trec:qrels=a", "topics=PATH")),
    Case("missing-file", remove("small/questions.jsonl"), ("small/questions.jsonl: found no such file",)),
    Case(
        "metrics-without-labels",
        remove("small/labels.tsv"),
        ("ndcg@10, recall@2 need relevance labels", "add labels or use judged metrics"),
    ),
    Case(
        "unknown-card-key",
        add("small/card.yaml", "licence: x\n"),
        ("card.yaml:3: found the unknown key 'licence'", "license"),
    ),
    Case(
        "duplicate-document",
        add("small/documents.jsonl", '{"id": "arlen", "text": "again"}\n'),
        (f"documents.jsonl:{LAST_DOCUMENT}: found the document id 'arlen' again", "documents.jsonl:1"),
    ),
    Case(
        "bad-json",
        add("small/documents.jsonl", '{"id": "x", }\n'),
        (f"documents.jsonl:{LAST_DOCUMENT}: found bad JSON",),
    ),
    Case(
        "sheet-as-documents",
        write("small/documents.jsonl", "id,title,text\nx,,words\n"),
        ("documents.jsonl:1: found a table (columns separated by commas), expected JSON Lines (.jsonl)",),
    ),
    Case(
        "spreadsheet-as-questions",
        write("small/questions.jsonl", b"PK\x03\x04\x14"),
        ("questions.jsonl:1: found a spreadsheet or packed file, expected JSON Lines",),
    ),
    Case(
        "empty-text",
        add("small/documents.jsonl", '{"id": "x", "text": " "}\n'),
        (f"documents.jsonl:{LAST_DOCUMENT}: found an empty 'text'",),
    ),
    Case(
        "bad-utf8",
        write("small/questions.jsonl", b'{"id": "q", "text": "\xff"}\n'),
        ("questions.jsonl:1: found the byte 0xff", "expected UTF-8"),
    ),
    Case(
        "unknown-document",
        add("small/labels.tsv", "en-1\tnowhere\t1\n"),
        (f"labels.tsv:{LAST_LABEL}: found the unknown document 'nowhere'",),
    ),
    Case(
        "unknown-question",
        add("small/labels.tsv", "en-9\tarlen\t1\n"),
        (f"labels.tsv:{LAST_LABEL}: found the unknown question 'en-9'",),
    ),
    Case(
        "wrong-column-count",
        add("small/labels.tsv", "en-1\tarlen\n"),
        (f"labels.tsv:{LAST_LABEL}: found 2 columns, expected 3",),
    ),
    Case(
        "bad-grade",
        add("small/labels.tsv", "en-1\tcorva\thigh\n"),
        (f"labels.tsv:{LAST_LABEL}: found the grade 'high'", "whole number"),
    ),
    Case(
        "unknown-question-id",
        change(questions=["en-1", "en-3"]),
        ("questions: found the unknown id 'en-3'", "did you mean en-2 or en-1?"),
    ),
    Case(
        "unknown-tag",
        change(questions={"tags": ["unanswerble"]}),
        ("unknown tag 'unanswerble'", "did you mean unanswerable?"),
    ),
    Case(
        "sample-too-large", change(questions=99), ("questions: found a sample of 99", f"expected 1 to {len(QUESTIONS)}")
    ),
    Case("sample-of-zero", change(questions=0), ("questions: found 0", "greater than or equal to 1")),
]

MODELS = [
    Case(
        "no-key",
        chat(base_url="https://models.example/v1", api_key_env="RAGEVAL_NO_KEY"),
        ("no key in the environment variable RAGEVAL_NO_KEY", "set it"),
    ),
    Case("bad-base-url", chat(base_url="models.example"), ("base_url 'models.example'", "expected an address such as")),
    Case(
        "key-in-base-url",
        chat(base_url="https://user:key@models.example/v1"),
        ("base_url for models.example: has a user, password", "api_key_env"),
    ),
    Case("no-model-name", chat(model=None), ("models.chat.model: found None", "valid string")),
    Case(
        "unknown-provider",
        chat(provider="opanai"),
        ("models.chat.provider: found 'opanai'", "expected local or openai"),
    ),
    Case("unknown-model", change(models={"chat": "locl"}), ("models.chat: found 'locl'", "'local'")),
    Case("no-gguf", change(models={"chat": {"provider": "local", "path": "weights.gguf"}}), ("weights.gguf",)),
    Case(
        "not-a-gguf",
        change(models={"chat": {"provider": "local", "path": "small/card.yaml"}}),
        ("small/card.yaml", "GGUF"),
    ),
    Case(
        "embedder-by-path",
        change(models={"embed": {"provider": "local", "path": "x"}}),
        ("models.embed: found a path", "expected plain `local`"),
    ),
]

SCORE_RUN = ("metrics", "qrels", "run", "-m", "map")
QRELS = write("qrels", "q 0 d 1\n")
TREC_FILES = [
    Case("no-qrels", nothing, ("qrels: cannot read the file",), SCORE_RUN),
    Case("bad-qrels", write("qrels", "q 0 d 1\nq d 1\n"), ("qrels:2: found 3 columns, expected 4",), SCORE_RUN),
    Case(
        "bad-run",
        lambda f, u: (QRELS(f, u), write("run", "q Q0 d 1 high tag\n")(f, u)),
        ("run:1: found the score 'high'", "finite number"),
        SCORE_RUN,
    ),
    Case(
        "judged-metric",
        QRELS,
        ("-m faithfulness: found a judged metric", "expected a ranking metric"),
        (*SCORE_RUN, "-m", "faithfulness"),
    ),
    Case("unknown-trec-metric", QRELS, ("unknown metric 'mapp'", "did you mean map"), (*SCORE_RUN, "-m", "mapp")),
]

CASES = [*EXPERIMENT_FILE, *METRICS_AND_PIPELINES, *BENCHMARK, *MODELS, *TREC_FILES]


@pytest.fixture(scope="module")
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        yield server


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_one_line_names_place_and_remedy(
    case: Case, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    monkeypatch.chdir(tmp_path)
    write_experiment(tmp_path, server.base_url)
    case.prepare(tmp_path, server.base_url)
    refused(command_line, case.told, *case.command)
    assert server.calls == 0


def refused(command_line: CommandLine, told: tuple[str, ...], *command: object, code: int = 2) -> None:
    """The command ends with that exit code and one line on standard error that holds all of `told`."""
    ended = command_line(*command)
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.endswith("\n")
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ")
    for words in told:
        assert words in line
    assert "user:key" not in line  # no secret is repeated


@pytest.mark.parametrize("command", ["run", "check"])
def test_the_good_experiment_is_accepted(
    command: str, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    """What the cases spoil is right to begin with."""
    monkeypatch.chdir(tmp_path)
    write_experiment(tmp_path, server.base_url, **BM25)
    assert command_line(command, "experiment.yaml").code == 0


def test_check_benchmark_prints_every_problem(tmp_path: Path, command_line: CommandLine) -> None:
    folder = write_benchmark(tmp_path / "small")
    add("documents.jsonl", '{"id": "arlen", "text": "again"}\n{"id": "x"}\n')(folder, "")
    add("labels.tsv", "en-1\tnowhere\thigh\n")(folder, "")
    ended = command_line("check-benchmark", folder)
    assert (ended.code, ended.out) == (2, "")
    assert [line.partition(": ")[0] for line in sorted(ended.err.splitlines())] == [
        f"{folder}/documents.jsonl:{LAST_DOCUMENT + 1}",
        f"{folder}/documents.jsonl:{LAST_DOCUMENT}",
        f"{folder}/labels.tsv:{LAST_LABEL}",
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with finished runs: `good`, `other_benchmark`, `few`, `other_questions`, and spoilt ones."""
    from rageval import evaluate

    folder = tmp_path_factory.mktemp("runs")
    small = write_benchmark(folder / "small")
    larger = write_benchmark(folder / "larger")
    add("documents.jsonl", '{"id": "x", "text": "one more"}\n')(larger, "")

    def bm25(name: str, benchmark: Path, questions: list[str] | None = None) -> None:
        evaluate(benchmark, BM25["pipelines"], BM25["metrics"], questions=questions, out=folder / name)
        run_folders(folder / name)["naive"].rename(folder / name / "run")

    bm25("good", small)
    bm25("other_benchmark", larger)
    bm25("few", small, ["en-1", "zh-1"])
    bm25("other_questions", small, ["en-2", "zh-2"])
    for name in ("unfinished", "broken", "future"):
        bm25(name, small)
    manifest = json.loads((folder / "good/run/manifest.json").read_text("utf-8"))
    write("unfinished/run/manifest.json", json.dumps({**manifest, "status": "running"}))(folder, "")
    write("unfinished/run/responses.jsonl", "")(folder, "")
    write("broken/run/manifest.json", '{"format": 3')(folder, "")
    write("future/run/manifest.json", json.dumps({**manifest, "format": FORMAT + 1}))(folder, "")
    return folder


RUN_CASES = [
    ("show nowhere en-1", ("nowhere/manifest.json: no such file", "expected the folder of a run")),
    ("show good/run en-11", ("good/run: found no question 'en-11'", "expected one like en-1")),
    ("show unfinished/run en-1", ("question en-1 has not been answered yet", "run the experiment")),
    ("show broken/run en-1", ("broken/run/manifest.json: cannot be read", "delete it and run the experiment again")),
    ("show future/run en-1", (f"future/run/manifest.json: found format {FORMAT + 1}, expected {FORMAT}",)),
    ("leaderboard good/run nowhere", ("nowhere/manifest.json: no such file",)),
    ("leaderboard good/run unfinished/run", ("unfinished/run: the run is not finished", "run its experiment again")),
    (
        "leaderboard good/run other_benchmark/run",
        ("other_benchmark/run: found another corpus (", "than in good/run", "--other-corpus"),
    ),
    ("leaderboard few/run other_questions/run", ("other_questions/run: found no question of few/run unchanged (2 ",)),
]


@pytest.mark.parametrize(("command", "told"), RUN_CASES, ids=[command for command, _ in RUN_CASES])
def test_run_folders(
    command: str, told: tuple[str, ...], runs: Path, monkeypatch: pytest.MonkeyPatch, command_line: CommandLine
) -> None:
    """Results that are missing or cannot be compared are code 4, as for `rageval compare`."""
    monkeypatch.chdir(runs)
    refused(command_line, told, *command.split(), code=4 if command.startswith("leaderboard") else 2)


def test_good_run_is_shown(runs: Path, command_line: CommandLine) -> None:
    assert command_line("show", runs / "good/run", "en-1").code == 0
    assert command_line("leaderboard", runs / "good/run").code == 0

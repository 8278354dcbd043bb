"""Hugging Face datasets: built with the real library, read back from disk and from a cache as the hub leaves it."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import rageval
from rageval.benchmark import from_hugging_face, load
from rageval.benchmark.question_rows import USUAL
from rageval.errors import BenchmarkError, DeclarationError, MissingExtraError
from rageval.experiment.plan import load_experiment
from rageval.types import Document, Question, RelevanceLabel
from tests.conftest import CommandLine

datasets = pytest.importorskip("datasets")
constants = pytest.importorskip("huggingface_hub").constants

SQUAD = [
    {
        "id": "a1",
        "title": "Arlen",
        "context": "Mount Arlen is 2310 metres high.",
        "question": "How high is Mount Arlen?",
        "answers": {"text": ["2310 metres", "2310 m", "2310 metres"], "answer_start": [15, 15, 15]},
    },
    {
        "id": "a2",
        "title": "Arlen",
        "context": "Mount Arlen is 2310 metres high.",
        "question": "Who built Mount Arlen?",
        "answers": {"text": [], "answer_start": []},
    },
    {
        "id": "b1",
        "title": "青石山",
        "context": "青石山高一千八百米。",
        "question": "青石山有多高？",
        "answers": {"text": ["一千八百米"], "answer_start": [4]},
    },
]
COMMIT = "0123456789abcdef0123456789abcdef01234567"

CORPUS = [
    {"_id": "1", "title": "Only a title", "text": ""},
    {"_id": "2", "title": "", "text": "Some text"},
    {"_id": "3", "title": None, "text": "第三个"},
]
QUERIES = [{"_id": "7", "text": "first?"}, {"_id": "8", "text": "second?"}, {"_id": "9", "text": "第三？"}]
QRELS = [
    {"query-id": 8, "corpus-id": 1, "score": 2.0},
    {"query-id": 8, "corpus-id": 2, "score": 0.0},
    {"query-id": 9, "corpus-id": 3, "score": 1.0},
]


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


def table(rows: Sequence[Mapping[str, Any]]) -> Any:
    return datasets.Dataset.from_list([dict(row) for row in rows])


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    table(rows).to_parquet(path)
    return path


def write_hub_folder(folder: Path, **configs: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    """A folder laid out as a repository of the hub: its card names configs, each with splits in Parquet."""
    described: list[dict[str, Any]] = []
    for config, splits in configs.items():
        for split, rows in splits.items():
            write_parquet(folder / config / f"{split}.parquet", rows)
        files = [{"split": split, "path": f"{config}/{split}.parquet"} for split in splits]
        described.append({"config_name": config, "data_files": files})
    (folder / "README.md").write_text(f"---\n{yaml.safe_dump({'configs': described})}---\n", encoding="utf-8")
    return folder


def problem_of(reference: str, **arguments: Any) -> str:
    with pytest.raises(BenchmarkError) as caught:
        load(reference, **arguments)
    (problem,) = caught.value.problems
    assert "\n" not in problem
    return problem


def write_as(form: str, folder: Path) -> str:
    """SQuAD's rows in a file or folder of that form; how it is called."""
    rows = table(SQUAD)
    if form == "parquet":
        return f"hf:{write_parquet(folder / 'squad.parquet', SQUAD)}"
    if form == "json":
        path = folder / "squad.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in SQUAD), encoding="utf-8")
        return f"hf:{path}"
    if form == "folder":
        write_parquet(folder / "squad" / "test.parquet", SQUAD)
        write_parquet(folder / "squad" / "train.parquet", SQUAD[:1])
    elif form == "saved dataset":
        rows.save_to_disk(folder / "squad")
    else:
        datasets.DatasetDict({"test": rows, "train": table(SQUAD[:1])}).save_to_disk(folder / "squad")
    return f"hf:{folder / 'squad'}"


@pytest.mark.parametrize("suffix", [".ndjson", ".JSONL", ".jsonl.gz"])
def test_lines_of_json_by_other_names(suffix: str, tmp_path: Path) -> None:
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in SQUAD).encode()
    path = tmp_path / f"squad{suffix}"
    path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    assert len(load(f"hf:{path}").questions) == 3


@pytest.mark.parametrize("form", ["parquet", "json", "folder", "saved dataset", "saved splits"])
def test_squad_in_every_form(form: str, tmp_path: Path) -> None:
    benchmark = load(write_as(form, tmp_path))
    assert benchmark.name == "squad"
    assert benchmark.questions == (
        Question("a1", "How high is Mount Arlen?", "en", ("2310 metres", "2310 m")),
        Question("a2", "Who built Mount Arlen?", "en", (), ("unanswerable",)),
        Question("b1", "青石山有多高？", "zh", ("一千八百米",)),
    )
    assert benchmark.documents == (
        Document("a1-0", "Mount Arlen is 2310 metres high.", "Arlen"),
        Document("b1-0", "青石山高一千八百米。", "青石山", "zh"),
    )
    assert benchmark.labels == (
        RelevanceLabel("a1", "a1-0", 1),
        RelevanceLabel("a2", "a1-0", 0),
        RelevanceLabel("b1", "b1-0", 1),
    )


def test_a_list_of_contexts_and_columns_of_other_names(tmp_path: Path) -> None:
    rows = [
        {"frage": "one?", "gut": ["x", "", "y"], "antwort": "x"},
        {"frage": "two?", "gut": ["y", "y"], "antwort": None},
    ]
    benchmark = from_hugging_face(
        str(write_parquet(tmp_path / "rag.parquet", rows)),
        columns={"question": "frage", "documents": "gut", "references": "antwort"},
    )
    assert benchmark.questions == (Question("q0", "one?", references=("x",)), Question("q1", "two?"))
    assert benchmark.documents == (Document("q0-0", "x"), Document("q0-2", "y"))
    assert [(x.question_id, x.doc_id, x.grade) for x in benchmark.labels] == [
        ("q0", "q0-0", 1),
        ("q0", "q0-2", 1),
        ("q1", "q0-2", 1),
    ]


@pytest.mark.parametrize("shape", ["lists in an object", "objects in a list"])
def test_nested_passages_with_titles_and_grades(shape: str, tmp_path: Path) -> None:
    passages: Any = {"body": ["x", "y"], "title": ["X", "Y"], "is_selected": [0, 1]}
    if shape == "objects in a list":
        passages = [dict(zip(passages, row, strict=True)) for row in zip(*passages.values(), strict=True)]
    path = write_parquet(tmp_path / "marco.parquet", [{"query_id": 19699, "query": "?", "passages": passages}])
    benchmark = from_hugging_face(
        str(path),
        columns={"documents": "passages.body", "titles": "passages.title", "grades": "passages.is_selected"},
    )
    assert benchmark.questions == (Question("19699", "?"),)
    assert benchmark.documents == (Document("19699-0", "x", "X"), Document("19699-1", "y", "Y"))
    assert [x.grade for x in benchmark.labels] == [0, 1]


def test_documents_as_objects_with_text_and_title(tmp_path: Path) -> None:
    rows = [{"question": "?", "documents": [{"title": "X", "text": "x"}, {"title": None, "text": "y"}]}]
    benchmark = load(f"hf:{write_parquet(tmp_path / 'a.parquet', rows)}")
    assert benchmark.documents == (Document("q0-0", "x", "X"), Document("q0-1", "y"))


@pytest.mark.parametrize("form", ["parquet", "json", "folder", "saved splits"])
def test_a_limit_takes_the_first_rows(form: str, tmp_path: Path) -> None:
    name = write_as(form, tmp_path).removeprefix("hf:")
    benchmark = from_hugging_face(name, limit=2)
    assert [question.id for question in benchmark.questions] == ["a1", "a2"]
    assert len(benchmark.documents) == 1
    assert not (tmp_path / "cache").exists() or not [*(tmp_path / "cache").rglob("*.arrow")]  # streamed, not prepared


def test_splits_and_configs(tmp_path: Path) -> None:
    folder = write_hub_folder(
        tmp_path / "many", plain={"test": SQUAD, "train": SQUAD[:1]}, other={"dev": SQUAD[:2], "train": SQUAD[:1]}
    )
    assert len(load(f"hf:{folder}:plain").questions) == 3
    assert len(load(f"hf:{folder}:plain:train").questions) == 1
    assert len(load("hf:many:plain", split="train", base=tmp_path).questions) == 1
    benchmark = load(f"hf:{folder}:other:dev")
    assert benchmark.name == "many:other"
    assert benchmark.card.source == f"Hugging Face dataset {folder}, config other, split dev"
    assert problem_of(f"hf:{folder}:other") == (
        f"hf:{folder}:other: found no split 'test', expected a choice of: dev, train"
    )
    assert problem_of(f"hf:{folder}:other:test") == (
        f"hf:{folder}:other:test: found no split 'test', expected one of: dev, train"
    )
    assert "['plain', 'other']" in problem_of(f"hf:{folder}:neither")
    assert "['plain', 'other']" in problem_of(f"hf:{folder}")


def write_retrieval(layout: str, folder: Path) -> str:
    splits = {"test": QRELS, "train": [{"query-id": 7, "corpus-id": 2, "score": 1.0}]}
    corpus, queries = {"corpus": CORPUS}, {"queries": QUERIES}
    if layout == "BEIR":
        write_hub_folder(folder / "set-qrels", default=splits)
        write_hub_folder(folder / "set", corpus=corpus, queries=queries)
    elif layout == "MTEB":
        write_hub_folder(folder / "set", default=splits, corpus=corpus, queries=queries)
    elif layout == "MTEB with qrels":
        write_hub_folder(folder / "set", qrels=splits, corpus=corpus, queries=queries)
    elif layout == "several languages":
        configs = {"zh-corpus": corpus, "zh-queries": queries, "zh-qrels": splits}
        write_hub_folder(folder / "set", **configs, **{"en-corpus": {"corpus": CORPUS[:1]}})
        return f"hf:{folder / 'set'}:zh"
    else:
        ids = [{"qid": str(x["query-id"]), "pid": str(x["corpus-id"]), "score": int(x["score"])} for x in QRELS]
        write_hub_folder(folder / "set-qrels", default={"dev": ids})
        texts = {"corpus": [{"id": x["_id"], "text": x["text"] or "Only a title"} for x in CORPUS]}
        asked = {"queries": [{"id": x["_id"], "text": x["text"]} for x in QUERIES]}
        write_hub_folder(folder / "set", default={**texts, **asked})
    return f"hf:{folder / 'set'}"


@pytest.mark.parametrize("layout", ["BEIR", "MTEB", "MTEB with qrels", "several languages", "C-MTEB"])
def test_retrieval_sets(layout: str, tmp_path: Path) -> None:
    benchmark = load(write_retrieval(layout, tmp_path))
    first = Document("1", "Only a title") if layout == "C-MTEB" else Document("1", "", "Only a title")
    assert benchmark.documents == (first, Document("2", "Some text"), Document("3", "第三个", "", "zh"))
    assert benchmark.questions == (Question("8", "second?"), Question("9", "第三？", "zh"))
    assert benchmark.labels == (
        RelevanceLabel("8", "1", 2),
        RelevanceLabel("8", "2", 0),
        RelevanceLabel("9", "3", 1),
    )
    assert benchmark.name == ("set:zh" if layout == "several languages" else "set")


def test_a_retrieval_set_without_labels(tmp_path: Path) -> None:
    write_hub_folder(tmp_path / "set", corpus={"corpus": CORPUS}, queries={"queries": QUERIES})
    benchmark = load(f"hf:{tmp_path / 'set'}")
    assert ([question.id for question in benchmark.questions], benchmark.labels) == (["7", "8", "9"], ())
    assert benchmark.card.description == "retrieval set without labels"
    problem = problem_of(f"hf:{tmp_path / 'set'}", split="test")
    assert problem.endswith("found no labels to take the split 'test' of, expected a set with labels")


def test_split_and_limit_of_a_retrieval_set(tmp_path: Path) -> None:
    reference = write_retrieval("BEIR", tmp_path)
    assert [question.id for question in load(reference, split="train").questions] == ["7"]
    few = from_hugging_face(reference.removeprefix("hf:"), limit=1)
    assert ([q.id for q in few.questions], len(few.labels), len(few.documents)) == (["8"], 2, 3)
    assert few.card.source == (
        f"Hugging Face dataset {tmp_path}/set, config corpus, split corpus; {tmp_path}/set, config queries, split "
        f"queries; {tmp_path}/set-qrels, split test"
    )
    assert problem_of(f"{reference}::dev").endswith("found no split 'dev', expected one of: test, train")


def test_labels_of_other_ids_are_a_problem_also_with_a_limit(tmp_path: Path) -> None:
    rows = [{**row, "query-id": f"q-{row['query-id']}"} for row in QRELS]
    folder = write_hub_folder(tmp_path / "set", qrels={"test": rows}, corpus={"x": CORPUS}, queries={"x": QUERIES})
    for limit in (None, 1):
        with pytest.raises(BenchmarkError, match=r"labels have 'q-8', 'q-9', and the questions '7'"):
            from_hugging_face(str(folder), limit=limit)


def test_columns_ask_for_one_row_a_question(tmp_path: Path) -> None:
    reference = write_retrieval("MTEB", tmp_path).removeprefix("hf:")
    benchmark = from_hugging_face(reference, config="queries", columns={"documents": "text", "question": "text"})
    assert len(benchmark.questions) == 3


@pytest.mark.parametrize(
    ("rows", "columns", "problem"),
    [
        (SQUAD, {"question": "frage"}, "found no column 'frage' for question, expected one of: id, title, context, "),
        (
            [{"q": "?", "context": "x"}],
            {},
            "found no column for question, expected columns: question: one of q, context",
        ),
        (
            [{"question": "?", "context": "x"}, {"question": None, "context": "y"}],
            {},
            "[1]: found null in the column 'question' (question), expected the question's text",
        ),
        (
            [{"question": "?", "context": [3, 4]}],
            {},
            "[0]: found a number in the column 'context' (documents), expected texts",
        ),
        (
            [{"question": "?", "context": ["x", "y"], "grades": [1]}],
            {"grades": "grades"},
            "[0]: found 1 values in the column 'grades' (grades), expected 2, one for each document",
        ),
        (
            [{"question": "?", "p": {"body": ["x"]}}],
            {"documents": "p.text"},
            "[0]: found no 'text' in an object in the column 'p.text' (documents), expected it in every row",
        ),
        (
            [{"question": "?", "context": "x", "id": "a b"}],
            {},
            "[0]: found the id 'a b', expected an id without white space",
        ),
    ],
)
def test_bad_columns_and_rows(
    rows: list[dict[str, Any]], columns: dict[str, str], problem: str, tmp_path: Path
) -> None:
    path = write_parquet(tmp_path / "bad.parquet", rows)
    with pytest.raises(BenchmarkError) as caught:
        from_hugging_face(str(path), columns=columns, strict=True)
    assert problem in caught.value.problems[0]
    assert caught.value.problems[0].startswith(f"hf:{path}")


def test_missing_columns_of_a_retrieval_set(tmp_path: Path) -> None:
    folder = write_hub_folder(
        tmp_path / "set", default={"test": QRELS}, corpus={"corpus": CORPUS}, queries={"queries": [{"key": "7"}]}
    )
    assert problem_of(f"hf:{folder}").endswith("found no column _id or id, expected it among those there: key")


def test_declarations_that_do_not_fit(tmp_path: Path) -> None:
    path = str(write_parquet(tmp_path / "squad.parquet", SQUAD))
    with pytest.raises(DeclarationError, match=r"found the unknown key 'documnts', .*; did you mean documents"):
        from_hugging_face(path, columns={"documnts": "context"})
    with pytest.raises(DeclarationError, match="limit: found 0, expected at least 1"):
        from_hugging_face(path, limit=0)
    with pytest.raises(DeclarationError, match="found the revision 'main' for a path, expected none"):
        from_hugging_face(path, revision="main")
    with pytest.raises(DeclarationError, match="split: found 'dev' beside hf:a:b:c, expected one of them"):
        load("hf:a:b:c", split="dev")
    with pytest.raises(DeclarationError, match="found hf:a:b:c:d, expected hf:NAME"):
        load("hf:a:b:c:d")
    assert "found the file squad.parquet, expected a file without config" in problem_of(f"hf:{path}:plain")
    (tmp_path / "notes.txt").touch()
    assert "found the file notes.txt" in problem_of(f"hf:{tmp_path}/notes.txt")
    assert problem_of("hf:./nowhere", base=tmp_path).startswith(f"{tmp_path}/nowhere: found no such file or folder")
    (tmp_path / "empty").mkdir()
    assert "empty: cannot be loaded (" in problem_of(f"hf:{tmp_path}/empty")


def test_the_hub_cannot_be_reached() -> None:
    assert problem_of("hf:rajpurkar/squad") == (
        "hf:rajpurkar/squad: the Hugging Face Hub cannot be reached (Couldn't reach 'rajpurkar/squad' on the Hub "
        "(OfflineModeIsEnabled)): connect, or load it once while connected"
    )


def test_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"hf:NAME needs the package datasets: .*\[datasets\]"):
        load("hf:rajpurkar/squad")


def cache_as_the_hub_leaves_it(folder: Path, name: str) -> None:
    """The library's own cache of a local folder, moved to where it keeps that of a dataset of the hub."""
    cache = Path(datasets.config.HF_DATASETS_CACHE)
    for config in datasets.get_dataset_config_names(str(folder)):
        datasets.load_dataset(str(folder), config)
        (prepared,) = (path.parent for path in cache.glob(f"{folder.name}/{config}*/*/*/dataset_info.json"))
        target = cache / name.replace("/", "___") / config / "0.0.0" / COMMIT
        target.parent.mkdir(parents=True)
        info = json.loads((prepared / "dataset_info.json").read_text())
        info["config_name"] = config
        (prepared / "dataset_info.json").write_text(json.dumps(info))
        prepared.rename(target)
    shutil.rmtree(cache / folder.name)


def test_what_was_loaded_once_is_there_without_the_hub_and_says_its_commit(tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "squad", plain={"test": SQUAD, "train": SQUAD[:1]})
    cache_as_the_hub_leaves_it(folder, "me/squad")
    benchmark = load("hf:me/squad:plain", base=tmp_path)
    assert len(benchmark.questions) == 3
    source = f"Hugging Face dataset me/squad, config plain, split test, commit {COMMIT}"
    assert benchmark.card.source == source
    pinned = from_hugging_face("me/squad", config="plain", revision=COMMIT, limit=1)
    assert (len(pinned.questions), pinned.card.source) == (1, source)
    other = "f" * 40
    with pytest.raises(BenchmarkError, match=f"copy on this machine is commit {COMMIT}, expected revision {other}"):
        from_hugging_face("me/squad", config="plain", revision=other)


def test_a_cached_retrieval_set_without_the_hub(tmp_path: Path) -> None:
    write_retrieval("BEIR", tmp_path)
    cache_as_the_hub_leaves_it(tmp_path / "set", "BeIR/set")
    cache_as_the_hub_leaves_it(tmp_path / "set-qrels", "BeIR/set-qrels")
    benchmark = load("hf:BeIR/set", base=tmp_path / "elsewhere")
    assert [question.id for question in benchmark.questions] == ["8", "9"]
    assert benchmark.card.source.endswith(f"BeIR/set-qrels, config default, split test, commit {COMMIT}")


def write_experiment(folder: Path, benchmark: object, **more: object) -> Path:
    path = folder / "experiment.yaml"
    data = {"benchmark": benchmark, "pipelines": [{"naive": {"retriever": "bm25"}}], "metrics": ["mrr"], **more}
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return path


def test_an_experiment_file_names_config_columns_and_limit(tmp_path: Path) -> None:
    rows = [{**row, "frage": row["question"]} for row in SQUAD]
    write_hub_folder(tmp_path / "squad", plain={"train": rows})
    part = {"hf": "squad", "config": "plain", "split": "train", "columns": {"question": "frage"}, "limit": 2}
    experiment = load_experiment(write_experiment(tmp_path, part), tmp_path / "cache")
    assert experiment.reference == "hf:squad:plain:train"
    assert len(experiment.benchmark.questions) == 2


@pytest.mark.parametrize(
    ("benchmark", "more", "problem"),
    [
        ({"hf": "squad", "colums": {}}, {}, "benchmark.colums: found an unknown key, .*; did you mean columns"),
        ({"config": "plain"}, {}, "benchmark.hf: found nothing, expected this key"),
        ({"hf": "squad", "limit": 0}, {}, "benchmark.limit: found 0"),
        ({"hf": "squad"}, {"split": "test"}, "split: found 'test' beside hf:squad, expected it under benchmark"),
    ],
)
def test_mistakes_in_an_experiment_file(
    benchmark: dict[str, object], more: dict[str, object], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(DeclarationError, match=problem):
        load_experiment(write_experiment(tmp_path, benchmark, **more), tmp_path / "cache")


def test_a_run_says_where_its_questions_come_from(
    tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hub_folder(tmp_path / "squad", plain={"test": SQUAD})
    monkeypatch.chdir(tmp_path)
    ended = command_line("run", write_experiment(tmp_path, "hf:squad:plain"), "--json")
    assert ended.code == 0, ended.err
    (run,) = json.loads(ended.out)["runs"]
    benchmark = rageval.RunFolder(Path(run["path"])).manifest()["benchmark"]
    assert benchmark["reference"] == "hf:squad:plain"
    assert benchmark["source"] == "Hugging Face dataset squad, config plain, split test"


def test_the_command_line_with_the_network_off(tmp_path: Path) -> None:
    write_hub_folder(tmp_path / "squad", plain={"test": SQUAD})
    off = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    script = (
        "import sys\nfrom rageval.cli.app import main\ntry: main()\n"
        "finally: print('counts downloads:', sys.modules['datasets'].config.HF_UPDATE_DOWNLOAD_COUNTS, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "check-benchmark", "hf:squad:plain", "--json"],
        cwd=tmp_path,
        env=off,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "counts downloads: False" in done.stderr
    told = json.loads(done.stdout)
    assert (told["questions"], told["documents"]) == (3, 2)
    assert told["source"] == "Hugging Face dataset squad, config plain, split test"


def test_the_example_of_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "integrations" / "datasets.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    assert len(example.splitlines()) <= 15
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert "| naive(retriever=bm25) | 1.000 [" in capsys.readouterr().out


def test_the_page_names_the_columns_and_its_experiment_is_accepted(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "integrations" / "datasets.md").read_text(encoding="utf-8")
    for key, usual in USUAL.items():
        (row,) = re.findall(rf"^\| `{key}` \|.*\| (.*) \|$", page, flags=re.MULTILINE)
        assert re.findall("`(.*?)`", row) == [*usual]
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    path = write_experiment(tmp_path, yaml.safe_load(block)["benchmark"])
    with pytest.raises(BenchmarkError, match="hf:rajpurkar/squad:plain_text:validation: the Hugging Face Hub cannot"):
        load_experiment(path, tmp_path / "cache")

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.decide.comparison import compare
from rageval.errors import DeclarationError, NotComparableError
from rageval.io.records import question_to_json
from rageval.io.run_folder import RunFolder
from rageval.scores.baselines import BASELINES, write_baseline
from rageval.scores.excerpts import with_excerpts
from rageval.scores.reading import read_run_folder, read_run_scores
from rageval.scores.run_scores import Excerpt, FoundPassage, JudgedBy
from rageval.scores.sharing import relevant_documents
from rageval.types import Failure, Hit, Json, Passage, Question, RelevanceLabel, Response
from tests.unit.sides import CORPUS, DIGEST, FINGERPRINT, JUDGE, write_run

SCORES = {"ndcg@10": [1.0, 1 / 3, 0.0], "faithfulness": [0.5, None, 0.0]}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(
        tmp_path / f"demo-naive-{FINGERPRINT[:10]}",
        SCORES,
        failed={"ndcg@10": ["q002"], "faithfulness": ["q002"]},
        documents=["a", "b", "a"],
        models={"chat": "writer", "embed": None},
        prompts={"answer": "0a1b2c3d4e5f"},
        seed=7,
    )


def pin(run: Path, folder: Path = BASELINES, name: str | None = None) -> Path:
    return write_baseline(read_run_folder(run), folder, name)


def test_a_baseline_is_what_its_run_was(run: Path, tmp_path: Path) -> None:
    """All but the questions' words, and scores to six decimals in both, so that equal runs have equal scores."""
    of_run, pinned = read_run_scores(run), read_run_scores(pin(run, tmp_path))
    assert (pinned.label, pinned.fingerprint, pinned.benchmark) == (run.name, FINGERPRINT, "small")
    assert pinned.questions == of_run.questions == ("q000", "q001", "q002")
    assert pinned.content_hash == of_run.content_hash == "a" * 64
    assert pinned.corpus == of_run.corpus == CORPUS
    assert pinned.digests == of_run.digests == dict.fromkeys(of_run.questions, DIGEST)
    assert dict(pinned.metrics) == dict(of_run.metrics)
    assert pinned.metrics["ndcg@10"].scores == {"q000": 1.0, "q001": 0.333333, "q002": 0.0}
    assert pinned.metrics["faithfulness"].unscored == {"q001": "nothing to score"}
    assert pinned.metrics["faithfulness"].failed == ("q002",)
    assert dict(pinned.judges) == dict(of_run.judges) == {"faithfulness": JUDGE}
    assert pinned.documents == of_run.documents == {"q000": (0,), "q001": (1,), "q002": (0,)}
    assert pinned.answers == of_run.answers
    assert dict(pinned.models) == dict(of_run.models) == {"chat": "writer", "judge": "critic"}
    assert dict(pinned.settings) == dict(of_run.settings)
    assert (of_run.texts["q001"], dict(pinned.texts)) == ("What is q001?", {})


def test_the_file(run: Path, tmp_path: Path) -> None:
    """A line per question, sorted; nothing in it depends on when or how often it is written."""
    path = pin(run, tmp_path / "baselines")
    assert path == tmp_path / "baselines" / "demo-naive.json"
    judge = '{"key": "judge-0123456789", "model": "critic"}'
    assert path.read_text("utf-8").splitlines() == [
        "{",
        f'"benchmark": {{"content_hash": "{"a" * 64}", "corpus": "{CORPUS}", "name": "small"}},',
        '"columns": ["digest", "documents", "answer", "faithfulness", "ndcg@10"],',
        f'"fingerprint": "{FINGERPRINT}",',
        '"format": 4,',
        f'"label": "{run.name}",',
        '"labels": {',
        "",
        "},",
        '"metrics": {',
        f' "faithfulness": {{"failed": ["q002"], "judge": {judge}, "unscored": {{"nothing to score": ["q001"]}}}},',
        ' "ndcg@10": {"failed": ["q002"], "judge": null, "unscored": {}}',
        "},",
        '"models": {',
        ' "chat": "writer",',
        ' "judge": "critic"',
        "},",
        '"questions": {',
        f' "q000": ["{DIGEST}", [0], null, 0.5, 1],',
        f' "q001": ["{DIGEST}", [1], null, null, 0.333333],',
        f' "q002": ["{DIGEST}", [0], null, 0, 0]',
        "},",
        '"settings": {',
        f' "judging by claim_support": "{JUDGE.key}",',
        ' "prompt answer": "0a1b2c3d",',
        ' "seed": "7"',
        "},",
        '"slices": {',
        ' "language": {"en": ["q000", "q001", "q002"]},',
        ' "tag": {}',
        "}",
        "}",
    ]
    before = path.read_bytes()
    assert pin(run, tmp_path / "baselines").read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["demo-naive.json"]


def test_a_metric_of_several_judges(tmp_path: Path) -> None:
    """Their keys together name the instrument, each model is named once; another key of one is another judge."""
    scores = {"hallucination": [0.5, 1.0], "answer_recall": [1.0, 0.0]}
    keys = {"claim_support": "claim_support-1", "claim_agreement": "claim_agreement-2"}
    judges: dict[str, Json] = {name: {"key": key, "model": "critic", "verdicts": 7} for name, key in keys.items()}
    run = write_run(tmp_path / "run", scores, judges=judges)
    both = JudgedBy("claim_support-1+claim_agreement-2", "critic")
    pinned = pin(run, tmp_path)
    for side in (read_run_scores(run), read_run_scores(pinned)):
        assert side.judges["hallucination"] == both
        assert side.judges["answer_recall"] == JudgedBy("claim_agreement-2", "critic")
    judges["claim_agreement"] = {"key": "claim_agreement-3", "model": "other"}
    other = read_run_scores(write_run(tmp_path / "other", scores, judges=judges))
    assert other.judges["hallucination"] == JudgedBy("claim_support-1+claim_agreement-3", "critic, other")
    with pytest.raises(NotComparableError, match="hallucination: found other judges"):
        compare(run, tmp_path / "other", ["hallucination"])


def test_by_name(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked up under results/baselines; a folder of that name which is no run does not hide it."""
    monkeypatch.chdir(tmp_path)
    pin(run, name="main")
    (tmp_path / "main").mkdir()
    assert read_run_scores("main").source == "results/baselines/main.json"
    assert read_run_scores("results/baselines/main.json").label == run.name
    run.rename(tmp_path / "main" / "run")
    assert read_run_scores("main/run").source == "main/run"


@pytest.mark.parametrize("name", ["", "a/b", "../main", ".hidden", "a b"])
def test_names_are_plain_file_names(name: str, run: Path, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="--name: found"):
        pin(run, tmp_path / "baselines", name)
    assert not (tmp_path / "baselines").exists()


def test_the_default_name_is_a_plain_one(tmp_path: Path) -> None:
    run = write_run(tmp_path / "rgb no segmentation-检索|x-0123", {"map": [1.0]})
    assert pin(run, tmp_path).name == "rgb-no-segmentation-检索-x-0123.json"


def refused(given: Path | str, told: str) -> None:
    with pytest.raises(NotComparableError, match=told) as error:
        read_run_scores(given)
    assert "\n" not in str(error.value)


def test_missing_and_unfinished_runs(run: Path, tmp_path: Path) -> None:
    refused("nowhere", "nowhere: found neither a run folder nor a baseline of that name in results/baselines")
    refused(tmp_path, "manifest.json: no such file")
    refused(write_run(tmp_path / "running", SCORES, status="running"), "the run is not finished")
    (run / "questions.jsonl").unlink()
    refused(run, r"questions\.jsonl: found no question 'q000'")
    (run / "scores.json").unlink()
    with pytest.raises(NotComparableError):
        pin(run, tmp_path)


def test_a_baseline_cannot_be_pinned_again(run: Path, tmp_path: Path) -> None:
    pinned = pin(run, tmp_path)
    with pytest.raises(NotComparableError, match="found a file, expected a run folder"):
        pin(pinned, tmp_path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": 3}, "found format 3, expected 4"),
        ({"questions": {"q000": ["x", [0], None, 1]}}, "q000: 4 values for 5 columns"),
        ({"questions": {"q000": ["x", [0], None, 1, 1.5]}}, r"q000: scores outside \[0, 1\]"),
        ({"questions": {"q000": ["x", [0], None, 1, "1"]}}, "found a damaged baseline"),
        ({"questions": [1]}, "found a damaged baseline"),
        ({"metrics": {}}, "found a damaged baseline"),
        ({"benchmark": None}, "found a damaged baseline"),
        ({"slices": None}, "found a damaged baseline"),
        ({"labels": {"faithfulness": {"given": {"q000": 2}}}}, "found a damaged baseline .labels outside"),
    ],
)
def test_damaged_baselines(changes: dict[str, Any], told: str, run: Path, tmp_path: Path) -> None:
    path = pin(run, tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), encoding="utf-8")
    refused(path, told)
    refused(path, "pin it again with `rageval baseline set`")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b"<<<<<<< ours"])
def test_what_is_no_baseline(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "main.json").write_bytes(content)
    refused(tmp_path / "main.json", "found no baseline, expected JSON with a format number")


def test_documents_are_numbered_by_question_and_id() -> None:
    """Grade 0 is no relevant document, and has no number."""
    grades = {"d": {"y": 2, "x": 1}, "c": {"x": 0, "z": 1}, "a": {"x": 1}, "b": {"y": 1}, "e": {}, "f": {"z": 0}}
    assert relevant_documents(grades) == {"a": (0,), "b": (1,), "c": (2,), "d": (0, 1), "e": (), "f": ()}


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.dictionaries(st.sampled_from("uvwxyz"), st.integers(0, 2))))
def test_questions_share_a_number_exactly_where_they_share_a_document(grades: dict[str, dict[str, int]]) -> None:
    numbers = relevant_documents(grades)
    relevant = {question: {d for d, grade in by.items() if grade > 0} for question, by in grades.items()}
    for a in grades:
        for b in grades:
            assert len({*numbers[a]} & {*numbers[b]}) == len(relevant[a] & relevant[b])


def test_excerpts_are_kept_where_a_run_has_them(run: Path, tmp_path: Path) -> None:
    """The first three passages and marked ones up to six, long answers and failures shortened."""
    questions = [
        question_to_json(
            Question(name, "?"), [RelevanceLabel(name, "a", 1, 10, 20), RelevanceLabel(name, "b", 0)], DIGEST
        )
        for name in ("q000", "q001", "q002")
    ]
    folder = RunFolder(run)
    folder.write_questions(questions)
    ranking = [
        ("x", 0, 9),
        ("b", 0, 9),
        ("y", 0, 9),
        ("z", 0, 9),
        ("a", 0, 10),
        ("a", 19, 25),
        ("a", 20, 21),
        ("a", 12, 13),
    ]
    hits = tuple(Hit(Passage(*where, ""), 1.0) for where in ranking)
    folder.add_outcome("q000", Response(hits, "long " * 1000))
    folder.add_outcome("q001", Response())
    folder.add_outcome("q002", Failure("TimeoutError", "no reply " * 1000))
    scores = with_excerpts(read_run_folder(run))
    pinned = read_run_scores(write_baseline(scores, tmp_path))
    assert dict(pinned.excerpts) == dict(scores.excerpts) == {
        "q000": Excerpt(
            ("long " * 400),
            (
                FoundPassage(1, "x#0-9", ""),
                FoundPassage(2, "b#0-9", ""),
                FoundPassage(3, "y#0-9", ""),
                FoundPassage(5, "a#0-10", "relevant"),
                FoundPassage(6, "a#19-25", "evidence"),
                FoundPassage(7, "a#20-21", "relevant"),
            ),
        ),
        "q001": Excerpt(None, ()),
        "q002": Excerpt(None, (), ("TimeoutError: " + "no reply " * 1000)[:2000]),
    }  # fmt: skip
    assert set(pinned.only(["q001"]).excerpts) == {"q001"}


@pytest.mark.parametrize(
    "excerpt", ['["a", ""]', '[1, "", []]', '["a", "", [[1, 2, ""]]]', '["a", "", [[1, "x"]]]', "7"]
)
def test_damaged_excerpts(excerpt: str, run: Path, tmp_path: Path) -> None:
    path = pin(run, tmp_path)
    path.write_text(
        path.read_text("utf-8").replace('"fingerprint"', f'"excerpts": {{"q000": {excerpt}}},\n"fingerprint"', 1),
        "utf-8",
    )
    with pytest.raises(NotComparableError, match="found a damaged baseline"):
        read_run_scores(path)

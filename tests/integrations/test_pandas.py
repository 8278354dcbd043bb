"""DataFrames: what runs and results give, and benchmarks and recorded runs made of them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rageval
from rageval.benchmark import load
from rageval.decide.comparison import METRICS, QUESTIONS, SLICES, CompareResult, compare
from rageval.decide.leaderboard import read_leaderboard
from rageval.decide.leaderboard_frames import ESTIMATES, RUNS
from rageval.decide.leaderboard_frames import SLICES as SLICES_OF_A_LEADERBOARD
from rageval.errors import BenchmarkError, DeclarationError, MissingExtraError
from rageval.integrations.pandas import benchmark_from_frames, benchmark_to_frames, recorded_frame
from rageval.io.frames import Dtype, make_frame, read_frame, write_frame
from rageval.io.records import question_to_json
from rageval.io.run_folder import RunFolder
from rageval.io.run_frames import HITS, JUDGMENTS, RESPONSES, SCORES
from rageval.io.run_frames import QUESTIONS as QUESTIONS_OF_A_RUN
from rageval.pipeline import Pipeline
from rageval.scores.run_scores import RunScores
from rageval.types import (
    Abstained,
    Benchmark,
    Document,
    Failure,
    Graded,
    Hit,
    Judgment,
    Passage,
    Question,
    RelevanceLabel,
    Response,
    Usage,
)
from tests.unit.sides import side

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

NA = pd.NA
FRAMES = ["csv", "jsonl", "parquet"]


def rows(frame: Any) -> list[tuple[Any, ...]]:
    """The cells of a frame, with None for NA."""
    return [tuple(None if cell is NA else cell for cell in row) for row in frame.itertuples(index=False, name=None)]


def dtypes(frame: Any) -> set[str]:
    return {str(dtype) for dtype in frame.dtypes}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    folder.write_manifest(
        {
            "label": "naive(k=2)",
            "status": "complete",
            "judges": {"relevance": {"key": "relevance-1"}, "relevance@strong": {"key": "relevance-2"}},
        }
    )
    folder.write_questions(
        [
            question_to_json(Question("q1", "How high?"), [RelevanceLabel("q1", "d2", 2)]),
            question_to_json(Question("q2", "多高？", "zh"), []),
        ]
    )
    passages = (Passage("d1", 0, 4, "text"), Passage("d2", 3, 9, "second"), Passage("d3", 0, 2, ""))
    hits = tuple(map(Hit, passages, (1.5, 0.5, 0.0)))
    usage = Usage(3, 1, 34, 10, 5, 1, 4, 0)
    folder.add_outcome("q1", Response(hits, "Because.", (1, 0), (1,), False, usage=usage, latency_s=0.25))
    folder.add_outcome("q2", Failure("KeyError", "broken", 'KeyError: broken\n  File "mine.py", line 3, in answer'))
    folder.add_judgments(
        "relevance-1",
        "q1",
        (
            Judgment("q1", "relevance-1", "passage", 0, "text", Graded(1.0, 0.75, (), "it says so")),
            Judgment(
                "q1", "relevance-1", "passage", 1, "second", Abstained("unreadable", "?", traceback="judge.py, line 2")
            ),
        ),
        Usage(),
    )
    folder.add_judgments("relevance-1", "q2", (), Usage())
    folder.add_judgments(
        "relevance-2", "q1", (Judgment("q1", "relevance-2", "passage", 0, "text", Graded(0.0)),), Usage()
    )
    folder.write_scores(
        {
            "mrr": {"estimate": None, "questions": {"q1": 0.5, "q2": 0.0}, "failed": ["q2"], "unscored": {}},
            "faithfulness": {"estimate": None, "questions": {}, "failed": [], "unscored": {"q1": "no claims"}},
        }
    )
    return folder


def test_scores_of_a_run(run: RunFolder) -> None:
    frame = run.to_pandas()
    assert [*frame.columns] == ["pipeline", "metric", "question_id", "score", "failed", "unscored"]
    assert rows(frame) == [
        ("naive(k=2)", "mrr", "q1", 0.5, False, None),
        ("naive(k=2)", "mrr", "q2", 0.0, True, None),
        ("naive(k=2)", "faithfulness", "q1", None, False, "no claims"),
    ]
    assert [str(dtype) for dtype in frame.dtypes] == ["string", "string", "string", "Float64", "boolean", "string"]
    assert frame.groupby("metric").score.mean()["mrr"] == 0.25


def test_responses_of_a_run(run: RunFolder) -> None:
    frame = run.to_pandas("responses").set_index("question_id")
    first, second = frame.loc["q1"], frame.loc["q2"]
    assert (first.question, first.language, first.answer, first.abstained) == ("How high?", "en", "Because.", False)
    assert (first.hits, first.latency_s) == (3, 0.25)
    assert (first.calls, first.prompt_tokens, first.completion_tokens) == (3, 34, 5)
    assert (first.paid_calls, first.paid_prompt_tokens, first.paid_completion_tokens) == (2, 30, 5)
    assert (first.cached_calls, first.cached_tokens) == (1, 10)
    assert first.error is NA
    assert first.traceback is NA
    assert second.traceback == 'KeyError: broken\n  File "mine.py", line 3, in answer'
    assert (second.question, second.error, second.message) == ("多高？", "KeyError", "broken")
    assert {second.answer, second.abstained, second.hits, second.latency_s, second.calls} == {NA}
    assert dtypes(frame) == {"string", "boolean", "Int64", "Float64"}


def test_questions_of_a_run(run: RunFolder) -> None:
    question = Question("q1", "How high?", "en", ("2310 m",), ("easy",), {"topic": "山"})
    run.write_questions([question_to_json(question, ()), question_to_json(Question("q2", "多高？", "zh"), ())])
    frame = run.to_pandas("questions")
    assert rows(frame) == [
        ("naive(k=2)", "q1", "How high?", "en", ["2310 m"], ["easy"], '{"topic": "山"}'),
        ("naive(k=2)", "q2", "多高？", "zh", [], [], "{}"),
    ]
    merged = run.to_pandas().merge(frame, on=["pipeline", "question_id"])
    assert merged.groupby("language").score.mean().to_dict() == {"en": 0.5, "zh": 0.0}


def test_hits_of_a_run(run: RunFolder) -> None:
    frame = run.to_pandas("hits").drop(columns=["pipeline", "question_id"])
    assert [*frame.columns] == [
        "rank", "doc_id", "start", "end", "score", "grade", "context_rank", "cited", "text"
    ]  # fmt: skip
    assert rows(frame) == [
        (1, "d1", 0, 4, 1.5, None, 2, False, "text"),
        (2, "d2", 3, 9, 0.5, 2, 1, True, "second"),
        (3, "d3", 0, 2, 0.0, None, None, False, None),
    ]
    assert dtypes(frame) == {"string", "boolean", "Int64", "Float64"}


def test_judgments_of_a_run(run: RunFolder) -> None:
    frame = run.to_pandas("judgments").drop(columns=["pipeline", "question_id", "item"])
    assert [*frame.columns] == ["judge", "index", "text", "grade", "probability", "abstained", "rationale", "traceback"]
    assert rows(frame) == [
        ("relevance", 0, "text", 1.0, 0.75, None, "it says so", None),
        ("relevance", 1, "second", None, None, "unreadable", None, "judge.py, line 2"),
        ("relevance@strong", 0, "text", 0.0, None, None, "", None),
    ]


def test_an_unknown_table_and_an_empty_one(run: RunFolder) -> None:
    with pytest.raises(
        DeclarationError, match="found the table 'answers', expected scores, questions, responses, hits or"
    ):
        run.to_pandas("answers")  # pyright: ignore[reportArgumentType]
    run.write_scores({})
    frame = run.to_pandas()
    assert len(frame) == 0
    assert str(frame.score.dtype) == "Float64"


@pytest.mark.parametrize("suffix", FRAMES)
@pytest.mark.parametrize("name", ["scores", "questions", "responses", "hits", "judgments"])
def test_tables_go_through_files(name: Any, suffix: str, run: RunFolder, tmp_path: Path) -> None:
    frame = run.to_pandas(name)
    path = tmp_path / f"table.{suffix}"
    write_frame(frame, path)
    back = read_frame(path)
    assert [*back.columns] == [*frame.columns]
    if suffix == "csv":  # all text, and no telling "" from nothing
        back = back.astype({name: dtype for name, dtype in frame.dtypes.items() if str(dtype) != "boolean"})
        numbers = frame.select_dtypes(["Int64", "Float64"])
        pd.testing.assert_frame_equal(back[numbers.columns], numbers)
        assert [*back.pipeline] == [*frame.pipeline]
    else:
        pd.testing.assert_frame_equal(back.convert_dtypes().astype(frame.dtypes), frame)


@pytest.fixture
def sides() -> tuple[RunScores, RunScores]:
    before = side({"mrr": [0.0, 0.5, 1.0, 0.5], "answer_relevance": [None, None, None, None]}, "before")
    after = side({"mrr": [0.5, 0.5, 1.0, 1.0], "answer_relevance": [1.0, 1.0, 1.0, 1.0]}, "after")
    return before, after


@pytest.fixture
def compared(sides: tuple[RunScores, RunScores]) -> CompareResult:
    return compare(*sides)


def test_a_comparison_by_metric(compared: CompareResult) -> None:
    frame = compared.to_pandas().set_index("metric")
    mrr = frame.loc["mrr"]
    assert (mrr.baseline, mrr.candidate, mrr.difference) == (0.5, 0.75, 0.25)
    assert (mrr.n, mrr.wins, mrr.ties, mrr.losses) == (4, 2, 2, 0)
    assert (mrr.verdict, mrr.judge_only, mrr.lower_is_better) == ("cannot be told apart", False, False)
    assert mrr.low <= 0.25 <= mrr.high
    assert mrr.refused is NA
    refused = frame.loc["answer_relevance"]
    assert refused.refused == compared.refused["answer_relevance"]
    assert set(refused.drop("refused")) == {NA}
    assert dtypes(frame) == {"string", "boolean", "Int64", "Float64"}


def test_a_comparison_by_question(compared: CompareResult) -> None:
    assert rows(compared.to_pandas("questions")) == [
        ("mrr", "q000", 0.0, 0.5, 0.5),
        ("mrr", "q001", 0.5, 0.5, 0.0),
        ("mrr", "q002", 1.0, 1.0, 0.0),
        ("mrr", "q003", 0.5, 1.0, 0.5),
    ]
    with pytest.raises(DeclarationError, match="found the table 'runs', expected metrics, questions or slices"):
        compared.to_pandas("runs")  # pyright: ignore[reportArgumentType]


def test_a_comparison_by_slice(sides: tuple[RunScores, RunScores]) -> None:
    before, after = sides
    topics = {"q000": ("a",), "q001": ("b",), "q002": ("b",)}
    frame = compare(before, replace(after, slices={"topic": topics}), ["mrr"], by="topic").to_pandas("slices")
    assert rows(frame[["metric", "by", "slice", "n", "baseline", "candidate", "difference", "verdict", "few"]]) == [
        ("mrr", "topic", "a", 1, 0.0, 0.5, 0.5, "cannot be told apart", True),
        ("mrr", "topic", "b", 2, 0.75, 0.75, 0.0, "cannot be told apart", True),
        ("mrr", "topic", "(none)", 1, 0.5, 1.0, 0.5, "cannot be told apart", True),
    ]
    assert {*frame.interaction_p} == {NA}
    assert {*frame.untested} == {"it takes two slices of 10 scored questions or more, and there is none"}


DOCUMENTS = (
    Document("d1", "Mount Arlen is 2310 metres high.", "Arlen", "en", {"url": "u", "years": [1871, None]}),
    Document("007", "青石山高一千八百米。", "", "zh"),
)
ASKED = (
    Question(
        "1", "How high is Mount Arlen?", "en", ("2310 m", "2310 metres"), ("easy",), {"topic": "山", "year": 1871}
    ),
    Question("q2", "青石山有多高？", "zh", ("一千八百米",), ()),
    Question("q3", "Who built it?", "en", (), ("unanswerable", "easy")),
)
LABELS = (RelevanceLabel("1", "d1", 2, 6, 11, "height"), RelevanceLabel("q2", "007", 1), RelevanceLabel("1", "007", 0))


@pytest.fixture
def benchmark() -> Benchmark:
    return rageval.benchmark_from_records("peaks", DOCUMENTS, ASKED, LABELS)


def test_a_benchmark_there_and_back(benchmark: Benchmark) -> None:
    frames = benchmark_to_frames(benchmark)
    assert [len(frame) for frame in frames] == [2, 3, 3]
    again = benchmark_from_frames("peaks", *frames)
    assert (again.documents, again.questions, again.labels) == (DOCUMENTS, ASKED, LABELS)
    assert again.content_hash == benchmark.content_hash


@pytest.mark.parametrize("suffix", FRAMES)
def test_a_benchmark_goes_through_files(suffix: str, benchmark: Benchmark, tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.{suffix}" for name in ("documents", "questions", "labels")]
    for frame, path in zip(benchmark_to_frames(benchmark), paths, strict=True):
        write_frame(frame, path)
    again = benchmark_from_frames("peaks", *map(read_frame, paths))
    assert again.content_hash == benchmark.content_hash


def test_pandas_reads_the_files_of_a_benchmark() -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "handbook"
    again = benchmark_from_frames(
        "handbook",
        read_frame(folder / "documents.jsonl"),
        read_frame(folder / "questions.jsonl"),
        pd.read_csv(folder / "labels.tsv", sep="\t"),
    )
    assert again.content_hash == load(str(folder)).content_hash


def test_plain_frames_of_numbers_and_texts() -> None:
    benchmark = benchmark_from_frames(
        "small",
        pd.DataFrame({"id": [1, 2], "text": ["x", "y"], "title": [None, "Y"], "metadata": [{"a": 1}, None]}),
        pd.DataFrame({"id": [10, 11], "text": ["one?", "二？"], "references": ["x", None]}),
        pd.DataFrame({"question_id": [10.0, 11.0], "document_id": [1, 2], "grade": [1.0, 2.0]}),
    )
    assert benchmark.documents == (Document("1", "x", metadata={"a": 1}), Document("2", "y", "Y"))
    assert benchmark.questions == (Question("10", "one?", references=("x",)), Question("11", "二？", "zh"))
    assert benchmark.labels == (RelevanceLabel("10", "1", 1), RelevanceLabel("11", "2", 2))


def test_a_benchmark_without_labels() -> None:
    frame = pd.DataFrame({"id": ["a"], "text": ["x"]})
    assert benchmark_from_frames("small", frame, frame).labels == ()


@pytest.mark.parametrize(
    ("frame", "column", "values", "problem"),
    [
        ("documents", "text", ["x", None], "documents[1]: found null for 'text', expected a text"),
        ("documents", "id", ["d1", "d1"], "documents[1]: found the document id 'd1' again, expected it once (see"),
        ("documents", "metadata", ["{}", "{"], "documents[1]: found 'metadata' that is not JSON"),
        ("questions", "language", ["en", "German"], "questions[1]: found the language 'German', expected a code"),
        ("questions", "references", [["a"], [3]], "questions[1]: found a number for an item of 'references'"),
        ("labels", "grade", [1, None], "labels[1]: found the grade '', expected a whole number"),
        ("labels", "grade", [1.0, 0.5], "labels[1]: found the grade '0.5', expected a whole number"),
        (
            "labels",
            "document_id",
            ["d1", "d9"],
            "labels[1]: found the unknown document 'd9', expected",
        ),
    ],
)
def test_a_bad_cell_is_told_by_row_and_column(frame: str, column: str, values: Sequence[Any], problem: str) -> None:
    frames = {
        "documents": pd.DataFrame({"id": ["d1", "d2"], "text": ["x", "y"]}),
        "questions": pd.DataFrame({"id": ["q1", "q2"], "text": ["a?", "b?"]}),
        "labels": pd.DataFrame({"question_id": ["q1", "q2"], "document_id": ["d1", "d1"], "grade": [1, 1]}),
    }
    frames[frame] = frames[frame].assign(**{column: values})
    with pytest.raises(BenchmarkError) as caught:
        benchmark_from_frames("small", **frames)
    assert caught.value.problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("documents", "problem"),
    [
        (pd.DataFrame({"id": ["d1"]}), "documents: found no column 'text', only id; expected it"),
        (
            pd.DataFrame({"id": ["d1"], "text": ["x"], "txt": [1]}),
            "documents: found the unknown column 'txt', expected id, text, title, language, metadata",
        ),
        (
            pd.DataFrame([["d1", "x", "y"]], columns=["id", "text", "text"]),
            "documents: found the column 'text' 2 times, expected it once",
        ),
        ([{"id": "d1"}], "documents: found a list, expected a pandas DataFrame"),
    ],
)
def test_columns_that_do_not_fit(documents: Any, problem: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        benchmark_from_frames("small", documents, pd.DataFrame({"id": ["q"], "text": ["?"]}))
    assert str(caught.value) == problem


NESTED = pd.DataFrame(
    {
        "question_id": ["1", "q2"],
        "answer": ["It is 2310 m high.", None],
        "hits": [[{"doc_id": "d1"}, {"doc_id": "007", "score": 0.5, "text": "2310 m"}], []],
        "cost": [1, 2],
    }
)
BY_HIT = pd.DataFrame(
    {
        "question_id": ["1", "1", "q2"],
        "answer": ["It is 2310 m high.", "It is 2310 m high.", None],
        "doc_id": ["d1", "007", None],
        "score": [None, 0.5, None],
        "text": [None, "2310 m", None],
    }
)


def replayed(pipeline: Pipeline, benchmark: Benchmark, out: Path) -> RunFolder:
    (run,) = rageval.evaluate(benchmark, [pipeline], ["mrr"], out=out).runs
    return RunFolder(run, {document.id: document for document in benchmark.documents})


@pytest.mark.parametrize("suffix", [None, *FRAMES])
def test_what_a_frame_says_of_abstentions_counts_and_all_hits_are_read(
    suffix: str | None, benchmark: Benchmark, tmp_path: Path
) -> None:
    answers = ["I don't know is on third.", "无可奉告。", "我不知道。"]
    frame = pd.DataFrame(
        {
            "question_id": [question.id for question in ASKED],
            "answer": answers,
            "abstained": pd.Series([False, True, None], dtype="boolean"),
            "hits": [[{"doc_id": "d1", "text": "x"} for _ in range(7)], [], []],
        }
    )
    if suffix:
        write_frame(frame, tmp_path / f"run.{suffix}")
        frame = read_frame(tmp_path / f"run.{suffix}")
    outcomes = replayed(recorded_frame(frame), benchmark, tmp_path / "out").outcomes()
    responses = [outcomes[question.id] for question in ASKED]
    assert [isinstance(one, Response) and one.abstained for one in responses] == [False, True, True]
    assert isinstance(responses[0], Response)
    assert responses[0].context == tuple(range(7))
    with pytest.raises(
        DeclarationError, match=r"responses\[0\]: found ExecutionError \(the response's abstained: found a"
    ):
        recorded_frame(frame.assign(abstained="perhaps"))


@pytest.mark.parametrize("frame", [NESTED, BY_HIT], ids=["nested", "by hit"])
@pytest.mark.parametrize("suffix", [None, *FRAMES])
def test_a_recorded_run(frame: Any, suffix: str | None, benchmark: Benchmark, tmp_path: Path) -> None:
    if suffix:
        write_frame(frame, tmp_path / f"run.{suffix}")
        frame = read_frame(tmp_path / f"run.{suffix}")
    run = replayed(recorded_frame(frame, "mine", k=1), benchmark, tmp_path / "out")
    assert run.manifest()["label"] == "mine"
    outcomes = run.outcomes()
    first, second, third = (outcomes[question.id] for question in ASKED)
    assert isinstance(first, Response)
    assert (first.answer, first.context) == ("It is 2310 m high.", (0,))
    assert [hit.passage for hit in first.hits] == [
        Passage("d1", 0, 32, "Mount Arlen is 2310 metres high.", "Arlen"),
        Passage("007", 0, 0, "2310 m"),  # its document does not have these words
    ]
    assert first.hits[1].score == 0.5
    for other in (second, third):
        assert isinstance(other, Response)
        assert (other.answer, other.hits) == (None, ())
    assert dict(zip(*(run.to_pandas()[name] for name in ("question_id", "score")), strict=True))["1"] == 1.0


def test_the_content_of_the_frame_is_the_fingerprint() -> None:
    spec = recorded_frame(NESTED).stage.spec()
    assert spec == recorded_frame(NESTED.drop(columns="cost"), "other").stage.spec()
    assert spec != recorded_frame(NESTED, k=3).stage.spec()
    assert spec != recorded_frame(NESTED.assign(answer=["no", None])).stage.spec()


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (BY_HIT.drop(columns="question_id"), "responses: found no column 'question_id'"),
        (BY_HIT.assign(answer=["a", "b", None]), "responses[1]: found another 'answer' for question '1'"),
        (BY_HIT.assign(score=[1.0, "high", None]), "responses[1]: found ValueError (could not convert string"),
        (BY_HIT.assign(question_id=["1", None, "q2"]), "responses[1]: found None for 'question_id', expected a text"),
        (NESTED.assign(question_id="1"), "responses[1]: found the 'question_id' '1' again, expected it once"),
        (
            NESTED.assign(answer=[3, None]),
            "responses[0]: found ExecutionError (the response's answer: found a float, expected a text",
        ),
        (NESTED.assign(hits=["d1", "d2"]), "responses[0]: found TypeError (a hit is not an object) in"),
        (NESTED.assign(hits=[[{"score": 1.0}], []]), "responses[0]: found KeyError ('doc_id') in the columns answer"),
    ],
)
def test_bad_responses(frame: Any, problem: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        recorded_frame(frame)
    assert str(caught.value).startswith(problem)


def test_k_is_at_least_one() -> None:
    with pytest.raises(DeclarationError, match="k: found 0, expected at least 1"):
        recorded_frame(NESTED, k=0)


def test_a_result_and_its_leaderboard(benchmark: Benchmark, tmp_path: Path) -> None:
    other = recorded_frame(pd.DataFrame({"question_id": ["1"], "doc_id": ["007"]}), "other")
    result = rageval.evaluate(benchmark, [recorded_frame(NESTED, "mine"), other], ["mrr"], out=tmp_path)
    scores = result.to_pandas()
    assert scores.pivot_table("score", "question_id", "pipeline").loc["1"].to_dict() == {"mine": 1.0, "other": 0.0}
    assert set(result.to_pandas("hits").pipeline) == {"mine", "other"}
    estimates = result.leaderboard.to_pandas().set_index("pipeline")
    assert [*estimates.index] == ["mine", "other"]
    # q3 is unanswerable and q2 has no hits: 1, 0 and 0 over the two questions with labels.
    assert (estimates.loc["mine", "mean"], estimates.loc["mine", "n"]) == (0.5, 2)
    assert estimates.loc["other", "mean"] == 0.0
    assert dtypes(estimates) == {"string", "Float64", "Int64"}
    runs = result.leaderboard.to_pandas("runs")
    assert [*runs.run] == [str(run) for run in result.runs]
    assert [*runs.last_rank] == [2, 2]
    assert [*runs.calls] == [0, 0]
    with pytest.raises(DeclarationError, match="found the table 'rows', expected estimates, runs or slices"):
        result.leaderboard.to_pandas("rows")  # pyright: ignore[reportArgumentType]


def test_a_leaderboard_by_slice(benchmark: Benchmark, tmp_path: Path) -> None:
    runs = rageval.evaluate(benchmark, [recorded_frame(NESTED, "mine")], ["mrr"], out=tmp_path).runs
    frame = read_leaderboard(runs, by=["language", "topic"]).to_pandas("slices")
    assert rows(frame[["pipeline", "metric", "by", "slice", "questions", "mean", "n", "unscored"]]) == [
        ("mine", "mrr", "language", "en", 2, 1.0, 1, 1),
        ("mine", "mrr", "language", "zh", 1, 0.0, 1, 0),
        ("mine", "mrr", "topic", "山", 1, 1.0, 1, 0),
        ("mine", "mrr", "topic", "(none)", 2, 0.0, 1, 1),
    ]
    assert (frame.level == 0.95).all()
    assert ((frame.low <= frame["mean"]) & (frame["mean"] <= frame.high)).all()


def test_a_metric_that_nothing_could_be_scored_on(tmp_path: Path, benchmark: Benchmark) -> None:
    def silent(question: Question) -> str:
        return "I say nothing."

    (run,) = rageval.evaluate(benchmark, [silent], ["mrr"], out=tmp_path).runs
    frame = read_leaderboard([run]).to_pandas()
    assert (frame.n[0], frame.unscored[0]) == (0, 3)
    assert {frame[name][0] for name in ("mean", "low", "high", "method")} == {NA}


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    bad = tmp_path / "bad.parquet"
    bad.write_text("no parquet", encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"bad.parquet: cannot be read \(.*\), expected a parquet file"):
        read_frame(bad)
    with pytest.raises(DeclarationError, match=r"none.csv: cannot be read"):
        read_frame(tmp_path / "none.csv")
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"a": 1}\n[1]\n', encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"bad.jsonl: cannot be read \(line 2 is not an object\)"):
        read_frame(bad)
    with pytest.raises(DeclarationError, match=r"run.xlsx: found the suffix '.xlsx', expected .csv, .jsonl, .parquet"):
        read_frame("run.xlsx")
    with pytest.raises(DeclarationError, match="cannot be written"):
        write_frame(make_frame({"a": "string"}, [("x",)]), tmp_path / "no" / "where.csv")


def test_nothing_is_guessed_from_a_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('question_id,answer,tags\n007,NA,"[""a"", ""b""]"\n1e3,,[not JSON\n', encoding="utf-8")
    assert rows(read_frame(path)) == [("007", "NA", ["a", "b"]), ("1e3", None, "[not JSON")]


def test_nothing_is_guessed_from_a_jsonl_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "007", "date": "2024-01-01"}\n{"id": "1e3", "date": "x"}\n', encoding="utf-8")
    assert rows(read_frame(path)) == [("007", "2024-01-01"), ("1e3", "x")]


def test_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"a DataFrame needs the package pandas: .*\[pandas\]"):
        make_frame({"a": "string"}, [])


PAGE = (Path(__file__).parents[2] / "docs" / "integrations" / "pandas.md").read_text(encoding="utf-8")


def test_the_example_of_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(example.splitlines()) <= 15
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert re.search(r"^q2 +1\.0 +0\.5 +1\.0 +0\.0$", capsys.readouterr().out, flags=re.MULTILINE)
    hits = read_frame(tmp_path / "hits.parquet")
    assert [*hits[hits.pipeline == "recorded"].doc_id] == ["arlen", "arlen", "corva"]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("scores", SCORES),
        ("responses", RESPONSES),
        ("hits", HITS),
        ("judgments", JUDGMENTS),
        ("estimates", ESTIMATES),
        ("runs", RUNS),
        ("metrics", METRICS),
        ("questions", QUESTIONS),
        ("questions of a run", QUESTIONS_OF_A_RUN),
        ("slices of a leaderboard", SLICES_OF_A_LEADERBOARD),
        ("slices of a comparison", SLICES),
    ],
)
def test_the_page_names_all_columns(name: str, columns: Mapping[str, Dtype]) -> None:
    (item,) = re.findall(rf"^- \*\*{name}\*\*: (.*?)(?=^- |^$)", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert re.findall("`(.*?)`", item) == [*columns]


@pytest.mark.parametrize("name", ["table.ndjson", "table.JSONL", "table.jsonl.gz", "table.CSV", "table.csv.gz"])
def test_files_by_other_names(name: str, tmp_path: Path) -> None:
    content = b"id,n\na,1\n" if "csv" in name.lower() else b'{"id": "a", "n": "1"}\n'
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert read_frame(tmp_path / name).to_dict("records") == [{"id": "a", "n": "1"}]

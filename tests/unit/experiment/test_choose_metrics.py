"""Metrics of the user's own by path, by entry point and as objects; names of rageval's go first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import rageval
from rageval import CustomMetric
from rageval.errors import DeclarationError, NotComparableError
from rageval.experiment.choose_metrics import choose_metrics, choose_own
from rageval.io.run_folder import RunFolder
from rageval.metrics.custom import OwnMetric
from rageval.pipeline.function import function_pipeline
from rageval.scores.comparability import metric_conflicts
from rageval.scores.reading import read_scored_run
from rageval.types import Question, Response
from tests.unit.installed import install

WORDS = '''\
from rageval import CustomMetric

class Words(CustomMetric):
    """Words of the answer."""
    name = "metric.words"
    best = 0

    def __init__(self, most: int = 100):
        self.worst = most

    def score(self, question, response, grades):
        return min(self.worst, len(response.answer.split()))
'''
BREVITY = '''\
from rageval import CustomJudge

class Brevity(CustomJudge):
    """Is the answer short?"""
    name = "custom.brevity"

    async def judge(self, question, response, chat):
        return self.grade(1.0, response)
'''


class Length(CustomMetric):
    """Letters of the answer, at most 40."""

    name = "metric.length"
    best = 40

    def score(self, question: Question, response: Response, grades: Mapping[str, int]) -> float:
        return min(40, len(response.answer or ""))


def own(given: object, base: Path) -> OwnMetric:
    found = choose_own(given, base)
    assert isinstance(found, OwnMetric)
    return found


def test_by_path_and_as_an_object(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(WORDS, encoding="utf-8")
    (tmp_path / "made.py").write_text(f"{WORDS}\nmetric = Words(most=7)\n", encoding="utf-8")
    chosen = choose_metrics(["words.py", "ndcg@10", Length()], tmp_path)
    assert [str(metric) for metric in chosen.metrics] == ["metric.words", "ndcg@10", "metric.length"]
    assert [one.name for one in chosen.own_metrics] == ["metric.words", "metric.length"]
    assert chosen.own_judges == ()
    assert own("made.py", tmp_path).metric.worst == 7
    assert own({"words.py:Words": {"most": 9}}, tmp_path).metric.worst == 9


def test_the_key_is_of_code_and_settings(tmp_path: Path) -> None:
    path = tmp_path / "words.py"
    path.write_text(WORDS, encoding="utf-8")
    first, again, other = own("words.py", tmp_path), own("words.py", tmp_path), own({"words.py": {"most": 5}}, tmp_path)
    path.write_text(WORDS.replace("len(response.answer.split())", "2 * len(response.answer.split())"), encoding="utf-8")
    edited = own("words.py", tmp_path)
    assert first.key == again.key
    assert len({first.key, other.key, edited.key}) == 3


def test_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = "[rageval.metrics]\nwords = w:Words\nfaithfulness = w:Words\n[rageval.judges]\nbrevity = b:Brevity\n"
    monkeypatch.syspath_prepend(install(tmp_path / "site", {"w": WORDS, "b": BREVITY}, points))
    chosen = choose_metrics([{"words": {"most": 5}}, "brevity", "faithfulness"], tmp_path)
    assert [str(metric) for metric in chosen.metrics] == ["metric.words", "custom.brevity", "faithfulness"]
    assert [one.metric.worst for one in chosen.own_metrics] == [5]
    assert [judge.name for judge in chosen.own_judges] == ["custom.brevity"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["metric.words"], r"metrics: found metric\.words, expected the path of that metric, such as words\.py"),
        ([Length(), Length()], r"metrics: found metric\.length twice, expected each metric once"),
        (["wrods"], "unknown metric 'wrods'"),
        ([{"words.py": {"mots": 3}}], r"metrics\.words: found the setting 'mots', expected one of: most; did you mean"),
        ([{"words.py": {"most": "x"}}], r"metrics\.words\.most: found 'x'"),
        ([{"map": {"k": 3}}], r"metrics\.map: found settings, expected none for a metric of rageval's"),
        ([{"words.py": None, "map": None}], "metrics: found .* in one entry, expected one name with its settings"),
        ([{"words.py": 3}], r"metrics\.words\.py: found 3, expected settings"),
        (["nowhere.py"], r"metrics: nowhere\.py: no such file"),
        (["words.py:Wrods"], r"words\.py: found no Wrods; did you mean Words\?"),
        (
            [{"words.py": {"most": 0}}],
            r"words\.py: metric\.words: found worst 0 and best 0, expected two",
        ),
        ([Length], "metrics: found the class Length, expected a name, a path"),
    ],
)
def test_mistakes_are_told_in_one_line(given: list[Any], told: str, tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text(WORDS, encoding="utf-8")
    with pytest.raises(DeclarationError, match=told) as caught:
        choose_metrics(given, tmp_path)
    assert "\n" not in str(caught.value)


def benchmark() -> rageval.Benchmark:
    documents = [rageval.Document("a", "The lake is 40 m deep."), rageval.Document("b", "The river is long.")]
    questions = [Question("q1", "How deep is the lake?"), Question("q2", "How long is the river?")]
    return rageval.benchmark_from_records("lakes", documents, questions, [rageval.RelevanceLabel("q1", "a", 2)])


def answer(question: Question) -> str:
    if question.id == "q2":
        raise ValueError("no idea")
    return "It is forty metres deep."


def run(out: Path, *metrics: Any) -> RunFolder:
    result = rageval.evaluate(benchmark(), [function_pipeline(answer)], metrics, out=out)
    return RunFolder(result.runs[0])


def test_scores_of_a_run_by_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five words, of 10 at worst: 0.5; the failure is at the worst."""
    monkeypatch.chdir(tmp_path)
    Path("words.py").write_text(WORDS, encoding="utf-8")
    folder = run(tmp_path, {"words.py": {"most": 10}}, Length())
    scores = folder.scores()
    assert scores["metric.words"]["questions"] == {"q1": 0.5, "q2": 0.0}
    assert scores["metric.words"]["failed"] == ["q2"]
    assert scores["metric.length"]["questions"] == {"q1": 24 / 40, "q2": 0.0}
    told = folder.manifest()["own_metrics"]
    assert told["metric.words"]["summary"] == "Words of the answer."
    assert told["metric.words"]["key"].startswith("metric.words-")


class Broken(Length):
    """Raises."""

    name = "metric.broken"

    def score(self, question: Question, response: Response, grades: Mapping[str, int]) -> float:
        assert grades == {"a": 2}
        raise RuntimeError("out of order")


def test_what_raises_is_unscored_and_the_run_goes_on(tmp_path: Path) -> None:
    scores = run(tmp_path, Broken(), Length()).scores()
    assert scores["metric.broken"]["unscored"] == {"q1": "RuntimeError: out of order"}
    assert scores["metric.broken"]["questions"] == {"q2": 0.0}
    assert scores["metric.length"]["questions"]["q1"] == 24 / 40


def test_a_metric_that_reads_no_answers_has_none_generated(tmp_path: Path) -> None:
    assert run(tmp_path / "a", Length()).manifest()["generate"] is True
    silent = Length()
    silent.reads_answers = False
    assert run(tmp_path / "b", silent).manifest()["generate"] is False


def test_runs_scored_by_other_code_are_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("words.py").write_text(WORDS, encoding="utf-8")
    first = run(tmp_path / "a", {"words.py": {"most": 10}}, "exact_match").path
    other = run(tmp_path / "b", {"words.py": {"most": 20}}, "exact_match").path
    same = run(tmp_path / "c", {"words.py": {"most": 10}}, "exact_match").path
    assert metric_conflicts([read_scored_run(first), read_scored_run(same)]) == {}
    assert [*metric_conflicts([read_scored_run(first), read_scored_run(other)])] == ["metric.words"]
    assert rageval.compare(first, same).comparisons
    with pytest.raises(NotComparableError, match=r"metric\.words: found other code \(.*expected the same"):
        rageval.compare(first, other, ["metric.words"])

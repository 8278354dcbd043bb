from __future__ import annotations

import re
from dataclasses import replace

import pytest

from rageval.decide.comparison import CompareResult, Comparison, compare
from rageval.decide.gate import gate
from rageval.report.compare import markdown, p_cell
from rageval.report.compare_printout import compare_printout
from rageval.report.gate import markdown as gate_markdown
from rageval.report.tables.terminal import terminal_text
from rageval.scores.pairs import Pairs
from rageval.scores.run_scores import MetricScores
from rageval.stats import Interval
from tests.unit.sides import side

NDCG = Comparison(
    Pairs(
        "ndcg@10",
        ("q000", "q001"),
        (0.25, 0.5),
        (1.0, 0.5),
        None,
        (),
        (),
        (0, 1),
        judged=False,
        sharing="These 2 are as good as 1 document.",
    ),
    Interval(0.375, 0.125, 0.625, 0.95, "dirichlet", 2),
    0.0004,
    0.0008,
    "permutation",
    1,
    1,
    0,
    "better",
    0.05,
    None,
)
FAITHFULNESS = Comparison(
    Pairs("faithfulness", ("q001",), (0.5,), (0.5,), None, ("q000",), (), (0, 0), judged=True),
    Interval(0.0, -0.5, 0.5, 0.95, "dirichlet", 1),
    1.0,
    1.0,
    "permutation, exact",
    0,
    1,
    0,
    "cannot be told apart",
    0.05,
    140,
)


@pytest.fixture
def result() -> CompareResult:
    texts = {"q000": "Is `a|b`\n<b>@you</b>?", "q001": "x" * 200}
    return CompareResult(
        side({"map": [0, 0]}, "results/baselines/main.json"),
        side({"map": [0, 0]}, "results/runs/two", texts=texts),
        0.95,
        {"ndcg@10": NDCG, "faithfulness": FAITHFULNESS},
        {"map": "map: found other judges"},
    )


def test_markdown(result: CompareResult) -> None:
    assert markdown(result) == (
        "## `pipeline results/runs/two` against `pipeline results/baselines/main.json`\n"
        "\n"
        "- candidate is better on ndcg@10 by 0.375 [0.125, 0.625]\n"
        "- faithfulness cannot be told apart: 140 more questions would show a difference of 0.05 "
        "(judge only, uncorrected)\n"
        "- map is not compared: map: found other judges\n"
        "\n"
        "| metric | verdict | baseline | candidate | difference | p | adjusted p | better/same/worse | questions |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
        "| ndcg@10 | better | 0.375 | 0.750 | +0.375 [+0.125, +0.625] | <0.001 | <0.001 | 1/1/0 | 2 |\n"
        "| faithfulness † | cannot be told apart | 0.500 | 0.500 | +0.000 [-0.500, +0.500] | 1.000 | 1.000 | 0/1/0 | "
        "1 (1 + 0 left out) |\n"
        "\n"
        "small, 2 questions. These 2 are as good as 1 document. Left out: "
        "questions that only the baseline + only the candidate has a score for. Failed questions score 0: 0 of the "
        "baseline's, 1 of the candidate's. † judge only, uncorrected: a model's opinion that no people's labels have "
        "corrected. Difference: candidate - baseline on the same questions, with its 95% interval. p: two-sided "
        "(permutation; permutation, exact), adjusted by Holm over the metrics. Better or worse: adjusted p at most "
        "0.05 and 0 outside the interval. More questions: how many show such a difference with probability 0.8.\n"
        "\n"
        "<details><summary>What changed most</summary>\n"
        "\n"
        "**ndcg@10**\n"
        "\n"
        "| question | from | to | text |\n"
        "|---|---|---|---|\n"
        "| `q000` | 0.250 | 1.000 | `Is 'a\\|b' <b>@you</b>?` |\n"
        "\n"
        "</details>\n"
    )


def test_lower_is_better() -> None:
    """The means as they are, the difference turned round, and a legend that says so; a failure scores 1."""
    before, after = side({"hallucination": [1.0] * 9}), side({"hallucination": [0.25] * 9}, "two")
    failed = MetricScores(before.metrics["hallucination"].scores, ("q000",))
    table = markdown(compare(replace(before, metrics={"hallucination": failed}), after))
    assert "| hallucination ↓ † | better | 1.000 | 0.250 | +0.750 [" in table
    assert "| 9/0/0 | 9 |" in table
    assert "| `q000` | 1.000 | 0.250 |" in table
    assert "Failed questions score 0 (1 where ↓): 1 of the baseline's, 0 of the candidate's." in table
    assert "↓ lower is better: its difference is baseline - candidate" in table


def test_terminal(result: CompareResult) -> None:
    lines = terminal_text(compare_printout(result), 240).splitlines()
    assert lines[:3] == [
        "baseline   pipeline results/baselines/main.json  (results/baselines/main.json)",
        "candidate  pipeline results/runs/two  (results/runs/two)",
        NDCG.sentence,
    ]
    (row,) = (line for line in lines if line.startswith("faithfulness †"))
    assert re.split(" {2,}", row)[-2:] == ["0/1/0", "1 (1 + 0 left out)"]
    assert "  0.250 → 1.000  q000  Is `a|b` <b>@you</b>?" in lines
    assert "changed most: faithfulness" not in lines


@pytest.mark.parametrize(("p", "cell"), [(0.0004, "<0.001"), (0.0375, "0.037"), (1.0, "1.000")])
def test_p_cell(p: float, cell: str) -> None:
    assert p_cell(p) == cell


def test_what_else_differs_is_told() -> None:
    """On the terminal, as Markdown, and in the JSON of comparison and gate."""
    before = side({"map": [0.0] * 20}, models={"chat": "writer"}, settings={"prompt answer": "11111111", "seed": "0"})
    after = side({"map": [1.0] * 20}, "two", models={"chat": "author"}, settings={"seed": "0"})
    result = compare(before, after)
    table = "| not the same | baseline | candidate |\n|---|---|---|\n| chat | `writer` | `author` |\n"
    assert table in markdown(result)
    assert (
        terminal_text(compare_printout(result), 240).splitlines()[2]
        == "differs    chat: writer (baseline), author (candidate)"
    )
    gated = gate(before, after, {"map": 0.1})
    assert "| chat | `writer` | `author` |" in gate_markdown(gated)
    assert result.to_json()["differs"] == gated.to_json()["differs"] == {"chat": ["writer", "author"]}

"""What a manifest says of judges: counts, the agreement of a panel, and what was added later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rageval.io.run_folder import RunFolder
from rageval.judges import JUDGES, Panel
from rageval.metrics import parse
from rageval.models.scripted import ScriptedChat
from rageval.scores.judge_entries import Added, added_to, new_entry, read_added, with_counts
from rageval.types import Abstained, Evidence, Graded, Judgment, Verdict

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: four observers, twelve units.
OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
VOTES = [
    tuple(None if vote == "." else float(vote) for vote in unit)
    for unit in zip(*(row.split() for row in OBSERVERS), strict=True)
]


def judged(*verdicts: Verdict) -> dict[str, tuple[Judgment, ...]]:
    """Two to a question."""
    judgments = [Judgment(f"q{i // 2}", "k", "claim", i, "text", verdict) for i, verdict in enumerate(verdicts)]
    return {q: tuple(j for j in judgments if j.question_id == q) for q in {j.question_id for j in judgments}}


def four(judge: str) -> Panel:
    return Panel(JUDGES[judge], tuple(ScriptedChat(lambda _: "", name) for name in "abcd"))


@pytest.mark.parametrize(
    ("judge", "metric", "alpha"), [("completeness", "nominal", 0.743), ("passage_grade", "ordinal", 0.815)]
)
def test_agreement_is_krippendorffs(judge: str, metric: str, alpha: float) -> None:
    """The published values. The twelfth unit has one rating, so that it tells nothing of agreement."""
    panel = four(judge)
    entry = new_entry(panel, "k", panel.models[0], None, None)
    assert entry["model"] == "a + b + c + d"
    verdicts = [Graded(1.0, votes=votes) if i % 2 else Abstained("tie", votes=votes) for i, votes in enumerate(VOTES)]
    found: Any = with_counts(entry, judged(*verdicts))
    agreement = found["agreement"]
    assert agreement["alpha"]["point"] == pytest.approx(alpha, abs=5e-4)
    assert agreement["alpha"]["low"] < alpha < agreement["alpha"]["high"] <= 1.0
    assert (agreement["scale"], agreement["raters"], agreement["items"]) == (metric, 4, 11)
    assert agreement["abstained"] == {"a": 3, "b": 1, "c": 2, "d": 1}
    assert (found["verdicts"], found["abstained"]) == (12, 6)


@pytest.mark.parametrize(
    ("votes", "items"),
    [([], 0), ([(1.0, None, None, None)], 0), ([(1.0, 1.0, None, 1.0), (1.0, 1.0, 1.0, 1.0)], 2)],
)
def test_no_agreement_where_chance_alone_would_agree(votes: list[Any], items: int) -> None:
    entry = new_entry(four("completeness"), "k", None, None, None)
    found: Any = with_counts(entry, judged(*(Graded(1.0, votes=each) for each in votes)))
    assert (found["agreement"]["alpha"], found["agreement"]["items"]) == (None, items)


def test_an_entry_counts_verdicts_and_quotes() -> None:
    chat = ScriptedChat(lambda _: "", "critic")
    shown = Graded(1.0, 0.9, (Evidence(0, "there"), Evidence(0, "not there", found=False)))
    nameless = Graded(1.0, 0.9, (Evidence(None, "", found=False),))
    entry = new_entry(JUDGES["claim_support"], "claim_support-1", chat, None, None)
    assert with_counts(entry, judged(shown, nameless, Graded(0.0), Abstained("cut off"))) == {
        "key": "claim_support-1",
        "model": "critic",
        "summary": "Is the answer, and each of its claims, supported by the context?",
        "verdicts": 4,
        "abstained": 1,
        "quotes": 3,
        "quotes_not_found": 2,
    }


def test_what_was_added_is_told_from_what_the_experiment_had(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert read_added(folder) == Added()
    names = ["map", "faithfulness", "faithfulness:strong", "harmlessness:other"]
    keys = ["claim_support", "claim_support:strong", "harmlessness:other"]
    folder.write_manifest({"metrics": [*names], "judges": {key: {"key": f"{key}-1"} for key in keys}})
    added = read_added(folder)
    assert [str(metric) for metric in added.metrics] == ["faithfulness:strong", "harmlessness:other"]
    assert added.entries == {key: {"key": f"{key}-1"} for key in keys[1:]}
    assert added_to(folder.manifest(), "other") == Added(
        (parse("harmlessness:other"),), {"harmlessness:other": {"key": "harmlessness:other-1"}}
    )

"""Conversations of MTRAG-UN: searching with and without `self_contained`, and the four kinds of answerability scored on
people's answers; writes benchmarks/techniques/conversations.md.

    python benchmarks/techniques/conversations.py DATA [OUT] [--without-models]

DATA holds `mtragun/reference.jsonl`. OUT (default: results) keeps runs, vectors and replies, so that a stopped run goes
on where it was. From empty caches about a quarter of an hour of two cores, nearly all of it for the chat model;
`--without-models` leaves `self_contained` and the dense search out, and takes seconds.
"""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import rageval
from rageval.benchmark import select_questions
from rageval.benchmark.mtrag import KINDS
from rageval.benchmark.reading import read_objects
from rageval.generation import SelfContained
from rageval.pipeline import Pipeline, Query, Resources, Stage, State
from rageval.report.leaderboard import number_cell
from rageval.report.markdown import table
from rageval.retrieval import BM25, HYBRID, Retrieve

SEED = 20261201
SAMPLE = 100
PAGE = Path(__file__).with_suffix(".md")
METRICS = ["recall@5", "ndcg@10"]
NOT_MEASURED = "This page was made without models: `self_contained` and the dense search are not measured yet."


@dataclass(frozen=True)
class WholeConversation(Stage):
    """Search with all that the user said, oldest first: what costs no call."""

    async def run(self, state: State, resources: Resources) -> State:
        said = [turn.text for turn in state.question.history if turn.role == "user"]
        return replace(state, queries=(Query("\n".join([*said, state.question.text])),))


def searches(benchmark: rageval.Benchmark, index: object, out: Path, models: bool) -> tuple[list[list[str]], int]:
    """A row for each way to search, with the paired difference from the last question alone; and the questions."""
    find = Retrieve(index, k=5)  # type: ignore[arg-type]
    ways = {"last question": find, "all that the user said": WholeConversation() >> find}
    if models:
        ways["`self_contained`"] = SelfContained() >> find
    result = rageval.evaluate(
        benchmark,
        [Pipeline(name.strip("`"), stage) for name, stage in ways.items()],
        METRICS,
        seed=SEED,
        out=out,
        name="conversations",
    )
    by_run = {row.path: row for row in result.leaderboard.rows}
    rows: list[list[str]] = []
    for name, run in zip(ways, result.runs, strict=True):
        cells = [name]
        compared = None if run == result.runs[0] else rageval.compare(result.runs[0], run, METRICS).comparisons
        for metric in METRICS:
            cells.append(number_cell(by_run[run].estimates[metric], judged=False))
            difference = None if compared is None else compared[metric].difference
            told = (
                "–"
                if difference is None
                else f"{difference.point:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"
            )
            cells.append(told)
        outcomes = [one for _, one in rageval.RunFolder(run).outcomes_as_written()]
        answered = [one for one in outcomes if isinstance(one, rageval.Response)]
        unusable = sum(step.detail.get("reason") is not None for one in answered for step in one.steps)
        means = [sum(values) / len(answered) for values in zip(*map(_cost, answered), strict=True)]
        rows.append([*cells, f"{means[0]:.1f}", f"{means[1]:,.0f}", f"{means[2]:.1f}", f"{unusable}"])
    return rows, result.leaderboard.questions


def _cost(response: rageval.Response) -> tuple[float, float, float]:
    return response.usage.calls, response.usage.prompt_tokens, response.latency_s


def reactions(path: Path, out: Path) -> list[list[str]]:
    """A row for each kind: how many of people's answers the metric calls right. No model is asked."""
    answers = out / "mtragun-reference-answers.jsonl"
    answers.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        {"question_id": fields["task_id"], "answer": fields["targets"][0]["text"]}  # type: ignore[index]
        for _, fields in read_objects(path, [])
    ]
    answers.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    shown: list[list[str]] = []
    for kind in KINDS:
        result = rageval.evaluate(
            f"mtrag:{path}",
            [{"recorded": {"path": str(answers)}}],
            ["right_reaction"],
            questions=rageval.QuestionFilter(tags=(kind,)),
            out=out,
            name=f"reactions-{kind}",
        )
        (row,) = result.leaderboard.rows
        shown.append(
            [kind, f"{result.leaderboard.questions}", number_cell(row.estimates["right_reaction"], judged=False)]
        )
    return shown


def main(data: Path, out: Path, models: bool) -> None:
    path = (data / "mtragun" / "reference.jsonl").resolve()
    whole = rageval.load_benchmark(f"mtrag:{path}")
    talks = [question for question in whole.questions if question.history and question.references]
    drawn = select_questions(replace(whole, questions=tuple(talks)), SAMPLE, SEED)
    asked = {question.id for question in drawn}
    labels = [label for label in whole.labels if label.question_id in asked]
    sample = rageval.benchmark_from_records("mtragun-sample", whole.documents, drawn, labels)
    header = ["searched with"]
    for metric in METRICS:
        header += [metric, "difference [95%]"]
    header += ["calls", "prompt tokens", "s", "unusable"]
    tables: list[str] = []
    for title, index in (("BM25", BM25()), ("BM25 and dense", HYBRID)) if models else (("BM25", BM25()),):
        rows, questions = searches(sample, index, out, models)
        tables += [f"### {title}", "", f"{questions} questions.", "", *table(header, rows), ""]
    PAGE.write_text(
        f"""\
# Conversations, measured

Written by `python benchmarks/techniques/conversations.py DATA` on {platform.machine()}, with MTRAG-UN
(Katsis et al. 2025, arXiv 2501.03468; English).

## Searching with the last question

{SAMPLE} of the {len(talks)} answerable and partly answerable questions that end a conversation, drawn with the seed
{SEED}; the corpus is all {len(whole.documents):,} passages of the file. The models are the packaged ones:
Qwen2.5-Coder-1.5B, and multilingual-e5-small in 4 bits. Differences are paired, from the last question alone, with 95%
intervals. Calls, prompt tokens and seconds are of one question; seconds on two cores that other work shared, replies
kept from before included. `unusable` replies left the question as it was. A passage counts as relevant where annotators
gave it to the question, so a passage of the same content that they did not see counts as none.

{"" if models else NOT_MEASURED}

{chr(10).join(tables)}
## The reaction that a question deserves

`right_reaction` on the reference answers of all questions; no model is asked, and an answer whose words leave open
whether it abstains counts as one that does not. It should be near 1. The patterns for questions back were written
against the half of the conversations whose SHA-256 of the id begins with an odd byte, where all 42 underspecified
reference answers ask back and none of the 195 others; in the other half it was 36 of 36, and 1 of 234 ("Can you be more
specific about which novel you are looking for?"). They were then widened for sentences written for the unit tests, and
the counts stayed. The style of the file's questions back is uniform, so those of other systems will be missed more
often. For partly answerable questions the metric asks only that something is answered. It does not say whether the
answer names what is missing: of 16 reference answers that were read, about 6 do.

{chr(10).join(table(["kind", "questions", "right_reaction"], reactions(path, out)))}
""",
        encoding="utf-8",
    )


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    main(Path(given[0]), Path(given[1] if len(given) > 1 else "results"), "--without-models" not in sys.argv)

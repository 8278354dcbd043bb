"""Questions asked several times: whose replies, what is kept, what is pooled, and that each step counts questions."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from rageval import evaluate
from rageval.benchmark.in_memory import from_records
from rageval.decide.comparison import compare
from rageval.decide.repeats import read_repeats
from rageval.errors import DeclarationError, ExecutionError
from rageval.io.run_folder import RunFolder
from rageval.models.base import ChatReply, ChatRequest
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.people.attach import attach
from rageval.people.sampling import draw_sample
from rageval.scores.estimates import read_estimates
from rageval.types import Benchmark, Document, Question, Response
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received
from tests.flow.small_world import (
    QUESTIONS,
    drop_costs,
    read_jsonl,
    reply_to,
    respond,
    run_folders,
    start_rageval,
    write_benchmark,
    write_experiment,
)

METRICS = ["ndcg@10", "answer_relevance", "faithfulness"]
NAIVE = {"naive": {"retriever": "bm25", "k": 2}}


@dataclass
class Chance:
    """Answers differ from draw to draw; all other replies depend on the prompt alone. Draws of the answers to a
    question whose text is in `fail` raise.
    """

    fail: dict[str, int] = field(default_factory=dict[str, int])

    def __call__(self, request: ChatRequest) -> ChatReply | Exception:
        prompt = request.messages[-1].content
        if not request.prompt.startswith("answer/"):
            return reply_to(prompt, schema=request.schema, wants_logprobs=request.top_logprobs > 0)
        repeat = request.sample // 100_000
        if any(text in prompt and repeat == at for text, at in self.fail.items()):
            return ExecutionError("no answer this time")
        return ChatReply(f"The salt lake {repeat} lies at Delmar, is cold, deep, and full of fish.")


def run(
    folder: Path, chat: ScriptedChat, repeats: int, pipelines: Sequence[Any] = (NAIVE,), out: str = "out", **more: Any
) -> list[Path]:
    benchmark = folder / "small"
    if not benchmark.exists():
        write_benchmark(benchmark)
    result = evaluate(
        benchmark,
        pipelines,
        METRICS,
        chat=chat,
        embed=HashEmbedder(),
        out=folder / out,
        repeats=repeats,
        **more,
    )
    return [*result.runs]


def answers(run: Path, repeats: int) -> list[dict[str, str | None]]:
    """By repeat and question."""
    found: list[dict[str, str | None]] = []
    for folder in RunFolder(run).answers(repeats):
        outcomes = folder.outcomes()
        found.append({q: one.answer if isinstance(one := outcomes[q], Response) else None for q in QUESTIONS})
    return found


def test_each_repeat_gets_its_own_replies_and_the_first_are_shared(tmp_path: Path) -> None:
    chat = ScriptedChat(Chance())
    (once,) = run(tmp_path, chat, 1)
    asked = len(chat.requests)
    (three,) = run(tmp_path, chat, 3)
    assert three != once
    assert all(request.sample // 100_000 in (1, 2) for request in chat.requests[asked:] if is_of_pipeline(request))
    first, second, third = answers(three, 3)
    assert first == answers(once, 1)[0]
    both = [q for q in QUESTIONS if "salt lake" in str(first[q]) and "salt lake" in str(second[q])]
    assert both
    assert all(len({first[q], second[q], third[q]}) == 3 for q in both if "salt lake" in str(third[q]))
    assert len({*map(key, chat.requests)}) == len(chat.requests)  # nothing is paid for twice
    manifest = RunFolder(three).manifest()
    assert manifest["repeats"] == 3
    assert "repeats" not in RunFolder(once).manifest()
    asked = len(chat.requests)
    (two,) = run(tmp_path, chat, 2)
    assert two not in (once, three)
    assert len(chat.requests) == asked


def is_of_pipeline(request: ChatRequest) -> bool:
    return request.prompt.startswith(("answer/", "check_answerable/"))


def key(request: ChatRequest) -> str:
    return json.dumps([request.prompt, [m.content for m in request.messages], request.sample, request.temperature])


def test_scores_are_means_over_answers_with_each_beside_them(tmp_path: Path) -> None:
    (path,) = run(tmp_path, ScriptedChat(Chance()), 3)
    for metric in METRICS:
        scores = RunFolder(path).scores()[metric]
        assert len(scores["repeats"]) == 3
        for question, mean in scores["questions"].items():
            given = [one["questions"][question] for one in scores["repeats"] if question in one["questions"]]
            assert mean == pytest.approx(fmean(given))
        assert scores["estimate"]["n"] == len(scores["questions"]) <= len(QUESTIONS)
    (once,) = run(tmp_path, ScriptedChat(Chance()), 1, out="other")
    ones, first = RunFolder(once).scores(), RunFolder(path).scores()
    assert {m: ones[m]["questions"] for m in METRICS} == {m: first[m]["repeats"][0]["questions"] for m in METRICS}


def test_a_failed_answer_scores_the_worst_value_in_the_mean(tmp_path: Path) -> None:
    chance = Chance()
    (good,) = run(tmp_path, ScriptedChat(chance), 2, out="good")
    question = next(q for q, answer in answers(good, 2)[1].items() if "salt lake" in str(answer))
    chance.fail[QUESTIONS[question]] = 1
    (bad,) = run(tmp_path, ScriptedChat(chance), 2)
    before, after = (RunFolder(one).scores()["answer_relevance"] for one in (good, bad))
    assert after["repeats"][0] == before["repeats"][0]
    assert after["repeats"][1]["questions"][question] == 0.0
    assert after["questions"][question] == before["repeats"][0]["questions"][question] / 2
    assert (after["failed"], after["repeats"][1]["failed"]) == ([], [question])
    assert RunFolder(bad).manifest()["failed"] == 0
    assert read_repeats(bad).failed == 1
    chance.fail.clear()
    (again,) = run(tmp_path, ScriptedChat(chance), 2, retry_failed=True)
    assert again == bad
    assert RunFolder(bad).scores() == RunFolder(good).scores()


def test_a_pipeline_without_chat_is_asked_once(tmp_path: Path) -> None:
    calls = Counter[str]()

    def guess(question: Question) -> str:
        calls[question.id] += 1
        return f"guess {calls[question.id]}"

    benchmark, metrics = write_benchmark(tmp_path / "small"), ["ndcg@10", "token_f1"]
    result = evaluate(benchmark, [NAIVE, guess], metrics, chat=ScriptedChat(Chance()), out=tmp_path, repeats=2)
    searched = evaluate(benchmark, [NAIVE], ["ndcg@10"], out=tmp_path, repeats=2)
    assert set(calls.values()) == {2}
    assert [RunFolder(one).manifest().get("repeats") for one in (*result.runs, *searched.runs)] == [2, 2, None]
    once = evaluate(benchmark, [NAIVE], ["ndcg@10"], out=tmp_path)
    assert once.runs == searched.runs


def test_a_second_judge_judges_each_answer(tmp_path: Path) -> None:
    from rageval.experiment.judge_again import plan_rejudging, rejudge

    (path,) = run(tmp_path, ScriptedChat(Chance()), 3)
    experiment = tmp_path / "judge.py"
    experiment.write_text(
        "from rageval.models.scripted import ScriptedChat\n"
        "from tests.flow.small_world import scripted_reply\n"
        "class Strong(ScriptedChat):\n"
        "    def __init__(self) -> None:\n"
        "        super().__init__(scripted_reply, 'strong')\n"
    )
    (tmp_path / "strong.yaml").write_text(
        f"benchmark: small\npipelines: [naive]\nmetrics: [answer_relevance]\n"
        f"models: {{judge: {{provider: '{experiment}:Strong'}}}}\n"
    )
    with plan_rejudging(path, "strong", ["answer_relevance"], [tmp_path / "strong.yaml"], tmp_path / "cache") as plan:
        rejudge(plan)
        assert plan.count_judgments() == 3 * len(QUESTIONS)
    scores = RunFolder(path).scores()
    assert scores["answer_relevance:strong"] == scores["answer_relevance"]  # the same rule under another name
    before = RunFolder(path).scores()
    run(tmp_path, ScriptedChat(Chance()), 3)
    assert RunFolder(path).scores() == before


def test_labels_are_of_the_first_answers(tmp_path: Path) -> None:
    (path,) = run(tmp_path, ScriptedChat(Chance()), 3)
    folder = RunFolder(path)
    first = folder.scores()["answer_relevance"]["repeats"][0]["questions"]
    drawn = draw_sample(folder, "answer_relevance", len(first))
    folder.write_sample(drawn.metric, drawn.digest, drawn.to_json())
    sheet = tmp_path / "labels.jsonl"
    row = {"run": drawn.run, "sample": drawn.digest, "metric": drawn.metric, "annotator": "a"}
    sheet.write_text("".join(json.dumps({**row, "question_id": q, "label": first[q]}) + "\n" for q in drawn.to_label))
    attach(folder, [sheet])
    estimate = read_estimates(folder, ["answer_relevance"])["answer_relevance"]
    assert estimate is not None
    assert estimate.n_labelled == len(first)
    assert estimate.point == pytest.approx(fmean(first.values()))
    assert estimate.judge_only is not None
    assert estimate.judge_only[0] == pytest.approx(fmean(first.values()))
    assert "of the first answers alone" in estimate.warning


def test_wrong_numbers(tmp_path: Path) -> None:
    for wrong in (0, 21, 1.5, "three"):
        with pytest.raises(DeclarationError, match="repeats: found"):
            run(tmp_path, ScriptedChat(Chance()), wrong)  # pyright: ignore[reportArgumentType]
    (path,) = run(tmp_path, ScriptedChat(Chance()), 1)
    with pytest.raises(DeclarationError, match="found one answer to each question"):
        read_repeats(path)


def test_killed_within_repeats_goes_on(tmp_path: Path, command_line: CommandLine) -> None:
    class Killer:
        at, calls = 0, 0
        process: Any = None

        def __call__(self, received: Received) -> Canned:
            self.calls += 1
            if self.calls == self.at:
                self.process.send_signal(signal.SIGKILL)
            return replace(respond(received), delay_s=0.002)

    killer = Killer()
    with FakeServer(killer) as server:
        model = {"concurrency": 4, "extra_body": {"temperature": 0.7}}
        experiment = write_experiment(
            tmp_path, server.base_url, model=model, pipelines=[NAIVE], metrics=METRICS, repeats=3
        )
        undisturbed = command_line("run", experiment, "--out", tmp_path / "whole")
        assert undisturbed.code == 0
        assert "of the variance of answer_relevance" in undisturbed.err or "no two scores" in undisturbed.err
        total = killer.calls
        seeds = Counter(r.payload.get("seed") for r in server.received if r.path.endswith("/chat/completions"))
        assert len([seed for seed in seeds if seed is not None]) > 2 * len(QUESTIONS) - 1
        for at in (total // 3, total // 4):
            killer.calls, killer.at = 0, at
            killer.process = start_rageval("run", experiment, "--out", tmp_path / "out")
            killer.process.communicate(timeout=60)
        killer.at = killer.calls = 0
        assert command_line("run", experiment, "--out", tmp_path / "out").code == 0
        asked = Counter(json.dumps(r.payload, sort_keys=True) for r in server.received[total:])
        assert asked.total() <= total + 2 * 4  # what was in flight at a kill is asked again
    (whole,), (resumed,) = (run_folders(tmp_path / out).values() for out in ("whole", "out"))
    assert (whole / "scores.json").read_bytes() == (resumed / "scores.json").read_bytes()
    for part in ("responses.jsonl", "repeats/2/responses.jsonl", "repeats/3/responses.jsonl"):
        lines = [{line.pop("question_id"): line for line in read_jsonl(one / part)} for one in (whole, resumed)]
        for line in (*lines[0].values(), *lines[1].values()):
            drop_costs(line)
        assert lines[0] == lines[1]
    told = command_line("repeats", resumed)
    assert told.code == 0
    assert "6 questions, 3 answers each" in told.out
    as_json = json.loads(command_line("repeats", resumed, "--json", "--question-cost", "4").out)
    assert (as_json["repeats"], as_json["questions"]) == (3, 6)
    assert [one["question_cost"] for one in as_json["metrics"]["faithfulness"]["best"]] == [4.0]


def test_temperature_0_is_warned_of(
    tmp_path: Path, command_line: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    with FakeServer(respond) as server:
        experiment = write_experiment(tmp_path, server.base_url, pipelines=[NAIVE], metrics=METRICS, repeats=2)
        ended = command_line("run", experiment, "--out", tmp_path / "out")
        assert "found no temperature in models.chat.extra_body" in caplog.text
        assert "All answers to each question are equal" in ended.err  # the server ignores seeds
        calls = server.calls
        dry = command_line("run", experiment, "--out", tmp_path / "out", "--dry-run")
        assert f"{2 * len(QUESTIONS)} questions done" in dry.out
        assert server.calls == calls


def make_benchmark(n: int) -> Benchmark:
    return from_records(
        "facts",
        [Document(f"d{i}", f"Fact {i} is {i}.") for i in range(n)],
        [Question(f"q{i}", f"What is fact {i}?", "en", (str(i),)) for i in range(n)],
    )


def lucky(rates: dict[str, float], name: str) -> Any:
    """A system that is right on each question with its own probability, anew each time it is asked."""

    def system(question: Question) -> str:
        return question.references[0] if random.random() < rates[question.id] else "no"

    system.__name__ = name
    return system


def test_comparisons_count_questions(tmp_path: Path) -> None:
    """Two systems that are equally good are rarely told apart, although there are four times as many answers as
    questions. tests/statistics/test_components.py has the rate.
    """
    n, m, experiments = 25, 4, 12
    benchmark, rng = make_benchmark(n), random.Random(11)
    random.seed(12)
    missed = claimed = 0
    for number in range(experiments):
        easy = {q.id: rng.betavariate(1.0, 0.6) for q in benchmark.questions}
        pairs = [(easy[q.id], rng.uniform(-0.2, 0.2)) for q in benchmark.questions]
        systems = [
            {q.id: min(1.0, max(0.0, e + sign * d)) for q, (e, d) in zip(benchmark.questions, pairs, strict=True)}
            for sign in (1.0, -1.0)
        ]
        result = evaluate(
            benchmark,
            [lucky(rates, name) for rates, name in zip(systems, ("a", "b"), strict=True)],
            ["exact_match"],
            repeats=m,
            out=tmp_path / str(number),
        )
        found = compare(result.runs[0], result.runs[1]).comparisons["exact_match"]
        assert found.pairs.n == n
        difference = found.difference
        missed += not difference.low <= 0.0 <= difference.high
        claimed += found.p_value <= 0.05
    assert missed <= 3  # P(more than 3 of 12) at 5% is 0.002
    assert claimed <= 3


def test_chance_in_the_judge_is_told_where_it_was_asked_several_times(tmp_path: Path) -> None:
    (once,) = run(tmp_path, ScriptedChat(Chance()), 3)
    assert all(one.by_sample is None for one in read_repeats(once).metrics)

    def fickle(request: ChatRequest) -> ChatReply | Exception:
        if request.prompt.startswith("answer_relevance/"):
            word = "yes" if random.Random(key(request)).random() < 0.5 else "no"
            return reply_to(word, schema=None, wants_logprobs=True) if request.top_logprobs else ChatReply(word)
        return Chance()(request)

    (path,) = run(tmp_path, ScriptedChat(fickle), 3, out="fickle", judge_samples=5)
    by_metric = {one.metric: one.by_sample for one in read_repeats(path).metrics}
    parts = by_metric["answer_relevance"]
    assert by_metric["ndcg@10"] is None
    assert parts is not None
    assert parts.judge is not None
    assert parts.judge > 0.0


def test_another_number_of_repeats_is_a_difference_between_runs(tmp_path: Path) -> None:
    chat = ScriptedChat(Chance())
    (once,), (three,) = run(tmp_path, chat, 1), run(tmp_path, chat, 3)
    assert compare(once, three).to_json()["differs"] == {"repeats": ["1", "3"]}

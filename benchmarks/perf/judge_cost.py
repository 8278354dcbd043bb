"""What judging costs, beside RAGAS: calls, prompt tokens, seconds and CPU for each question.

Run from the project's root:

    python -m venv X && X/bin/pip install 'ragas==0.4.3' 'langchain-community<0.4'
    .venv/bin/python benchmarks/perf/judge_cost.py --ragas-python X/bin/python

Both judge the same 20 responses through one loopback endpoint that answers after 200 ms, with what each asks for, and
counts. Writes the table to `judge_cost.md` beside this file; without `--ragas-python` it prints rageval's half alone.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import multiprocessing
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aiohttp import web

import rageval
from rageval.benchmark import load
from rageval.metrics.judged import JUDGED_METRICS
from rageval.models.openai_compatible import OpenAIChat
from rageval.models.openai_embedder import OpenAIEmbedder
from rageval.retrieval import SentenceChunker
from rageval.retrieval.indexes.bm25 import BM25Index
from rageval.text import count_tokens, sentences
from rageval.text.languages import LANGUAGES
from rageval.types import Benchmark, Hit, Passage, Question, Response

QUESTIONS_A_LANGUAGE, PASSAGES, PASSAGE_TOKENS = 10, 5, 128
LATENCY_MS, IN_FLIGHT = 200, 16
REPETITIONS = 3
SEED = 5
DEFAULT_SET = ("faithfulness", "answer_relevance", "context_relevance", "context_precision")
LIKE_RAGAS = ("answer_relevance_by_questions", *(name for name in DEFAULT_SET if name != "answer_relevance"))
CLAIM_JUDGES = {"claim_support", "reference_support", "claim_agreement"}
CLAIM_MATRIX = tuple(name for name, metric in JUDGED_METRICS.items() if {*metric.judges} <= CLAIM_JUDGES)
BOTH_SETS = tuple(dict.fromkeys((*CLAIM_MATRIX, *DEFAULT_SET)))
RAGAS_PACKAGES = ("ragas", "langchain-openai", "openai")
NO_TELEMETRY = {"RAGAS_DO_NOT_TRACK": "true", "DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "ERROR_REPORTING": "NO"}
HOW_TO_GET_RAGAS = "python -m venv X && X/bin/pip install 'ragas==0.4.3' 'langchain-community<0.4'"
A_SENTENCE = "A sentence as long as another."


@dataclass(frozen=True, slots=True)
class Material:
    """The questions, and a response to each whose answer is the reference, or the passage's own words."""

    benchmark: Benchmark
    questions: tuple[Question, ...]
    referring: Mapping[str, Response]
    quoting: Mapping[str, Response]

    @property
    def ids(self) -> list[str]:
        return [question.id for question in self.questions]


@dataclass(frozen=True, slots=True)
class Task:
    """One call of `evaluate`, on either side."""

    url: str
    ids: list[str]


@dataclass(frozen=True, slots=True)
class Spent:
    """What one task took its process."""

    wall_s: float
    cpu_s: float


@dataclass(slots=True)
class Tally:
    """What the endpoint was asked under one address."""

    calls: int = 0
    prompt_tokens: int = 0
    schema_tokens: int = 0
    embedding_calls: int = 0
    in_flight: int = 0
    most_in_flight: int = 0


def prepare() -> Material:
    """Draw the questions and give each its five passages, one of which holds the answer."""
    benchmark = load("handbook")
    chunker = SentenceChunker(PASSAGE_TOKENS)
    passages = [passage for document in benchmark.documents for passage in chunker.split(document)]
    index = BM25Index(passages)
    language_of = {document.id: document.language for document in benchmark.documents}
    rng = random.Random(SEED)
    chosen: list[Question] = []
    referring: dict[str, Response] = {}
    quoting: dict[str, Response] = {}
    for language in LANGUAGES:
        pool = [
            q for q in benchmark.questions if q.language == language and q.answerable and "cross-lingual" not in q.tags
        ]
        for question in rng.sample(pool, QUESTIONS_A_LANGUAGE):
            found = [hit.passage for hit in index.search(question.text, len(passages))]
            found = [passage for passage in found if language_of[passage.doc_id] == language][:PASSAGES]
            gold, words = evidence(benchmark, question, passages, language_of)
            if gold not in found:
                found[rng.randrange(PASSAGES)] = gold
            hits = tuple(Hit(passage, 1.0) for passage in found)
            chosen.append(question)
            referring[question.id] = Response(hits, question.references[0], tuple(range(PASSAGES)))
            quoting[question.id] = Response(hits, words, tuple(range(PASSAGES)))
    return Material(benchmark, tuple(chosen), referring, quoting)


def evidence(
    benchmark: Benchmark, question: Question, passages: Sequence[Passage], language_of: Mapping[str, str]
) -> tuple[Passage, str]:
    """The first passage of the question's language with labelled evidence, and the words that are labelled."""
    texts = {document.id: document.text for document in benchmark.documents}
    for label in benchmark.labels:
        if label.question_id != question.id or label.start is None or label.end is None:
            continue
        for passage in passages:
            overlaps = passage.start < label.end and label.start < passage.end
            if passage.doc_id == label.doc_id and overlaps and language_of[passage.doc_id] == question.language:
                return passage, texts[label.doc_id][label.start : label.end]
    raise ValueError(f"{question.id} has no labelled evidence in its own language")


@dataclass
class Endpoint:
    """Answers after a fixed time and counts by address: `/{side}/{about}/{latency ms}/{of embeddings, ms}/v1/…`."""

    tallies: dict[str, Tally] = field(default_factory=dict[str, Tally])

    def app(self) -> web.Application:
        app = web.Application(client_max_size=1 << 26)
        base = "/{side}/{about}/{latency}/{embedding_latency}/v1"
        app.router.add_post(f"{base}/chat/completions", self.chat)
        app.router.add_post(f"{base}/embeddings", self.embed)
        app.router.add_get("/tallies", self.tell)
        return app

    async def chat(self, request: web.Request) -> web.Response:
        started = time.perf_counter()
        payload = await request.json()
        tally = self.tally(request)
        tally.calls += 1
        tally.prompt_tokens += sum(count_tokens(text_of(message)) for message in payload["messages"])
        if "response_format" in payload:
            schema = payload["response_format"]["json_schema"]["schema"]
            tally.schema_tokens += count_tokens(json.dumps(schema, ensure_ascii=False))
        body = completion(payload)
        return await self.answer(tally, body, started + int(request.match_info["latency"]) / 1000)

    async def embed(self, request: web.Request) -> web.Response:
        started = time.perf_counter()
        texts = (await request.json())["input"]
        tally = self.tally(request)
        tally.embedding_calls += 1
        data = [{"object": "embedding", "index": i, "embedding": [1.0, len(text)]} for i, text in enumerate(texts)]
        body = {"object": "list", "model": "judge", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}
        return await self.answer(tally, body, started + int(request.match_info["embedding_latency"]) / 1000)

    async def answer(self, tally: Tally, body: Mapping[str, Any], due: float) -> web.Response:
        tally.in_flight += 1
        tally.most_in_flight = max(tally.most_in_flight, tally.in_flight)
        text = json.dumps(body, ensure_ascii=False)
        await asyncio.sleep(max(due - time.perf_counter(), 0.0))
        tally.in_flight -= 1
        return web.Response(text=text, content_type="application/json")

    async def tell(self, _request: web.Request) -> web.Response:
        return web.json_response({name: asdict(tally) for name, tally in self.tallies.items()})

    def tally(self, request: web.Request) -> Tally:
        return self.tallies.setdefault(f"{request.match_info['side']}/{request.match_info['about']}", Tally())


def completion(payload: Mapping[str, Any]) -> dict[str, Any]:
    text = reply_text(payload)
    choice: dict[str, Any] = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    if payload.get("logprobs"):
        choice["logprobs"] = {
            "content": [spelt(token, payload["top_logprobs"]) for token in re.findall(r"\w+|\W", text)]
        }
    choices = [{"index": i, **choice} for i in range(payload.get("n") or 1)]
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "judge", "choices": choices, "usage": usage}


def spelt(token: str, alternatives: int) -> dict[str, Any]:
    """A token with as many alternatives as were asked for, itself by far the likeliest."""
    others = [{"token": f"~{i}", "logprob": -5.0 - i} for i in range(1, alternatives)]
    return {"token": token, "logprob": -0.01, "top_logprobs": [{"token": token, "logprob": -0.01}, *others]}


def reply_text(payload: Mapping[str, Any]) -> str:
    """What a model that does as it is told would reply.

    Everything is supported and helps, and each sentence of an answer is a claim.
    """
    prompt = text_of(payload["messages"][-1])
    if "response_format" in payload:
        schema = payload["response_format"]["json_schema"]["schema"]
        answer = re.search(r"^(?:Answer: |答案：)(.+)$", prompt, re.MULTILINE)
        told = {"claims": claims_of(answer[1]) if answer else []}
    elif "JSON Schema:\n" in prompt:
        schema = json.JSONDecoder().raw_decode(prompt.partition("JSON Schema:\n")[2])[0]
        shown = json.JSONDecoder().raw_decode(prompt.rpartition("following input\ninput: ")[2])[0]
        told = {
            "statements": claims_of(shown["answer"]) if "answer" in shown else shown.get("statements", []),
            "noncommittal": 0,
        }
    elif payload.get("logprobs"):
        return "是" if "是" in prompt.rpartition("\n")[2] else "yes"
    else:
        return "2"
    return json.dumps(filled(schema, told, schema.get("$defs", {})), ensure_ascii=False)


def text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, which comes as it is or in parts."""
    content = message["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def claims_of(answer: str) -> list[str]:
    return [answer[start:end] for start, end in sentences(answer)]


def filled(schema: Mapping[str, Any], told: Mapping[str, Any], definitions: Mapping[str, Any], name: str = "") -> Any:
    """A value that the JSON schema allows; `told` by the name of the property where there is something to say."""
    if "$ref" in schema:
        return filled(definitions[schema["$ref"].rpartition("/")[2]], told, definitions, name)
    if "anyOf" in schema:
        return filled(schema["anyOf"][0], told, definitions, name)
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            return {key: filled(value, told, definitions, key) for key, value in schema["properties"].items()}
        case "array" if schema["items"].get("type") == "string":
            return told.get(name, [A_SENTENCE] * schema.get("minItems", 1))
        case "array":
            return [filled(schema["items"], told, definitions) for _ in told.get(name, [None])]
        case "integer":
            return told.get(name, 1)
        case _:
            return told.get(name, A_SENTENCE)


def serve(ready: Connection) -> None:
    async def forever() -> None:
        runner = web.AppRunner(Endpoint().app())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ready.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(forever())


@contextmanager
def served(serve: Callable[..., None], *arguments: object) -> Generator[str]:
    """The address of an endpoint in a process of its own, which `serve` sends the port that it listens at."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def tallies(address: str) -> dict[str, Tally]:
    past_any_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with past_any_proxy.open(f"{address}/tallies") as reply:
        return {name: Tally(**values) for name, values in json.load(reply).items()}


def judge_with_rageval(
    benchmark: Benchmark,
    responses: Mapping[str, Response],
    metrics: Sequence[str],
    in_flight: int,
    tasks: Sequence[Task],
) -> list[Spent]:
    """Run the tasks one after another in this process. Every question must get a score on every metric."""

    async def prepared(question: Question) -> Response:
        return responses[question.id]

    spent: list[Spent] = []
    for task in tasks:
        with tempfile.TemporaryDirectory() as folder:
            wall, cpu = time.perf_counter(), time.process_time()
            result = rageval.evaluate(
                benchmark,
                [prepared],
                metrics,
                questions=task.ids,
                judge=OpenAIChat(task.url, "judge", concurrency=in_flight),
                embed=OpenAIEmbedder(task.url, "judge"),
                out=folder,
            )
            spent.append(Spent(time.perf_counter() - wall, time.process_time() - cpu))
            estimates = result["prepared"]
        for metric in metrics:
            estimate = estimates[metric]
            if estimate is None or (estimate.n, estimate.failed) != (len(task.ids), 0):
                raise ValueError(f"rageval: {metric} has no score on some question of {task.ids}: {estimate}")
    return spent


def judge_with_ragas() -> None:
    """Run the tasks on standard input one after another and print what they took.

    The source of this function is run by RAGAS's interpreter, which has no rageval, so it stands alone.
    """
    import importlib
    import json
    import math
    import sys
    import time
    from importlib.metadata import version

    ragas: Any = importlib.import_module("ragas")
    metrics: Any = importlib.import_module("ragas.metrics")
    openai: Any = importlib.import_module("langchain_openai")
    given = json.load(sys.stdin)
    spent = []
    for task in given["tasks"]:
        wall, cpu = time.perf_counter(), time.process_time()
        where = {"base_url": task["url"], "api_key": "none", "model": "judge"}
        result = ragas.evaluate(
            ragas.EvaluationDataset.from_list([given["rows"][question] for question in task["ids"]]),
            [
                metrics.Faithfulness(),
                metrics.ResponseRelevancy(),
                metrics.ContextRelevance(),
                metrics.LLMContextPrecisionWithReference(),
            ],
            llm=openai.ChatOpenAI(**where),
            # Its default counts with a tokenizer that has to be downloaded; no text here is too long.
            embeddings=openai.OpenAIEmbeddings(**where, check_embedding_ctx_length=False),
            run_config=ragas.RunConfig(max_workers=given["in_flight"]),
            show_progress=False,
        )
        spent.append({"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu})
        if any(len(scores) != 4 or any(map(math.isnan, scores.values())) for scores in result.scores):
            raise ValueError(f"RAGAS: a score is missing or NaN: {result.scores}")
    versions = {name: version(name) for name in given["packages"]}
    print(json.dumps({"spent": spent, "versions": versions, "python": ".".join(map(str, sys.version_info[:3]))}))


@dataclass(frozen=True, slots=True)
class Peer:
    """Another framework in its own interpreter. `judge` is the function whose source that interpreter runs,
    `how_to_get` the commands that make one, `packages` those whose versions are told.
    """

    name: str
    judge: Callable[[], None]
    how_to_get: str
    packages: tuple[str, ...]
    python: str
    material: Material
    in_flight: int = IN_FLIGHT

    def run(self, tasks: Sequence[Task]) -> list[Spent]:
        return [Spent(**spent) for spent in self._run(tasks)["spent"]]

    def versions(self) -> str:
        told = self._run([])
        return ", ".join(f"{name} {number}" for name, number in {**told["versions"], "Python": told["python"]}.items())

    def _run(self, tasks: Sequence[Task]) -> dict[str, Any]:
        rows = {q.id: as_row(q, self.material.referring[q.id]) for q in self.material.questions}
        given = {
            "rows": rows,
            "tasks": [asdict(task) for task in tasks],
            "packages": self.packages,
            "in_flight": self.in_flight,
        }
        program = f"from typing import Any\n{inspect.getsource(self.judge)}\n{self.judge.__name__}()"
        with tempfile.TemporaryDirectory() as folder:  # DeepEval writes into the folder that it is run in
            done = subprocess.run(
                [Path(shutil.which(self.python) or self.python).absolute(), "-W", "ignore", "-c", program],
                input=json.dumps(given),
                capture_output=True,
                text=True,
                check=False,
                cwd=folder,
                # They would report their use to their makers, and take loopback calls to a proxy where there is one.
                env={**os.environ, **NO_TELEMETRY, "no_proxy": "127.0.0.1"},
            )
        if done.returncode:
            raise SystemExit(f"{self.python}: {self.name} failed:\n{done.stderr[-2000:]}\nIt needs: {self.how_to_get}")
        return json.loads(done.stdout.splitlines()[-1])


def with_ragas(python: str, material: Material, in_flight: int = IN_FLIGHT) -> Peer:
    return Peer("RAGAS", judge_with_ragas, HOW_TO_GET_RAGAS, RAGAS_PACKAGES, python, material, in_flight)


def as_row(question: Question, response: Response) -> dict[str, Any]:
    """What RAGAS is told: the passages as rageval shows them to the model."""
    return {
        "user_input": question.text,
        "retrieved_contexts": [f"{passage.title}: {passage.text}" for passage in response.context_passages],
        "response": response.answer,
        "reference": question.references[0],
    }


@dataclass(frozen=True, slots=True)
class Ours:
    """rageval in a fresh process for each run."""

    benchmark: Benchmark
    responses: Mapping[str, Response]
    metrics: tuple[str, ...]
    in_flight: int = IN_FLIGHT

    def run(self, tasks: Sequence[Task]) -> list[Spent]:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            return pool.submit(
                judge_with_rageval, self.benchmark, self.responses, self.metrics, self.in_flight, tasks
            ).result()


def count(name: str, side: Ours | Peer, address: str, ids: Sequence[str]) -> list[Tally]:
    """What each question costs, asked one by one."""
    side.run([Task(f"{address}/{name}/{question}/0/0/v1", [question]) for question in ids])
    found = tallies(address)
    return [found[f"{name}/{question}"] for question in ids]


def time_in_turn(sides: Mapping[str, tuple[Ours | Peer, int]], address: str, ids: list[str]) -> dict[str, list[Spent]]:
    """All questions at once, after one to warm up; each side `REPETITIONS` times, every other round in reverse.

    The number beside a side is the latency of embedding calls.
    """
    spent: dict[str, list[Spent]] = {name: [] for name in sides}
    for number in range(REPETITIONS):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            side, embedding_ms = sides[name]
            pace = f"{LATENCY_MS}/{embedding_ms}/v1"
            warm_up = Task(f"{address}/{name}/warm-up/{pace}", ids[:1])
            spent[name].append(side.run([warm_up, Task(f"{address}/{name}/{number}/{pace}", ids)])[-1])
    return spent


def check_same_calls(name: str, counted: Sequence[Tally], address: str) -> None:
    """All questions at once must cost what they cost one by one."""
    found = tallies(address)
    for number in range(REPETITIONS):
        together = found[f"{name}/{number}"]
        for what in ("calls", "prompt_tokens", "embedding_calls"):
            apart = sum(getattr(tally, what) for tally in counted)
            if getattr(together, what) != apart:
                raise ValueError(f"{name}: {what}: {apart} one by one, {getattr(together, what)} all at once")


def report(
    counted: Mapping[str, Sequence[Tally]],
    theirs: Sequence[Tally],
    spent: Mapping[str, Sequence[Spent]],
    most_in_flight: Mapping[str, int],
    load_before: float,
    ragas_versions: str,
    material: Material,
) -> str:
    ours = counted["the default set"]
    calls = {"rageval": total(ours, "calls"), "ragas": total(theirs, "calls") + total(theirs, "embedding_calls")}
    cpu_ms = {name: [1000 * s.cpu_s for s in spent[name]] for name in calls}
    questions = [
        ("chat calls", of_each(ours, "calls"), of_each(theirs, "calls"), 1),
        ("embedding calls", of_each(ours, "embedding_calls"), of_each(theirs, "embedding_calls"), 1),
        ("prompt tokens", of_each(ours, "prompt_tokens"), of_each(theirs, "prompt_tokens"), 0),
        ("prompt tokens, reply schemas counted too", with_schema(ours), with_schema(theirs), 0),
    ]
    runs = [
        ("seconds", per_question(spent["rageval"]), per_question(spent["ragas"]), 3),
        ("seconds, embeddings at once", per_question(spent["rageval"]), per_question(spent["ragas-quick"]), 3),
        ("CPU ms of the client", *([ms / len(ours) for ms in cpu_ms[name]] for name in calls), 1),
        ("CPU ms of the client, each call", *([ms / calls[name] for ms in cpu_ms[name]] for name in calls), 1),
    ]
    lines = [
        "# What judging costs, beside RAGAS",
        "",
        "Generated by `benchmarks/perf/judge_cost.py`; do not edit.",
        "",
        setting(material),
        "",
        "| each question | rageval | RAGAS | RAGAS / rageval |",
        "|---|---|---|---|",
    ]
    for rows, middle in ((questions, statistics.mean), (runs, statistics.median)):
        for name, mine, other, digits in rows:
            ratio = f"{middle(other) / middle(mine):.1f}" if middle(mine) else ""
            cells = [cell(values, middle(values), digits) for values in (mine, other)]
            lines.append(f"| {name} | {cells[0]} | {cells[1]} | {ratio} |")
    lines += [
        f"| most calls in flight | {most_in_flight['rageval']} | {most_in_flight['ragas']} | |",
        "",
        WHAT_IS_COUNTED,
        "",
        "rageval alone:",
        "",
        own_table(counted),
        "",
        OWN_METRICS,
        "",
        f"{machine()}, load before the runs {load_before:.1f}. {own_versions()}. RAGAS: {ragas_versions}.",
    ]
    return "\n".join(lines) + "\n"


def own_table(counted: Mapping[str, Sequence[Tally]]) -> str:
    lines = [
        "| each question | chat calls | embedding calls | prompt tokens | reply schemas counted too |",
        "|---|---|---|---|---|",
    ]
    for what, found in counted.items():
        asked = (of_each(found, "calls"), 1), (of_each(found, "embedding_calls"), 1)
        columns = *asked, (of_each(found, "prompt_tokens"), 0), (with_schema(found), 0)
        cells = [cell(values, statistics.mean(values), digits) for values, digits in columns]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def setting(material: Material) -> str:
    return (
        f"{len(material.questions)} answerable questions of the handbook ({QUESTIONS_A_LANGUAGE} English, "
        f"{QUESTIONS_A_LANGUAGE} Chinese, seed {SEED}), {PASSAGES} passages of {PASSAGE_TOKENS} tokens each (BM25), "
        f"the reference as the answer. rageval: {', '.join(DEFAULT_SET)}, through `rageval.evaluate`, concurrency "
        f"{IN_FLIGHT}, an empty cache. RAGAS: Faithfulness, ResponseRelevancy (three questions from one call, compared "
        "by embeddings), ContextRelevance (its only one: two prompts that grade all passages together from 0 to 2) and "
        "LLMContextPrecisionWithReference (its context precision), through `ragas.evaluate` with LangChain's OpenAI "
        "clients and its defaults (16 workers). One loopback endpoint for both: every call takes "
        f"{LATENCY_MS} ms, every reply is what was asked for, so nothing is asked twice. Metrics of like names do not "
        "ask the same things, and which verdicts are better this does not say."
    )


WHAT_IS_COUNTED = (
    "Calls and tokens: mean over the questions (least to most), each question by itself; all at once they add up to "
    "the same. Prompt tokens: `rageval.text.count_tokens` over the contents of all chat messages, for both sides; "
    "RAGAS writes its reply schemas into its prompts, rageval sends them as `response_format`, which some endpoints "
    f"bill and some do not. Seconds and CPU: median of {REPETITIONS} runs (least to most) in alternating order, all "
    "questions at once, each run in a fresh process after one question to warm up; seconds are those of the whole run "
    "/ questions. RAGAS makes its embedding calls one at a time, and nothing else goes on meanwhile; hence the row "
    "with an endpoint that embeds at once. CPU for each call: of chat and embedding calls."
)
OWN_METRICS = (
    "By questions: three questions from one call, compared by embeddings, as in RAGAS. The claim matrix: "
    f"{', '.join(CLAIM_MATRIX)}; in its rows the answer is the labelled evidence, so that it differs from the "
    "reference."
)


def machine() -> str:
    """What a benchmark ran on; of the cores, those that it might use."""
    cores, usable = os.cpu_count(), len(os.sched_getaffinity(0))
    which = f"{cores} cores" if usable == cores else f"{usable} of {cores} cores"
    return f"{which}, {platform.system()} {platform.machine()}"


def own_versions() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("rageval", "aiohttp"))
    return f"rageval: {packages}, Python {platform.python_version()}"


def total(found: Sequence[Tally], what: str) -> int:
    return sum(getattr(tally, what) for tally in found)


def of_each(found: Sequence[Tally], what: str) -> list[float]:
    return [getattr(tally, what) for tally in found]


def with_schema(found: Sequence[Tally]) -> list[float]:
    return [tally.prompt_tokens + tally.schema_tokens for tally in found]


def per_question(spent: Sequence[Spent]) -> list[float]:
    return [s.wall_s / (len(LANGUAGES) * QUESTIONS_A_LANGUAGE) for s in spent]


def cell(values: Sequence[float], middle: float, digits: int) -> str:
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def most_in_flight(name: str, address: str) -> int:
    found = tallies(address)
    return max(found[f"{name}/{number}"].most_in_flight for number in range(REPETITIONS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ragas-python", help=f"an interpreter that has RAGAS: {HOW_TO_GET_RAGAS}")
    ragas_python = parser.parse_args().ragas_python
    if ragas_python and not shutil.which(ragas_python):
        parser.error(f"{ragas_python}: no such program; expected an interpreter that has RAGAS: {HOW_TO_GET_RAGAS}")
    material = prepare()
    ragas = with_ragas(ragas_python, material) if ragas_python else None
    ragas_versions = ragas.versions() if ragas else ""
    ids = material.ids
    benchmark, referring, quoting = material.benchmark, material.referring, material.quoting
    ours = Ours(benchmark, referring, DEFAULT_SET)
    alone = {
        "the default set": ("rageval", ours),
        "the default set, answer relevance by questions": ("by-questions", Ours(benchmark, referring, LIKE_RAGAS)),
        f"the claim matrix, {len(CLAIM_MATRIX)} metrics": ("matrix", Ours(benchmark, quoting, CLAIM_MATRIX)),
        f"the claim matrix and the default set, {len(BOTH_SETS)} metrics": (
            "both",
            Ours(benchmark, quoting, BOTH_SETS),
        ),
    }
    with served(serve) as address:
        counted = {what: count(name, side, address, ids) for what, (name, side) in alone.items()}
        sides: dict[str, tuple[Ours | Peer, int]] = {"rageval": (ours, LATENCY_MS)}
        all_counts = {"rageval": counted["the default set"]}
        if ragas:
            sides |= {"ragas": (ragas, LATENCY_MS), "ragas-quick": (ragas, 0)}
            all_counts["ragas"] = all_counts["ragas-quick"] = count("ragas", ragas, address, ids)
        load_before = os.getloadavg()[0]
        spent = time_in_turn(sides, address, ids)
        for name, found in all_counts.items():
            check_same_calls(name, found, address)
        in_flight = {name: most_in_flight(name, address) for name in sides}
    print(own_table(counted))
    print(f"{statistics.median(per_question(spent['rageval'])):.3f} s at {LATENCY_MS} ms a call, {IN_FLIGHT} in flight")
    if ragas:
        text = report(counted, all_counts["ragas"], spent, in_flight, load_before, ragas_versions, material)
        Path(__file__).with_suffix(".md").write_text(text, encoding="utf-8")
        print(text)
    else:
        print(f"Beside RAGAS: --ragas-python X/bin/python, after\n    {HOW_TO_GET_RAGAS}")


if __name__ == "__main__":
    main()

"""Questions out of a corpus: exact counts for each filter, nothing lost, nothing paid for twice."""

from __future__ import annotations

import csv
import json
import os
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import rageval
from rageval.benchmark.native import load_native
from rageval.models.base import ChatReply
from rageval.models.scripted import HashEmbedder
from rageval.synthesis import KINDS, Synthesis
from rageval.types import Usage
from tests.conftest import CommandLine
from tests.flow.fake_server import Canned, FakeServer, Received, completion, embeddings, fault
from tests.flow.small_world import _vector, read_jsonl, start_rageval, write_lines
from tests.flow.synthetic_world import CHINESE, ENGLISH, Author, write_corpus

FACTUAL = {"factual": 1}


def synthesise(
    corpus: Path,
    n: int,
    author: Author,
    *,
    mix: Mapping[str, int] = FACTUAL,
    attempts: int = 1,
    concurrency: int = 4,
    out: str = "out",
    **more: Any,
) -> Synthesis:
    return rageval.synthesise(
        corpus,
        n,
        out=corpus.parent / out,
        mix=mix,
        attempts=attempts,
        chat=author.chat(concurrency=concurrency),
        judge=author.chat("critic", concurrency),
        embed=HashEmbedder(),
        cache=corpus.parent / f"cache-{out}",
        **more,
    )


def only(names: Sequence[str]) -> dict[str, tuple[int, str]]:
    return {name: (ENGLISH | CHINESE)[name] for name in names}


def texts(folder: Path) -> list[str]:
    return [row["text"] for row in read_jsonl(folder / "questions.jsonl")]


def test_every_refusal_is_counted_under_its_filter(tmp_path: Path) -> None:
    faults = {
        "Bresk": "call failed",
        "Corvin": "garbage",
        "Dunmar": "refused",
        "Eltor": "cut off",
        "Fennick": "quote",
        "Gorlan": "language",
        "Hastur": "given away",
        "Ilmen": "refers to a text",
        "Jorvik": "unclear",
        "Kestrel": "evidence",
    }
    corpus = write_corpus(tmp_path / "corpus", ENGLISH)
    found = synthesise(corpus, len(ENGLISH), Author(faults))
    (one,) = found.yields
    assert (one.wanted, one.tried, one.kept, one.missing) == (11, 11, 1, 10)
    assert one.refused == {
        "call failed": 1,
        "unreadable": 3,
        "quote": 1,
        "language": 1,
        "given away": 1,
        "refers to a text": 1,
        "unclear": 1,
        "evidence": 1,
    }
    assert texts(tmp_path / "out") == ["How high is Mount Arlen?"]
    # Good: write, clear?, answer, right?, closed book; no passage pooled for it states the height.
    # Those refused by words take one call, an unclear one two, one that the evidence does not answer three.
    assert one.usage.calls == 5 + 3 + 4 * 1 + 2 + 3
    (missing,) = found.missing
    assert missing.startswith("factual: 1 of 11 questions: 1 attempts at each of the others were refused; most often")


@pytest.mark.parametrize(
    ("kind", "fault", "filter_"),
    [
        ("factual", "closed book", "closed book"),
        ("factual", "odd judge", "unreadable"),
        ("multi_hop", "one passage", "one passage"),
        ("multiple_choice", "options", "options"),
        ("unanswerable", "answerable", "answered"),
        ("comparison", "quote", "quote"),
    ],
)
def test_filters_of_kinds(kind: str, fault: str, filter_: str, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", only(["Arlen", "Bresk", "Corvin"]))
    faults = dict.fromkeys(["Arlen", "Bresk", "Corvin"], fault)
    if kind == "comparison":
        found = synthesise(corpus, 1, Author(dict.fromkeys(faults, "garbage")), mix={kind: 1})
        assert found.yields[0].refused == {"unreadable": 1}
        return
    found = synthesise(corpus, 3, Author(faults), mix={kind: 1})
    assert (found.yields[0].kept, found.yields[0].refused) == (0, {filter_: 3})
    assert not (tmp_path / "out" / "questions.jsonl").exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_kind_in_both_languages(kind: str, language: str, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", only(["Arlen", "Bresk", "Corvin"]) if language == "en" else CHINESE)
    found = synthesise(corpus, 1, Author(), mix={kind: 1}, attempts=2)
    assert found.missing == ()
    benchmark = load_native(tmp_path / "out")
    (question,) = benchmark.questions
    other = {"en": "zh", "zh": "en"}[language]
    assert question.language == (other if kind == "cross_lingual" else language)
    assert {kind, "synthetic"} <= set(question.tags)
    assert question.answerable == (kind != "unanswerable")
    assert bool(question.references) == question.answerable
    about = question.metadata["synthesis"]
    assert isinstance(about, dict)
    assert (about["generator"], about["judge"], about["seed"], about["kind"]) == ("author", "critic", 0, kind)
    assert isinstance(about["prompts"], list)
    assert all(str(prompt).startswith("question_") for prompt in about["prompts"])
    documents = {document.id: document for document in benchmark.documents}
    labels = [label for label in benchmark.labels if label.part or label.start is not None]
    assert len({label.part for label in labels}) == (2 if kind in ("multi_hop", "comparison", "summary") else 1)
    assert {label.grade for label in labels} == ({0} if kind == "unanswerable" else {1})
    for label in labels:
        assert documents[label.doc_id].text[label.start : label.end].endswith((".", "。"))
    for row in read_jsonl(tmp_path / "out" / "questions.jsonl"):
        assert all(one["quote"] in documents[one["doc_id"]].text for one in row["evidence"])
    if kind == "follow_up":
        assert [turn.role for turn in question.history] == ["user", "assistant"]
        assert question.metadata["self_contained"] != question.text
        assert not {"said", "history"} & set(question.metadata)
    if kind == "multiple_choice":
        assert [line[:3] for line in question.text.split("\n")[1:]] == ["A. ", "B. ", "C. ", "D. "]
        assert question.references[0] in question.text.split("\n")


def test_short_chinese_questions_are_kept(tmp_path: Path) -> None:
    """A filter by a count of characters, as ARES has it, would drop all of these."""
    corpus = write_corpus(tmp_path / "corpus", CHINESE)
    found = synthesise(corpus, 3, Author(), mix={"paraphrase": 1})
    assert found.missing == ()
    assert sorted(texts(tmp_path / "out")) == sorted(f"{name}有多高？" for name in CHINESE)
    assert max(map(len, texts(tmp_path / "out"))) <= 7


def test_exactly_n_by_trying_again(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", ENGLISH)
    faults = {"Bresk": "garbage", "Gorlan": "quote", "Ilmen": "evidence"}
    found = synthesise(corpus, 6, Author(faults), attempts=6)
    assert (len(found.questions), found.missing) == (6, ())
    (one,) = found.yields
    assert one.tried == one.kept + sum(one.refused.values())
    assert not [text for text in texts(tmp_path / "out") if any(name in text for name in faults)]


def test_a_repeated_question_is_kept_once(tmp_path: Path) -> None:
    """Eleven documents have one such question each; the twelfth can only repeat one."""
    corpus = write_corpus(tmp_path / "corpus", ENGLISH)
    found = synthesise(corpus, 12, Author(), attempts=2)
    (one,) = found.yields
    assert (one.kept, one.refused) == (11, {"duplicate": 2})
    assert len(set(texts(tmp_path / "out"))) == 11


def test_questions_of_the_benchmark_are_not_repeated_and_may_be_kept(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", only(["Arlen", "Bresk"]))
    own = {"id": "own", "text": "How high is Mount Arlen?", "evidence": [{"doc_id": "Arlen", "quote": "1000 metres"}]}
    write_lines(corpus / "questions.jsonl", [own])
    found = synthesise(corpus, 2, Author())
    assert found.yields[0].refused == {"duplicate": 1}
    assert texts(tmp_path / "out") == ["How high is Mount Bresk?"]
    synthesise(corpus, 2, Author(), out="both", keep_questions=True)
    both = load_native(tmp_path / "both")
    assert [question.text for question in both.questions] == ["How high is Mount Arlen?", "How high is Mount Bresk?"]
    assert [(x.question_id, x.start, x.end) for x in both.labels if x.question_id == "own"] == [("own", 15, 26)]


def test_other_passages_that_answer_are_labelled(tmp_path: Path) -> None:
    """The height of Mount Arlen stands in two documents: both are alternatives of one part."""
    corpus = write_corpus(tmp_path / "corpus", only(["Arlen", "Bresk"]))
    copy = {"id": "copy", "text": "Walkers know that Mount Arlen is 1000 metres high. They rest in the valley hut."}
    with (corpus / "documents.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(copy) + "\n")
    found = synthesise(corpus, 2, Author({"copy": ""}), mix=FACTUAL, attempts=3)
    benchmark = load_native(tmp_path / "out")
    arlen = next(question for question in benchmark.questions if "Arlen" in question.text)
    labels = [label for label in benchmark.labels if label.question_id == arlen.id]
    assert {label.doc_id for label in labels} == {"Arlen", "copy"}
    assert {label.part for label in labels} == {"1"}
    assert found.yields[0].more_labels == 1


@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_same_whatever_is_done_at_once(concurrency: int, tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    faults = {"Bresk": "garbage", "Gorlan": "quote"}
    mix = dict.fromkeys(KINDS, 1)
    synthesise(corpus, 12, Author(faults), mix=mix, attempts=2, concurrency=4, out="first")
    synthesise(corpus, 12, Author(faults), mix=mix, attempts=2, concurrency=concurrency, out="again")
    assert (tmp_path / "first/questions.jsonl").read_bytes() == (tmp_path / "again/questions.jsonl").read_bytes()
    synthesise(corpus, 12, Author(faults), mix=mix, attempts=2, out="seed", seed=1)
    assert texts(tmp_path / "first") != texts(tmp_path / "seed")


def test_a_finished_synthesis_asks_nothing_again(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", ENGLISH)
    first = synthesise(corpus, 5, Author())
    content = (tmp_path / "out/questions.jsonl").read_bytes()
    author = Author()
    again = synthesise(corpus, 5, author)
    assert (author.calls, again.reused) == (0, 5)
    assert again.questions == first.questions
    assert (tmp_path / "out/questions.jsonl").read_bytes() == content


def test_failed_calls_are_made_again(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", only(["Arlen", "Bresk"]))
    broken = synthesise(corpus, 2, Author({"Bresk": "call failed"}))
    assert broken.yields[0].refused == {"call failed": 1}
    author = Author()
    mended = synthesise(corpus, 2, author)
    assert (len(mended.questions), mended.missing, mended.reused) == (2, (), 1)
    assert author.calls == 5  # those of one question


def test_a_spent_budget_keeps_what_is_there_and_goes_on(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", ENGLISH)
    whole = synthesise(corpus, 6, Author(), out="whole")
    spent = Author()
    stopped = synthesise(corpus, 6, spent, budget={"max_calls": 13}, concurrency=1)
    assert stopped.stopped.startswith("budget: the next call could go beyond max_calls 13")
    assert spent.calls == 13
    assert len(stopped.questions) == 2  # five calls each
    assert stopped.missing == ("factual: 2 of 6 questions; the work stopped before all attempts",)
    assert len(load_native(tmp_path / "out").questions) == 2
    rest = Author()
    synthesise(corpus, 6, rest)
    assert spent.calls + rest.calls == whole.usage.calls == 30
    assert (tmp_path / "out/questions.jsonl").read_bytes() == (tmp_path / "whole/questions.jsonl").read_bytes()


def test_more_attempts_go_on_where_fewer_ended(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", ENGLISH)
    faults = dict.fromkeys(["Bresk", "Gorlan", "Ilmen", "Corvin"], "quote")
    whole = synthesise(corpus, 5, Author(faults), attempts=9, out="whole")
    author = Author(faults)
    ended = synthesise(corpus, 5, author, attempts=1)
    longer = synthesise(corpus, 5, author, attempts=9)
    assert 0 < len(ended.questions) < len(longer.questions)
    assert (longer.questions, longer.missing, longer.reused) == (whole.questions, whole.missing, 5)
    assert author.calls == whole.usage.calls
    assert (tmp_path / "out/questions.jsonl").read_bytes() == (tmp_path / "whole/questions.jsonl").read_bytes()
    with pytest.raises(rageval.DeclarationError, match="another attempts, expected the same one"):
        synthesise(corpus, 5, author, attempts=2)


@pytest.mark.parametrize("change", [{"seed": 1}, {"n": 3}, {"mix": {"paraphrase": 1}}])
def test_a_folder_with_something_else_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", only(["Arlen", "Bresk"]))
    synthesise(corpus, 2, Author())
    author = Author()
    given: dict[str, Any] = {"n": 2, **change}
    with pytest.raises(rageval.DeclarationError, match=f"another {next(iter(change))}, expected the same one"):
        synthesise(corpus, given.pop("n"), author, **given)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(rageval.DeclarationError, match="found other content there"):
        synthesise(corpus, 2, author, out="other")
    assert author.calls == 0


def test_questions_that_people_reviewed_are_not_written_over(tmp_path: Path, command_line: CommandLine) -> None:
    corpus = write_corpus(tmp_path / "corpus", only(["Arlen", "Bresk"]))
    synthesise(corpus, 2, Author())
    folder = tmp_path / "out"
    sheet = tmp_path / "sheet.csv"
    assert command_line("review", folder, "-n", 1, "--out", sheet).code == 0
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = [{**row, "verdict": "accept", "annotator": "ann"} for row in csv.DictReader(file)]
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]])
        writer.writeheader()
        writer.writerows(rows)
    assert command_line("review", folder, sheet).code == 0
    assert sum("verified" in question.tags for question in load_native(folder).questions) == 1
    content = (folder / "questions.jsonl").read_bytes()
    with pytest.raises(rageval.DeclarationError, match="found it changed since it was written"):
        synthesise(corpus, 2, Author())
    assert (folder / "questions.jsonl").read_bytes() == content


def test_a_question_that_no_search_finds_is_kept_as_hard(tmp_path: Path) -> None:
    """Of thirty documents with its very words, ten come before the one that it was written about."""
    texts = [
        f"Mount Arlen, how high is Mount Arlen? Nobody at hut number {i} knew how high Mount Arlen is."
        for i in range(30)
    ]
    corpus = write_corpus(tmp_path / "corpus", only(["Arlen"]))
    with (corpus / "documents.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps({"id": f"d{i}", "text": text}) + "\n" for i, text in enumerate(texts))
    found = synthesise(corpus, 31, Author(), attempts=1)
    (question,) = load_native(tmp_path / "out").questions
    assert question.tags == ("factual", "synthetic", "hard")
    assert found.yields[0].hard == 1


def test_an_empty_file_of_questions_will_do(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", only(["Arlen"]))
    (corpus / "questions.jsonl").touch()
    assert len(synthesise(corpus, 1, Author()).questions) == 1
    benchmark = load_native(tmp_path / "out")
    assert (benchmark.card.name, benchmark.card.license) == ("mountains-synthetic", "CC0-1.0")


def test_styles_stand_in_the_prompts(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", only(["Arlen", "Bresk"]))
    author = Author()
    chat = author.chat()
    rageval.synthesise(
        corpus, 2, out=tmp_path / "out", mix=FACTUAL, personas=["a shepherd {x}"], like=["where can i ski??"],
        chat=chat, embed=HashEmbedder(), cache=tmp_path / "cache", attempts=1,
    )  # fmt: skip
    written = [r.messages[-1].content for r in chat.requests if r.prompt.startswith("question_factual")]
    assert len(written) == 2
    assert all("\nThe person who asks: a shepherd {x}\nWrite it in the style of this real" in text for text in written)
    assert all("where can i ski??\nReply in JSON" in text for text in written)


def test_generated_and_human_questions_are_not_pooled_in_silence(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", only(["Arlen", "Bresk", "Corvin"]))
    evidence = [{"doc_id": "Arlen", "quote": "1000 metres"}]
    write_lines(
        corpus / "questions.jsonl", [{"id": "own", "text": "What height has Mount Arlen's top?", "evidence": evidence}]
    )
    synthesise(corpus, 2, Author(), keep_questions=True)
    pipelines = [{"naive": {"retriever": "bm25", "k": 2}}]

    def board(out: str, **questions: Any) -> rageval.Result:
        return rageval.evaluate(
            str(tmp_path / "out"), pipelines, ["recall@2"], out=tmp_path / out, questions=questions or None
        )

    note = "Two kinds of questions in one number: a model wrote 2, people wrote 1"
    mixed = board("mixed")
    assert note in str(mixed)
    assert mixed.leaderboard.to_json()["left_out"]["human"] == 1  # type: ignore[index,call-overload]
    assert "Two kinds" not in str(board("generated", tags=["synthetic"]))
    assert "Two kinds" not in str(board("human", exclude_tags=["synthetic"]))

    rows = read_jsonl(tmp_path / "out/questions.jsonl")
    rows[1]["tags"].append("verified")
    write_lines(tmp_path / "out/questions.jsonl", rows)
    assert board("verified", tags=["verified"]).leaderboard.questions == 1
    mixed_run = rageval.compare(mixed.runs[0], mixed.runs[0])
    assert note in str(mixed_run)


class Service:
    """The author behind an endpoint; at a call it sends a signal to a process."""

    def __init__(self) -> None:
        self.author = Author({"Bresk": "garbage", "Gorlan": "quote"})
        self.asked: Counter[str] = Counter()
        self.at = self.pid = 0
        self.sent = signal.SIGKILL
        self.down = False

    def __call__(self, received: Received) -> Canned:
        if received.path.endswith("/embeddings"):
            return embeddings([_vector(text) for text in received.payload["input"]])
        if self.down:
            return fault(401)
        self.asked[json.dumps(received.payload, sort_keys=True)] += 1
        if self.asked.total() == self.at:
            os.kill(self.pid, self.sent)
        said = self.author.say(received.payload["messages"][-1]["content"])
        assert not isinstance(said, Exception)
        reply = said if isinstance(said, ChatReply) else ChatReply(said, usage=Usage())
        return completion(reply.text or None, reply.finish_reason)


def write_models(path: Path, server: FakeServer, **more: object) -> Path:
    endpoint = {"provider": "openai", "base_url": server.base_url, "model": "fake", "concurrency": 4}
    embed = {key: endpoint[key] for key in ("provider", "base_url", "model")}
    path.write_text(yaml.safe_dump({"models": {"chat": endpoint, "embed": embed}, **more}), encoding="utf-8")
    return path


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_killed_synthesis_goes_on_and_pays_for_nothing_twice(
    sent: signal.Signals, code: int, tmp_path: Path, command_line: CommandLine
) -> None:
    corpus = write_corpus(tmp_path / "corpus", ENGLISH)
    service = Service()
    with FakeServer(service) as server:
        models = write_models(tmp_path / "models.yaml", server)

        def command(name: str) -> list[object]:
            places = ["--out", tmp_path / name, "--cache", tmp_path / f"cache-{name}"]
            return ["synthesise", corpus, "-n", 6, "--mix", "factual 2, multi_hop 1", "--models", models, *places]

        whole = command_line(*command("whole"), "--json")
        assert whole.code == 0
        undisturbed = Counter(service.asked)
        service.asked.clear()
        service.at, service.sent = 17, sent
        process = start_rageval(*command("killed"))
        service.pid = process.pid
        _, err = process.communicate(timeout=60)
        assert process.returncode == code
        assert ("stopped; every attempt so far is kept" in err) == (sent == signal.SIGINT)
        before = service.asked.total()
        ended = command_line(*command("killed"), "--json")
    assert ended.code == 0
    assert 17 <= before < undisturbed.total()
    assert set(service.asked) == set(undisturbed)
    assert service.asked.total() <= undisturbed.total() + 4  # what was in flight at the kill may be asked again
    names = ("questions.jsonl", "documents.jsonl", "card.yaml")
    assert all((tmp_path / "whole" / name).read_bytes() == (tmp_path / "killed" / name).read_bytes() for name in names)
    told, whole_told = json.loads(ended.out), json.loads(whole.out)
    assert told["kinds"][0]["kept"] == whole_told["kinds"][0]["kept"]
    assert [one["calls"] for one in told["kinds"]] == [one["calls"] for one in whole_told["kinds"]]


def test_the_command_prints_yields_and_warns_of_one_model(
    tmp_path: Path, command_line: CommandLine, caplog: pytest.LogCaptureFixture
) -> None:
    corpus = write_corpus(tmp_path / "corpus", ENGLISH)
    service = Service()
    with FakeServer(service) as server:
        models = write_models(tmp_path / "models.yaml", server)
        arguments = ["synthesise", corpus, "-n", 4, "--mix", "factual 1", "--attempts", 1, "--models", models]
        places = ["--out", tmp_path / "out", "--cache", tmp_path / "cache"]
        dry = command_line(*arguments, *places, "--dry-run")
        assert (dry.code, service.asked.total()) == (0, 0)
        assert "factual 4\n11 documents in 11 passages" in dry.out
        assert "20 to 32 chat calls" in dry.out
        assert not (tmp_path / "out").exists()
        done = command_line(*arguments, *places)
        again = command_line(*arguments, *places, "--format", "csv")
        small = command_line(*arguments, "--out", tmp_path / "small", "--cache", tmp_path / "c2", "--budget-calls", 3)
        service.down = True
        refused = command_line(*arguments, "--out", tmp_path / "down", "--cache", tmp_path / "c3")
    assert done.code == 0
    assert "the same model writes and checks the questions" in caplog.text
    assert "questions; " in done.out
    assert "reused" in again.err
    assert again.out.splitlines()[0].startswith("table,kind,wanted,tried,kept,hard,more labels")
    assert small.code == 6
    assert "budget" in small.err
    assert refused.code == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mix", "factual"], "mix: found 'factual', expected kinds with weights"),
        (["--mix", "factul 3"], "did you mean factual?"),
        (["--mix", "factual 0"], "found no weight above 0"),
        (["--mix", "factual 1, factual 2"], "found factual twice"),
        (["--personas", "none.txt"], "none.txt: cannot be read"),
        (["--models", "none.yaml"], "none.yaml: no such file"),
        (["--models", "panel.yaml"], "panel.yaml: models.judge: found a panel"),
        (["--models", "key.yaml"], "key.yaml: judge: found an unknown key"),
        (["--models", "budget.yaml", "--budget-calls", "5"], "found it beside the budget"),
        (["--like", "empty.txt"], "empty.txt: found no line with a text"),
    ],
)
def test_mistakes_are_told_before_anything_is_asked(
    arguments: list[str], message: str, tmp_path: Path, command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "corpus", only(["Arlen"]))
    (tmp_path / "panel.yaml").write_text("models: {judge: [local, local]}\n", encoding="utf-8")
    (tmp_path / "key.yaml").write_text("judge: local\n", encoding="utf-8")
    (tmp_path / "budget.yaml").write_text("budget: {max_calls: 3}\n", encoding="utf-8")
    (tmp_path / "empty.txt").write_text("\n \n", encoding="utf-8")
    ended = command_line("synthesise", "corpus", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert not (tmp_path / "synthetic").exists()

"""Prompts of the user's own: what their files may hold, what is refused, and what they change."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.experiment.choose_pipelines import choose_pipeline
from rageval.experiment.grid import grid_entries
from rageval.experiment.plan import own_prompts
from rageval.identity import describe, fingerprint
from rageval.models.scripted import ScriptedChat
from rageval.pipeline import Pipeline, PromptSizes, Query, Resources, State
from rageval.pipeline.sizes import CorpusSizes
from rageval.prompts.own import check_prompt_languages, read_prompt
from rageval.text import count_tokens
from rageval.types import Document, Question
from tests.unit.scripts import by_prompt, p_yes

DOCUMENTS = (Document("arlen", "Mount Arlen is 2310 metres high."), Document("shan", "青石山高一千八百米。"))
QUESTIONS = (Question("en", "How high is Mount Arlen?", "en"), Question("zh", "青石山有多高？", "zh"))
BOTH = 'en: "SHORT {question}"\nzh: "简短回答：{question}"\n'


def composed(base: Path, *stages: object, **others: Any) -> Pipeline:
    return choose_pipeline({"mine": {"stages": [*stages], **others}}, base)


def file(folder: Path, text: str, name: str = "own.yaml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


def sent(pipeline: Pipeline, chat: ScriptedChat, question: Question) -> list[str]:
    state = State(question, (Query(question.text),))
    asyncio.run(pipeline.stage.run(state, Resources(DOCUMENTS, chat=chat)))
    return [request.messages[-1].content for request in chat.requests]


@pytest.mark.parametrize(
    ("stage", "prompt", "text"),
    [
        ("answer_from_memory", "answer_from_memory", "SHORT {question} {abstention}"),
        ("rewrite", "rewrite_queries", "SHORT {n} {question}"),
        ("sub_questions", "sub_questions", "SHORT {n} {question}"),
        ("step_back", "step_back", "SHORT {question}"),
        ("expand", "hypothetical_answer", "SHORT {question}"),
        ("hypothetical_answers", "hypothetical_answer", "SHORT {question}"),
    ],
)
def test_a_stage_sends_it_in_the_place_of_its_own(tmp_path: Path, stage: str, prompt: str, text: str) -> None:
    name = file(tmp_path, f'en: "{text}"\nzh: "简短 {text}"\n')
    pipeline = composed(tmp_path, {stage: {"prompt": name}})
    for question, start in zip(QUESTIONS, ("SHORT ", "简短 SHORT "), strict=True):
        chat = by_prompt(**{prompt: "a reply"})
        (content,) = sent(pipeline, chat, question)
        assert content.startswith(start)
        assert question.text in content
        sizes = PromptSizes.of(question, CorpusSizes(DOCUMENTS))
        whole = "".join(message.content for message in chat.requests[0].messages)
        bound = pipeline.stage.prompt_tokens(True, sizes)
        assert bound is not None
        assert count_tokens(whole) <= bound < count_tokens(whole) + 20


def test_the_prompts_of_the_answer_and_of_the_check(tmp_path: Path) -> None:
    own = file(tmp_path, BOTH)
    check = file(tmp_path, 'en: "CHECK {question}"\n', "check.yaml")
    retrieve = {"retrieve": {"retriever": "bm25", "k": 1}}
    pipeline = composed(tmp_path, retrieve, {"answer": {"prompt": own, "check_prompt": check}})
    checked, answered = sent(pipeline, by_prompt(check_answerable=p_yes(0.9), answer="high"), QUESTIONS[0])
    assert checked.endswith("CHECK How high is Mount Arlen?")
    assert answered.startswith("<passages>")
    assert answered.endswith("SHORT How high is Mount Arlen?")


def test_passages_are_graded_with_it_and_thoughts_are_written_with_it(tmp_path: Path) -> None:
    own = file(tmp_path, BOTH)
    thought = file(tmp_path, 'en: "THINK {question} {thoughts} {enough}"\n', "thought.yaml")
    rerank = {"rerank": {"by": {"pointwise": {"prompt": own}}}}
    retrieve = {"retrieve": {"retriever": "bm25", "k": 1}}
    graded = sent(composed(tmp_path, retrieve, rerank), by_prompt(grade_passage=p_yes(0.9)), QUESTIONS[1])
    assert graded[0].endswith("简短回答：青石山有多高？")
    iterate = {"iterate": {"retriever": "bm25", "prompt": thought}}
    (written,) = sent(composed(tmp_path, iterate), by_prompt(next_thought="ENOUGH"), QUESTIONS[0])
    assert written.endswith("THINK How high is Mount Arlen? (none) ENOUGH")


def test_the_variant_of_the_answer_decides_the_placeholders(tmp_path: Path) -> None:
    abstain = file(tmp_path, 'en: "SHORT {question}, or {abstention}"\n')
    assert own_prompts([composed(tmp_path, "retrieve", {"answer": {"prompt": abstain, "abstain": "in_answer"}})])
    with pytest.raises(DeclarationError) as error:
        composed(tmp_path, "retrieve", {"answer": {"prompt": abstain}})
    assert str(error.value) == (
        "pipelines.mine.stages.2.answer.prompt: own.yaml: en: found no text for plain, expected one with the "
        "placeholders {question}"
    )
    named = file(tmp_path, 'en: {plain: "P {question}", citing: "C {question}"}\n', "named.yaml")
    pipeline = composed(tmp_path, "answer_from_memory", "retrieve", {"answer": {"prompt": named, "cite": True}})
    assert [prompt.text("en", "citing") for prompt in own_prompts([pipeline])] == ["C {question}"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('en: "Why?"\n', "en: found the placeholders none, expected {question}"),
        ('en: "{question} {n}"\n', "en: found the placeholders {n}, {question}, expected {question}"),
        ('en: "{question} {}"\n', "en: found the placeholders {}, {question}, expected {question}"),
        ('zh: {instruction: "{q}"}\n', "zh.instruction: found the placeholders {q}, expected {question}"),
        ('zh: {text: "{question}"}\n', "zh: found the text 'text', expected some of instruction"),
        ('en: "{question} {"\n', "en: found "),
        ('en: ""\n', "en: found '', expected a text"),
        ("en: [1]\n", "en: found [1], expected a text, or texts by name: instruction"),
        ('de: "{question}"\n', "found the key 'de', expected some of en, zh, version"),
        ("version: 2\n", "found no text, expected one under en or zh"),
        ('version: one\nen: "{question}"\n', "version: found 'one', expected a whole number"),
        ("- en\n", "expected a prompt with keys such as en or zh"),
        ("en: [\n", "found invalid YAML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, told: str) -> None:
    name = file(tmp_path, text)
    with pytest.raises(DeclarationError) as error:
        composed(tmp_path, {"step_back": {"prompt": name}})
    assert str(error.value).startswith("pipelines.mine.stages.1.step_back.prompt: ")
    assert "own.yaml" in str(error.value)
    assert told in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"stages\.1\.step_back\.prompt: none\.yaml: no such file"):
        composed(tmp_path, {"step_back": {"prompt": "none.yaml"}})


def test_the_content_decides_what_it_is_and_not_the_name(tmp_path: Path) -> None:
    def of(name: str) -> str:
        return fingerprint(describe(composed(tmp_path, {"step_back": {"prompt": name}}).stage))

    one, same = of(file(tmp_path, BOTH)), of(file(tmp_path, BOTH, "same.yaml"))
    other = of(file(tmp_path, BOTH + "# changed\n", "other.yaml"))
    without = fingerprint(describe(composed(tmp_path, "step_back").stage))
    assert one == same
    assert len({one, other, without}) == 3
    prompt = read_prompt("step_back", tmp_path / "own.yaml")
    assert prompt.id("en") != read_prompt("step_back", tmp_path / "other.yaml").id("en")
    assert replace(prompt, file="elsewhere.yaml") == prompt


def test_one_language_serves_questions_in_it_alone(tmp_path: Path) -> None:
    prompt = read_prompt("step_back", tmp_path / file(tmp_path, 'en: "{question}"\n'))
    german = Question("de", "Wie hoch ist der Berg?", "de")
    check_prompt_languages([prompt], [QUESTIONS[0], german])
    with pytest.raises(DeclarationError, match=r"own\.yaml: found no text under zh, in which 1 of the 2 questions"):
        check_prompt_languages([prompt], QUESTIONS)
    with pytest.raises(DeclarationError, match=r"own\.yaml: found no text under zh"):
        prompt.messages("zh", {"question": "?"})


def test_it_is_a_factor_of_a_sweep(tmp_path: Path) -> None:
    name = file(tmp_path, BOTH)
    stages = ["retrieve", "answer"]
    sweep = {"pipeline": [{"mine": {"stages": stages}}], "answer.prompt": [None, name]}
    default, own = (choose_pipeline(entry, tmp_path) for entry in grid_entries(sweep, []))
    assert default.label == "mine(answer.prompt=None)"
    assert own.label == "mine(answer.prompt=own.yaml)"
    assert own_prompts([default]) == []
    assert default.stage == composed(tmp_path, *stages).stage
    assert own.stage == composed(tmp_path, "retrieve", {"answer": {"prompt": name}}).stage

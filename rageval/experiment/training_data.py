"""Training data for a chat model: a run's questions and passages with the expected answers, in chat form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from rageval.errors import DeclarationError
from rageval.io.disk import cannot_write, write_atomically
from rageval.io.run_folder import RunFolder
from rageval.prompts import load_prompt, shared_text
from rageval.types import Json, Passage, Question, Response


def write_training_data(run: str | Path, file: str | Path) -> int:
    """Write the examples of `training_examples` to a JSONL file; returns how many there are.

    Raises DeclarationError for a folder that holds no finished run, for one without any example, and for a file that
    cannot be written.
    """
    lines = [json.dumps(example, ensure_ascii=False) + "\n" for example in training_examples(RunFolder(run))]
    if not lines:
        raise DeclarationError(
            f"{run}: found no question with passages and an expected answer, expected one at least: the benchmark "
            "needs references, and the pipeline a search"
        )
    path = Path(file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, "".join(lines))
    except OSError as error:
        raise cannot_write(path, error) from None
    return len(lines)


def training_examples(run: RunFolder) -> Iterator[dict[str, Json]]:
    """An example for each passage that the generator read: `messages` of system, user and assistant, as chat models are
    fine-tuned on, and `question_id`.

    The user's message is the prompt of the stage `answer` with `abstain: in_answer`, with this passage alone; the
    assistant's is the first reference, or for an unanswerable question the abstention that the prompt names. A passage
    may not hold the answer: then the model learns to answer in spite of it, as in RA-DIT (Lin et al. 2023, arXiv
    2310.01352). Questions without references, failed ones and those with an empty context give none. Raises
    DeclarationError where the run is not finished.
    """
    run.finished_manifest()
    outcomes = run.outcomes()
    for name, (question, _) in run.questions().items():
        outcome = outcomes.get(name)
        answer = _answer(question)
        if answer is None or not isinstance(outcome, Response):
            continue
        for passage in outcome.context_passages:
            yield {"question_id": name, "messages": _messages(question, passage, answer)}


def _answer(question: Question) -> str | None:
    if not question.answerable:
        return shared_text(question.language, "abstention")
    return question.references[0] if question.references else None


def _messages(question: Question, passage: Passage, answer: str) -> list[Json]:
    fields = {"question": question.text, "abstention": shared_text(question.language, "abstention")}
    messages = load_prompt("answer").messages(question.language, fields, passages=(passage,), variant="or_abstain")
    turns = [(message.role, message.content) for message in messages]
    return [{"role": role, "content": content} for role, content in (*turns, ("assistant", answer))]

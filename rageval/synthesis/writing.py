"""One question of each kind, as the generator writes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType

from rageval.io.turns import turns_to_json
from rageval.scores.random_order import in_random_order
from rageval.synthesis.checks import find_evidence, is_near_duplicate
from rageval.synthesis.coverage import Source
from rageval.synthesis.desk import Desk
from rageval.synthesis.drafts import Draft, RefusedError
from rageval.text.languages import LANGUAGES, Language, base_language, prompt_language
from rageval.text.quotes import fold_quote
from rageval.types import Json, Passage, Turn

LETTERS = "ABCD"
PROMPTS = (
    "question_factual",
    "question_paraphrase",
    "question_multi_hop",
    "question_comparison",
    "question_summary",
    "question_cross_lingual",
    "question_false_premise",
    "question_unanswerable",
    "question_follow_up",
    "question_multiple_choice",
    "question_style",
    "question_self_contained",
    "question_options",
)
"""The prompts of this package's own; checks also use those of answers and judges."""

Write = Callable[[Desk, Source], Awaitable[Draft]]


async def _factual(desk: Desk, source: Source) -> Draft:
    language, keys = _language(desk, source), ("quote", "question", "answer")
    fields = {"style": desk.style(language)}
    written = await desk.write("question_factual", language, keys, fields, [source.passage])
    evidence = find_evidence(written["quote"], source.passage, written["answer"], written["question"])
    return Draft(written["question"], language, written["answer"], (evidence,), (written.prompt,))


async def _false_premise(desk: Desk, source: Source) -> Draft:
    language, keys = _language(desk, source), ("quote", "false", "question", "answer")
    fields = {"style": desk.style(language)}
    written = await desk.write("question_false_premise", language, keys, fields, [source.passage])
    evidence = find_evidence(written["quote"], source.passage)
    details: dict[str, Json] = {"false_premise": written["false"]}
    return Draft(written["question"], language, written["answer"], (evidence,), (written.prompt,), details=details)


async def _unanswerable(desk: Desk, source: Source) -> Draft:
    language, keys = _language(desk, source), ("quote", "missing", "question")
    fields = {"style": desk.style(language)}
    written = await desk.write("question_unanswerable", language, keys, fields, [source.passage])
    evidence = find_evidence(written["quote"], source.passage)
    details: dict[str, Json] = {"missing": written["missing"]}
    return Draft(written["question"], language, "", (evidence,), (written.prompt,), details=details)


async def _paraphrase(desk: Desk, source: Source) -> Draft:
    first = await _factual(desk, source)
    written = await desk.write("question_paraphrase", first.language, ("question",), {"question": first.text})
    prompts = (*first.prompts, written.prompt)
    return Draft(written["question"], first.language, first.answer, first.evidence, prompts)


async def _multi_hop(desk: Desk, source: Source) -> Draft:
    return await _two_passages(
        desk, source, "question_multi_hop", await desk.search.related(source.passage, source.draw)
    )


async def _comparison(desk: Desk, source: Source) -> Draft:
    other = await desk.search.related(source.passage, source.draw)
    return await _two_passages(desk, source, "question_comparison", other)


async def _summary(desk: Desk, source: Source) -> Draft:
    other = desk.search.neighbour(source.passage) or await desk.search.related(source.passage, source.draw)
    return await _two_passages(desk, source, "question_summary", other)


async def _two_passages(desk: Desk, source: Source, prompt: str, other: Passage | None) -> Draft:
    if other is None:
        raise RefusedError("no second passage", f"nothing to join with {source.passage.id}")
    language, both = _language(desk, source), (source.passage, other)
    keys = ("quote_1", "quote_2", "question", "answer")
    written = await desk.write(prompt, language, keys, {"style": desk.style(language)}, both)
    evidence = tuple(find_evidence(written[f"quote_{n}"], passage) for n, passage in enumerate(both, 1))
    return Draft(written["question"], language, written["answer"], evidence, (written.prompt,))


async def _cross_lingual(desk: Desk, source: Source) -> Draft:
    first = await _factual(desk, source)
    english, chinese = LANGUAGES[0], LANGUAGES[1]
    other = chinese if base_language(first.language) == english else english
    fields = {"question": first.text, "answer": first.answer}
    written = await desk.write("question_cross_lingual", other, ("question", "answer"), fields)
    prompts = (*first.prompts, written.prompt)
    references = tuple(dict.fromkeys((written["answer"], first.answer)))
    return Draft(written["question"], other, written["answer"], first.evidence, prompts, references=references)


async def _follow_up(desk: Desk, source: Source) -> Draft:
    first = await _factual(desk, source)
    keys = ("quote", "question", "said", "answer")
    fields = {"question": first.text, "answer": first.answer, "style": desk.style(first.language)}
    written = await desk.write("question_follow_up", first.language, keys, fields, [source.passage])
    if is_near_duplicate(written["question"], first.text):
        raise RefusedError("duplicate", f"it repeats the turn before it: {first.text!r}")
    evidence = find_evidence(written["quote"], source.passage, written["answer"], written["question"])
    history = turns_to_json([Turn("user", first.text), Turn("assistant", first.answer)])
    details: dict[str, Json] = {"history": history, "said": written["said"]}
    prompts = (*first.prompts, written.prompt)
    return Draft(written["question"], first.language, written["answer"], (evidence,), prompts, details=details)


async def _multiple_choice(desk: Desk, source: Source) -> Draft:
    first = await _factual(desk, source)
    fields = {"question": first.text, "answer": first.answer}
    keys = ("wrong_1", "wrong_2", "wrong_3")
    written = await desk.write("question_multiple_choice", first.language, keys, fields)
    options = [first.answer, *(written[key] for key in keys)]
    if len({fold_quote(option) for option in options}) < len(options):
        raise RefusedError("options", f"the same option twice: {'; '.join(options)}")
    options = in_random_order(0, first.text, options)
    right = LETTERS[options.index(first.answer)]
    return Draft(
        "\n".join([first.text, *listed_options(options)]),
        first.language,
        first.answer,
        first.evidence,
        (*first.prompts, written.prompt),
        core=first.text,
        references=(f"{right}. {first.answer}", first.answer),
        details={"options": [*options], "right": right},
    )


def listed_options(options: Sequence[str]) -> list[str]:
    """`A. …`, a line for each option."""
    return [f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=True)]


def _language(desk: Desk, source: Source) -> Language:
    language = desk.search.documents[source.passage.doc_id].language
    return base_language(language) if prompt_language(language) == base_language(language) else language


WRITERS: Mapping[str, Write] = MappingProxyType(
    {
        "factual": _factual,
        "paraphrase": _paraphrase,
        "multi_hop": _multi_hop,
        "comparison": _comparison,
        "summary": _summary,
        "cross_lingual": _cross_lingual,
        "false_premise": _false_premise,
        "unanswerable": _unanswerable,
        "follow_up": _follow_up,
        "multiple_choice": _multiple_choice,
    }
)
"""By the name of the kind. Each raises RefusedError where nothing usable was written."""

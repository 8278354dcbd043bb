"""The languages of an experiment's texts, and what is not written by hand for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rageval.text.languages import LANGUAGES, Guess, Language, base_language, in_order, prompt_language
from rageval.types import Document, Question

_BY_HAND = " and ".join(LANGUAGES)


def language_lines(documents: Sequence[Document], questions: Sequence[Question]) -> list[str]:
    """How many documents and questions are in which language, how many of them are guesses, and what that means."""
    of_questions = Counter(question.language for question in questions)
    of_documents = Counter(document.language for document in documents)
    lines = [f"languages: {_counts(of_documents)} documents, {_counts(of_questions)} questions"]
    guessed = sum(isinstance(one.language, Guess) for one in (*documents, *questions))
    if guessed:
        lines.append(
            f"{guessed} of these texts are too short to tell; they count as being in the language of most others in "
            "their script"
        )
    others = [code for code in in_order(of_questions) if prompt_language(code) != base_language(code)]
    if others:
        lines.append(
            f"prompts and refusals are written by hand in {_BY_HAND}: for {', '.join(others)} the prompts are English, "
            "with the instruction to write in that language, and only phrases of your own or a judge find abstentions"
        )
    return lines


def _counts(languages: Counter[Language]) -> str:
    return ", ".join(f"{languages[language]} {language}" for language in in_order(languages))

"""Reasoning in the text of a reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rageval.models.reasoning import split_reasoning


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>a\nb</think>\n\nParis", "a\nb", "Paris"),
        ("<think>\n\n</think>\n\nParis", "", "Paris"),
        ("  <Thinking>a</Thinking> Paris", "a", "Paris"),
        ("a\n</think>\nParis", "a", "Paris"),
        ("<think>I write </think> often </think> Paris", "I write\noften", "Paris"),
        ("Sure.\n<think>a</think>\nParis", "a", "Sure.\n\nParis"),
        ("<think>a</think>\n<think>b</think>Paris", "a\nb", "Paris"),
        ("<thought>a</thought>Paris", "a", "Paris"),
        ("<reasoning>a</reasoning>Paris", "a", "Paris"),
        ("<seed:think>a</seed:think>Paris", "a", "Paris"),
        ("[THINK]a[/THINK]Paris", "a", "Paris"),
        ("◁think▷a◁/think▷巴黎", "a", "巴黎"),
        ("<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>Paris<|end_of_solution|>", "a", "Paris"),
        ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>Paris", "a", "Paris"),
        ("<|channel>thought\na<channel|>Paris", "a", "Paris"),
    ],
)
def test_reasoning_is_taken_out(text: str, reasoning: str, answer: str) -> None:
    assert split_reasoning(text) == (reasoning, answer, False)


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [("<think>a", "a", ""), ("\n<think>", "", ""), ("<think>a</thi", "a</thi", ""), ("Well.\n<think>a", "a", "Well.")],
)
def test_unclosed_reasoning_has_no_answer(text: str, reasoning: str, answer: str) -> None:
    assert split_reasoning(text) == (reasoning, answer, True)


@pytest.mark.parametrize(
    "text",
    [
        "I think yes.",
        "The tags <think> and </think> enclose it.",
        "It ends at `</think>` in the log.",
        " a text with blanks around, on reasoning \n",
        "",
    ],
)
def test_what_is_no_reasoning_stays_as_it_is(text: str) -> None:
    assert split_reasoning(text) == ("", text, False)


@given(st.lists(st.sampled_from(["<think>", "</think>", "\n", "a", "`", "[THINK]", "[/THINK]"])))
def test_any_text_comes_to_an_end(pieces: list[str]) -> None:
    split_reasoning("".join(pieces))

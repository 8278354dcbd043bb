"""What lost most in a gate's Markdown: right texts, and no text that does anything."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rageval.decide.gate import GateResult, gate
from rageval.report.gate import markdown
from rageval.report.gate_printout import gate_printout
from rageval.report.markdown import block, fit, visible
from rageval.report.tables.terminal import terminal_text
from rageval.scores.run_scores import Excerpt, FoundPassage
from tests.unit.report.markdown_attacks import ATTACKS
from tests.unit.sides import ids, side

N = 40
WORST = ("q003", "q001", "q002")


def gated(
    before: str | None = "It is 12 m.",
    after: str | None = "It is 21 m.",
    metric: str = "answer_relevance",
    **texts: str,
) -> GateResult:
    """All questions lose 0.5, q003 1.0, q001 and q002 0.75 each."""
    scores = [0.5, 0.25, 0.25, 0.0, *[0.5] * (N - 4)]
    return gate(
        side({metric: [1.0] * N}, excerpts=dict.fromkeys(ids(N), Excerpt(before, ()))),
        side({metric: scores}, "two", texts=texts, excerpts=dict.fromkeys(ids(N), Excerpt(after, ()))),
        {metric: 0.1},
    )


def lost_part(text: str) -> str:
    return text[text.index("### Lost most") : text.index("<details><summary>What changed most")]


def test_the_three_worst_with_both_answers() -> None:
    result = gated(q003="How high?")
    assert [question.question_id for question in result.lost[0].questions] == [*WORST]
    shown = lost_part(markdown(result))
    assert shown.startswith(
        "### Lost most on `answer_relevance` (3 of the 40 questions that lost)\n"
        "\n"
        "1. 1.000 → 0.000 `q003` `How high?`\n"
        "\n"
        "<details><summary>Both answers</summary>\n"
        "\n"
        "Baseline:\n"
        "\n"
        "```text\n"
        " It is 12 m.\n"
        "```\n"
        "\n"
        "Candidate:\n"
        "\n"
        "```text\n"
        " It is 21 m.\n"
        "```\n"
        "\n"
        "</details>\n"
        "\n"
        "2. 1.000 → 0.250 `q001`\n"
    )
    (lost,) = result.to_json()["lost_most"].values()  # type: ignore[union-attr]
    assert lost["lost"] == N  # type: ignore[index, call-overload]


def test_nothing_is_shown_where_nothing_fails() -> None:
    same = side({"map": [1.0] * N})
    result = gate(same, same, {"map": 0.5})
    assert (result.verdict, result.lost) == ("pass", ())
    assert "Lost most" not in markdown(result)


def test_lower_is_better() -> None:
    result = gate(
        side({"hallucination": [0.0] * N}), side({"hallucination": [0.5] * (N - 1) + [1.0]}), {"hallucination": 0.1}
    )
    assert [(one.question_id, one.before, one.after) for one in result.lost[0].questions] == [
        ("q039", 0.0, 1.0),
        ("q000", 0.0, 0.5),
        ("q001", 0.0, 0.5),
    ]


def test_metrics_of_rankings_show_what_was_found() -> None:
    excerpts = {"q003": Excerpt("unread", (FoundPassage(1, "d7#0-9", ""), FoundPassage(12, "d3#4-8", "evidence")))}
    result = gated(metric="map")
    shown = lost_part(
        markdown(
            replace(
                result,
                lost=gate(
                    replace(result.baseline, excerpts=excerpts),
                    replace(result.candidate, excerpts={"q003": Excerpt(None, (), "Timeout: `slow`")}),
                    {"map": 0.1},
                ).lost,
            )
        )
    )
    assert "Baseline:\n\n```text\n   1            d7#0-9\n  12  evidence  d3#4-8\n```\n" in shown
    assert "Candidate: failed.\n\n```text\n Timeout: `slow`\n```\n" in shown
    assert "unread" not in shown
    assert "Baseline: not known, since its run is not at hand and no baseline keeps its answers." in shown


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (None, "", ("Baseline: no answer was made.", "Candidate: the answer is empty.")),
        ("the same", "the same", ("One answer", "Both gave the same answer:\n\n```text\n the same\n```")),
        ("x" * 2000, "x" * 2000, ("Both gave the same answer as far as the first 2,000 characters:", "x…\n```")),
    ],
)
def test_answers_that_need_words(before: str | None, after: str, told: tuple[str, ...]) -> None:
    shown = lost_part(markdown(gated(before, after)))
    for one in told:
        assert one in shown


def test_long_answers_are_shown_from_where_they_differ() -> None:
    """400 characters each: 100 before the first difference, which is at 600."""
    before, after = ("ab" * 300 + tail * 300 for tail in ("yes.", "no.."))
    shown = lost_part(markdown(gated(before, after)))
    first, second = (
        one.replace("\n", "").replace(" ", "") for one in re.findall(r"```text\n(.*?)\n```", shown, re.DOTALL)[:2]
    )
    assert first == "…" + "ab" * 50 + "yes." * 75 + "…"
    assert second == "…" + "ab" * 50 + "no.." * 75 + "…"


def test_on_the_terminal() -> None:
    lines = terminal_text(gate_printout(gated(q003="How\x1b[31m high?\u202e")), 240).splitlines()
    at = lines.index("lost most: answer_relevance (3 of the 40 questions that lost)")
    assert lines[at + 1 : at + 3] == [r"  1.000 → 0.000  q003  How\x1b[31m high?\u202e", "  1.000 → 0.250  q001"]


class Live(HTMLParser):
    """What rendered HTML has outside code: tags with attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.text = ""
        self.details = 0
        self._code = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(" ".join([tag, *(name for name, _ in attrs if (tag, name) != ("code", "class"))]))
        self._code += tag == "code"
        self.details += tag == "details"

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag == "code"
        self.details -= tag == "details"

    def handle_comment(self, data: str) -> None:
        self.tags.add("comment")

    def handle_data(self, data: str) -> None:
        self.text += "" if self._code else data


def live(text: str) -> Live:
    return Live(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


HARMLESS = live(markdown(gated("x", "y", q003="z")))


def check_harmless(text: str) -> None:
    """Rendered, it has no other tags than a report with plain texts, and no other words outside code."""
    found = live(text)
    assert found.tags <= HARMLESS.tags | {"h3", "ol start"}
    assert found.text.split() == HARMLESS.text.split()
    assert found.details == 0
    assert not re.search("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f]", text)
    assert not re.search(r"^/[a-z]", text, re.MULTILINE)


def test_there_are_sixty_attacks() -> None:
    assert len({*ATTACKS}) == len(ATTACKS) >= 60


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_stay_text(attack: str) -> None:
    """As a question, an answer, and the end of one that is cut."""
    check_harmless(markdown(gated(attack, f"Well. {attack}", q003=attack or "z")))
    check_harmless(markdown(gated(f"{'a ' * 190}{attack}{'b' * 2000}", attack, q003=f"x\n\n{attack}")))


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_in_ids_stay_text(attack: str) -> None:
    for text in (attack, f"{attack}#0-9"):
        excerpt = Excerpt(None, (FoundPassage(1, text, "evidence"),), text)
        result = gated(metric="map")
        lost = tuple(
            replace(
                one,
                questions=tuple(
                    replace(q, question_id=text, baseline=excerpt, candidate=excerpt) for q in one.questions
                ),
            )
            for one in result.lost
        )
        found = live("\n".join([*lost_part(markdown(replace(result, lost=lost))).splitlines()]))
        assert found.tags <= HARMLESS.tags | {"h3", "ol start"}
        assert not re.search("[@<>!\\[\\]*_]|http", found.text)


@given(st.text(st.characters(), max_size=300))
def test_a_block_is_one_block(text: str) -> None:
    """It renders as one code block with all the words of the text, whatever stands before and behind."""
    tokens = MarkdownIt("commonmark").parse("\n".join(["before", "", *block(text), "", "after"]))
    assert [one.type for one in tokens if one.type in ("fence", "paragraph_open")] == [
        "paragraph_open",
        "fence",
        "paragraph_open",
    ]
    (fence,) = [one for one in tokens if one.type == "fence"]
    squeezed = "".join(visible("".join(text.splitlines()).expandtabs()).split())
    assert "".join(fence.content.split()) == squeezed


def test_reports_are_cut_at_whole_sections() -> None:
    result = gated("b`" * 200, "a\n" * 200)
    whole = markdown(result)
    assert markdown(result, len(whole)) == whole
    for most in range(1000, len(whole), 97):
        cut = markdown(result, most)
        assert len(cut) <= most
        *kept, told, empty = cut.split("\n")
        assert (
            told
            == f"_The rest is left out: the whole report has {len(whole):,} characters, and this one at most {most:,}._"
        )
        assert empty == ""
        assert whole.startswith("\n".join(kept))
        assert kept[-1:] in ([], [""])  # a section ends with an empty line
        fences = [line for line in kept if re.fullmatch("`{3,}(text)?", line)]
        assert fences[1::2] == [line.removesuffix("text") for line in fences[::2]]
        assert cut.count("<details>") == cut.count("</details>")
    assert fit([["a", ""], ["b", ""]], None) == "a\n\nb\n"

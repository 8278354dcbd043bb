"""Citation markers in answers: which sentence cites which passages, and which markers name none."""

import pytest

from rageval.text.citations import CitedSentence, Source, cited_sentences, urls_in

THREE = (Source("Mount Arlen"), Source("The Brone"), Source("Lake Corva"))
ONLINE = (Source("Arlen", urls_in("https://www.example.org/arlen/")), Source("Lake Corva"))


def cited(text: str, sources: tuple[Source, ...] = THREE) -> list[tuple[str, tuple[int, ...]]]:
    found = cited_sentences(text, sources)
    assert not any(one.lost for one in found)
    return [(one.text, one.cited) for one in found]


@pytest.mark.parametrize(
    ("marker", "places"),
    [
        (" [1]", (0,)),
        ("[1]", (0,)),
        (" [1][2]", (0, 1)),
        (" [1] [2]", (0, 1)),
        (" [1, 3]", (0, 2)),
        (" [1; 3]", (0, 2)),
        (" [1-3]", (0, 1, 2)),
        (" [1–2, 3]", (0, 1, 2)),
        (" [2][2]", (1,)),
        (" ［2］", (1,)),
        ("【1】", (0,)),
        ("【1、3】", (0, 2)),
        (" (Source 2)", (1,)),
        (" [Source: 2]", (1,)),
        (" (Sources 1 and 3)", (0, 2)),
        (" (source 1, source 3)", (0, 2)),
        (" (Passage #3)", (2,)),
        ("（来源2）", (1,)),
        ("（来源 1、来源 3）", (0, 2)),
        ("【段落1至3】", (0, 1, 2)),
        (" [^2]", (1,)),
        (" ^2", (1,)),
        ("^2", (1,)),
    ],
)
def test_every_way_of_citing_by_number(marker: str, places: tuple[int, ...]) -> None:
    """Before the full stop and behind it."""
    assert cited(f"The lake is deep{marker}. It is cold.") == [("The lake is deep.", places), ("It is cold.", ())]
    assert cited(f"The lake is deep.{marker} It is cold.") == [("The lake is deep.", places), ("It is cold.", ())]


def test_in_chinese() -> None:
    text = "青石山高一千八百米【1】。寺庙很老。（来源2）湖水很冷[1-3]没有别的了。"
    assert cited(text) == [("青石山高一千八百米。", (0,)), ("寺庙很老。", (1,)), ("湖水很冷没有别的了。", (0, 1, 2))]


@pytest.mark.parametrize(
    "text",
    [
        "The interval [0, 1] is closed.",
        "In [2021] it was deep.",
        "The area is 12 km^2 and x^2.",
        "Call `a[1]` first.",
        "[3-1] is no range.",
        "按第[3]条办理。",
        "See https://example.org/a[1].",
        "It rose (2 metres) in a year (1).",
    ],
)
def test_what_is_no_marker_stays(text: str) -> None:
    (one,) = cited_sentences(text, THREE)
    assert (one.text, one.lost) == (text.replace("[1].", "."), ()) if "https" in text else (text, ())
    assert one.cited == ((0,) if "https" in text else ())


def test_markers_that_name_no_passage_are_told() -> None:
    found = cited_sentences("It is deep [1, 9]. It is cold【4】. 湖很深（来源7）。", THREE)
    assert found == [
        CitedSentence("It is deep.", (0,), ("[9]",)),
        CitedSentence("It is cold.", (), ("[4]",)),
        CitedSentence("湖很深。", (), ("[7]",)),
    ]
    assert cited_sentences("It is deep [1].", ()) == [CitedSentence("It is deep.", (), ("[1]",))]


def test_lists_and_markers_that_begin_a_line() -> None:
    text = "1. The first [1].\n2. The second.\n[3] The third, alone."
    assert cited(text) == [("1. The first.", (0,)), ("2. The second.", ()), ("The third, alone.", (2,))]


def test_footnotes_are_named_by_their_definitions() -> None:
    text = "It is deep.[^1] It is cold.[^2] It is long.[^3]\n\n[^1]: Lake Corva, a report\n[^2]: see elsewhere\n"
    assert cited(text) == [("It is deep.", (2,)), ("It is cold.", (1,)), ("It is long.", (2,))]


def test_addresses() -> None:
    """By whatever spelling of the same address; an address is text where no passage has one."""
    text = "It is high (http://example.org/arlen). It is [old](https://www.example.org/arlen#age). So [1](https://a.b)."
    assert cited_sentences(text, ONLINE) == [
        CitedSentence("It is high.", (0,)),
        CitedSentence("It is old.", (0,)),
        CitedSentence("So.", (), ("https://a.b",)),
    ]
    plain = "See https://example.org/arlen, it is high."
    assert cited(plain) == [(plain, ())]
    assert cited("So [1](https://a.b).") == [("So.", (0,))]
    assert cited_sentences("It is old.[1]\n\n[1] https://example.org/arlen", ONLINE) == [
        CitedSentence("It is old.", (0,))
    ]


@pytest.mark.parametrize("text", ["", "  \n", "[1]", "【1】 [2]"])
def test_a_text_without_a_sentence(text: str) -> None:
    assert cited(text) == []


def test_a_number_may_be_the_answer() -> None:
    assert cited("61 [3]") == [("61", (2,))]

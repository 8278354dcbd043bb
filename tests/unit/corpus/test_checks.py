"""Checks of documents: planted faults are found, sound documents are left alone, and what each check says by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest

from rageval.benchmark import load
from rageval.corpus.check import check_corpus
from rageval.corpus.checks.boilerplate import cut_boilerplate
from rageval.corpus.checks.duplicates import ALIKE, exact_duplicates, near_duplicates
from rageval.corpus.checks.encodings import encoding_faults, mend_encoding
from rageval.corpus.checks.html_leftovers import html_faults, strip_html
from rageval.corpus.checks.outliers import outlier_faults
from rageval.corpus.checks.personal import find_personal, redact
from rageval.corpus.checks.shape import language_faults
from rageval.corpus.checks.stale import stale_faults
from rageval.corpus.faults import KINDS, REMEDIES
from rageval.corpus.prose import prose_spans
from rageval.text.quotes import fold
from rageval.types import Document
from tests.unit.corpus.planted import ZH, planted

TODAY = "2026-12-01"


def test_thirty_planted_faults_are_found_and_hardly_more() -> None:
    documents, expected = planted(load("handbook").documents)
    assert (len(expected), sum(map(len, expected.values()))) == (10, 30)
    check = check_corpus(documents, today=TODAY)
    found = {(fault.kind, fault.doc_id) for fault in check.faults}
    wanted = {(kind, name) for kind, names in expected.items() for name in names}
    assert wanted - found == set()
    assert len(found - wanted) <= 3, found - wanted
    for fault in check.of_kind("personal"):
        assert not any(secret in fault.note for secret in ("weaver", "19491231", "1111"))


def test_the_handbook_is_sound() -> None:
    check = check_corpus(load("handbook").documents, today=TODAY)
    assert len(check.faults) <= 3, check.faults
    assert check.not_checked == {"outlier": "no embedder"}


def test_every_kind_has_a_remedy() -> None:
    assert REMEDIES.keys() == {*KINDS}


def test_exact_duplicates_whatever_their_white_space() -> None:
    texts = ["One text.", "Another.", "one  TEXT.", "", "", "Ａnother."]
    documents = [Document(str(number), text) for number, text in enumerate(texts)]
    assert exact_duplicates(documents) == {"2": "0", "5": "1"}


def test_near_duplicates_by_their_jaccard() -> None:
    """Two texts of 100 words that differ in the last n have 98 - n runs in common, of 98 + n."""
    words = [f"w{number}" for number in range(100)]
    for changed, expected in ((20, True), (30, False)):
        other = [*words[:-changed], *(f"x{number}" for number in range(changed))]
        documents = [Document("a", " ".join(words)), Document("b", " ".join(other))]
        assert ((98 - changed) / (98 + changed) >= ALIKE) == expected
        found = near_duplicates(documents)
        assert [(one, two) for one, two, _ in found] == [("b", "a")] * expected
        assert [share for _, _, share in found] == pytest.approx([(98 - changed) / (98 + changed)] * expected)


def test_boilerplate_in_copies_counts_once_and_code_never() -> None:
    text = "The same long sentence about wagons and trains."
    copies = [Document(f"copy-{i}", f"{text} And more.") for i in range(4)]
    assert not check_corpus(copies, today=TODAY).of_kind("boilerplate")
    code = [Document(f"c{i}", f"```\nimport wagons_and_trains as wt\n```\n{i} " + f"w{i} " * 20) for i in range(4)]
    assert not check_corpus(code, today=TODAY).of_kind("boilerplate")


def test_boilerplate_is_cut() -> None:
    text = "First. The same long sentence about wagons. Last.\n\nThe same long sentence about wagons."
    cut, n = cut_boilerplate(text, {fold("The same long sentence about wagons.")})
    assert (cut.split(), n) == (["First.", "Last."], 2)


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        (ZH.encode().decode("latin-1"), ZH),
        (ZH.encode("gb18030").decode("latin-1"), ZH),
        ("在文档中，我们的用户提问".encode().decode("gb18030"), "在文档中，我们的用户提问"),
        ("The cafÃ© isnâ€™t open", "The café isn’t open"),
    ],
)
def test_mojibake_is_found_and_mended(broken: str, text: str) -> None:
    assert len([*encoding_faults([Document("a", broken)])]) == 1
    assert mend_encoding(broken) == text


@pytest.mark.parametrize(
    "text", [ZH, "naïve café – über Straße", "Ångström, señor, ça va", "鐨 is a rare character", "αβγ → Ω"]
)
def test_sound_text_is_no_mojibake(text: str) -> None:
    assert not [*encoding_faults([Document("a", text)])]
    assert mend_encoding(text) == text


def test_html_leftovers() -> None:
    text = "<p>One&nbsp;two</p><script>x()</script>\n\n`<div>` stays\n\n```html\n<p>stays</p>\n```\na < b && c > d"
    assert len([*html_faults([Document("a", text)])]) == 1
    assert strip_html(text).split() == ("One two `<div>` stays ```html <p>stays</p> ``` a < b && c > d".split())
    for sound in ("a < b and c > d", "Press <Enter>, or <s> in BERT; R&D", "`<div>` &c.", "List<String> of &amp"):
        assert not [*html_faults([Document("a", sound)])], sound


def test_prose_is_all_but_code() -> None:
    text = "a `b` c\n```\nd\n```\ne ~~~ f"
    assert "".join(text[start:end] for start, end in prose_spans(text)) == "a  c\n\ne ~~~ f"


def test_languages_that_are_meant_or_usual() -> None:
    english = [Document(f"e{i}", "This is what they said about the trains.") for i in range(12)]
    french = Document("f", "La recherche dense compare les vecteurs des questions et des passages.")
    assert [fault.doc_id for fault in language_faults([*english, french], ())] == ["f"]
    assert [*language_faults([*english, french], ("en", "fr"))] == []
    assert len([*language_faults(english, ("zh",))]) == 12
    assert [*language_faults([french], ())] == []
    assert [*language_faults([], ())] == []


def test_outliers_by_made_vectors() -> None:
    """Twenty vectors close to one axis, and one on another: in each language by itself."""
    source = np.random.default_rng(1)
    vectors = np.eye(64)[[0] * 20 + [4]] + 0.05 * source.normal(size=(21, 64))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    documents = [Document(str(number), "text", language="en") for number in range(21)]
    assert [fault.doc_id for fault in outlier_faults(documents, vectors)] == ["20"]
    assert outlier_faults(documents[:20], vectors[:20]) == []
    assert outlier_faults(documents[-5:], vectors[-5:]) == []


@pytest.mark.parametrize(
    ("text", "stale"),
    [
        ("Status: deprecated\n\nUse the other one.", True),
        ("> **Superseded by** rules of May", True),
        ("This document is no longer maintained.", True),
        ("Valid until 2020-12-31. Rates below.", True),
        ("Valid until 2099-12-31. Rates below.", False),
        ("本办法自2020年起废止。", True),
        ("有效期至2019年5月1日", True),
        ("LSTMs were superseded by transformers, and the old API is deprecated.", False),
        ("新的排序模型取代了旧的模型。", False),
        ("x" * 700 + "\nThis page is obsolete.", False),
    ],
)
def test_documents_that_say_that_they_are_stale(text: str, stale: bool) -> None:
    assert bool([*stale_faults([Document("a", text)], today=TODAY)]) == stale


def test_older_versions_and_dates() -> None:
    titles = ["Rules v1", "Rules v2.1", "Rules v2.10", "规定 第二版", "规定 第一版", "Guide v1", "IPv4 and IPv6"]
    documents = [Document(f"d{number}", "text", title) for number, title in enumerate(titles)]
    assert [fault.doc_id for fault in stale_faults(documents, today=TODAY)] == ["d0", "d1", "d4"]
    dated = [Document(date, "text", metadata={"date": date}) for date in ("2019-12-31", "2020-01-01")]
    assert [*stale_faults(dated, today=TODAY)] == []
    assert [fault.doc_id for fault in stale_faults(dated, today=TODAY, older_than="2020-01-01")] == ["2019-12-31"]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Call (650) 253-0000.", [("phone number", "(650) 253-0000")]),
        ("de", "Tel. +44 20 7946 0958, 030 1234", [("phone number", "+44 20 7946 0958")]),
        ("zh", "手机13800138000", [("phone number", "13800138000")]),
        ("zh", "座机010-62770334", [("phone number", "010-62770334")]),
        ("zh", "身份证11010519491231002X和110105194912310021", [("Chinese ID number", "11010519491231002X")]),
        ("en", "4111 1111 1111 1111, 4111 1111 1111 1112", [("bank card", "4111 1111 1111 1111")]),
        ("en", "DE89 3704 0044 0532 0130 00 and DE88370400440532013000", [("IBAN", "DE89 3704 0044 0532 0130 00")]),
        ("en", "a.b@brone.org, info@brone.org, x@example.com, git@github.com:x", [("e-mail", "a.b@brone.org")]),
        ("en", "arXiv 2005.11401, 2048 1024 4096, ISBN 978-0-13-468599-1, 10.1145/3397271.3401075, 555-1234", []),
    ],
)  # fmt: skip
def test_personal_data(language: str, text: str, expected: list[tuple[str, str]]) -> None:
    assert [(what, text[start:end]) for what, start, end in find_personal(text, language)] == expected
    redacted, n = redact(text, language)
    assert n == len(expected)
    assert all(secret not in redacted and f"[{what}]" in redacted for what, secret in expected)


def test_the_order_of_documents_matters_to_nothing_but_which_copy_is_first() -> None:
    documents, _ = planted(load("handbook").documents[:60])
    shuffled = random.Random(1).sample(documents, len(documents))
    kinds = ("encoding", "html", "unfindable", "stale", "personal", "long")
    one, other = (check_corpus(each, today=TODAY) for each in (documents, shuffled))
    for kind in kinds:
        assert {x.doc_id for x in one.of_kind(kind)} == {x.doc_id for x in other.of_kind(kind)}
    assert one.counts()["exact-duplicate"] == other.counts()["exact-duplicate"]

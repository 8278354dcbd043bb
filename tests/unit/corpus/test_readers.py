"""Readers of files: texts, titles, dates, tables and offsets by hand, for files written by hand."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rageval.corpus.readers import READERS
from rageval.corpus.readers.decoding import decode
from rageval.corpus.readers.html import MOST_LEVELS, read_html
from rageval.corpus.readers.pdf import join_pages
from rageval.corpus.readers.picture import PICTURES
from rageval.corpus.readers.plain import read_markdown
from rageval.corpus.readers.reading import Part, RefusedFile, find_date
from rageval.corpus.readers.tables import read_csv, read_jsonl
from rageval.text.tidy import tidy
from tests.unit.corpus.made_files import content, docx, epub, fact, html, pdf

CHINESE = "检索增强生成先检索资料，再让模型根据资料回答问题。"


@given(st.text())
def test_a_tidy_text(text: str) -> None:
    clean = tidy(text)
    assert clean == unicodedata.normalize("NFC", clean) == tidy(clean)
    assert not [one for one in clean if one != "\n" and one != "\t" and unicodedata.category(one) in ("Cc", "Cs")]
    assert "\n\n\n" not in clean
    assert clean.encode().decode() == clean


def test_line_ends_and_blank_lines() -> None:
    assert tidy("\ufeffa  \r\nb\rc\u2028d\n\n\n\ne\x07\x00\n") == "a\nb\nc\nd\n\ne"
    assert tidy("  - indented") == "  - indented"
    assert tidy("e\u0301") == "\u00e9"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
def test_encodings_of_chinese(encoding: str) -> None:
    assert decode(CHINESE.encode(encoding)) == CHINESE


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Die Straße führt über die Brücke zum größten Fluss, den wir für schön hielten."),
        ("cp1251", "Дорога ведёт через мост к самой большой реке, которую мы считали красивой."),
    ],
)
def test_encodings_that_are_detected(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("raw", [b"a\0b", bytes(range(1, 32)) * 10, b"\x89PNG\r\n\x1a\n\0\0\0"])
def test_binary_content(raw: bytes) -> None:
    with pytest.raises(RefusedFile, match="binary"):
        decode(raw)


def test_markdown() -> None:
    (part,) = read_markdown(b"---\ntitle: T\ndate: 2024-01-31\n---\n# H\n\ntext\n").parts
    assert part == Part("text", "T", metadata={"date": "2024-01-31"})
    (part,) = read_markdown("# 标题 #\n\n## 节\n\n```py\n# no title\n```\n".encode()).parts
    assert part == Part("## 节\n\n```py\n# no title\n```", "标题")
    (part,) = read_markdown(b"---\n[bad: yaml\n---\n\ntext\n").parts
    assert part.text.startswith("---")
    assert part.title == ""
    (part,) = read_markdown(b"Title\n=====\n\ntext").parts
    assert part == Part("text", "Title")


def test_front_matter_that_would_never_end() -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    (part,) = read_markdown(f"---\na0: &a0 [x]\n{levels}title: *a11\ndate: 2024-01-31\n---\ntext\n".encode()).parts
    assert part == Part("text", metadata={"date": "2024-01-31"})


def test_csv_with_a_text_column() -> None:
    read = read_csv(b'ID;Title;Text\n7;A;"one; two"\n;B;three\n9;C;\n7;D;four\n1;2\n')
    assert read.parts == (Part("one; two", "A", "7"), Part("three", "B", "3"))
    assert [line.split(":")[0] for line in read.refused] == ["row 4", "row 5", "row 6"]


def test_csv_as_a_table() -> None:
    (part,) = read_csv(b"city,people\nDelmar,8400\nBa|isha,20000\n").parts
    assert part.text == "| city | people |\n| --- | --- |\n| Delmar | 8400 |\n| Ba\\|isha | 20000 |"


def test_jsonl() -> None:
    lines = '{"id": 5, "text": "one", "date": "2020/1/2"}\n\nnonsense\n[1]\n{"title": "x"}\n{"content": "二"}\n'
    read = read_jsonl(lines.encode())
    assert read.parts == (Part("one", name="5", metadata={"date": "2020-01-02"}), Part("二", name="6"))
    assert [line.split(":")[0] for line in read.refused] == ["row 3", "row 4", "row 5"]


BOILERPLATE = """
<header><h2>Acme</h2></header><nav>Home</nav><div class="cookie-banner">We use cookies</div>
<aside>Related</aside><div style="display: none">hidden</div><p hidden>hidden</p><script>x()</script><style>p{}</style>
<!-- comment --><div role="dialog">Subscribe</div><noscript>no</noscript>
"""
ARTICLE = """
<article><header><h1>Title &amp; more</h1></header><p>First <b>bold</b> <a href="/x">link</a>.</p>
<ul><li>one</li><li>two</li></ul>
<pre><code class="language-python">def f(a_b):
    return a_b * 2 &lt; 3
</code></pre>
<table><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>
<aside>Note within.</aside><p><img src="x.png" alt="A plan"></p></article>
"""


def test_html() -> None:
    head = '<meta property="article:modified_time" content="2023-04-05T10:00:00Z">'
    (part,) = read_html(html(BOILERPLATE + ARTICLE + "<footer>© Acme</footer>", title="T", head=head).encode()).parts
    assert part.title == "Title & more"
    assert part.metadata == {"date": "2023-04-05"}
    assert part.text.startswith(
        "First **bold** link.\n\n- one\n- two\n\n```python\ndef f(a_b):\n    return a_b * 2 < 3\n"
    )
    assert "| A | B |\n| --- | --- |\n| 1 | 2 |" in part.text
    assert part.text.endswith("Note within.\n\nA plan")
    for gone in ("Acme", "Home", "cookies", "Related", "hidden", "x()", "comment", "Subscribe", "p{}", "no\n"):
        assert gone not in part.text


def test_html_in_the_encoding_that_it_declares() -> None:
    page = html(f"<p>{CHINESE}</p>", head='<meta charset="gb2312">').encode("gb18030")
    assert read_html(page).parts[0].text == CHINESE
    page = html("<p>Привет, мир</p>", head='<meta charset="koi8-r">').encode("koi8-r")
    assert read_html(page).parts[0].text == "Привет, мир"


def test_a_wrapper_that_is_called_noise_stays() -> None:
    assert (
        read_html(html("<div id='sidebar'><p>All of the page.</p></div>").encode()).parts[0].text == "All of the page."
    )


def test_html_that_is_nested_too_deeply() -> None:
    with pytest.raises(RefusedFile, match="nested"):
        read_html(html("<div>" * 5000 + "x").encode())


def test_docx() -> None:
    raw = docx(
        [("Title", "春季计划"), ("Heading2", "第一节"), ("", "正文 A & B。"), [["甲", "乙"], ["1", "2"]]],
        title="properties", date="2022-03-04",
    )  # fmt: skip
    (part,) = READERS[".docx"][1](raw).parts
    assert part.text == "## 第一节\n\n正文 A & B。\n\n| 甲 | 乙 |\n| --- | --- |\n| 1 | 2 |"
    assert (part.title, part.metadata) == ("春季计划", {"date": "2022-03-04"})
    (part,) = READERS[".docx"][1](docx([("", "text")], title="properties", date="2022-03-04")).parts
    assert (part.title, part.text) == ("properties", "text")


def test_pdf_and_where_its_pages_begin() -> None:
    raw = pdf([["First page.", "Second line."], [], ["第三页。"]], title="A report", date="2020-05-06")
    read = READERS[".pdf"][1](raw)
    (part,) = read.parts
    assert part.text == "First page.\nSecond line.\n\n第三页。"
    assert part.metadata == {"pages": [0, 26, 26], "date": "2020-05-06"}
    assert part.text[26:] == "第三页。"
    assert (part.title, read.notes) == ("A report", ("no text on pages 2",))
    assert READERS[".pdf"][1](pdf([["x"]], title="Microsoft Word - a.docx")).parts[0].title == ""


@given(st.lists(st.text(alphabet="ab", max_size=3), max_size=6))
def test_pages_joined(pages: list[str]) -> None:
    text, starts = join_pages(pages)
    assert len(starts) == len(pages)
    assert starts == sorted(starts)
    for page, start in zip(pages, starts, strict=True):
        assert text[start : start + len(page)] == page


def test_epub() -> None:
    chapters = [("c.xhtml", "<img alt=''/>"), ("a b.xhtml", "<h1>One</h1><p>Text.</p>"), ("z.xhtml", "<p>末章。</p>")]
    read = READERS[".epub"][1](epub(chapters, title="书", date="2019-01-01"))
    assert [(part.name, part.title, part.text) for part in read.parts] == [
        ("OEBPS/a b.xhtml", "One", "Text."), ("OEBPS/z.xhtml", "书", "末章。"),
    ]  # fmt: skip
    assert read.parts[0].metadata == {"book": "书", "date": "2019-01-01"}
    assert read.notes == ("1 of 3 chapters have no text",)


@pytest.mark.parametrize(
    ("text", "date"),
    [("2024-3-1", "2024-03-01"), ("x 2024年12月31日", "2024-12-31"), ("12024-03-01", ""), ("2024-13-01", ""), ("", "")],
)
def test_dates(text: str, date: str) -> None:
    assert find_date(text) == date


def test_html_that_is_nested_as_deeply_as_may_be() -> None:
    deep = "<div>" * (MOST_LEVELS - 5)
    assert read_html(html(f"{deep}<p>text</p>").encode()).parts[0].text == "text"


@pytest.mark.parametrize("suffix", [suffix for suffix in READERS if suffix not in PICTURES])
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_damaged_files_are_refused_or_read(suffix: str, data: st.DataObject) -> None:
    """Bytes of a sound file overwritten, cut out, or the file cut off: a text or a reason, never another exception."""
    raw = bytearray(content(suffix.removeprefix("."), "Arlen", fact("en", 0, "md"), CHINESE, "en", 0))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, max(0, len(raw) - 1)))
        raw[at : at + data.draw(st.integers(0, 6))] = data.draw(st.binary(max_size=6))
    with suppress(RefusedFile):
        for part in READERS[suffix][1](bytes(raw)).parts:
            assert part.text == tidy(part.text)

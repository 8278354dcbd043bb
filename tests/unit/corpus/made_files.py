"""Files of all kinds from bytes written by hand, so that no writer of the libraries under test has a say in them."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.document.main+xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def docx(
    body: Sequence[tuple[str, str] | list[list[str]]], *, title: str = "", date: str = "", before: str = ""
) -> bytes:
    """Paragraphs (style, text) and tables (rows of cells); `before` stands before the root element."""
    inner = "".join(_table(one) if isinstance(one, list) else _paragraph(*one) for one in body)
    inner = f"<w:body>{inner}</w:body>"
    parts = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": RELATIONS,
        "word/document.xml": f'<?xml version="1.0"?>{before}<w:document xmlns:w="{WORD}">{inner}</w:document>',
    }
    if title or date:
        parts["docProps/core.xml"] = (
            '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
            'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
            f"<dc:title>{escape(title)}</dc:title><dcterms:modified>{date}T09:00:00Z</dcterms:modified></cp:coreProperties>"
        )
    return zipped(parts)


def _paragraph(style: str, text: str) -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f'<w:p>{properties}<w:r><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'


def _table(rows: list[list[str]]) -> str:
    cells = ("".join(f"<w:tc>{_paragraph('', cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def epub(
    chapters: Sequence[tuple[str, str]], *, title: str, date: str = "", more: Mapping[str, str] | None = None
) -> bytes:
    """Chapters (file name, XHTML of the body)."""
    items = "".join(f'<item id="c{i}" href="{name}"/>' for i, (name, _) in enumerate(chapters))
    spine = "".join(f'<itemref idref="c{i}"/>' for i in range(len(chapters)))
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{title}</dc:title><dc:date>{date}</dc:date></metadata><manifest>{items}</manifest>"
        f"<spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    )
    texts = {
        f"OEBPS/{name}": f"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><body>{body}</body></html>"
        for name, body in chapters
    }
    return zipped({"META-INF/container.xml": container, "OEBPS/book.opf": package, **texts, **(more or {})})


def pdf(pages: Sequence[Sequence[str]], *, title: str = "", date: str = "", encrypted: bool = False) -> bytes:
    """Lines of text on pages, in any script: the glyphs are code points (UTF-16), with a map back to Unicode."""
    letters = sorted(
        {letter.encode("utf-16-be").hex().encode() for lines in pages for line in lines for letter in line}
    )
    known = b"".join(b"<%s> <%s>\n" % (code, code) for code in letters)
    to_unicode = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange\n"
        b"<0000> <FFFF>\nendcodespacerange\n%d beginbfchar\n%sendbfchar\nendcmap end end" % (len(letters), known)
    )
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        3: b"<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding /Identity-H "
        b"/DescendantFonts [4 0 R] /ToUnicode 5 0 R >>",
        4: b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /F "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /DW 600 >>",
        5: _stream(to_unicode),
        6: b"<< /Title <" + ("\ufeff" + title).encode("utf-16-be").hex().encode() + b">"
        + (f" /ModDate (D:{date.replace('-', '')}090000)".encode() if date else b"") + b" >>",
    }  # fmt: skip
    kids: list[bytes] = []
    for lines in pages:
        number = len(objects) + 2
        shown = b" 0 -14 Td ".join(b"<" + line.encode("utf-16-be").hex().encode() + b"> Tj" for line in lines)
        objects[number] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            b"/Contents %d 0 R >>" % (number + 1)
        )
        objects[number + 1] = _stream(b"BT /F1 12 Tf 50 780 Td " + shown + b" ET" if lines else b"")
        kids.append(b"%d 0 R" % number)
    objects[2] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    return _file(objects, encrypted=encrypted)


def _stream(data: bytes) -> bytes:
    packed = zlib.compress(data)
    return b"<< /Length %d /Filter /FlateDecode >> stream\n%s\nendstream" % (len(packed), packed)


def _file(objects: Mapping[int, bytes], *, encrypted: bool) -> bytes:
    out = b"%PDF-1.7\n"
    places: dict[int, int] = {}
    for number, body in sorted(objects.items()):
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    size = max(objects) + 1
    rows = b"".join(b"%010d 00000 n \n" % places[n] if n in places else b"0000000000 65535 f \n" for n in range(size))
    lock = b""
    if encrypted:
        lock = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >> /ID [<00> <00>]" % (
            b"41" * 32,
            b"42" * 32,
        )
    out += b"xref\n0 %d\n%s" % (size, rows)
    return out + b"trailer << /Size %d /Root 1 0 R /Info 6 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (size, lock, start)


def html(body: str, *, title: str = "", head: str = "") -> str:
    return f"<!DOCTYPE html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


FACTS = {
    "en": "The depot at {name} holds {n} wagons and was opened by the mayor in {year}.",
    "zh": "{name}车场停放{n}节车厢，由市长于{year}年启用。",
}
NAMES = {"en": ("Arlen", "Brone", "Corva", "Delmar", "Elsten"), "zh": ("青石", "蓝江", "白沙", "东湖", "南岭")}
AROUND = {
    "en": "Visitors come by the morning train and leave in the evening. The café is closed in winter.",
    "zh": "游客乘早班火车来，傍晚离开。冬天咖啡馆不营业。",
}
KINDS = ("md", "txt", "html", "pdf", "docx", "csv", "jsonl", "epub")


def fact(language: str, number: int, kind: str) -> str:
    """A sentence that stands in one file alone."""
    place = KINDS.index(kind)
    values = {"n": 100 * place + 10 * number + 7, "year": 1871 + place + 10 * number}
    return FACTS[language].format(name=NAMES[language][number], **values)


def files(folder: Path, kinds: Sequence[str] = KINDS) -> dict[str, tuple[str, str]]:
    """Write five files of each kind in two languages; by path, the language and the fact in it."""
    written: dict[str, tuple[str, str]] = {}
    for kind in kinds:
        for language, numbers in (("en", range(3)), ("zh", range(2))):
            for number in numbers:
                stem = {"en": f"guide/{NAMES['en'][number]} depot", "zh": f"指南/{NAMES['zh'][number]}车场"}[language]
                path = folder / f"{stem}.{kind}"
                path.parent.mkdir(parents=True, exist_ok=True)
                sentence = fact(language, number, kind)
                path.write_bytes(content(kind, NAMES[language][number], sentence, AROUND[language], language, number))
                written[f"{stem}.{kind}"] = (language, sentence)
    return written


def content(kind: str, name: str, sentence: str, around: str, language: str, number: int) -> bytes:
    """The bytes of one file. The encodings of text files differ by number."""
    encoding = "utf-8" if number == 0 else ("gb18030" if language == "zh" else "utf-16")
    match kind:
        case "md" | "markdown":
            front = f"---\ntitle: {name}\ndate: 2024-03-0{number + 1}\n---\n\n"
            return f"{front}## Now\n\n{around}\r\n\r\n{sentence}\n".encode()
        case "txt":
            return f"{around}\n{sentence}\n".encode(encoding)
        case "html" | "htm" | "xhtml":
            body = (
                f"<nav>Home | News</nav><div id='cookie-banner'>Accept all cookies</div><main><h1>{name}</h1>"
                f"<p>{around}</p>"
                f"<p>{sentence}</p><table><tr><th>A</th></tr><tr><td>1</td></tr></table><script>track()</script></main>"
            )
            return html(body, title=f"{name} - Site", head="<meta name='date' content='2024-05-06'>").encode()
        case "pdf":
            return pdf([[around], [sentence]], title=name, date="2023-02-01")
        case "docx":
            return docx([("Heading1", name), ("", around), ("", sentence), [["A", "B"], ["1", "2"]]], date="2022-01-02")
        case "csv":
            return f'id,title,text\n{name},{name},"{around} {sentence}"\n'.encode()
        case "jsonl":
            return f'{{"id": "{name}", "title": "{name}", "text": "{around} {sentence}"}}\n'.encode()
        case _:
            chapters = [
                ("cover.xhtml", "<img src='x.png'/>"),
                ("one.xhtml", f"<h1>{name}</h1><p>{around}</p><p>{sentence}</p>"),
            ]
            return epub(chapters, title=name, date="2021-01-01")

from __future__ import annotations

from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.io.spreadsheets import refuse_sheet, sheet_in


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.xlsx", b"PK\x03\x04\x14\x00", "a spreadsheet (.xlsx)"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1", "a spreadsheet (.xls)"),
        ("a.jsonl", b"PK\x03\x04\x14\x00", "a spreadsheet or packed file"),
        ("a.jsonl", b"id,question,answer\n1,a,b\n", "a table (columns separated by commas)"),
        ("a.jsonl", b"\xef\xbb\xbfid;question;Antwort\r\n1;a;b\r\n", "a table (columns separated by semicolons)"),
        ("a.jsonl", "编号\t问题\n1\t什么\n".encode(), "a table (columns separated by tabs)"),
        ("a.jsonl", b'"question id";"the text, and more"\n', None),
        ("a.jsonl", b'"question id";"text"\n', "a table (columns separated by semicolons)"),
        ("a.jsonl", b'{"id": "1", "question": "a; b"}\n', None),
        ("a.yaml", b"pipelines: [naive, hyde]\n", None),
        ("a.yaml", b"# one, two\nbenchmark: x\n", None),
        ("a.run", b"q1\tQ0\td1\t1\t12\ttag\n", None),
        ("a.run", b"q1 Q0 d1 1 12 tag\n", None),
        ("a.jsonl", b"", None),
        ("a.jsonl.gz", b"\x1f\x8b\x08\x00\r,\x00,a,b\n", None),
        ("a.jsonl", b"a\rb,c\n", None),
    ],
)
def test_what_a_file_holds(name: str, content: bytes, found: str | None, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert sheet_in(path) == found


def test_a_sheet_is_refused_and_what_cannot_be_read_is_left_to_the_reader(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n", encoding="utf-8")
    with pytest.raises(
        DeclarationError, match=r"a\.csv: found a table \(columns separated by commas\), expected a run"
    ):
        refuse_sheet(tmp_path / "a.csv", "a run")
    refuse_sheet(tmp_path, "a run")
    refuse_sheet(tmp_path / "nowhere", "a run")

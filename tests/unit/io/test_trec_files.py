from collections.abc import Callable
from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.io.trec_files import read_qrels, read_run


def test_qrels_with_any_white_space(tmp_path: Path) -> None:
    path = tmp_path / "qrels"
    path.write_bytes("1 0 a 1\r\n\n1\t0\tb\t-1\n  2   Q0  文档　x  +2".encode())
    assert read_qrels(path).grades == {"1": {"a": 1, "b": -1}, "2": {"文档　x": 2}}


def test_qrels_of_beir_and_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "test.tsv"
    path.write_bytes("\ufeffquery-id\tcorpus-id\tscore\n1\ta\t1\n1\tb\t0\n".encode())
    assert read_qrels(path).grades == {"1": {"a": 1, "b": 0}}


def test_run_keeps_repeats_and_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("1 Q0 a 1 0.5 tag\n2 Q0 c 1 -1e-3 tag with spaces\n1 Q0 a 9 7 tag\n", encoding="utf-8")
    assert read_run(path) == {"1": [("a", 0.5), ("a", 7.0)], "2": [("c", -0.001)]}


def test_a_label_may_be_repeated_with_the_same_grade(tmp_path: Path) -> None:
    path = tmp_path / "qrels"
    path.write_text("1 0 a 1\n1 0 a 1\n", encoding="utf-8")
    assert read_qrels(path).grades == {"1": {"a": 1}}


@pytest.mark.parametrize(
    ("read", "content", "line", "problem"),
    [
        (read_qrels, b"1 0 a 1\n1 0 b\n", ":2:", "found 3 columns, expected 4: question iteration document grade"),
        (read_qrels, b"1 0 a 1 x\n", ":1:", "found 5 columns"),
        (read_qrels, b"query-id corpus-id score\n1 0 a 1\n", ":2:", "expected 3: query-id corpus-id score"),
        (read_qrels, b"1 0 a 1\nquery-id corpus-id score\n", ":2:", "found 3 columns"),
        (read_qrels, b"1 0 a 0.5\n", ":1:", "grade '0.5', expected a whole number such as 0, 1 or 2: multiply all"),
        (read_qrels, b"1 0 a 1_0\n", ":1:", "grade '1_0'"),
        (read_qrels, b"1 0 a 9999999999\n", ":1:", "grade '9999999999'"),
        (read_qrels, b"1 0 a 1\n\n1 0 a 2\n", ":3:", "question 1 and document a, which had 1"),
        (read_qrels, b"query-id corpus-id score\n", ":", "header only"),
        (read_qrels, b"1 0 a 1\n1 0 \xff 1\n", ":2:", "byte 0xff at position 5, expected UTF-8"),
        (read_qrels, b"", ":", "the file is empty"),
        (read_qrels, b"\xef\xbb\xbf \n\n", ":", "the file is empty"),
        (read_run, b"1 Q0 a 1 0.5\n", ":1:", "found 5 columns, expected 6: question Q0 document rank score tag"),
        (read_run, b"1 Q0 a 1 0.5 t\n1 Q0 b 2 high t\n", ":2:", "score 'high', expected a finite number"),
        (read_run, b"1 Q0 a 1 nan t\n", ":1:", "score 'nan'"),
        (read_run, b"1 Q0 a 1 -inf t\n", ":1:", "score '-inf'"),
        (read_run, b"1 Q0 a 1 1e999 t\n", ":1:", "score '1e999'"),
        (read_run, b"1 Q0 a 1 1_0 t\n", ":1:", "score '1_0'"),
        (read_run, b"1 Q0 a 1 0.5 \xe4\xb8t\n", ":1:", "byte 0xe4 at position 14, expected UTF-8"),
        (read_run, b"\n \n", ":", "the file is empty"),
    ],
)
def test_a_malformed_file_is_refused_with_its_line(
    read: Callable[[Path], object], content: bytes, line: str, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DeclarationError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}{line} ")
    assert problem in message
    assert "\n" not in message


@pytest.mark.parametrize("read", [read_qrels, read_run])
def test_a_missing_file_or_a_folder_is_refused(read: Callable[[Path], object], tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(DeclarationError, match="cannot read the file") as caught:
            read(path)
        assert str(path) in str(caught.value)

"""Labels and runs in the layouts of others, read for `rageval metrics` and recorded runs."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.io.trec_files import Qrels, read_qrels, read_run

GRADES = {"1": {"a": 1, "b": 0}, "2": {"a": 2}}


def read(tmp_path: Path, content: bytes, *, strict: bool = False) -> Qrels:
    path = tmp_path / "qrels"
    path.write_bytes(content)
    return read_qrels(path, strict=strict)


@pytest.mark.parametrize(
    ("content", "kinds"),
    [
        (b"1 0 a 1\n1 0 b 0\n2 0 a 2\n", {}),
        (b"query-id\tcorpus-id\tscore\n1\ta\t1\n1\tb\t0\n2\ta\t2\n", {}),
        (b"# judged in 2020\n1 0 a 1\n#\n1 0 b 0\n\n2 0 a 2\n\n", {"comment": 2, "blank line": 1}),
        (b"1 a 1\n1 b 0\n2 a 2\n", {"missing iteration": 1}),
        (b"qid docid rel\n1 a 1\n1 b 0\n2 a 2\n", {"other header": 1}),
        (b"topic\titer\tdocno\trelevance\n1\t0\ta\t1\n1\t0\tb\t0\n2\t0\ta\t2\n", {"other header": 1}),
        (b"qid\tpid\tscore\tnote\n1\ta\t1\t\n1\tb\t0\tx\n2\ta\t2\t\t\n", {"other header": 1, "extra column": 1}),
        (b"frage\tdokument\turteil\n1\ta\t1\n1\tb\t0\n2\ta\t2\n", {"other header": 1}),
        (b"1 0 a 1.0\n1 0 b 0\n2 0 a 2.\n", {"grade with a decimal point": 2}),
        (b"1 0 a 1\n1 0 a 1\n1 0 b 0\n2 0 a 2\n", {"label given again": 1}),
        (b'{"1": {"a": 1, "b": 0},\n "2": {"a": 2}}', {}),
        (b'{"1": {"a": 1.0, "b": 0}, "2": {"a": 2}}', {"grade with a decimal point": 1}),
        (gzip.compress(b"1 0 a 1\n1 0 b 0\n2 0 a 2\n", mtime=0), {}),
    ],
)
def test_layouts_of_labels(content: bytes, kinds: dict[str, int], tmp_path: Path) -> None:
    found = read(tmp_path, content)
    assert found.grades == GRADES
    assert {one.kind: one.count for one in found.tolerated} == kinds
    if set(kinds) - {"blank line"}:
        with pytest.raises(DeclarationError):
            read(tmp_path, content, strict=True)
    else:
        assert read(tmp_path, content, strict=True) == Qrels(GRADES, ())


def test_ids_with_spaces_between_tabs(tmp_path: Path) -> None:
    assert read(tmp_path, b"q 1\t0\tdoc a\t1\nq 2\t0\tdoc b\t2\n").grades == {"q 1": {"doc a": 1}, "q 2": {"doc b": 2}}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"1": {"a": "x"}}', "question '1': found 'x' for 'a', expected a number"),
        (b'{"1": 3}', "question '1': found no object, expected numbers by document"),
        (b'{"1": {"a": 1}', "found bad JSON ("),
        (b'{"1": {"a": 0.5}}', "found the grade '0.5', expected a whole number such as 0, 1 or 2: multiply all grades"),
        (b'{"1": {"a": true}}', "found True for 'a', expected a number"),
        (b"1 0 a high\n", "found the grade 'high', expected a whole number"),
        (b"1 0 a 1\n1 0 b\n", "qrels:2: found 3 columns, expected 4: question iteration document grade"),
        (b"1 0 a 1 x y\n", "qrels:1: found 6 columns, expected 4: question iteration document grade"),
        (gzip.compress(b"1 0 a 1\n", mtime=0)[:-4], "cannot read the file (damaged gzip file: "),
    ],
)
def test_bad_labels(content: bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError) as caught:
        read(tmp_path, content)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b'{"1": {"a": 0.5, "b": 2}, "2": {"a": 1}}',
        gzip.compress(b"1 Q0 a 2 0.5 t\n1 Q0 b 1 2 t\n2 Q0 a 1 1 t", mtime=0),
    ],
)
def test_runs_as_json_and_compressed(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_bytes(content)
    assert read_run(path) == {"1": [("a", 0.5), ("b", 2.0)], "2": [("a", 1.0)]}

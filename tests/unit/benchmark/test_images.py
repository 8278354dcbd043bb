"""Images that documents name: where they are looked up, what is refused, and what they change."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from rageval.benchmark import from_records, load, with_images
from rageval.benchmark.digests import corpus_digest, question_digests
from rageval.benchmark.images import MOST_BYTES, unusable_images
from rageval.text.images import Image
from rageval.types import Document, Question, RelevanceLabel
from tests.conftest import CommandLine
from tests.unit.charts import chart

PICTURE = chart(3, 7, 11)
URI = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
QUESTION = Question("q", "How much rain?", "en", ("7",))


def document(text: str) -> Document:
    return Document("rain", text, language="en")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "bench" / "figures").mkdir(parents=True)
    (tmp_path / "bench" / "figures" / "rain.png").write_bytes(PICTURE)
    (tmp_path / "outside.png").write_bytes(PICTURE)
    return tmp_path / "bench"


def write_native(folder: Path, *texts: str, labels: str = "q\t0\t1\n") -> Path:
    (folder / "card.yaml").write_text("name: pictures\n", encoding="utf-8")
    rows = [{"id": str(n), "text": text} for n, text in enumerate(texts)]
    (folder / "documents.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "questions.jsonl").write_text('{"id": "q", "text": "How much rain?"}\n', encoding="utf-8")
    (folder / "labels.tsv").write_text("question_id\tdocument_id\tgrade\n" + labels, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["figures/rain.png", "./figures/rain.png", "figures/%72ain.png"])
def test_a_file_beside_the_benchmark_is_found(name: str, folder: Path) -> None:
    found = with_images(document(f"Rain: ![Rain]({name})"), folder)
    assert found.text == f"Rain: ![Rain]({name})"
    assert found.images == {name: Image.of(PICTURE)}
    assert unusable_images([found]) == []


def test_a_text_without_images_stays_the_same_object(folder: Path) -> None:
    one = document("No picture, a [link](figures/rain.png) alone.")
    assert with_images(one, folder) is one


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("figures/none.png", "and no such file: expected .*none.png"),
        ("figures", "and no such file"),
        ("../outside.png", "which leads out of the benchmark's folder"),
        ("figures/../../outside.png", "which leads out"),
        ("%2e%2e/outside.png", "and no such file"),
        ("/etc/passwd", "which leads out"),
        (r"..\outside.png", "which leads out"),
        ("link.png", "which leads out"),
        ("https://example.org/a.png", "an address: expected a file beside the documents, since nothing is fetched"),
        ("//example.org/a.png", "an address"),
        ("file:///etc/passwd", "an address"),
        ("figures/notes.txt", "which is no PNG, JPEG, GIF or WebP picture"),
        ("figures/large.png", "a file of 10,000,001 bytes: expected at most 10,000,000"),
        ("data:image/svg+xml;utf8,x", "a data URI without base64"),
        ("data:image/png;base64,!!!", "a data URI whose base64 is broken"),
        ("data:image/png;base64,aGVsbG8=", "which is no PNG"),
        ("data:0123456789ab", "whose bytes are not there"),
    ],
)
def test_what_cannot_be_used_is_told_with_document_and_path(name: str, cause: str, folder: Path) -> None:
    (folder / "figures" / "notes.txt").write_text("no picture", encoding="utf-8")
    (folder / "figures" / "large.png").write_bytes(PICTURE.ljust(MOST_BYTES + 1, b"\0"))
    (folder / "link.png").symlink_to(folder.parent / "outside.png")
    found = with_images(document(f"![Rain]({name})"), folder)
    (problem,) = unusable_images([found])
    shown = "data:[0-9a-f]{12}" if name.startswith("data:") else re.escape(repr(name)[1:-1])
    assert re.match(f"document 'rain': found the image '{shown}', {cause}", problem)
    assert found.image_digests == {}


def test_a_data_uri_gives_way_to_a_short_name(folder: Path) -> None:
    found = with_images(document(f"Rain: ![Rain]({URI}), again ![]({URI})."), folder)
    ((name, image),) = found.images.items()
    assert re.fullmatch("data:[0-9a-f]{12}", name)
    assert image == Image.of(PICTURE)
    assert found.text == f"Rain: ![Rain]({name}), again ![]({name})."


def test_a_folder_is_loaded_with_its_images(folder: Path) -> None:
    write_native(folder, f"Rain fell. ![Rain](figures/rain.png) ![Sun]({URI}) Done.", labels="q\t0\t1\n")
    (one,) = load(str(folder)).documents
    assert [*one.images.values()] == [Image.of(PICTURE)] * 2
    assert len(one.text) < 80


def test_without_images_hashes_and_digests_are_as_ever() -> None:
    """The hashes are those that the version before images computed."""
    named = document("Rain: ![Rain](figures/none.png)")
    missing = replace(named, images={"figures/none.png": "and no such file"})
    labels = [RelevanceLabel("q", "rain", 1)]
    for one in (named, missing):
        benchmark = from_records("x", [one], [QUESTION], labels)
        assert benchmark.content_hash == "c3e8ca27b0ab89724a04e4fb92365bafa73a74cd07a197f6d092a0747f8c2cc3"
        assert corpus_digest([one]) == "2d87e298f99f09feb2396c61ef438fc40dd06aeabe76bb1a67225295ede9b974"
        assert question_digests(benchmark, [QUESTION], {"q": labels}) == {"q": "bb3d06646974"}


def test_another_picture_is_another_benchmark(folder: Path) -> None:
    write_native(folder, "![Rain](figures/rain.png)")
    first = load(str(folder))
    (folder / "figures" / "rain.png").write_bytes(chart(4))
    second = load(str(folder))
    assert first.content_hash != second.content_hash
    assert corpus_digest(first.documents) != corpus_digest(second.documents)
    labels = {"q": first.labels}
    assert question_digests(first, first.questions, labels) != question_digests(second, second.questions, labels)
    (folder / "figures" / "rain.png").write_bytes(PICTURE)
    assert load(str(folder)).content_hash == first.content_hash


def test_python_brings_images_along(folder: Path) -> None:
    one = with_images(document("![Rain](figures/rain.png)"), folder)
    benchmark = from_records("x", [one], [QUESTION])
    assert benchmark.documents[0].images == one.images
    (problem,) = unusable_images([document("![Rain](figures/rain.png)")])
    assert "which is not looked up for this kind of benchmark" in problem


def test_check_benchmark_tells_the_images(folder: Path, command_line: CommandLine) -> None:
    write_native(folder, "![Rain](figures/rain.png) ![Sun](figures/sun.png)", "图：![雨](/etc/rain.png)")
    ended = command_line("check-benchmark", folder)
    assert ended.code == 0
    assert re.search(r"^images +1$", ended.out, flags=re.MULTILINE)
    told = [line.split(maxsplit=2)[2] for line in ended.out.splitlines() if line.startswith("unusable image")]
    assert [line.partition(", ")[0] for line in told] == [
        "document '0': found the image 'figures/sun.png'",
        "document '1': found the image '/etc/rain.png'",
    ]
    as_json = json.loads(command_line("check-benchmark", folder, "--json").out)
    assert (as_json["images"], as_json["unusable_images"]) == (1, told)


def test_check_benchmark_says_nothing_of_images_where_there_are_none(folder: Path, command_line: CommandLine) -> None:
    write_native(folder, "No pictures here.")
    assert "images" not in json.loads(command_line("check-benchmark", folder, "--json").out)

"""Which images passages have, and how prompts show them."""

from __future__ import annotations

import pytest

from rageval.generation import Answer
from rageval.pipeline.images import image_readers, images_in, show_images, shown_size
from rageval.prompts import load_prompt, passages_block
from rageval.retrieval import BM25, Dense, ImageEmbeddings, MultiVector, ReadImages
from rageval.text import count_tokens
from rageval.text.images import IMAGE_TOKENS, Image
from rageval.types import Document, Passage
from tests.unit.charts import chart

RAIN, FISH, SALES = (Image.of(chart(value)) for value in (3, 5, 8))
REPORT = Document(
    "report",
    "Rain by month: ![Fig. 1. Rain in mm.](rain.png) It was wet. ![](fish.png) The end. ![Rain](rain.png) ![x](no.png)",
    images={"rain.png": RAIN, "fish.png": FISH, "no.png": "and no such file"},
)
CHINESE = Document("zh", "渔获量：![白沙镇渔获量](渔.png)。", language="zh", images={"渔.png": FISH})
DOCUMENTS = {one.id: one for one in (REPORT, CHINESE)}


def piece(start: str, end: str) -> Passage:
    first = REPORT.text.index(start)
    return REPORT.passage(first, REPORT.text.index(end, first) + len(end))


def test_a_passage_has_each_image_that_it_names_once() -> None:
    found = images_in(REPORT.passage(0, len(REPORT.text)), DOCUMENTS)
    assert [(one.image, one.caption) for one in found] == [(RAIN, "Fig. 1. Rain in mm."), (FISH, "")]
    assert [REPORT.text[one.start : one.end] for one in found] == ["![Fig. 1. Rain in mm.](rain.png)", "![](fish.png)"]


def test_a_cut_within_the_caption_leaves_the_image_to_the_piece_with_the_file() -> None:
    assert images_in(piece("Rain by", "Fig. 1."), DOCUMENTS) == []
    (one,) = images_in(piece("Rain in mm.", "was wet"), DOCUMENTS)
    assert (one.image, one.caption, one.shown) == (RAIN, "Fig. 1. Rain in mm.", "Rain in mm.")
    assert (one.start, one.end) == (0, len("Rain in mm.](rain.png)"))


def test_a_passage_with_a_text_of_its_own_has_the_images_of_that_text() -> None:
    own = Passage("report", 0, 40, "It was wet. … ![](fish.png)")
    assert [one.image for one in images_in(own, DOCUMENTS)] == [FISH]
    assert images_in(Passage("elsewhere", 0, 9, "![](fish.png)"), DOCUMENTS) == []


def test_references_give_way_to_numbers_and_captions() -> None:
    passages = [CHINESE.passage(0, len(CHINESE.text)), REPORT.passage(0, len(REPORT.text))]
    shown, images = show_images(passages, DOCUMENTS, 2, "en")
    assert images == [FISH, RAIN]
    first, second = (one.text for one in shown)
    assert first == "渔获量：[image 1: 白沙镇渔获量]。"
    wet = "Rain by month: [image 2: Fig. 1. Rain in mm.] It was wet. [image 1: without a caption] The end."
    assert second == f"{wet} ![Rain](rain.png) ![x](no.png)"
    shown, images = show_images(passages, DOCUMENTS, 1, "zh")
    assert images == [FISH]
    assert shown[0].text == "渔获量：[图片1，图注如下：白沙镇渔获量]。"
    assert shown[1].text.startswith("Rain by month: ![Fig. 1. Rain in mm.](rain.png) It was wet. [图片1")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_bound_holds(language: str, most: int) -> None:
    passages = [CHINESE.passage(0, len(CHINESE.text)), REPORT.passage(0, len(REPORT.text)), piece("Rain in", "wet")]
    shown, images = show_images(passages, DOCUMENTS, most, language)
    attached = load_prompt("images").text(language, "attached")
    added = count_tokens(passages_block(shown) + attached) - count_tokens(passages_block(passages))
    bound = shown_size(most, language, len(passages))
    assert bound is not None
    assert added + IMAGE_TOKENS * len(images) <= bound
    assert shown_size(most, language, 0) == shown_size(0, language, 3) == 0


def test_parts_say_what_reads_images_for_them() -> None:
    assert image_readers(Answer()) == image_readers(BM25()) == image_readers(Dense()) == frozenset()
    assert image_readers(MultiVector(("titles",))) == image_readers("a text") == frozenset()
    assert image_readers(Answer(images=1)) == image_readers(ReadImages()) == {"chat"}
    assert image_readers(MultiVector(("titles", "image_descriptions"))) == {"chat"}
    assert image_readers(ImageEmbeddings()) == {"embed"}

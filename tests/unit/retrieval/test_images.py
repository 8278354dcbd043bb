"""Images in searches and in the context: descriptions, recognised words, and one space for texts and images."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from rageval.errors import DeclarationError, ModelError
from rageval.models.base import ChatReply, ChatRequest, Vectors
from rageval.models.scripted import HashEmbedder, ScriptedChat
from rageval.pipeline import ContextSize, PromptSizes, Query, Resources, State
from rageval.pipeline.sizes import CorpusSizes, requests_size
from rageval.prompts import load_prompt
from rageval.retrieval import ImageEmbeddings, MultiVector, ReadImages
from rageval.text import count_tokens
from rageval.text.images import IMAGE_TOKENS, Image, base64_of
from rageval.types import Document, Hit, Question, Response, Usage
from tests.unit.charts import chart, read_chart

PICTURES = Path(__file__).parents[1] / "corpus" / "pictures"
RAIN, FISH = Image.of(chart(3, 7, 11)), Image.of(chart(5, 19))
ENGLISH = Document("en", "Weather.\n\n![Rain in mm](rain.png)\n\nThe end.", "Delmar", "en", images={"rain.png": RAIN})
CHINESE = Document("zh", "渔业。![](fish.png)", "", "zh", images={"fish.png": FISH})
PLAIN = Document("plain", "Ships cross the sea.", language="en")
DOCUMENTS = (ENGLISH, CHINESE, PLAIN)
QUESTION = Question("q", "How much rain?", "en")


def describe(request: ChatRequest) -> str:
    """What a vision model says: the numbers of the chart that it is shown."""
    (image,) = request.messages[-1].images
    return f"bars {' '.join(map(str, read_chart(image.read())))}"


def resources(chat: ScriptedChat | None = None, embedder: Any = None) -> Resources:
    return Resources(DOCUMENTS, chat=chat, embedder=embedder or HashEmbedder())


def search(index: Any, query: str, chat: ScriptedChat | None = None, embedder: Any = None) -> tuple[Hit, ...]:
    async def found() -> tuple[Hit, ...]:
        built = await resources(chat, embedder).get(index)
        return tuple(await built.search(Query(query), 5))

    return asyncio.run(found())


def read(stage: ReadImages, *documents: Document, chat: ScriptedChat | None = None) -> State:
    hits = tuple(Hit(one.passage(0, len(one.text)), 1.0) for one in documents)
    state = State(QUESTION, (Query(QUESTION.text),), Response(hits=hits, context=tuple(range(len(hits)))))
    return asyncio.run(stage.run(state, resources(chat)))


def texts(state: State) -> list[str]:
    return [one.text for one in state.response.context_passages]


def test_a_passage_is_found_by_what_its_image_shows() -> None:
    chat = ScriptedChat(describe)
    index = MultiVector(("image_descriptions",))
    assert search(index, "bars 5 19", chat)[0].passage.doc_id == "zh"
    assert search(index, "bars 3 7 11", chat)[0].passage.doc_id == "en"
    assert search(MultiVector(("titles",)), "bars 5 19")[0].score < 0.3


def test_each_image_is_asked_about_in_the_language_of_its_document() -> None:
    chat = ScriptedChat(describe)
    index = MultiVector(("image_descriptions",))
    search(index, "rain", chat)
    english, chinese = chat.requests
    assert (english.messages[-1].images, chinese.messages[-1].images) == ((RAIN,), (FISH,))
    assert "caption of the image: Rain in mm" in english.messages[-1].content
    assert "图片的图注：没有图注的图片" in chinese.messages[-1].content
    assert (english.prompt, chinese.prompt) == tuple(load_prompt("describe_image").id(one) for one in ("en", "zh"))
    assert index.indexing_calls(DOCUMENTS) == 2
    assert index.indexing_tokens(DOCUMENTS) == requests_size(chat.requests)
    assert requests_size(chat.requests) > 2 * IMAGE_TOKENS
    assert index.needs() == {"embed", "chat"}


@pytest.mark.parametrize("reply", ["", "  \n"])
def test_an_image_without_a_description_is_no_text_of_its_own(reply: str) -> None:
    embedder = HashEmbedder()
    search(MultiVector(("image_descriptions",)), "rain", ScriptedChat(lambda _: ChatReply(reply)), embedder)
    assert len(embedder.texts) == len(DOCUMENTS) + 1


def test_recognised_words_are_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rageval.retrieval.indexes.multi_vector.recogniser_identity", lambda: "rapidocr-1.2")
    monkeypatch.setattr("rageval.retrieval.image_texts._recognised", lambda image: f"words {read_chart(image.read())}")
    monkeypatch.setattr("rageval.retrieval.image_texts.need_recognition", lambda: None)
    embedder = HashEmbedder()
    index = MultiVector(("image_words",))
    assert search(index, "words [5, 19]", embedder=embedder)[0].passage.doc_id == "zh"
    assert "Delmar\nRain in mm\nwords [3, 7, 11]" in embedder.texts
    assert (index.needs(), index.indexing_calls(DOCUMENTS)) == ({"embed"}, 0)
    assert (index.recogniser, MultiVector().recogniser) == ("rapidocr-1.2", "")


class _OneSpace:
    """Texts by their words; an image by the text that says its numbers."""

    embeds_images = True
    identity = "one space"

    def __init__(self) -> None:
        self.images: list[bytes] = []
        self._words = HashEmbedder()

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> Vectors:
        return await self._words.embed([self._text(text) for text in texts], kind)

    async def close(self) -> None:
        return None

    def _text(self, text: str) -> str:
        encoded = base64_of(text)
        if encoded is None:
            return text
        self.images.append(base64.b64decode(encoded))
        return f"bars {' '.join(map(str, read_chart(self.images[-1])))}"


def test_texts_and_images_in_one_space() -> None:
    embedder = _OneSpace()
    hits = search(ImageEmbeddings(), "bars 5 19", embedder=embedder)
    assert embedder.images == [RAIN.read(), FISH.read()]
    assert (hits[0].passage.doc_id, round(hits[0].score, 5)) == ("zh", 1.0)
    assert search(ImageEmbeddings(), "Ships cross the sea.", embedder=embedder)[0].passage.doc_id == "plain"
    assert len(hits) == len(DOCUMENTS)


def test_a_corpus_without_images_is_searched_by_its_texts() -> None:
    async def found() -> Sequence[Hit]:
        built = await Resources((PLAIN,), embedder=HashEmbedder()).get(ImageEmbeddings())
        return await built.search(Query("ships"), 5)

    assert [hit.passage.doc_id for hit in asyncio.run(found())] == ["plain"]


def test_what_the_model_sees_stands_in_the_place_of_the_image() -> None:
    chat = ScriptedChat(lambda request: ChatReply(describe(request), usage=Usage(1, 0, 9, 0, 2)))
    state = read(ReadImages(), *DOCUMENTS, chat=chat)
    assert texts(state) == [
        "Weather.\n\n[image: Rain in mm. What it shows: bars 3 7 11]\n\nThe end.",
        "渔业。[此处是一张图片：没有图注的图片。图中内容：bars 5 19]",
        "Ships cross the sea.",
    ]
    (step,) = state.response.steps
    assert (step.name, step.detail, step.usage.calls) == ("read_images", {"images": 2, "empty": 0}, 2)
    assert [hit.passage.doc_id for hit in state.response.hits] == ["en", "zh", "plain"]


def test_only_the_first_images_are_read() -> None:
    chat = ScriptedChat(describe)
    first, second, _ = texts(read(ReadImages(n=1), *DOCUMENTS, chat=chat))
    assert "bars 3 7 11" in first
    assert second == CHINESE.text
    assert len(chat.requests) == 1


def test_an_image_of_which_nothing_is_read_stays_and_is_counted() -> None:
    state = read(ReadImages(), *DOCUMENTS, chat=ScriptedChat(lambda _: ChatReply(" ")))
    assert texts(state) == [one.text for one in DOCUMENTS]
    assert state.response.steps[0].detail == {"images": 2, "empty": 2}


def test_a_context_without_images_costs_nothing() -> None:
    chat = ScriptedChat(describe)
    assert read(ReadImages(), PLAIN, chat=chat).response.steps == ()
    assert read(ReadImages(), chat=chat).response.steps == ()
    assert chat.requests == []


def test_recognised_words_stand_in_the_place_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rageval.retrieval.read_images.recogniser_identity", lambda: "rapidocr-1.2")
    monkeypatch.setattr("rageval.retrieval.image_texts.need_recognition", lambda: None)
    monkeypatch.setattr("rageval.retrieval.image_texts._recognised", lambda _: "word " * 2000)
    stage = ReadImages("ocr")
    (first, *_) = texts(read(stage, *DOCUMENTS))
    assert first.count("word") == 2 * 384
    assert (stage.needs(True), stage.calls(True, ContextSize(3, 9)).high) == (frozenset(), 0)


@pytest.mark.parametrize("by", ["model", "ocr"])
def test_the_context_is_no_larger_than_the_bound(by: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rageval.retrieval.read_images.recogniser_identity", lambda: "rapidocr-1.2")
    monkeypatch.setattr("rageval.retrieval.image_texts.need_recognition", lambda: None)
    monkeypatch.setattr("rageval.retrieval.image_texts._recognised", lambda _: "字" * 2000)
    chat = ScriptedChat(lambda request: ChatReply("字" * 2 * request.max_tokens, usage=Usage(1)))
    corpus, stage = CorpusSizes(DOCUMENTS), ReadImages(by)
    state = read(stage, *DOCUMENTS, chat=chat)
    before = PromptSizes("en", 3, (), corpus, ContextSize(3, None))
    after = replace(before, context=stage.context_size(before.context))
    assert max(map(count_tokens, texts(state))) <= after.passage_text
    assert stage.context_size(ContextSize(0, 0)) == ContextSize(0, 0)
    asked = stage.prompt_tokens(True, before)
    assert asked is not None
    assert requests_size(chat.requests) <= asked
    assert len(chat.requests) <= stage.calls(True, before.context).high


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(DeclarationError, match="n: found 0, expected at least 1"):
        ReadImages(n=0)


def test_a_model_without_eyes_stops_the_build() -> None:
    def refuse(_: ChatRequest) -> Exception:
        return ModelError("fake: this model reads no images")

    with pytest.raises(ModelError, match=r"MultiVector.* cannot be built: fake: this model reads no images"):
        search(MultiVector(("image_descriptions",)), "rain", ScriptedChat(refuse))


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("rapidocr", "onnxruntime"))), reason="the extra ocr is not installed"
)
@pytest.mark.parametrize(("name", "word"), [("table_en.png", "Corva"), ("table_zh.png", "东湖")])
def test_real_recognition(name: str, word: str) -> None:
    image = Image.of((PICTURES / name).read_bytes(), PICTURES / name)
    document = replace(ENGLISH, images={"rain.png": image})

    async def run() -> str:
        given = Resources((document,))
        hits = (Hit(document.passage(0, len(document.text)), 1.0),)
        state = State(QUESTION, (Query(QUESTION.text),), Response(hits=hits, context=(0,)))
        return (await ReadImages("ocr").run(state, given)).response.context_passages[0].text

    assert word in asyncio.run(run())

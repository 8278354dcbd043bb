"""Images on their way to models: in requests and their keys, in budgets, in refusals, and in embeddings."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import numpy as np
import pytest

from rageval.errors import BudgetError, ModelError
from rageval.models.base import ChatReply, ChatRequest, Message, refuse_images
from rageval.models.budget import Budget, BudgetedChat, Most, Price
from rageval.models.openai_compatible import OpenAIChat
from rageval.models.openai_embedder import OpenAIEmbedder
from rageval.models.rate_limiter import RateLimiter
from rageval.models.refusals import sort_failure
from rageval.models.replies import request_key
from rageval.models.scripted import ScriptedChat
from rageval.models.service_errors import read_error
from rageval.models.wire import to_payload
from rageval.text.images import IMAGE_TOKENS, Image
from rageval.types import Usage
from tests.flow.fake_server import Canned, FakeServer, Received, completion, embeddings, fault
from tests.unit.charts import chart

RAIN, FISH = Image.of(chart(3, 7, 11)), Image.of(chart(19))


def request(*images: Image, text: str = "What is shown?") -> ChatRequest:
    return ChatRequest((Message("system", "Be brief."), Message("user", text, images)), "test@1", 16)


def ask(server: FakeServer, asked: ChatRequest, **options: Any) -> ChatReply:
    async def run() -> ChatReply:
        chat = OpenAIChat(server.base_url, "fake", **{"max_retries": 0, **options})
        try:
            return await chat.complete(asked)
        finally:
            await chat.close()

    return asyncio.run(run())


def test_keys_of_requests_without_images_are_as_ever() -> None:
    """The key is the one that the version before images computed."""
    schema = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}}
    messages = (Message("system", "Be brief."), Message("user", "多高？ <é>"))
    asked = ChatRequest(messages, "answer/zh@1-abc", 128, 0.5, schema, 5, 2)
    key = "c019e59044a48dcf5b9b359870bb64b6ec952a5ce8de74890fa7fc3afcdb89ff"
    assert request_key("m @ http://x/v1", asked) == key


def test_images_are_part_of_the_key_by_their_bytes() -> None:
    given = [request(), request(RAIN), request(FISH), request(RAIN, FISH), request(FISH, RAIN)]
    assert len({request_key("m", one) for one in given}) == len(given)
    assert request_key("m", request(RAIN)) == request_key("m", request(Image.of(RAIN.read())))


def test_a_message_with_images_has_parts_and_any_other_is_a_text() -> None:
    system, user = to_payload(request(RAIN, FISH))["messages"]
    assert system == {"role": "system", "content": "Be brief."}
    text, *images = user["content"]
    assert text == {"type": "text", "text": "What is shown?"}
    assert [one["type"] for one in images] == ["image_url", "image_url"]
    urls = [one["image_url"]["url"].partition(",") for one in images]
    assert [head for head, _, _ in urls] == ["data:image/png;base64"] * 2
    assert [base64.b64decode(data) for _, _, data in urls] == [RAIN.read(), FISH.read()]
    assert to_payload(request())["messages"][1]["content"] == "What is shown?"


def test_the_endpoint_gets_the_bytes() -> None:
    with FakeServer() as server:
        assert ask(server, request(RAIN)).text == "ok"
        (_, image) = server.received[0].payload["messages"][1]["content"]
    assert image["image_url"]["url"] == RAIN.data_uri()


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, "this model does not support image input (ref: b8bd630e)"),  # Ollama
        (500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"),
        (400, "Invalid content type. image_url is only supported by certain models."),
        (404, "No endpoints found that support image input"),
        (400, "At most 0 image(s) may be provided in one request."),
        (400, "qwen2.5 is not a multimodal model"),
        (422, "Failed to deserialize the JSON body: unknown variant `image_url`, expected `text`"),
        (500, 'Failed to parse messages: Unsupported content part type: "image_url"'),
        (400, "该模型不支持图片输入"),
    ],
)
def test_a_model_without_eyes_stops_the_run_with_what_to_do(status: int, told: str) -> None:
    with FakeServer(lambda _: fault(status, told)) as server, pytest.raises(ModelError) as raised:
        ask(server, request(RAIN))
    assert told.partition(" (")[0] in str(raised.value)
    assert str(raised.value).endswith("this model reads no images: choose one that does, or a pipeline without images")
    assert server.calls == 1


def test_the_same_words_about_a_request_without_images_are_no_such_refusal() -> None:
    error = read_error({"error": {"message": "this model does not support image input"}})
    assert sort_failure(400, error, to_payload(request())).kind == "input"
    assert sort_failure(400, error, to_payload(request(RAIN))).reason == "images"
    other = read_error({"error": {"message": "the image is too small"}})
    assert sort_failure(400, other, to_payload(request(RAIN))).kind == "input"


def test_models_of_texts_alone_refuse_and_name_themselves() -> None:
    refuse_images(request(), "local/qwen")
    with pytest.raises(ModelError, match=r"^local/qwen: cannot read images"):
        refuse_images(request(RAIN), "local/qwen")


def test_a_budget_reserves_for_each_image() -> None:
    async def run(images: tuple[Image, ...], most: int) -> None:
        inner = ScriptedChat(lambda _: ChatReply("ok", usage=Usage(1, 0, 100, 0, 1)))
        chat = BudgetedChat(inner, Budget(Most(tokens=most)), Price(0.0, 0.0))
        await chat.complete(request(*images))

    texts = sum(len(message.content) + 16 for message in request().messages) + 16
    asyncio.run(run((RAIN, FISH), texts + 2 * IMAGE_TOKENS))
    with pytest.raises(BudgetError):
        asyncio.run(run((RAIN, FISH), texts + 2 * IMAGE_TOKENS - 1))


def test_base64_is_no_text_to_the_limit_of_tokens_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture of 3 MB would count as more than a million tokens."""
    asked: list[int] = []

    async def no_wait(_: RateLimiter, tokens: int) -> None:
        asked.append(tokens)

    monkeypatch.setattr(RateLimiter, "wait_for_turn", no_wait)
    large = Image.of(b"\x89PNG\r\n\x1a\n" + bytes(3_000_000))
    with FakeServer() as server:
        ask(server, request(large))
        ask(server, request())
        assert base64.b64encode(large.read()).decode() in json.dumps(server.received[0].payload)
    assert IMAGE_TOKENS < asked[0] < IMAGE_TOKENS + asked[1] + 100


def embed(server: FakeServer, texts: list[str], **options: Any) -> np.ndarray:
    async def run() -> np.ndarray:
        embedder = OpenAIEmbedder(server.base_url, "clip", **{"max_retries": 0, "images": True, **options})
        try:
            return await embedder.embed(texts, "passage")
        finally:
            await embedder.close()

    return asyncio.run(run())


def by_length(received: Received) -> Canned:
    return embeddings([[float(len(next(iter(one.values())))), 1.0] for one in received.payload["input"]])


def test_an_embedder_of_both_is_sent_objects_and_raw_base64() -> None:
    with FakeServer(by_length) as server:
        vectors = embed(server, ["the rain", RAIN.data_uri()], passage_prefix="passage: ", max_tokens=8)
        (received,) = server.received
    encoded = base64.b64encode(RAIN.read()).decode()
    assert received.payload["input"] == [{"text": "passage: the rain"}, {"image": encoded}]
    expected = np.array([[len("passage: the rain"), 1.0], [len(encoded), 1.0]])
    assert vectors == pytest.approx(expected / np.linalg.norm(expected, axis=1, keepdims=True), abs=1e-6)


def test_images_are_neither_cut_nor_refused_as_long_texts() -> None:
    large = Image.of(b"\x89PNG\r\n\x1a\n" + bytes(30_000))
    with FakeServer(by_length) as server:
        embed(server, [large.data_uri(), "short"], max_tokens=8, truncate="refuse")
        (image, _) = server.received[0].payload["input"]
    assert base64.b64decode(image["image"]) == large.read()


def test_an_embedder_of_texts_sends_texts() -> None:
    with FakeServer() as server:
        embed(server, ["the rain", RAIN.data_uri()], images=False)
        assert server.received[0].payload["input"] == ["the rain", RAIN.data_uri()]


def test_an_embedder_that_refuses_images_stops_the_run() -> None:
    refusing = FakeServer(lambda _: fault(400, "this model does not support image input"))
    with refusing as server, pytest.raises(ModelError, match="this model reads no images"):
        embed(server, [RAIN.data_uri()])


def test_images_are_part_of_an_embedders_identity_where_it_has_them() -> None:
    address = "http://127.0.0.1:9/v1"
    plain, both = (OpenAIEmbedder(address, "clip", images=images) for images in (False, True))
    assert plain.identity == f"clip @ {address}"
    assert json.loads(both.identity.removeprefix(f"clip @ {address} ")) == {"images": True}


def test_a_reply_to_a_picture_can_be_anything_a_reply_can_be() -> None:
    with FakeServer(lambda _: completion("")) as server, pytest.raises(Exception, match="the reply holds no text"):
        ask(server, request(RAIN))

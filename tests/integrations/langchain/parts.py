"""What the tests of the LangChain integration share: a few documents, embeddings that count words, models that obey."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from langchain_core.documents import Document as LangChainDocument
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import FakeMessagesListChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.vectorstores import InMemoryVectorStore
from pydantic import Field, SecretStr

from rageval.models.scripted import HashEmbedder
from rageval.pipeline import Pipeline, Resources
from rageval.types import Document, Question, Response

KEY = "sk-not-a-real-key"
DOCUMENTS = (
    Document("arlen", "Mount Arlen is 2310 metres high. Two sisters first reached its summit.", "Arlen"),
    Document("brone", "The river Brone is 95 kilometres long. It flows into Lake Corva."),
    Document("qingshi", "青石山高一千八百米。山顶有一座寺庙。", language="zh"),
)


class WordEmbeddings(Embeddings):
    """rageval's hashed counts of words, as LangChain has embeddings. All that was embedded is kept, by kind."""

    def __init__(self) -> None:
        self.queries: list[str] = []
        self.passages: list[str] = []

    def embed_query(self, text: str) -> list[float]:
        self.queries.append(text)
        return _vectors([text])[0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.passages += texts
        return _vectors(texts)


def _vectors(texts: Sequence[str]) -> list[list[float]]:
    return asyncio.run(HashEmbedder().embed(texts, "passage")).tolist()


class Obedient(BaseChatModel):
    """Replies with `reply`, or raises it; keeps what it was asked, and how it was set then, in `asked`."""

    model: str = "obedient-1"
    api_key: SecretStr = SecretStr(KEY)
    temperature: float | None = 0.9
    num_predict: int | None = None
    reply: Any = "ok"
    asked: list[tuple[list[BaseMessage], float | None, int | None]] = Field(default_factory=list, exclude=True)

    @property
    def _llm_type(self) -> str:
        return "obedient"

    def _generate(self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        self.asked.append((messages, self.temperature, self.num_predict))
        if isinstance(self.reply, Exception):
            raise self.reply
        message = AIMessage(self.reply) if isinstance(self.reply, str) else self.reply
        return ChatResult(generations=[ChatGeneration(message=message)])


class CallsTools(FakeMessagesListChatModel):
    """LangChain's fake model, which takes tools as well."""

    def bind_tools(self, tools: Any, **_: Any) -> Any:
        return self


def counted(text: str, prompt: int = 12, completion: int = 3, cached: int = 0, **more: Any) -> AIMessage:
    """A message with its usage."""
    details = {"input_token_details": {"cache_read": cached}} if cached else {}
    usage = {"input_tokens": prompt, "output_tokens": completion, "total_tokens": prompt + completion, **details}
    return AIMessage(text, usage_metadata=usage, **more)


def model(*messages: str | AIMessage) -> FakeMessagesListChatModel:
    """LangChain's fake model, which gives these replies in turn."""
    return FakeMessagesListChatModel(responses=[AIMessage(m) if isinstance(m, str) else m for m in messages])


def store_of(documents: Sequence[LangChainDocument]) -> InMemoryVectorStore:
    return InMemoryVectorStore.from_documents([*documents], WordEmbeddings())


def pieces_of(documents: Sequence[LangChainDocument], size: int) -> list[LangChainDocument]:
    """Pieces of `size` characters with the metadata that text splitters give with `add_start_index`, which is all that
    the tests need of them."""
    return [
        LangChainDocument(one.page_content[start : start + size], metadata={**one.metadata, "start_index": start})
        for one in documents
        for start in range(0, len(one.page_content), size)
    ]


def ask(pipeline: Pipeline, text: str = "How high is Mount Arlen?", question_id: str = "q") -> Response:
    question = Question(question_id, text)
    return asyncio.run(pipeline.answer(question, Resources(DOCUMENTS)))


def ids(response: Response) -> list[str]:
    return [hit.passage.doc_id for hit in response.hits]

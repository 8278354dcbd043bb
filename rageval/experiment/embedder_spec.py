"""What an experiment file says of an embedding endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from rageval.io.strict import Strict
from rageval.models.access import Access, endpoint_identity
from rageval.models.openai_embedder import InputType, embedder_settings

_Positive = Annotated[int, Field(ge=1)]


class InputTypePart(Strict):
    """What the request says of queries and passages, in the `field` of that name."""

    query: str
    passage: str
    field: str = "input_type"


class EmbeddingEndpoint(Strict):
    """An embedder at an OpenAI-compatible endpoint: see `OpenAIEmbedder`."""

    provider: Literal["openai"]
    base_url: str
    model: str
    api_key_env: str | None = "OPENAI_API_KEY"
    batch: _Positive = 64
    batch_tokens: _Positive = 200_000
    max_tokens: _Positive | None = None
    truncate: Literal["sentence", "refuse"] = "sentence"
    dimensions: _Positive | None = None
    encoding_format: Literal["float", "base64"] | None = None
    query_prefix: str = ""
    passage_prefix: str = ""
    input_type: InputTypePart | None = None
    concurrency: _Positive = 8
    timeout_s: Annotated[float, Field(gt=0)] = 60.0
    max_retries: Annotated[int, Field(ge=0)] = 4
    requests_per_minute: Annotated[float, Field(gt=0)] | None = None
    tokens_per_minute: Annotated[float, Field(gt=0)] | None = None
    extra_body: dict[str, Any] = Field(default_factory=dict)
    extra_headers: dict[str, str | dict[str, str]] = Field(default_factory=dict)
    auth: Literal["bearer", "api-key"] | None = None
    api_version: str | None = None
    verify: Path | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What `OpenAIEmbedder` is made of, by the names of its arguments."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "provider"}
        return {**given, "input_type": self._role}

    @property
    def identity(self) -> str:
        """That of the embedder, without a key. Raises DeclarationError for a bad address."""
        access = Access(self.auth, self.api_version, self.extra_headers, self.verify)
        changes = embedder_settings(
            self.dimensions, self.max_tokens, self.query_prefix, self.passage_prefix, self._role, self.extra_body
        )
        return endpoint_identity(self.base_url, self.model, {**access.settings, **changes})

    @property
    def _role(self) -> InputType | None:
        part = self.input_type
        return None if part is None else InputType(part.query, part.passage, part.field)

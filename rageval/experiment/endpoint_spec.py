"""What an experiment file says of an OpenAI-compatible endpoint, whatever its model does."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from rageval.io.strict import Number, Strict, WholeNumber


def _date_as_text(value: object) -> object:
    """YAML reads `2024-10-21` as a date."""
    return value.isoformat() if isinstance(value, date) else value


class FromEnvironment(Strict):
    """A value that the environment variable `env` holds, for secrets."""

    env: str


class EndpointPart(Strict):
    """Any OpenAI-compatible endpoint: its address, key, limits, and what is sent along.

    The key is read from the environment variable named, never from the file; null sends none.
    """

    provider: Literal["openai"]
    base_url: str
    model: str
    api_key_env: str | None = "OPENAI_API_KEY"
    auth: Literal["bearer", "api-key"] | None = None
    api_version: Annotated[str, BeforeValidator(_date_as_text)] | None = None
    verify: Path | None = None
    extra_headers: dict[str, str | FromEnvironment] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict)
    concurrency: Annotated[WholeNumber, Field(ge=1)] = 16
    timeout_s: Annotated[Number, Field(gt=0)] = 60.0
    max_retries: Annotated[WholeNumber, Field(ge=0)] = 4
    requests_per_minute: Annotated[Number, Field(gt=0)] | None = None
    tokens_per_minute: Annotated[Number, Field(gt=0)] | None = None

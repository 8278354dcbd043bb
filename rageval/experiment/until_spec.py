"""When an experiment stops before all of its questions are asked, as experiment files say it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rageval.io.strict import Number, Strict, WholeNumber


class DecidedPart(Strict):
    """Until the gate with these `margins` against `baseline` (a run folder, a baseline file or its name) is decided;
    `batch` questions are asked at a time.
    """

    baseline: str
    margins: Annotated[dict[str, Annotated[Number, Field(ge=0, lt=1)]], Field(min_length=1)]
    batch: Annotated[WholeNumber, Field(ge=1)] = 20


class UntilPart(Strict):
    """What is to be reached: a decided gate."""

    decided: DecidedPart

"""What changed from one run to the next beside the scores: model, judge, prompt, benchmark, settings, code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from rageval.metrics.names import names_custom_metric
from rageval.scores.comparability import CORPUS, differences
from rageval.scores.run_scores import ScoredRun
from rageval.types import Json

Kind: TypeAlias = Literal["model", "judge", "prompt", "benchmark", "setting", "questions", "code"]

_SHOWN = 8
_MOST = 5
_CLASS = "class"
_MADE_OF = ("fields", "stages")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that another run had otherwise. `name` says what it is, such as `chat` or `prompt answer`; `before` and
    `after` are its values in words, None where a run has none.
    """

    kind: Kind
    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        whole = self.kind == "judge" or self.kind in self.name
        name = self.name if whole else f"{self.kind} {self.name}"
        values = "" if self.before is self.after is None else f": {self.before or '–'} → {self.after or '–'}"
        return name + values

    def to_json(self) -> dict[str, Json]:
        return {"kind": self.kind, "name": self.name, "before": self.before, "after": self.after}


def find_changes(
    before: ScoredRun, after: ScoredRun, manifest_before: Mapping[str, Any], manifest_after: Mapping[str, Any]
) -> tuple[Change, ...]:
    """All that differs between two runs beside their answers and scores; models first, code last."""
    found = [Change(_kind(name, before, after), name, *values) for name, values in differences([before, after]).items()]
    found += _of_benchmark(before, after)
    found += _of_pipeline(manifest_before, manifest_after)
    found += _of_questions(before, after)
    found += _of_code(manifest_before, manifest_after)
    order: Sequence[Kind] = ("model", "judge", "prompt", "benchmark", "setting", "questions", "code")
    return tuple(sorted(found, key=lambda change: order.index(change.kind)))


def _kind(name: str, before: ScoredRun, after: ScoredRun) -> Kind:
    if name.startswith(("judge", "judging by ")) or name.endswith("(judge)"):
        return "judge"
    if name in before.models or name in after.models:
        return "model"
    if name.startswith("prompt "):
        return "prompt"
    if name == CORPUS:
        return "benchmark"
    return "code" if names_custom_metric(name) else "setting"


def _of_benchmark(before: ScoredRun, after: ScoredRun) -> Iterator[Change]:
    if before.benchmark != after.benchmark:
        yield Change("benchmark", "benchmark", before.benchmark, after.benchmark)
    if before.content_hash != after.content_hash:
        yield Change("benchmark", "content", before.content_hash[:_SHOWN], after.content_hash[:_SHOWN])


def _of_pipeline(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """The settings that were given; where these are the same, all that the stages have, defaults too."""
    given = _differing(before.get("params", {}), after.get("params", {}))
    whole = given or _differing(before.get("pipeline", {}), after.get("pipeline", {}))
    for name, (old, new) in [*whole.items()][:_MOST]:
        yield Change("setting", name, old, new)
    if len(whole) > _MOST:
        yield Change("setting", f"{len(whole) - _MOST} more", None, None)


def _of_questions(before: ScoredRun, after: ScoredRun) -> Iterator[Change]:
    if before.digests != after.digests:
        same = sum(after.digests.get(question) == digest for question, digest in before.digests.items())
        yield Change(
            "questions", "questions", str(len(before.digests)), f"{len(after.digests)}, {same} of them unchanged"
        )


def _of_code(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    pairs = {
        "pipeline": (before.get("source"), after.get("source")),
        "commit": (before.get("git_commit"), after.get("git_commit")),
    }
    for name, (old, new) in pairs.items():
        if old != new:
            yield Change("code", name, old[:_SHOWN] if old else None, new[:_SHOWN] if new else None)
    for name, (old, new) in _differing(before.get("versions", {}), after.get("versions", {})).items():
        yield Change("code", name, old, new)
    if before.get("abstention") != after.get("abstention"):
        yield Change("code", "rules for abstention", None, None)


def _differing(before: object, after: object) -> dict[str, tuple[str | None, str | None]]:
    """By name, with dots where it lies deeper: what is not the same in both."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    names = dict.fromkeys([*old, *new])
    return {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}


def _leaves(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        items: list[tuple[str, object]] = [*cast("Mapping[str, object]", value).items()]
    elif isinstance(value, list | tuple):
        items = [(str(number), one) for number, one in enumerate(cast("Sequence[object]", value), 1)]
    else:
        yield name, str(value).rpartition(".")[2] if name.rpartition(".")[2] == _CLASS else str(value)
        return
    for key, one in items:
        inner = name if key in _MADE_OF else f"{name}.{key}" if name else key
        yield from _leaves(one, inner)

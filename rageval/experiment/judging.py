"""Who judges: the judges that metrics read, with the models that they ask and the calibrations of their verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from rageval.errors import DeclarationError
from rageval.experiment.open_models import OpenModels
from rageval.experiment.spec import ChatChoice
from rageval.io.user_files import find_file
from rageval.judges import JUDGES, EmbeddingJudge, Judge, asks_model, check_raters, judge_key, panel
from rageval.judges.light.detectors import Detector, with_detector
from rageval.judges.light.rerank import RerankDetector
from rageval.metrics.custom import OwnMetric
from rageval.metrics.definitions import AnswerMetric, JudgedMetric
from rageval.metrics.judged import JUDGED_METRICS, entries_read
from rageval.metrics.names import Metric
from rageval.models.base import ChatModel, Embedder
from rageval.models.budget import Price
from rageval.scores.calibrations import Calibration, JudgeEntry, read_calibration
from rageval.scores.judge_entries import new_entry
from rageval.types import Json


def judges_of(metrics: Sequence[Metric], own: Sequence[Judge], *, has_model: bool = True) -> tuple[Judge, ...]:
    """The judges that these metrics read, each once; `own` are those of the user's own.

    Metrics that can do without a judge have theirs only where `has_model`; it comes first, since others read answers
    in the light of its verdict.
    """
    known = {**JUDGES, **{judge.name: judge for judge in own}}
    definitions = [metric.definition for metric in metrics if metric.kind != "custom"]
    optional = [name for one in definitions if isinstance(one, AnswerMetric) and has_model for name in one.judges]
    required = [name for one in definitions if isinstance(one, JudgedMetric) for name in one.judges]
    return tuple(known[name] for name in dict.fromkeys([*optional, *required]))


def need_answers(metrics: Sequence[Metric], own: Sequence[OwnMetric] = ()) -> bool:
    """Whether any of the metrics looks at answers; rankings and contexts need none. `own` are those of the user's."""
    built_in = (metric.definition.reads_answers for metric in metrics if metric.kind != "custom")
    return any(built_in) or any(one.metric.reads_answers for one in own)


def by_detector(judges: Sequence[Judge], detector: Detector, metrics: Sequence[Metric]) -> tuple[Judge, ...]:
    """The judges with the detector in the place of the chat model of those that ask one.

    Raises DeclarationError where one of the metrics needs a judge that the detector cannot stand for.
    """
    found: dict[str, Judge] = {}
    for judge in judges:
        detected = with_detector(judge, detector)
        if detected is None and not asks_model(judge):
            detected = judge
        if detected is not None:
            found[judge.name] = detected
            continue
        refused = [str(one) for one in metrics if one.kind == "judged" and judge.name in entries_read(one)]
        raise DeclarationError(
            f"metrics: {', '.join(refused)}: found the judge {detector.name}, which judges "
            f"{', '.join(judged_by(detector))} alone: leave the metric out, or name a chat model under models.judge"
        )
    return tuple(found.values())


def judged_by(detector: Detector) -> tuple[str, ...]:
    """The names of the metrics that the detector can judge."""
    judges = {name for name, judge in JUDGES.items() if with_detector(judge, detector) is not None}
    return tuple(name for name, metric in JUDGED_METRICS.items() if judges.issuperset(metric.judges))


def detector_raters(detector: Detector, models: OpenModels) -> tuple[ChatModel, ...]:
    """The model behind an address that the detector asks, opened; none for a detector in this process."""
    return (models.ranker(detector.service),) if isinstance(detector, RerankDetector) else ()


def need_embedder(judges: Sequence[Judge]) -> bool:
    """Whether any of the judges compares embeddings."""
    return any(isinstance(judge, EmbeddingJudge) for judge in judges)


def with_models(
    judges: Sequence[Judge], raters: Sequence[ChatModel], samples: int, embedder: Embedder | None
) -> tuple[Judge, ...]:
    """The judges with their models: the embedder for those that compare embeddings, panels if there are several raters.

    Without an embedder, judges that need one refuse to judge.
    """
    return tuple(
        panel(
            judge.with_embedder(embedder) if embedder and isinstance(judge, EmbeddingJudge) else judge, raters, samples
        )
        for judge in judges
    )


def choose_raters(
    judges: Sequence[Judge], choices: Sequence[tuple[ChatChoice, Path]], models: OpenModels
) -> tuple[ChatModel, ...]:
    """The models that judge, none where no judge asks any. A choice comes with the folder that its path is relative to.

    Raises DeclarationError for a model that is there twice.
    """
    if not any(map(asks_model, judges)):
        return ()
    raters = tuple(models.chat(choice, base) for choice, base in choices)
    check_raters(raters)
    return raters


def choose_calibrations(named: Sequence[str], base: Path) -> tuple[Calibration, ...]:
    """The records at these paths, relative to `base` or to the current directory. Raises DeclarationError."""
    return tuple(read_calibration(name, find_file("calibrations", name, base)) for name in named)


def judge_keys(judges: Sequence[Judge], raters: Sequence[ChatModel]) -> dict[str, str]:
    """The keys of the judges, by their names."""
    return {
        judge.name: judge_key(judge, raters[0].identity if raters and asks_model(judge) else None) for judge in judges
    }


def judge_entries(
    judges: Sequence[Judge],
    raters: Sequence[ChatModel],
    embedder: Embedder | None,
    calibrations: Sequence[Calibration],
    prices: Mapping[str, Price] = MappingProxyType({}),
) -> dict[str, dict[str, Json]]:
    """The manifest's entries of these judges, by name; `prices` are by the raters' identity."""
    keys = judge_keys(judges, raters)
    by_key = {calibration.record.key: calibration for calibration in calibrations}
    chat = raters[0] if raters else None
    entries = {
        judge.name: new_entry(judge, keys[judge.name], chat, embedder, by_key.get(keys[judge.name])) for judge in judges
    }
    return {name: {**entry, **_prices(entry, raters, prices)} for name, entry in entries.items()}


def _prices(entry: JudgeEntry, raters: Sequence[ChatModel], prices: Mapping[str, Price]) -> dict[str, Json]:
    """The prices of the models that the judge asks; nothing where none is known, or none is asked."""
    if entry["model"] is None or not prices:
        return {}
    found = {rater.identity: prices.get(rater.identity) for rater in raters}
    return {"prices": {name: None if price is None else price.to_json() for name, price in found.items()}}

"""What is known of judges, in a line each: how well a calibrated one agrees with people, how far a panel agrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rageval.decide.leaderboard import Leaderboard
from rageval.judges.light.weights import LIGHT, LIGHT_ALIGNED

WORDS = "verdicts are words, not probabilities: the model gave no log-probabilities between yes and no"


READS_NO_MEANING = {
    LIGHT: "it compares words, numbers and names: it rewards copying and does not read meaning",
    LIGHT_ALIGNED: "it compares words, numbers, names and vectors of tokens: it rewards copying, hardly meaning",
}


def judge_notes(board: Leaderboard) -> list[str]:
    """The lines for a leaderboard; what holds of several runs is said once."""
    lines: list[str] = []
    for row in board.rows:
        if row.unsettled:
            told = (
                "the words of 1 answer do not tell whether it abstains; it counts as an answer"
                if row.unsettled == 1
                else f"the words of {row.unsettled} answers do not tell whether they abstain; they count as answers"
            )
            lines.append(f"{row.label}: {told} (abstention_accuracy with a judge settles it)")
        for name, entry in row.judges.items():
            if entry.get("calibration"):
                lines.append(f"{name}: {calibration_text(entry['calibration'])}")
            if entry.get("detector"):
                lines.append(f"{name}: {detector_text(entry['detector'])}")
            if entry.get("cascade"):
                lines.append(f"{row.label}, {name}: {cascade_text(entry['cascade'], entry['verdicts'])}")
            if entry.get("words"):
                lines.append(f"{name}: {WORDS}")
            if entry.get("agreement"):
                lines.append(f"{row.label}, {name}: {agreement_text(entry['agreement'])}")
    return [*dict.fromkeys(lines)]


def detector_text(detector: str) -> str:
    """Who judged in the place of a chat model, and what is known of it."""
    if warning := READS_NO_MEANING.get(detector.partition(" ")[0]):
        return f"judged by the judge {detector}, no chat model: {warning}"
    return f"judged by the detector {detector}, no chat model"


def cascade_text(cascade: Mapping[str, Any], verdicts: int) -> str:
    """Who decided how many of the verdicts before the chat model was asked."""
    return (
        f"{cascade['decided']} of {verdicts} verdicts are clear noes by the judge {cascade['light']} (P below "
        f"{cascade['below']:g}), for which no chat model was asked"
    )


def calibration_text(cited: Mapping[str, Any]) -> str:
    """By which labels, and the judge's balanced accuracy with its interval before and after."""
    measured = f"on {cited['labels']} (n = {cited['n']}): balanced accuracy {_interval(cited['before'])}"
    if cited["scaling"] is None:
        return f"measured {measured}, no scaling; {cited['file']}"
    after = f"{_interval(cited['after'])} after (cross-validated)"
    return f"calibrated by {cited['scaling']['method']} {measured} before, {after}; {cited['file']}"


def agreement_text(agreement: Mapping[str, Any]) -> str:
    """How far the raters agree, with the interval, on how many items, and who of them abstained how often."""
    alpha = agreement["alpha"]
    said = "undefined (no two grades differ)" if alpha is None else _interval(alpha)
    abstained = [f"{rater} {count}×" for rater, count in agreement["abstained"].items() if count]
    return (
        f"{agreement['raters']} raters, Krippendorff's alpha {said} on {agreement['items']} items; abstained: "
        f"{', '.join(abstained) or 'none'}"
    )


def _interval(interval: Mapping[str, Any] | None) -> str:
    return "–" if interval is None else f"{interval['point']:.3f} [{interval['low']:.2f}, {interval['high']:.2f}]"

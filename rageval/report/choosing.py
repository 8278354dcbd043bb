"""What was chosen on one part of the questions, and what the other part says of it."""

from __future__ import annotations

from rageval.decide.choosing import Choice
from rageval.decide.prompt_search import PromptSearch
from rageval.report.leaderboard import metric_title
from rageval.stats import Interval


def choice_told(choice: Choice) -> list[str]:
    """A line each: who was chosen, its estimate on the other questions, its gain, and how much too good it looked."""
    found, split, metric = choice.verdict, choice.split, metric_title(choice.metric)
    held = len(split.held_out)
    lines = [
        f"Chosen among {choice.cells} cells on {len(split.choosing)} questions: {choice.winner}",
        f"{metric} on the {held} questions held out: {_interval(found.estimate)}",
    ]
    if found.gain is None:
        lines.append("It is the first cell, so there is no gain over it.")
    else:
        p = found.gain.p_value
        told = "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
        lines.append(f"Gain over the first cell there: {_signed(found.gain.difference)}, {told} ({choice.first})")
    lines.append(
        f"On the questions that chose it: {_interval(found.chosen)}, which is better by "
        f"{_signed(found.optimism.difference)}: the optimism of the choice, chance included"
    )
    return lines


ABOUT_CHOICE = (
    "The cell was chosen by its mean on one part of the questions; the other part took no part in that, so its "
    "interval is that of any single system. Questions that share a document are on one side; languages and tags are "
    "spread evenly. The tables are of the part that chose. People's labels are not used in the choice."
)


def choice_lines(choice: Choice) -> str:
    """The same as Markdown."""
    told = [f"- {line}" for line in choice_told(choice)]
    return "\n".join(["## The choice", "", *told, "", ABOUT_CHOICE, "", ""])


def search_lines(found: PromptSearch) -> list[str]:
    """What a search for prompts tried."""
    told = (
        f"Tried for {found.setting}: the prompt that the experiment has, {len(found.given)} from files, "
        f"{len(found.proposed)} proposed by the model in {found.calls} calls, from the questions that chose alone."
    )
    return [told, *(f"Proposal left out: {why}" for why in found.refused)]


def _interval(interval: Interval) -> str:
    return f"{interval.point:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _signed(interval: Interval) -> str:
    return f"{interval.point:+.3f} [{interval.low:+.3f}, {interval.high:+.3f}]"

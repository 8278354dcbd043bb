"""Which clear noes a light judge may decide alone, as text."""

from __future__ import annotations

from rageval.decide.cascade import FoundCascade
from rageval.report.tables.printout import Legend, Line, Printout


def cascade_printout(found: FoundCascade) -> Printout:
    """The threshold with what it decides, loses and saves, and the lines for an experiment file."""
    lines: list[Line] = []
    if found.warning:
        lines.append(Line(f"{found.metric}: {found.warning}", "warning"))
    one = found.threshold.found
    most, level = found.threshold.most_lost, found.threshold.level
    if one is None:
        confirms = f"these labels confirm no threshold of {found.light} that loses at most {most:.0%} of the answers"
        least = f"{found.threshold.needed} labels without a loss are the least that do"
        lines.append(Line(f"{found.metric}: {confirms}; {least}", "warning"))
    else:
        low, high = one.saved
        texts = (
            f"  of {one.n} labelled answers it decides {one.decided}: {low:.0%} to {high:.0%} of answers like these",
            f"  lost: {one.lost} that people and the chat judge call yes; at most {most:.0%} ({level:.0%} confidence)",
            f"  gained: {one.gained} that the chat judge alone calls yes",
            f"  of all {found.answers} answers of this run it would spare the chat judge {found.spared}",
            f"  in an experiment file:  models: {{cascade: {{below: {one.threshold:g}}}}}",
        )
        title = f"{found.metric}: {found.light} may decide answers whose P(yes) is below {one.threshold:g}"
        lines += [Line(title, "strong"), *map(Line, texts)]
    short = "Bounds hold for answers like these: another pipeline, model or corpus needs labels of its own."
    about = (
        "Thresholds are tested from the smallest up to the first that these labels do not confirm, each by Clopper and "
        "Pearson's bound, so that the bound holds for the one that is chosen."
    )
    return Printout("Cascade", (*lines, Legend((short,), (about,))))

"""A scored log as text."""

from __future__ import annotations

from collections.abc import Iterator

from rageval.report.tables.printout import Cell, Column, Legend, Line, Printout, Table, count_cell, interval_cell
from rageval.stats import Interval
from rageval.stats.sampled import NO_SPREAD, SampledMean
from rageval.traffic.feedback import Feedback
from rageval.traffic.measures import MEASURES
from rageval.traffic.summary import LogEstimate, LogSlice, LogSummary

_MEANINGS = {measure.name: measure.meaning for measure in MEASURES}
_COLUMNS = (
    Column("metric", "word"),
    Column("mean"),
    Column("this log", optional=True),
    Column("answers"),
    Column("looked at"),
)
ALIKE = "no interval"
SHORT = (
    "mean: for the traffic that the log stands for, with its 95% interval; this log: where the mean over the log "
    "itself lies, if only a sample was looked at. † a judge's opinion that no people's labels correct."
)
_EXPLAINED = (
    SHORT,
    "Where a sample was judged, each answer stands for as many as its stratum has for each that was drawn.",
    f"({ALIKE}): all answers are alike or of one session, which says nothing of how others may differ.",
    "The interval for this log has the finite population correction.",
    "Answers of one session are not taken for independent. The intervals of the slices of a field hold together.",
)


def score_printout(found: LogSummary) -> Printout:
    """What was read, the estimates, those of slices, and what is to be known of them."""
    title = f"{found.manifest['log']}: {found.manifest['answers']:,} answers"
    blocks: list[Line | Table | Legend] = [Line(_headline(found, title), "strong"), *_warnings(found)]
    blocks.append(Table("metrics", _COLUMNS, tuple(map(_row, found.estimates)), turns="never"))
    blocks += _slices(found.slices)
    if found.feedback is not None:
        blocks += [Line(line) for line in _feedback(found.feedback)]
    blocks += [Line(line, "faint") for line in _told(found)]
    blocks.append(Legend((SHORT,), _EXPLAINED))
    return Printout(title, tuple(blocks))


def _headline(found: LogSummary, title: str) -> str:
    about = found.manifest
    days = f", {' to '.join(dict.fromkeys(about['days']))}" if about["days"] else ""
    sessions = f", {about['sessions']:,} sessions" if about["sessions"] else ""
    return f"{title}{sessions}{days}"


def _warnings(found: LogSummary) -> Iterator[Line]:
    bad, masked = found.manifest["bad_lines"], found.manifest["masked"]
    if bad["count"]:
        yield Line(f"{bad['count']:,} bad lines left out, the first: {bad['examples'][0]}", "warning")
    if masked is not None:
        kinds = ", ".join(f"{n:,} {kind}" for kind, n in masked["found"].items()) or "nothing found"
        yield Line(f"masked in {masked['answers']:,} answers: {kinds}")


def _row(one: LogEstimate) -> tuple[Cell, ...]:
    mean = one.mean
    return (
        Cell(one.metric),
        interval_cell("mean", _short(one), _interval(one)),
        Cell(_this_log(mean)),
        count_cell("answers", one.n),
        count_cell("looked at", one.asked),
    )


def _this_log(mean: SampledMean | None) -> str:
    """Empty where all answers were looked at: the log's own mean is known then."""
    if mean is None or mean.this_log[0] == mean.this_log[1]:
        return ""
    return "[{}, {}]".format(*map(number_text, mean.this_log))


def _slices(slices: tuple[LogSlice, ...]) -> Iterator[Table]:
    for by in dict.fromkeys(one.by for one in slices):
        own = [one for one in slices if one.by == by]
        names = [one.metric for one in own[0].estimates]
        columns = (Column(by, "text"), Column("answers"), *map(Column, names))
        rows = tuple(
            (
                Cell(one.value),
                count_cell("answers", one.answers),
                *(interval_cell(each.metric, _short(each), _interval(each)) for each in one.estimates),
            )
            for one in own
        )
        yield Table(f"by {by}", columns, rows, title=f"by {by} (these intervals hold together)")


def _short(one: LogEstimate) -> str:
    if one.mean is None:
        return "–"
    interval = one.mean.interval
    told = f"{number_text(interval.point)} ({ALIKE})" if interval.method == NO_SPREAD else interval_text(interval)
    return told + ("†" if one.judged else "")


def _interval(one: LogEstimate) -> Interval | None:
    return None if one.mean is None else one.mean.interval


def _told(found: LogSummary) -> Iterator[str]:
    about = found.manifest
    for one in found.estimates:
        if one.metric in _MEANINGS:
            yield f"{one.metric}: {_MEANINGS[one.metric]}"
        elif one.asked > one.n:
            yield f"{one.metric}: {one.asked - one.n:,} of {one.asked:,} answers without a number (see the run)"
    if about["left_open"]:
        yield f"{about['left_open']:,} answers leave open whether they abstain, and count as answers"
    sample = about["sample"]
    if about["run"] and sample["drawn"] < about["answers"]:
        strata = ""
        if sample["field"]:
            parts = (f"{name}: {one['drawn']:,} of {one['answers']:,}" for name, one in sample["strata"].items())
            strata = f" by {sample['field']} ({', '.join(parts)})"
        yield f"judged: {sample['drawn']:,} of {about['answers']:,} answers, drawn at random{strata}"
    if about["run"]:
        used = found.usage
        yield (
            f"judging: {used['calls']:,} calls ({used['paid_calls']:,} paid), {used['prompt_tokens']:,} + "
            f"{used['completion_tokens']:,} tokens; the run: {about['run']}"
        )


def _feedback(found: Feedback) -> Iterator[str]:
    """Thumbs and labels, each for itself."""
    if found.up is not None:
        yield (
            f"feedback: {interval_text(found.up)} of thumbs are up, of {found.given:,} answers; the other "
            f"{found.answers - found.given:,} have none. Users who gave one are no random sample."
        )
    if found.labels is not None:
        yield f"people's labels: {interval_text(found.labels)}, of {found.labelled:,} answers"
        if found.bias is None:
            yield f"bias of the thumbs: not told, {found.both} answers have both"
        else:
            yield f"bias of the thumbs: {interval_text(found.bias)} (thumb less label, {found.both:,} with both)"
        if found.selection is not None:
            yield (
                f"who gives thumbs: {interval_text(found.selection)} (label of answers with a thumb less that of those "
                "without)"
            )


def interval_text(interval: Interval) -> str:
    """`0.742 [0.610, 0.850]`, with fewer decimals for numbers above ten."""
    return f"{number_text(interval.point)} [{number_text(interval.low)}, {number_text(interval.high)}]"


def number_text(number: float) -> str:
    """Three decimals up to ten, one up to a thousand, none beyond."""
    size = abs(number)
    return f"{number:.3f}" if size < 10.0 else f"{number:.1f}" if size < 1000.0 else f"{number:,.0f}"

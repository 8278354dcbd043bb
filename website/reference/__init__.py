"""The reference, made from the code: `PAGES` has what makes each page, by its place in the site."""

from collections.abc import Callable

from website.reference.commands import commands_page
from website.reference.experiment import experiment_page
from website.reference.instruments import judges_page, metrics_page
from website.reference.parts import parts_page
from website.reference.python_names import python_page

PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": commands_page,
    "reference/experiment.md": experiment_page,
    "reference/pipelines.md": parts_page,
    "reference/metrics.md": metrics_page,
    "reference/judges.md": judges_page,
    "reference/python.md": python_page,
}

"""Real people's labels: the judge alone misses their mean, `auto` covers it and is narrower than the labels alone."""

import math
import re

import numpy as np
import pytest

from tests.statistics.openqa_draws import ROOT, SIZES, simulate, verdicts

DRAWS = 300


def test_verdicts_are_the_1490_of_the_published_files() -> None:
    """Accuracy 0.848, as was published."""
    people, judge = verdicts()
    assert (people.size, int(people.sum()), int(judge.sum())) == (1490, 816, 768)
    assert np.mean(people == judge) == pytest.approx(0.848, abs=5e-4)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("replace", [False, True])
def test_auto_covers_the_peoples_mean_and_is_narrower_than_labels_alone(n: int, replace: bool) -> None:
    found = simulate(n, DRAWS, replace=replace)
    assert found["auto"].coverage >= 0.93 - 3 * math.sqrt(0.93 * 0.07 / DRAWS)
    assert found["auto"].width < 0.95 * found["labels only"].width
    assert found["judge only"].coverage == 0.0 if not replace else found["judge only"].coverage < 0.5


def test_committed_table_shows_10000_draws_that_obey_the_acceptance() -> None:
    text = (ROOT / "docs" / "statistics_openqa.md").read_text(encoding="utf-8")
    assert "openqa_draws 10000`" in text
    table = re.findall(r"^\| (\d+) \| (\S+) / \S+ \| \S+ / (\S+) \| \S+ / \S+ \| (\S+) / (\S+) \|", text, re.MULTILINE)
    assert [int(row[0]) for row in table] == [*SIZES, *SIZES]
    for _, judge, labels_width, auto, auto_width in table:
        assert float(auto) >= 0.93
        assert float(auto_width) < 0.95 * float(labels_width)
        assert float(judge) < 0.5
    assert [float(row[1]) for row in table[: len(SIZES)]] == [0.0] * len(SIZES)

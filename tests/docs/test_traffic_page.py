"""docs/traffic.md: its commands run as written and print what is shown; its spellings are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

from rageval.stats.sampled import allocate
from rageval.traffic.fields import SPELLINGS
from rageval.traffic.sampling import FEWEST
from rageval.traffic.score import MOST_JUDGED
from rageval.traffic.summary import MOST_SLICES
from tests.docs.pages import DOCS, blocks, follow

PAGE = DOCS / "traffic.md"


def test_the_page_runs_as_written(tmp_path: Path) -> None:
    printed = " ".join(follow(PAGE, tmp_path).split())
    for language, text in blocks(PAGE):
        for line in text.splitlines() if language == "text" else ():
            assert " ".join(line.split()) in printed, line


def test_what_it_names() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("| field |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", table))
    spelled = {one for some in SPELLINGS.values() for one in some if "." not in one}
    rare = {"usage", "up", "text", "duration_s", "duration_ms", "latency", "input_tokens", "output_tokens"}
    assert {"question", "response", "contexts", "session_id", "timestamp", "thumbs"} <= named & spelled
    assert named - spelled <= rare | {"query"}
    assert f"up to {MOST_JUDGED:,}" in text
    assert f"than {MOST_SLICES} values" in text
    assert FEWEST == 5
    assert allocate([90, 10], 20, FEWEST) == [15, 5]

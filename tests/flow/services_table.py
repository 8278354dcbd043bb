"""The table of the imitated services in docs/endpoints.md: `python -m tests.flow.services_table` writes it there."""

from __future__ import annotations

from pathlib import Path

from tests.flow.imitation import Profile, profiles
from tests.flow.vector_services import ROWS, of_embeddings, of_rerank

PAGE = Path(__file__).parents[2] / "docs" / "endpoints.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->"
_HEADER = ("service", "yes/no", "JSON", "reasoning", "embeddings", "rerank", "failures", "known from", "tried")
_FORMS = {"json_schema": "schema", "json_object": "`json_object`", "text": "words"}
_PLACES = {"think": "`<think>`", "close_only": "`</think>` alone", "parts": "parts", "nowhere": "only counted"}


def table() -> str:
    """What is imitated, as a Markdown table."""
    rows = [_HEADER, ["---"] * len(_HEADER), *(_row(name, profile) for name, profile in profiles().items())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(name: str, profile: Profile) -> list[str]:
    takes = profile.get("takes", {})
    thinking = profile.get("reasoning")
    vectors = ROWS.get(name, {})
    return [
        profile["service"],
        "probabilities" if takes.get("logprobs", True) else "words",
        _FORMS[takes.get("json", "json_schema")],
        "–" if thinking is None else _PLACES.get(thinking["where"], f"`{thinking['where']}`"),
        of_embeddings(vectors.get("embeddings")),
        of_rerank(vectors.get("rerank")),
        str(len(profile.get("errors", ()))),
        profile["source"].replace("[", "").replace("]", ""),
        profile.get("tried", "imitation"),
    ]


def with_table(page: str) -> str:
    """The page with the table as it is now."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

"""Fit the model of `rageval/pipeline/abstention_model.py` on the answers in this folder, and measure it.

Run from the project's root (a minute):

    .venv/bin/python benchmarks/abstention/train.py

`en.jsonl` and `zh.jsonl` hold answers of question-answering systems, written for this: `abstains` says whether the
answer says no more than that it cannot answer. About half of those that do not abstain sound as if they did; the
handbook adds some 580 plain facts. The answers in `blind` and `second_blind` of
`tests/unit/pipeline/abstention_sets/` were written by two people who saw neither these nor the code, and are not
trained on.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from scipy.sparse import diags
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from rageval import load_benchmark
from rageval.pipeline.abstention import is_abstention, plain
from rageval.pipeline.abstention_model import ngrams
from rageval.text import sentences

HERE = Path(__file__).parent
WEIGHTS = HERE.parents[1] / "rageval" / "pipeline" / "abstention_weights.json"
SETS = HERE.parents[1] / "tests" / "unit" / "pipeline" / "abstention_sets"
BLIND = ("blind", "second_blind")
LEAST = 0.2  # smaller weights are left out
SHORT = 2000  # short answers cut out of the handbook
UNKNOWN = 200  # answers of which no word is known: names and numbers, mostly


def plain_facts(language: str) -> list[str]:
    """Sentences, titles and references of the handbook: answers that do not sound as if they abstained."""
    handbook = load_benchmark("handbook")
    documents = [one for one in handbook.documents if one.language == language]
    found = [one.text[start:end].strip() for one in documents for start, end in sentences(one.text)]
    found += [one.title for one in documents if one.title]
    found += [text for one in handbook.questions if one.language == language for text in one.references]
    return [*dict.fromkeys(found), *short_answers(found, language)]


def short_answers(texts: Sequence[str], language: str) -> list[str]:
    """Names and the like: runs of one to four words, or two to eight Chinese characters, out of the texts."""
    rng, found = random.Random(0), list[str]()
    pattern = re.compile(r"[A-Za-z0-9'-]+(?: [A-Za-z0-9'-]+)*" if language == "en" else "[\u4e00-\u9fff]{2,}")
    runs = [run for text in texts for run in pattern.findall(text)]
    for _ in range(SHORT):
        units = rng.choice(runs).split(" ") if language == "en" else [*rng.choice(runs)]
        length = rng.randint(1, 4) if language == "en" else rng.randint(2, 8)
        start = rng.randrange(max(1, len(units) - length + 1))
        found.append((" " if language == "en" else "").join(units[start : start + length]))
    return found


def fitted(language: str) -> dict[str, Any]:
    """Bias and weights."""
    lines = (HERE / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    rows += [{"abstains": False, "text": text} for text in plain_facts(language)]
    cut: Any = partial(ngrams, language=language)
    counter = CountVectorizer(analyzer=cut, binary=True, min_df=2)
    texts = [*(plain(row["text"]) for row in rows), *([""] * UNKNOWN)]
    length = diags([1.0 / math.sqrt(max(1, len(cut(text)))) for text in texts])
    counts = length @ counter.fit_transform(texts)
    abstains = [*(row["abstains"] for row in rows), *([False] * UNKNOWN)]
    model = LogisticRegression(C=200.0, solver="liblinear", max_iter=3000).fit(counts, abstains)
    named = zip(counter.get_feature_names_out(), model.coef_[0], strict=True)
    weights = {name: round(float(weight), 3) for name, weight in named if abs(weight) >= LEAST}
    return {"bias": round(float(model.intercept_[0]), 3), "ngrams": dict(sorted(weights.items()))}


def measured(blind: str, language: str) -> str:
    """A row of the table: what becomes of the answers of a blind set."""
    found: dict[str, list[bool | None]] = {}
    for kind in ("refusals", "answers"):
        lines = (SETS / blind / f"{kind}.{language}.jsonl").read_text(encoding="utf-8").splitlines()
        found[kind] = [is_abstention(json.loads(line)["text"]) for line in lines]
    refusals, answers = found["refusals"], found["answers"]
    right, wrong = refusals.count(True), answers.count(True)
    cells = [language, f"`{blind}`", right, refusals.count(False), refusals.count(None), wrong]
    cells += [answers.count(False), answers.count(None)]
    cells += [f"{right / len(refusals):.2f}", f"{right / (right + wrong):.2f}"]
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    weights = {language: fitted(language) for language in ("en", "zh")}
    WEIGHTS.write_text(json.dumps(weights, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    print("| language | set | found | missed | left open | taken for one | right | left open | recall | precision |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for language in weights:
        for blind in BLIND:
            print(measured(blind, language))


if __name__ == "__main__":
    main()

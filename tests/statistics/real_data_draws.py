"""Real runs and real people's labels, resampled: do intervals cover, are ranks right, what do labels of both buy?

    python -m tests.statistics.real_data_draws DATA [DRAWS]     # writes docs/statistics_real.md

DATA holds `scifact/` (BEIR) and `openqa/` (OpenQA-eval, Kamalloo et al. 2023). 2,000 draws take some twenty minutes.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import bm25s
import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from rageval.decide.halving import surely_behind
from rageval.decide.ranks import rank_ranges
from rageval.metrics import parse
from rageval.metrics.ranking import score_rankings
from rageval.stats import mean_interval, paired_difference
from rageval.stats.labelled import labelled_difference
from rageval.types import Score

PAGE = Path(__file__).parents[2] / "docs" / "statistics_real.md"
DEPTH = 100
Floats = np.ndarray
Search = Callable[[Sequence[str]], Floats]


def read_lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def scifact_scores(data: Path) -> dict[str, Floats]:
    """nDCG@10 of ten retrievers on the 300 test questions, each in the order of the questions' ids."""
    corpus = read_lines(data / "scifact" / "corpus.jsonl")
    labels: dict[str, dict[str, int]] = {}
    with (data / "scifact" / "qrels" / "test.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            labels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    texts = {row["_id"]: row["text"] for row in read_lines(data / "scifact" / "queries.jsonl")}
    questions = sorted(labels)
    ids = [row["_id"] for row in corpus]
    whole = [f"{row['title']} {row['text']}" for row in corpus]
    titles = [row["title"] for row in corpus]
    beginnings = [" ".join(text.split()[:60]) for text in whole]
    metric = parse("ndcg@10")
    found: dict[str, Floats] = {}
    for name, search in retrievers(whole, titles, beginnings).items():
        similar = search([texts[question] for question in questions])
        best = np.argsort(-similar, axis=1, kind="stable")[:, :DEPTH]
        rankings = {
            question: [(ids[place], float(DEPTH - rank)) for rank, place in enumerate(row)]
            for question, row in zip(questions, best, strict=True)
        }
        scores = score_rankings([metric], labels, rankings, questions)[metric]
        found[name] = np.array([score.value if isinstance(score := scores[q], Score) else 0.0 for q in questions])
    return found


def retrievers(whole: Sequence[str], titles: Sequence[str], beginnings: Sequence[str]) -> dict[str, Search]:
    """The similarity of every question to every document, by name."""

    def bm25(documents: Sequence[str], k1: float, b: float) -> Search:
        index = bm25s.BM25(k1=k1, b=b, method="lucene")
        index.index(bm25s.tokenize(list(documents), show_progress=False), show_progress=False)

        def search(questions: Sequence[str]) -> Floats:
            words = bm25s.tokenize(list(questions), show_progress=False, return_ids=False)
            return np.array([index.get_scores(one) for one in words])

        return search

    def vectors(documents: Sequence[str], dimensions: int | None, **options: object) -> Search:
        weigher = TfidfVectorizer(sublinear_tf=True, **options)  # pyright: ignore[reportArgumentType]
        matrix = weigher.fit_transform(documents)
        reducer = None if dimensions is None else TruncatedSVD(dimensions, random_state=0).fit(matrix)

        def search(questions: Sequence[str]) -> Floats:
            asked = weigher.transform(questions)
            if reducer is None:
                return (asked @ matrix.T).toarray()
            return reducer.transform(asked) @ reducer.transform(matrix).T

        return search

    return {
        "bm25 1.2, 0.75": bm25(whole, 1.2, 0.75),
        "bm25 0.9, 0.4": bm25(whole, 0.9, 0.4),
        "bm25 0.4, 0.2": bm25(whole, 0.4, 0.2),
        "bm25 3, 1": bm25(whole, 3.0, 1.0),
        "bm25 of titles": bm25(titles, 1.2, 0.75),
        "bm25 of 60 words": bm25(beginnings, 1.2, 0.75),
        "tf-idf": vectors(whole, None, stop_words="english"),
        "tf-idf of letters": vectors(whole, None, analyzer="char_wb", ngram_range=(3, 5), min_df=3),
        "LSA, 100": vectors(whole, 100, stop_words="english"),
        "LSA, 300": vectors(whole, 300, stop_words="english"),
    }


def alike(scores: Floats) -> Floats:
    """Every row scaled to the mean of all, within [0, 1]: a board of equal means with real shapes."""
    means, grand = scores.mean(axis=1, keepdims=True), float(scores.mean())
    return np.where(means > grand, scores * grand / means, 1.0 - (1.0 - scores) * (1.0 - grand) / (1.0 - means))


def ranked(scores: Floats) -> list[dict[str, float]]:
    return [{str(question): float(x) for question, x in enumerate(row)} for row in scores]


def scifact_page(data: Path, draws: int) -> list[str]:
    by_name = scifact_scores(data)
    board = np.array([*by_name.values()])
    equal, rng = alike(board), np.random.default_rng(20261130)
    order, best = board.mean(axis=1), int(board.mean(axis=1).argmax())
    lines = [
        "## SciFact: ten retrievers, 300 questions",
        "",
        "nDCG@10: " + ", ".join(f"{name} {row.mean():.3f}" for name, row in by_name.items()) + ".",
        "",
        f"n questions drawn with replacement, {draws} draws. Coverage: of the ten means, the least and the mean.",
        "Rank error: some retriever is surely ahead of one whose mean over the 300 is higher. Equal means: every",
        "retriever's scores are scaled to one mean, and any claim is an error. Halving: the best is dropped for the",
        "top 1; at equal means any drop.",
        "",
        "| n | coverage, least | mean | claims of 45 | rank error | equal: claim | best dropped | equal: drop |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for n in (20, 50, 100, 200):
        covered = np.zeros(len(board))
        wrong = claimed = claims = dropped = any_drop = 0
        some = max(draws // 10, 1)
        for draw in range(draws):
            picked = rng.integers(0, board.shape[1], n)
            for row, scores in enumerate(board):
                found = mean_interval(scores[picked], rng=rng)
                covered[row] += found.low <= order[row] <= found.high
            if draw >= some:
                continue
            places = rank_ranges(ranked(board[:, picked]))
            ahead = [(i, j) for i, a in enumerate(places) for j, b in enumerate(places) if a and b and a[1] < b[0]]
            claims += len(ahead)
            wrong += any(order[i] < order[j] for i, j in ahead)
            same = rank_ranges(ranked(equal[:, picked]))
            claimed += any(place != (1, len(board)) for place in same)
            dropped += best in surely_behind(ranked(board[:, picked]), 1, 0.95, lower_is_better=False)
            any_drop += bool(surely_behind(ranked(equal[:, picked]), 1, 0.95, lower_is_better=False))
        rates = covered / draws
        lines.append(
            f"| {n} | {rates.min():.3f} | {rates.mean():.3f} | {claims / some:.1f} | {wrong / some:.3f} | "
            f"{claimed / some:.3f} | {dropped / some:.3f} | {any_drop / some:.3f} |"
        )
    return [*lines, "", f"Ranks and halving: {max(draws // 10, 1)} draws.", ""]


def openqa_pairs(data: Path) -> tuple[Floats, Floats]:
    """For each question the verdicts of people and of GPT-4 on the first and on the last answer listed: (2, questions)
    each.
    """
    folder = data / "openqa"
    with (folder / "NQ301_human.tsv").open(encoding="utf-8") as file:
        human = list(csv.DictReader(file, delimiter="\t"))
    with (folder / "NQ301_gpt-4.tsv").open(encoding="utf-8") as file:
        judged = list(csv.DictReader(file, delimiter="\t"))
    places: dict[str, list[int]] = {}
    for place, row in enumerate(human):
        places.setdefault(row["id"], []).append(place)
    pairs = [(those[0], those[-1]) for those in places.values() if len(those) > 1]
    people = np.array([[human[place]["Acceptable?"].strip() == "Yes" for place in pair] for pair in pairs], dtype=float)
    judge = np.array(
        [[(judged[place]["gpt-4"] or "").strip().lower().startswith("yes") for place in pair] for pair in pairs],
        dtype=float,
    )
    return people.T, judge.T


def openqa_page(data: Path, draws: int) -> list[str]:
    people, judge = openqa_pairs(data)
    d, f = people[1] - people[0], judge[1] - judge[0]
    truth, rng = float(d.mean()), np.random.default_rng(20261130)
    lines = [
        "## OpenQA: two answers to each question, people against GPT-4",
        "",
        f"The first and the last answer listed to each of {d.size} questions: accepted by people",
        f"{people[0].mean():.3f} and {people[1].mean():.3f} (difference {truth:+.3f}), by GPT-4",
        f"{judge[0].mean():.3f} and {judge[1].mean():.3f} ({f.mean():+.3f}); the differences correlate by",
        f"{np.corrcoef(d, f)[0, 1]:.2f}.",
        f"{draws} draws of all questions with replacement, of which n have labels of both answers. Cells: coverage /",
        "mean width.",
        "",
        "| n | judge only (compare without labels) | labels only | labels and judge | width against labels only |",
        "|---|---|---|---|---|",
    ]
    for n in (20, 40, 80, 150):
        ends: dict[str, list[tuple[float, float]]] = {"judge": [], "labels": [], "both": []}
        for _ in range(draws):
            picked = rng.integers(0, d.size, d.size)
            mine, others = picked[:n], picked[n:]
            alone = paired_difference(judge[0][picked], judge[1][picked], rng=rng).difference
            found = labelled_difference(d[mine], f[mine], f[others], rng=rng)
            labels = mean_interval(d[mine], bounds=(-1.0, 1.0), rng=rng)
            ends["judge"].append((alone.low, alone.high))
            ends["labels"].append((labels.low, labels.high))
            ends["both"].append(found.interval(0.95))
        cells: list[str] = []
        widths: list[float] = []
        for pairs in ends.values():
            low, high = np.array(pairs).T
            cells.append(f"{np.mean((low <= truth) & (truth <= high)):.3f} / {np.mean(high - low):.3f}")
            widths.append(float(np.mean(high - low)))
        lines.append(f"| {n} | {' | '.join(cells)} | {widths[2] / widths[1]:.2f} |")
    return [*lines, ""]


def main() -> None:
    data, draws = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    head = [
        "# Real runs and real labels, resampled",
        "",
        f"Written by `python -m tests.statistics.real_data_draws DATA {draws}`.",
        "",
    ]
    PAGE.write_text("\n".join([*head, *scifact_page(data, draws), *openqa_page(data, draws)]), encoding="utf-8")
    print(PAGE, file=sys.stderr)


if __name__ == "__main__":
    main()

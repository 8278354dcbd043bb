"""Score generated logs of up to 100,000 answers by all measures: seconds of processor time, memory, and a killed run.

Run from the project's root: `.venv/bin/python benchmarks/perf/score_log.py`. A third of the questions is Chinese, every
answer has four passages of some 600 characters, and four answers share a session. Each command is a process of its own
with one thread. One is killed after 20,000 answers and goes on. Writes the table to `score_log.md` beside this file.
"""

from __future__ import annotations

import json
import os
import platform
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SEED = 7
SIZES = (1_000, 10_000, 100_000)
PASSAGES, CHARACTERS = 4, 600
KILLED_AT = 20_000
NO_ANSWER = {"en": "I could not find that in the documents.", "zh": "根据已知信息无法回答该问题。"}
WORDS = {
    "en": "the pump of a line is checked every week by two people who write down pressure and heat then sign".split(),
    "zh": "水泵每周由两人检查记录压力流量温度并签字然后交给班长保存三年".strip(),
}
COMMAND = "from rageval.cli.app import main; main()"


@dataclass(frozen=True)
class Timed:
    answers: int
    megabytes: float
    wall_s: float
    cpu_s: float
    peak_mb: float


def text(rng: random.Random, language: str, size: int) -> str:
    found = ""
    while len(found) < size:
        found += rng.choice(WORDS[language]) + (" " if language == "en" else "")
    return found + (". " if language == "en" else "。")


def write_log(path: Path, n: int) -> None:
    rng = random.Random(SEED)
    with path.open("w", encoding="utf-8") as file:
        for number in range(n):
            language = "zh" if number % 3 == 0 else "en"
            said = " ".join(f"{text(rng, language, 60)}[{rng.randint(1, PASSAGES)}]" for _ in range(3))
            row = {
                "id": f"answer-{number}",
                "question": text(rng, language, 40),
                "answer": NO_ANSWER[language] if rng.random() < 0.08 else said,
                "passages": [text(rng, language, CHARACTERS) for _ in range(PASSAGES)],
                "model": rng.choice(["large", "small"]),
                "session_id": f"session-{number // 4}",
                "time": 1_764_500_000 + number,
                "latency_ms": rng.randint(200, 4000),
                "usage": {"input_tokens": rng.randint(500, 900), "output_tokens": rng.randint(20, 200)},
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def start(log: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", COMMAND, "score", str(log), "--by", "model", "--out", str(out), *more]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def timed(log: Path, out: Path, n: int, *more: str) -> Timed:
    began = time.perf_counter()
    process = start(log, out, *more)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    wall_s = time.perf_counter() - began
    return Timed(n, log.stat().st_size / 1e6, wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def killed(log: Path, out: Path) -> int:
    """How many answers were measured when the process was killed."""
    process = start(log, out)
    while True:
        time.sleep(0.2)
        found = [*out.glob("traffic/*/answers.jsonl")]
        if found and sum(1 for _ in found[0].open("rb")) >= KILLED_AT:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return sum(line.endswith(b"\n") for line in found[0].open("rb"))
        assert process.poll() is None


def numbers(out: Path) -> bytes:
    (found,) = out.glob("traffic/*/answers.jsonl")
    return found.read_bytes()


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    rows: list[tuple[str, Timed]] = []
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        for n in SIZES:
            log = base / f"log{n}.jsonl"
            write_log(log, n)
            rows.append((f"{n:,} answers", timed(log, base / f"out{n}", n)))
            print(rows[-1], flush=True)
        small, large = base / f"log{SIZES[1]}.jsonl", base / f"log{SIZES[2]}.jsonl"
        rows.append((f"{SIZES[1]:,} answers, --mask", timed(small, base / "masked", SIZES[1], "--mask")))
        print(rows[-1], flush=True)
        kept = killed(large, base / "killed")
        rows.append((f"{SIZES[2]:,} answers, after a kill at {kept:,}", timed(large, base / "killed", SIZES[2])))
        print(rows[-1], flush=True)
        assert numbers(base / "killed") == numbers(base / f"out{SIZES[2]}")
        shutil.rmtree(base / "killed")
    write(rows)


def write(rows: list[tuple[str, Timed]]) -> None:
    lines = [
        "# Scoring a log without a model",
        "",
        "`benchmarks/perf/score_log.py`: all measures of `rageval score` with `--by model`, intervals and slices",
        f"included, over generated answers with {PASSAGES} passages of {CHARACTERS} characters, a third of them",
        f"Chinese. One process, one thread, on a shared machine with {os.cpu_count()} processors and low priority",
        f"({platform.machine()}, Python {platform.python_version()}), so wall time is more than processor time.",
        "",
        "| log | MB | processor s | wall s | peak memory MB | ms an answer |",
        "|---|---|---|---|---|---|",
    ]
    for name, one in rows:
        each = 1000 * one.cpu_s / one.answers
        lines.append(
            f"| {name} | {one.megabytes:.0f} | {one.cpu_s:.0f} | {one.wall_s:.0f} | {one.peak_mb:.0f} | {each:.2f} |"
        )
    lines += [
        "",
        "A run that was killed goes on and leaves the same bytes as one that was not. Memory grows by the numbers of",
        "an answer, not by its text. What this does not show: answers of other lengths, and judges.",
        "",
    ]
    Path(__file__).with_suffix(".md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()

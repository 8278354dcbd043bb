"""Searching for a better prompt: candidates from files, or proposed by the model from what went wrong.

Every candidate is tried on one part of the questions, and proposals see only that part; the best is reported on the
other (`rageval.decide.choosing`). Sources: OPRO (Yang et al. 2023, arXiv 2309.03409) for earlier prompts with their
scores, ProTeGi (Pryzant et al. 2023, arXiv 2305.03495) for failures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from rageval.decide.choosing import CHOOSING, SHARE, Choice, choose, documents_of, narrowed, split_questions
from rageval.errors import DeclarationError
from rageval.experiment.compose import is_composed
from rageval.experiment.plan import Experiment, own_prompts, plan
from rageval.experiment.run import run_experiment
from rageval.experiment.spec import Spec, read_spec
from rageval.experiment.stages import STAGES
from rageval.experiment.workers import OnProgress
from rageval.io.plugins import built_setting
from rageval.io.run_folder import RunFolder
from rageval.metrics import parse
from rageval.models.base import ChatRequest
from rageval.pipeline import Pipeline, complete_all
from rageval.pipeline.parts import parts_of
from rageval.prompts import Prompt, load_prompt, placeholders
from rageval.prompts.own import OwnPrompt, read_prompt
from rageval.scores.reading import read_run_folder
from rageval.text.languages import Language, prompt_language
from rageval.types import Json, Response

PROMPTS = ("propose_prompt",)
_FAILURES, _TRIED, _MAX_TOKENS, _TEMPERATURE = 5, 8, 400, 0.8


@dataclass(frozen=True, slots=True)
class PromptSearch:
    """What was tried and chosen: `proposed` are the files that the model wrote, `refused` says why other proposals were
    left out, and `calls` is how many proposals were asked for.
    """

    setting: str
    given: tuple[str, ...]
    proposed: tuple[str, ...]
    refused: tuple[str, ...]
    calls: int
    choice: Choice

    def to_json(self) -> dict[str, Json]:
        return {
            "setting": self.setting,
            "given": [*self.given],
            "proposed": [*self.proposed],
            "refused": [*self.refused],
            "proposal_calls": self.calls,
        }


def search_prompts(
    file: Path,
    setting: str,
    candidates: Sequence[str],
    out: Path,
    *,
    rounds: int = 0,
    proposals: int = 2,
    share: float = SHARE,
    on_progress: OnProgress | None = None,
) -> tuple[tuple[Pipeline, ...], list[Path], PromptSearch]:
    """Choose among the prompt that the experiment has, the candidates (paths), and those that the model proposes.

    `file` holds one composed pipeline, and `setting` is the prompt of one of its stages (`answer.prompt`). In each of
    the `rounds` the model of the experiment is asked for so many `proposals`, one call each in every language of the
    questions; their files are written to `out/prompts`. Returns the pipelines and their runs on the questions that
    choose, and what was found. Raises DeclarationError for what cannot be searched, and as `choose`.
    """
    spec, base = read_spec(file), file.resolve().parent
    search = _Search(spec, base, file.stem, setting, out)
    given, proposed, refused, calls = [*candidates], list[str](), list[str](), 0
    for number in range(1, rounds + 1):
        with search.planned([*given, *proposed]) as experiment:
            made = _propose(experiment, search, share, number, proposals, on_progress)
        calls += made.calls
        proposed += made.files
        refused += made.refused
    if not given and not proposed:
        raise DeclarationError(f"search-prompts: found no candidate that can be used: {'; '.join(refused)}")
    with search.planned([*given, *proposed]) as experiment:
        part, runs, _, choice = choose(experiment, out, share, on_progress=on_progress)
    return part.pipelines, runs, PromptSearch(setting, tuple(given), tuple(proposed), tuple(refused), calls, choice)


@dataclass(frozen=True)
class _Search:
    spec: Spec
    base: Path
    name: str
    setting: str
    out: Path

    def __post_init__(self) -> None:
        found = len(self.spec.pipelines)
        if found != 1 or self.spec.sweep is not None or not _is_composed(self.spec.pipelines[0]):
            what = "a sweep" if self.spec.sweep is not None else f"{found} pipelines" if found != 1 else "a recipe"
            raise DeclarationError(f"search-prompts: found {what}, expected one pipeline that is composed of stages")
        _ = self.replaced

    @property
    def stage(self) -> str:
        return self.setting.rpartition(".")[0]

    @property
    def replaced(self) -> str:
        """The name of the prompt that the setting replaces."""
        stage, _, field = self.setting.rpartition(".")
        marker = built_setting(STAGES[stage], field) if stage in STAGES else None
        if not isinstance(marker, OwnPrompt):
            raise DeclarationError(f"--setting: found {self.setting!r}, expected a prompt, such as answer.prompt")
        return marker.name

    def planned(self, candidates: Sequence[str]) -> Experiment:
        """The experiment with a cell for the prompt that it has, and for each candidate."""
        sweep: dict[str, list[Any]] = {"pipeline": [*self.spec.pipelines], self.setting: [None, *candidates]}
        if not candidates:
            sweep = {"pipeline": [*self.spec.pipelines]}
        spec = self.spec.model_copy(update={"pipelines": (), "sweep": sweep})
        return plan(spec, name=f"{self.name}-prompts", base=self.base, cache=self.out / "cache")

    def text_of(self, pipeline: Pipeline, language: Language) -> str:
        """The text that the pipeline's stage sends."""
        kind, field = type(STAGES[self.stage]()), self.setting.rpartition(".")[2]
        stage = next(part for part in parts_of(pipeline.stage) if isinstance(part, kind))
        prompt: Prompt = getattr(stage, field) or load_prompt(self.replaced)
        variant = getattr(stage, "variant", "instruction")
        texts = load_prompt(self.replaced).texts[language]
        return prompt.text(language, variant if variant in texts else "instruction").strip()


@dataclass(frozen=True, slots=True)
class _Made:
    files: tuple[str, ...]
    refused: tuple[str, ...]
    calls: int


def _propose(
    experiment: Experiment, search: _Search, share: float, number: int, proposals: int, on_progress: OnProgress | None
) -> _Made:
    """Try what there is on the questions that choose, and ask the model for better prompts."""
    chat = experiment.chats[0] if experiment.chats else None
    if chat is None:
        raise DeclarationError("--rounds: found no chat model, expected one that proposes prompts")
    split = split_questions(experiment.questions, documents_of(experiment.benchmark.labels), share, experiment.seed)
    part = narrowed(experiment, split.choosing, CHOOSING)
    runs = run_experiment(part, search.out, on_progress=on_progress)
    read = [read_run_folder(run) for run in runs]
    metric = next(iter(read[0].metrics))
    sign = -1.0 if parse(metric).lower_is_better else 1.0
    scores = [run.metrics[metric].scores for run in read]
    means = [sum(found.values()) / max(1, len(found)) for found in scores]
    order = sorted(range(len(means)), key=lambda n: sign * means[n])
    best = order[-1]
    languages = list(dict.fromkeys(prompt_language(question.language) for question in part.questions))
    requests: list[ChatRequest] = []
    for sample in range(proposals):
        for language in languages:
            tried = [f"{means[n]:.3f}: {search.text_of(part.pipelines[n], language)}" for n in order[-_TRIED:]]
            wanted = placeholders(search.text_of(part.pipelines[best], language))
            fields = {
                "tried": "\n\n".join(tried),
                "failures": _failures(part, runs[best], scores[best], sign, language),
                "placeholders": ", ".join(f"{{{name}}}" for name in sorted(wanted)),
            }
            prompt = load_prompt(PROMPTS[0])
            messages = prompt.messages(language, fields)
            requests.append(ChatRequest(messages, prompt.id(language), _MAX_TOKENS, _TEMPERATURE, sample=sample))
    replies = [_cleaned(reply.text) for reply in experiment.run(complete_all(chat, requests))]
    folder = search.out / "prompts" / search.name
    files, refused, tried_before = list[str](), list[str](), own_prompts(experiment.pipelines)
    for sample in range(proposals):
        texts = dict(zip(languages, replies[sample * len(languages) : (sample + 1) * len(languages)], strict=True))
        path = folder / f"round{number}-{sample + 1}.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(texts, allow_unicode=True, sort_keys=False), encoding="utf-8")
        try:
            made = read_prompt(search.replaced, path)
            if made in tried_before:
                raise DeclarationError(f"{path}: found the same text as before, expected another one")
            for language in languages:
                if placeholders(texts[language]) != placeholders(search.text_of(part.pipelines[best], language)):
                    raise DeclarationError(f"{path}: {language}: found other placeholders than the stage fills in")
            tried_before.append(made)
            files.append(os.path.relpath(path))
        except DeclarationError as error:
            refused.append(str(error))
            path.unlink()
    return _Made(tuple(files), tuple(refused), len(requests))


def _failures(experiment: Experiment, run: Path, scores: Mapping[str, float], sign: float, language: Language) -> str:
    """The questions of the language with the lowest scores, as the prompt shows them."""
    texts = load_prompt(PROMPTS[0]).texts[language]
    asked = {one.id: one for one in experiment.questions if prompt_language(one.language) == language}
    outcomes = RunFolder(run).outcomes(hits=False)
    worst = sorted((question for question in scores if question in asked), key=lambda one: sign * scores[one])
    told: list[str] = []
    for question_id in worst:
        outcome, question = outcomes[question_id], asked[question_id]
        if isinstance(outcome, Response) and scores[question_id] != (1.0 if sign > 0 else 0.0):
            told.append(
                texts["failure"].format(
                    question=question.text,
                    answer=outcome.answer or "",
                    expected="; ".join(question.references) or "–",
                    score=f"{scores[question_id]:.2f}",
                )
            )
    return "\n".join(told[:_FAILURES]) or texts["no_failure"]


def _cleaned(reply: str) -> str:
    """The reply without a fence or quotation marks around it."""
    lines = reply.strip().splitlines()
    if len(lines) > 1 and lines[0].startswith("```") and lines[-1].startswith("```"):
        lines = lines[1:-1]
    return "\n".join(lines).strip().strip('"“”').strip()


def _is_composed(entry: object) -> bool:
    if not isinstance(entry, Mapping):
        return False
    settings = [*cast("Mapping[object, object]", entry).values()]
    return all(isinstance(one, Mapping) and is_composed(cast("Mapping[str, object]", one)) for one in settings)

"""An attack on an experiment: which of its questions and pipelines it can be tried on, and the experiment that does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rageval.benchmark.in_memory import validated
from rageval.benchmark.selection import select_questions
from rageval.errors import DeclarationError
from rageval.experiment.plan import Experiment
from rageval.metrics import parse
from rageval.pipeline import Pipeline, Stage
from rageval.pipeline.parts import parts_of
from rageval.pipeline.recorded import Replay
from rageval.stress.attacks import (
    CANARY,
    FALSEHOOD,
    PADDING,
    QUESTION,
    Attack,
    Wording,
    fill,
    needs_falsehood,
)
from rageval.stress.canaries import make_canary
from rageval.stress.changes import changed, check_change, draws
from rageval.stress.falsehoods import plan_falsehoods
from rageval.stress.stages import AskAgain, AskAs, AskInOtherWords, TellSecret
from rageval.text import count_tokens
from rageval.text.languages import Language, base_language
from rageval.types import Document, Question, Turn

PADDING_TOKENS = 600
RECORDED = "its answers are recorded"
OWN_DOCUMENTS = "it searches nothing that is built from the benchmark's documents"
NO_CHAT = "it asks no chat model of the experiment"
NO_ANSWERS = "no metric of the experiment needs answers"
UNCHANGED = "the attack changes nothing in the question"
_ANSWERS_ALONE = "answer_contains"


@dataclass(frozen=True, kw_only=True)
class PlannedAttack:
    """An attack with the experiment that tries it, whose pipelines have the labels of the clean ones.

    `experiment` is None where no question or no pipeline can be attacked. `left_out` says why by a pipeline's label,
    and `unusable` by a question's id. `asked` are the questions as they are asked, `falsehoods` the planted false
    answers, both by id; `canary` is the planted word, `lines` are those in the system message. `planted` are the ids of
    the documents that were added.
    """

    attack: Attack
    experiment: Experiment | None
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])
    unusable: Mapping[str, str] = field(default_factory=dict[str, str])
    asked: Mapping[str, Question] = field(default_factory=dict[str, Question])
    falsehoods: Mapping[str, str] = field(default_factory=dict[str, str])
    canary: str = ""
    lines: tuple[str, ...] = ()
    planted: frozenset[str] = frozenset()


def choose_clean(experiment: Experiment, sample: int | None, seed: int) -> Experiment:
    """The experiment without attack: on a sample of its questions, if asked for, and without judges beside it.

    Raises DeclarationError for an experiment that stops early, and for a sample that is larger than its questions.
    """
    if experiment.until is not None:
        raise DeclarationError("until: found it in an attacked experiment, expected it with `rageval run` alone")
    questions = experiment.questions
    if sample is not None:
        questions = select_questions(replace(experiment.benchmark, questions=questions), sample, seed)
    return replace(experiment, questions=questions, further=())


def plan_attack(attack: Attack, clean: Experiment, seed: int) -> PlannedAttack:
    """The attack on the clean experiment. Raises MissingExtraError where it needs a package that is not installed."""
    check_change(attack.change)
    left_out = {one.label: why for one in clean.pipelines if (why := _why_left_out(attack, one, clean)) is not None}
    pipelines = [one for one in clean.pipelines if one.label not in left_out]
    planner = _Planner(attack, clean, seed)
    questions = [one for one in clean.questions if one.id not in planner.unusable]
    found = PlannedAttack(
        attack=attack,
        experiment=None,
        left_out=left_out,
        unusable=planner.unusable,
        asked=planner.asked,
        falsehoods=planner.falsehoods,
        canary=planner.canary,
        lines=tuple(line for _, line in planner.lines),
    )
    if not questions or not pipelines:
        return found
    documents = planner.documents(questions)
    experiment = replace(
        clean,
        name=f"{clean.name}-stress-{attack.name}",
        questions=tuple(questions),
        pipelines=tuple(planner.attacked(one, questions) for one in pipelines),
    )
    if attack.changes_documents:
        card = replace(clean.benchmark.card, name=f"{clean.benchmark.name} with {attack.name}")
        benchmark = replace(clean.benchmark, card=card, documents=documents)
        experiment = replace(experiment, benchmark=validated(benchmark))
    if not attack.keeps_question:
        experiment = replace(
            experiment,
            metrics=(parse(_ANSWERS_ALONE),),
            own_metrics=(),
            own_judges=(),
            detector=None,
            cascade=None,
            calibrations=(),
        )
    before = {document.id for document in clean.benchmark.documents}
    planted = frozenset(document.id for document in documents if document.id not in before)
    return replace(found, experiment=experiment, planted=planted)


def _why_left_out(attack: Attack, pipeline: Pipeline, clean: Experiment) -> str | None:
    """Why the pipeline cannot be attacked so; None where it can."""
    stage = pipeline.stage
    if any(isinstance(part, Replay) for part in parts_of(stage)):
        return RECORDED
    if attack.needs_answers and not clean.generate:
        return NO_ANSWERS
    if attack.changes_documents and not any(hasattr(index, "chunker") for index in stage.indexes()):
        return OWN_DOCUMENTS
    if attack.needs_chat and clean.models_of(pipeline).chat is None:
        return NO_CHAT
    if attack.plants_in_prompt and "chat" not in stage.needs(clean.generate):
        return NO_CHAT
    return None


class _Planner:
    """What an attack asks and plants."""

    def __init__(self, attack: Attack, clean: Experiment, seed: int) -> None:
        self._attack, self._clean, self._seed = attack, clean, seed
        self.canary = make_canary(seed, attack.name)
        self.falsehoods, lacking = plan_falsehoods(clean.questions, clean.benchmark.questions, seed)
        self.unusable: dict[str, str] = {}
        self.asked: dict[str, Question] = {}
        for question in clean.questions:
            wording = attack.wording(question.language)
            if wording is None:
                self.unusable[question.id] = f"the attack is not defined for the language {question.language}"
            elif needs_falsehood(wording) and question.id in lacking:
                self.unusable[question.id] = lacking[question.id]
            else:
                asked = self._ask(question, wording)
                if asked == question and self._must_change:
                    self.unusable[question.id] = UNCHANGED
                else:
                    self.asked[question.id] = asked
        system = ((language, self._fill(one.system, {}, one)) for language, one in attack.wordings)
        self.lines = tuple((language, line) for language, line in system if line)

    @property
    def _must_change(self) -> bool:
        """Whether a question that stays as it is is not attacked at all."""
        attack = self._attack
        return attack.change != "paraphrase" and not attack.changes_documents and not attack.plants_in_prompt

    def _ask(self, question: Question, wording: Wording) -> Question:
        rng = draws(self._seed, self._attack.name, question.id)
        text = question.text
        if self._attack.change is not None:
            text = changed(text, self._attack.change, wording.table, rng)
        fields = self._fields(question)
        if wording.question:
            template = wording.question[int(rng.integers(len(wording.question)))]
            text = self._fill(template, {**fields, QUESTION: text}, wording)
        turns = [
            Turn("user", self._fill(one.user, fields, wording))
            if one.user is not None
            else Turn("assistant", self._fill(one.assistant or "", fields, wording))
            for one in wording.history
        ]
        return replace(question, text=text, history=(*question.history, *turns))

    def _fields(self, question: Question) -> dict[str, str]:
        return {QUESTION: question.text, FALSEHOOD: self.falsehoods.get(question.id, "")}

    def _fill(self, template: str, fields: Mapping[str, str], wording: Wording) -> str:
        padding = ""
        if f"{{{PADDING}}}" in template and wording.padding:
            padding = wording.padding * (PADDING_TOKENS // max(1, count_tokens(wording.padding)) + 1)
        return fill(template, {**fields, CANARY: self.canary, PADDING: padding.strip()})

    def attacked(self, pipeline: Pipeline, questions: Sequence[Question]) -> Pipeline:
        """The pipeline under attack, with the label that it had."""
        stage = pipeline.stage
        if self.lines:
            stage = TellSecret(stage, lines=self.lines)
        return replace(pipeline, stage=self._asking(stage, [self.asked[one.id] for one in questions], questions))

    def _asking(self, stage: Stage, asked: Sequence[Question], questions: Sequence[Question]) -> Stage:
        if self._attack.change == "paraphrase":
            return AskInOtherWords(stage)
        if self._attack.change == "ask again":
            return AskAgain(stage, questions=tuple(asked))
        return AskAs(stage, questions=tuple(asked)) if [*asked] != [*questions] else stage

    def documents(self, questions: Sequence[Question]) -> tuple[Document, ...]:
        """The benchmark's documents with the planted metadata, and the planted ones behind them."""
        own = tuple(map(self._with_metadata, self._clean.benchmark.documents))
        return (*own, *self._planted(questions))

    def _with_metadata(self, document: Document) -> Document:
        wording = self._attack.wording(document.language) or self._attack.wordings[0][1]
        if not wording.metadata:
            return document
        planted = {name: self._fill(text, {}, wording) for name, text in wording.metadata.items()}
        return replace(document, metadata={**planted, **document.metadata})

    def _planted(self, questions: Sequence[Question]) -> list[Document]:
        """A document for each question and text, and one for each language of a text that is the same for all."""
        found: dict[str, Document] = {}
        for question in questions:
            language: Language = base_language(question.language)
            wording = self._attack.wording(language)
            for number, template in enumerate(wording.documents if wording else (), 1):
                assert wording is not None
                of = question.id if f"{{{QUESTION}}}" in template or f"{{{FALSEHOOD}}}" in template else language
                name = f"stress-{self._attack.name}-{of}-{number}"
                text = self._fill(template, self._fields(question), wording)
                found.setdefault(name, Document(name, text, "", language, {**wording.metadata_of_documents}))
        return [*found.values()]

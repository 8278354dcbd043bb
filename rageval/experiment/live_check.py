"""What the endpoints of an experiment can do, found out by as few calls as possible, and kept for later runs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from rageval.errors import ExecutionError, ModelError
from rageval.experiment.choose_models import choose_budget, located
from rageval.experiment.embedder_spec import EmbeddingEndpoint
from rageval.experiment.pipeline_models import SAME_MODELS, pipeline_choices
from rageval.experiment.plan import Experiment, rerank_services
from rageval.experiment.spec import OpenAIModel, Spec
from rageval.judges import JUDGES
from rageval.models.access import endpoint_identity
from rageval.models.base import ChatModel, ChatReply
from rageval.models.budget import Budget, BudgetedChat, Price
from rageval.models.endpoint import Endpoint
from rageval.models.known_models import FILE, KnownModel
from rageval.models.openai_compatible import OpenAIChat
from rageval.models.openai_embedder import OpenAIEmbedder
from rageval.models.reasoning import split_reasoning
from rageval.models.refused_call import NotFoundError
from rageval.models.rerank_endpoint import RerankCalls, RerankService, SplitRerank, rank_request, read_ranks
from rageval.models.vector_reply import PartlyEmbeddedError
from rageval.models.wrapped import MeteredChat
from rageval.text import count_tokens
from rageval.types import Abstained, Document, Graded, Hit, Json, Question, Response, Usage

_QUESTION = Question("check", "How high is Mount Arlen?", "en")
_PASSAGE = Document("check", "Mount Arlen is 2310 metres high.", language="en")
_LONG = " ".join([_PASSAGE.text] * 128)
_OTHER = "The river Brone flows into Lake Corva."
_JSON_FORMS = {
    "json_schema": "asks for JSON by schema",
    "json_object": "asks for JSON without a schema",
    "text": "asks for JSON in words",
}


@dataclass(frozen=True, slots=True)
class CheckedModel:
    """What was found about one model. `roles` are those that the experiment gives it; `can` are facts by name, and
    `does` is what rageval will do with them, in words. `error` is why nothing could be found; `usage` what it took.
    """

    roles: tuple[str, ...]
    model: str
    can: Mapping[str, Json] = field(default_factory=dict[str, Json])
    does: tuple[str, ...] = ()
    usage: Usage = Usage()
    error: str | None = None

    def to_json(self) -> dict[str, Json]:
        return {
            "roles": [*self.roles],
            "model": self.model,
            "can": dict(self.can),
            "does": [*self.does],
            "calls": self.usage.calls,
            "tokens": self.usage.prompt_tokens + self.usage.completion_tokens,
            "error": self.error,
        }


def check_live(spec: Spec, experiment: Experiment, base: Path, cache: Path) -> list[CheckedModel]:
    """Ask each endpoint that the experiment uses what it can do: its list of models, and a call or a few.

    What is found takes the place of what the cache folder knew of that model. Calls count against the budget. A model
    that refuses is told as such, and the others are asked all the same; models that are no endpoints are not called.
    Raises BudgetError.
    """
    budget = choose_budget([spec.budget])
    return experiment.run(_check_all(_checks(spec, experiment, base, cache, budget)))


_Check = tuple[tuple[str, ...], str, Callable[[], Coroutine[Any, Any, CheckedModel]] | None]


async def _check_all(checks: Iterator[_Check]) -> list[CheckedModel]:
    found: list[CheckedModel] = []
    for roles, identity, check in checks:
        if check is None:
            found.append(CheckedModel(roles, identity, does=("is not an endpoint: not called",)))
            continue
        try:
            found.append(replace(await check(), roles=roles))
        except (ModelError, ExecutionError) as error:
            found.append(CheckedModel(roles, identity, error=str(error)))
    return found


def _checks(spec: Spec, experiment: Experiment, base: Path, cache: Path, budget: Budget | None) -> Iterator[_Check]:
    """Each model once, with its roles and how it is checked (None: not at all)."""
    models, file = spec.models, cache / FILE
    given = [("chat", models.chat, experiment.chat)] if experiment.chat else []
    embedders = [(models.embed, experiment.embedder)] if experiment.embedder else []
    for pipeline in experiment.pipelines:
        own = experiment.pipeline_models.get(pipeline.label, SAME_MODELS)
        chat, embed = pipeline_choices(pipeline, models)
        given += [("chat", chat, own.chat)] if chat is not None and own.chat else []
        embedders += [(embed, own.embedder)] if embed is not None and own.embedder else []
    given += [("judge", *pair) for pair in zip(models.raters, experiment.raters, strict=False)]
    roles: dict[str, list[str]] = {}
    for role, _, model in given:
        roles.setdefault(model.identity, []).append(role)
    for _, choice, model in given:
        if model.identity in roles:
            named, choice = tuple(dict.fromkeys(roles.pop(model.identity))), located(choice, base)
            is_endpoint = isinstance(choice, OpenAIModel)
            yield named, model.identity, _bind(_check_chat, choice, file, budget) if is_endpoint else None
    for identity, choice in {model.identity: choice for choice, model in embedders}.items():
        embed = located(choice, base)
        is_endpoint = isinstance(embed, EmbeddingEndpoint)
        yield ("embed",), identity, _bind(_check_embedder, embed, file) if is_endpoint else None
    for service in rerank_services(experiment.pipelines):
        yield ("rerank",), service.identity, _bind(_check_ranker, service, file, budget)


def _bind(
    check: Callable[..., Coroutine[Any, Any, CheckedModel]], *given: object
) -> Callable[[], Coroutine[Any, Any, CheckedModel]]:
    return lambda: check(*given)


class _ChatProbe(OpenAIChat):
    """Keeps the bodies of its replies."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.bodies: list[Any] = []
        self.replies: list[ChatReply] = []

    def _read(self, body: Any) -> ChatReply:
        self.bodies.append(body)
        self.replies.append(super()._read(body))
        return self.replies[-1]


async def _check_chat(choice: OpenAIModel, file: Path, budget: Budget | None) -> CheckedModel:
    """By what a judge asks: a verdict in JSON, with log-probabilities."""
    probe = _ChatProbe(**choice.endpoint)
    asked = MeteredChat(_budgeted(probe, budget, None if choice.price is None else choice.price.price))
    try:
        listed = await _listed(probe.endpoint)
        passage = _PASSAGE.passage(0, len(_PASSAGE.text))
        judged = await JUDGES["passage_relevance"].judge(_QUESTION, Response((Hit(passage, 1.0),), context=(0,)), asked)
    finally:
        await probe.close()
    verdict = judged.items[0].verdict
    if not probe.replies:
        assert isinstance(verdict, Abstained)
        raise ExecutionError(verdict.reason)
    can, does = _of_chat(probe, verdict)
    facts: dict[str, Json] = {**listed, **can}
    KnownModel(probe.identity, "chat", file).renew({**facts, **probe.facts})
    return CheckedModel((), probe.identity, facts, (*_of_list(listed, choice.model), *does), asked.usage)


def _of_chat(probe: _ChatProbe, verdict: object) -> tuple[dict[str, Json], tuple[str, ...]]:
    facts, replies = probe.facts, probe.replies
    alternatives = max((len(token.alternatives) for reply in replies for token in reply.tokens), default=0)
    soft = isinstance(verdict, Graded) and verdict.probability is not None and alternatives > 1
    reasons = any(reply.reasoning or reply.usage.reasoning_tokens for reply in replies)
    where = _reasoning_place(probe.bodies[-1]) if reasons else None
    can: dict[str, Json] = {
        "readable": isinstance(verdict, Graded),
        "logprobs": alternatives,
        "json": facts["json_form"],
        "reasoning": where,
        "reasoning_tokens": max(reply.usage.reasoning_tokens for reply in replies),
        "left_out": facts["left_out"],
    }
    does = [
        "reads verdicts" if can["readable"] else "cannot read its verdicts: they will be abstentions",
        f"verdicts are probabilities, of {alternatives} alternatives a token"
        if soft
        else "verdicts are words, not probabilities",
        _JSON_FORMS[str(facts["json_form"])],
        f"reasons in {where}: gets {probe.room} tokens more a call" if reasons else "does not reason before it replies",
    ]
    left_out = cast("list[str]", facts["left_out"])
    if left_out:
        does.append(f"leaves out {', '.join(left_out)}")
    return can, tuple(does)


def _reasoning_place(body: Any) -> str:
    """Where in a completion the reasoning stands."""
    message = body["choices"][0]["message"]
    for name in ("reasoning_content", "reasoning"):
        if isinstance(message.get(name), str) and message[name].strip():
            return name
    content = message.get("content")
    if isinstance(content, list):
        return "parts of the content"
    return "the content" if isinstance(content, str) and split_reasoning(content)[0] else "nothing that is shown"


async def _check_embedder(choice: EmbeddingEndpoint, file: Path) -> CheckedModel:
    """By one call with as many short texts as are allowed in one (fewer where the endpoint refuses that), and one with
    a long text.
    """
    identity = endpoint_identity(choice.base_url, choice.model)
    known = KnownModel(identity, "embed")
    embedder = OpenAIEmbedder(**choice.settings, known=known)
    try:
        listed = await _listed(embedder.endpoint)
        vectors = await embedder.embed([f"{n} {_PASSAGE.text}" for n in range(choice.batch)], "passage")
        takes_long = await _takes_long(embedder)
    finally:
        await embedder.close()
    batch = known.whole("batch") or choice.batch
    can: dict[str, Json] = {**listed, "dimensions": int(vectors.shape[1]), "batch": batch, **known.facts}
    KnownModel(identity, "embed", file).renew(can)
    left_out = known.names("left_out")
    does = [f"vectors have {vectors.shape[1]} numbers", f"sends {batch} texts a call at most"]
    does += [f"leaves out {', '.join(sorted(left_out))}"] if left_out else []
    cuts_at = known.whole("cuts_at")
    cuts = choice.truncate == "sentence"
    does.append(_of_length(embedder.most_tokens, cuts_at, takes_long=takes_long, cuts=cuts))
    told = (*_of_list(listed, choice.model), *does)
    return CheckedModel((), embedder.identity, can, told, embedder.usage)


async def _takes_long(embedder: OpenAIEmbedder) -> bool:
    """Whether it embeds a long text, whole or cut; True where it is not asked, as a limit is set."""
    try:
        if embedder.most_tokens is None:
            await embedder.embed([_LONG], "passage")
    except PartlyEmbeddedError:
        return False
    return True


def _of_length(most: int | None, cuts_at: int | None, *, takes_long: bool, cuts: bool) -> str:
    tokens = f"{count_tokens(_LONG):,}"
    if not takes_long:
        return f"refuses a text of {tokens} tokens"
    if most is not None:
        return f"texts of more than {most} tokens are {'cut at a sentence' if cuts else 'refused'}"
    if cuts_at is not None:
        return f"the endpoint cuts texts at {cuts_at} tokens without saying so: set max_tokens to {cuts_at}"
    return f"takes a text of {tokens} tokens; it may cut longer ones without saying so: set max_tokens"


async def _check_ranker(service: RerankService, file: Path, budget: Budget | None) -> CheckedModel:
    """By one call with as many short texts as are allowed in one; fewer where the endpoint refuses that."""
    known = KnownModel(service.identity, "rerank")
    model = SplitRerank(_budgeted(RerankCalls(service, known), budget, service.price), service, known)
    texts = [_PASSAGE.text, *(f"{n} {_OTHER}" for n in range(1, service.batch))]
    try:
        reply = await model.complete(rank_request(_QUESTION.text, texts))
    finally:
        await model.close()
    scores = [score for score in read_ranks(reply) if score is not None]
    batch = known.whole("batch") or service.batch
    can: dict[str, Json] = {"lowest": min(scores), "highest": max(scores), "batch": batch, **known.facts}
    KnownModel(service.identity, "rerank", file).renew(can)
    does = (
        f"scores here go from {min(scores):.3g} to {max(scores):.3g}, and are kept as they are",
        f"sends {batch} passages a call at most",
    )
    return CheckedModel((), service.identity, can, does, reply.usage)


def _budgeted(model: ChatModel, budget: Budget | None, price: Price | None) -> ChatModel:
    return model if budget is None else BudgetedChat(model, budget, price)


async def _listed(endpoint: Endpoint) -> dict[str, Json]:
    """How many models the endpoint lists, and whether ours is among them; None for both where it has no list."""
    unlisted: dict[str, Json] = {"models": None, "listed": None}
    try:
        content = await endpoint.get("/models")
    except (NotFoundError, ExecutionError):
        return unlisted
    entries = cast("Mapping[str, Any]", content).get("data") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        return unlisted
    names = [
        str(cast("Mapping[str, Any]", entry).get("id"))
        for entry in cast("list[object]", entries)
        if isinstance(entry, dict)
    ]
    return {"models": len(names), "listed": endpoint.model in names}


def _of_list(listed: Mapping[str, Json], model: str) -> tuple[str, ...]:
    if listed["models"] is None:
        return ("has no list of models",)
    among = "is" if listed["listed"] else "is not"
    return (f"{model} {among} among the {listed['models']} models that it lists",)

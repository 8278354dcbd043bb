"""The prompt files, and how a prompt is built from one."""

import hashlib
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rageval.prompts
from rageval.decide.prompt_search import PROMPTS as SEARCH
from rageval.experiment.recipes import build_pipeline, list_recipes
from rageval.experiment.stages import STAGES
from rageval.generation import Answer
from rageval.judges import JUDGES, Judge, Rubric, preference
from rageval.judges.rubric import Wording
from rageval.prompts import (
    load_instructions,
    load_prompt,
    parse_prompt,
    passages_block,
    prompt_digests,
    shared_text,
    yes_no_request,
)
from rageval.retrieval import Compress, Listwise, Rerank
from rageval.stress.stages import AskInOtherWords
from rageval.synthesis.writing import PROMPTS as SYNTHESIS
from rageval.text.languages import LANGUAGES, Language
from rageval.types import Passage

FOLDER = Path(rageval.prompts.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
QUESTION_LIKE = [name for name in NAMES if name != "shared"]
CHINESE = re.compile("[\u4e00-\u9fff]")


def placeholders(text: str) -> list[str]:
    return sorted(field for _, field, _, _ in string.Formatter().parse(text) if field is not None)


def passage(text: str, title: str = "") -> Passage:
    return Passage("d", 0, len(text), text, title)


def test_there_are_prompt_files() -> None:
    assert len(NAMES) >= 15


def test_something_loads_every_file() -> None:
    """A judge, a recipe's stages, any other stage, a panel of preferences, a rubric, synthesis, prompts searched,
    stress; `shared` is a part of every prompt.
    """
    judges: list[Judge] = [*JUDGES.values(), Rubric("custom.x", {"en": Wording("Good?", ("no", "yes"))})]
    stages = [build_pipeline(recipe, {}, FOLDER).stage for recipe in list_recipes() if recipe != "recorded"]
    views = ["summaries", "questions", "propositions", "table_summaries"]
    stages.append(build_pipeline("multi_vector", {"views": views}, FOLDER).stage)
    retrievers = ["contextual", {"hierarchical": {"by": "summary"}}]
    stages.append(build_pipeline("naive", {"retriever": retrievers}, FOLDER).stage)
    stages.append(build_pipeline("naive", {"chunker": "by_model"}, FOLDER).stage)
    stages.extend(build() for build in STAGES.values())
    stages += [Rerank(Listwise()), Compress(by="model"), Compress(by="self_information"), AskInOtherWords(Answer())]
    loaded = {prompt for judge in judges for prompt in judge.prompts} | {*preference.PROMPTS, *SYNTHESIS, *SEARCH}
    loaded = loaded.union(*(stage.all_prompts() for stage in stages))
    assert loaded | {"shared"} == {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_file_is_complete_in_both_languages(name: str) -> None:
    prompt = load_prompt(name)
    assert prompt.version >= 1
    assert prompt.digest == hashlib.sha256((FOLDER / f"{name}.yaml").read_bytes()).hexdigest()
    assert prompt.texts["en"].keys() == prompt.texts["zh"].keys()
    for key, english in prompt.texts["en"].items():
        chinese = prompt.texts["zh"][key]
        assert placeholders(english) == placeholders(chinese)
        assert "" not in placeholders(english), "every placeholder has a name"
        assert english.strip()
        assert not CHINESE.search(english)
        assert len(CHINESE.findall(chinese)) >= 5


@pytest.mark.parametrize("name", QUESTION_LIKE)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_prompt_puts_the_passages_first_and_leaves_nothing_open(name: str, language: Language) -> None:
    prompt = load_prompt(name)
    for variant, template in prompt.texts[language].items():
        fields = {field: f"<<{field}>>" for field in placeholders(template)}
        system, user = prompt.messages(language, fields, passages=[passage("text")], variant=variant)
        assert (system.role, system.content) == ("system", shared_text(language, "system"))
        assert user.role == "user"
        assert user.content.startswith("<passages>\n[1] text\n</passages>\n\n")
        assert all(value in user.content for value in fields.values())
        assert not re.search(r"(?<!<)\{\w+\}", user.content)


def test_values_are_not_read_as_templates() -> None:
    _, user = load_prompt("claims").messages("en", {"question": "{answer} {0}", "answer": "{{x}}"})
    assert "Question: {answer} {0}\nAnswer: {{x}}\n" in user.content
    assert '{"claims": ["...", "..."]}' in user.content


@pytest.mark.parametrize("fields", [{}, {"question": "q", "answer": "a"}, {"q": "q"}])
def test_fields_must_be_exactly_the_placeholders(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"grade_passage/en: placeholders are \['question'\], given"):
        load_prompt("grade_passage").messages("en", fields)


def test_passages_are_numbered_titled_and_one_a_line() -> None:
    block = passages_block([passage("one\n\n[2] two", "Title"), passage("three")])
    assert block == "<passages>\n[1] Title: one [2] two\n[2] three\n</passages>"


fence_parts = st.lists(
    st.sampled_from(["<", "/", "passages", ">", "PASSAGES", " ", "\n", "</passages>", "<passages>", "x"])
).map("".join)


@given(st.lists(st.tuples(fence_parts, fence_parts), min_size=1, max_size=3))
def test_no_passage_can_close_the_fence(parts: list[tuple[str, str]]) -> None:
    block = passages_block([passage(text, title) for text, title in parts])
    assert re.findall(r"(?i)<\s*/?\s*passages\s*>", block) == ["<passages>", "</passages>"]
    assert block.startswith("<passages>\n[1] ")
    assert block.endswith("\n</passages>")


def test_the_id_changes_with_name_language_version_and_text() -> None:
    raw = "version: 1\nen: {instruction: 'a {x}'}\nzh: {instruction: '甲 {x}'}\n"
    first = parse_prompt("p", raw.encode())
    ids = {
        first.id("en"),
        first.id("zh"),
        parse_prompt("other", raw.encode()).id("en"),
        parse_prompt("p", raw.replace("version: 1", "version: 2").encode()).id("en"),
        parse_prompt("p", raw.replace("'a", "'b").encode()).id("en"),
    }
    assert len(ids) == 5
    assert first.id("zh") == f"p/zh@1-{hashlib.sha256(raw.encode()).hexdigest()[:8]}"


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("version: 1\nen: {instruction: a}\n", "keys are"),
        ("version: 1\nen: {a: x}\nzh: {a: y}\nfr: {a: z}\n", "keys are"),
        ("version: 1\nen: {a: x, b: x}\nzh: {a: y}\n", "the texts are"),
        ("version: 1\nen: {a: '{x}'}\nzh: {a: '{y}'}\n", "placeholders of a differ"),
    ],
)
def test_a_broken_file_is_refused(raw: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"prompt p: .*{problem}"):
        parse_prompt("p", raw.encode())


def test_digests_hold_the_shared_lines_wherever_a_prompt_is_used() -> None:
    digests = prompt_digests(["answer", "claims"])
    assert list(digests) == ["answer", "claims", "shared"]
    assert digests["answer"] == hashlib.sha256((FOLDER / "answer.yaml").read_bytes()).hexdigest()
    assert prompt_digests([]) == {}


def test_a_yes_no_request_asks_for_one_token_and_its_alternatives() -> None:
    request = yes_no_request("grade_passage", "zh", {"question": "问"}, [passage("文")])
    assert (request.max_tokens, request.top_logprobs, request.temperature, request.schema) == (1, 20, 0.0, None)
    assert request.prompt == load_prompt("grade_passage").id("zh")


def test_a_language_without_prompts_has_the_english_ones_and_writes_in_it() -> None:
    prompt = load_prompt("answer")
    _, user = prompt.messages("de", {"question": "Wie hoch?"}, passages=[passage("text")], variant="plain")
    _, english = prompt.messages("en", {"question": "Wie hoch?"}, passages=[passage("text")], variant="plain")
    block = "<passages>\n[1] text\n</passages>\n\n"
    assert user.content == english.content.replace(block, f"{block}Write in German.\n\n")
    _, other = prompt.messages("tlh", {"question": "nuqneH"}, variant="plain")
    assert other.content.startswith("Write in the language with the code tlh.\n\n")
    assert len({prompt.id(language) for language in ("en", "zh", "de", "pt-BR", "pt")}) == 5
    assert (prompt.id("en-GB"), prompt.id("zh-Hant")) == (prompt.id("en"), prompt.id("zh"))


def test_replies_of_a_fixed_form_stay_english() -> None:
    fields = {"question": "Wie hoch?"}
    prompt = load_prompt("check_answerable")
    assert prompt.messages("de", fields) == prompt.messages("en", fields)
    assert shared_text("de", "abstention") == shared_text("en", "abstention")


def test_the_prompts_that_write_are_there() -> None:
    assert load_instructions().prompts <= {*NAMES}

from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.experiment.spec import Filter, LocalModel, Models, OpenAIModel, Spec, parse_spec, read_spec
from rageval.models.scripted import HashEmbedder, ScriptedChat

SHORTEST = "benchmark: b\npipelines: [naive]\nmetrics: [map]\n"


def read(tmp_path: Path, text: str) -> Spec:
    path = tmp_path / "e.yaml"
    path.write_text(text, encoding="utf-8")
    return read_spec(path)


def test_defaults(tmp_path: Path) -> None:
    assert read(tmp_path, SHORTEST) == Spec(
        benchmark="b",
        split=None,
        questions=None,
        pipelines=("naive",),
        metrics=("map",),
        models=Models(chat=LocalModel(), embed=LocalModel(), judge=None),
        seed=0,
    )


def test_everything(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        """
        benchmark: beir:path/to/scifact
        split: test
        questions: {language: zh, tags: [factual], exclude_tags: [multi-hop], sample: 3}
        pipelines: [{naive: {retriever: bm25, k: 5}}, rag_fusion, pipelines/my_own.py, hyde: ]
        metrics: [ndcg@10, faithfulness]
        models:
          chat: {provider: openai, base_url: "http://127.0.0.1:8000/v1", model: m, api_key_env: KEY, concurrency: 64}
          embed: local
          judge: {provider: local, path: judge.gguf, threads: 2}
        seed: 7
        """,
    )
    assert file.questions == Filter(language="zh", tags=("factual",), exclude_tags=("multi-hop",), sample=3)
    assert file.pipelines == (
        {"naive": {"retriever": "bm25", "k": 5}},
        "rag_fusion",
        "pipelines/my_own.py",
        {"hyde": None},
    )
    assert file.models.chat == OpenAIModel(
        provider="openai", base_url="http://127.0.0.1:8000/v1", model="m", api_key_env="KEY", concurrency=64
    )
    assert file.models.judge == LocalModel(path=Path("judge.gguf"), threads=2)
    assert (file.split, file.seed) == ("test", 7)


@pytest.mark.parametrize(
    ("text", "questions"), [("50", 50), ("[q1, q2]", ("q1", "q2")), ("{sample: 2}", Filter(sample=2))]
)
def test_questions_are_a_number_ids_or_a_filter(text: str, questions: object, tmp_path: Path) -> None:
    assert read(tmp_path, f"{SHORTEST}questions: {text}\n").questions == questions


def test_names_that_look_like_numbers_need_quotes(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"questions\.0: found 301: input should be a valid string"):
        read(tmp_path, f"{SHORTEST}questions: [301]\n")


def test_no_value_of_an_unknown_key_is_repeated(tmp_path: Path) -> None:
    """It may be a key that does not belong into the file."""
    with pytest.raises(DeclarationError, match=r"models\.chat\.api_key: found an unknown key") as told:
        read(tmp_path, SHORTEST + "models: {chat: {provider: openai, base_url: u, model: m, api_key: sk-secret}}")
    assert "did you mean api_key_env?" in str(told.value)
    assert "sk-secret" not in str(told.value)
    with pytest.raises(DeclarationError, match=r"models\.chat\.provider: found None") as told:
        read(tmp_path, SHORTEST + "models: {chat: {base_url: u, model: m, api_key: sk-secret}}")
    assert "sk-secret" not in str(told.value)


def test_models_in_both_spellings_and_as_objects() -> None:
    def models(**given: object) -> Models:
        return parse_spec({"benchmark": "b", "pipelines": ["naive"], "metrics": ["map"], "models": given}).models

    assert models(chat="local") == models(chat={"provider": "local"}) == Models()
    given = {"provider": "openai", "base_url": "u", "model": "m"}
    assert models(chat=given).chat == OpenAIModel(provider="openai", base_url="u", model="m")
    chat, embedder = ScriptedChat(str), HashEmbedder()
    found = models(chat=chat, embed=embedder, judge=[chat, "local"])
    assert found.chat is chat
    assert found.embed is embedder
    assert found.raters == (chat, LocalModel())
    assert models(chat=chat).raters == (chat,)
    for wrong in ("nowhere", embedder, ScriptedChat, 3, None):
        with pytest.raises(DeclarationError, match=r"models\.chat: found .*, expected 'local', a mapping"):
            models(chat=wrong)

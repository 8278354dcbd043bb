import json
import threading
from pathlib import Path

import pytest

from rageval.errors import DeclarationError
from rageval.io.run_folder import FORMAT, RunFolder, write_json
from rageval.types import Abstained, Failure, Judgment, Response, Usage


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def test_a_path_may_be_a_text_and_start_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    RunFolder(str(tmp_path / "run")).write_manifest({"label": "naive"})
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in (str(tmp_path / "run"), tmp_path / "run", "~/run", Path("~/run")):
        assert RunFolder(given).manifest()["label"] == "naive"


def test_the_last_line_of_a_question_counts(folder: RunFolder) -> None:
    with folder.locked():
        folder.add_outcome("q1", Failure("ExecutionError", "broken"))
        folder.add_outcome("q2", Response(answer="二"))
        folder.add_outcome("q1", Response(answer="one"))
    assert folder.outcomes() == {"q1": Response(answer="one"), "q2": Response(answer="二")}


def test_judgments_and_their_cost(folder: RunFolder) -> None:
    judgment = Judgment("q1", "j-1", "answer", 0, "text", Abstained("unreadable", "?"))
    folder.add_judgments("j-1", "q1", (judgment,), Usage(calls=2, prompt_tokens=30))
    cached = Usage(1, 1, 5, free_calls=1, free_prompt_tokens=5, requests={"0f": (1, 5, 0)})
    folder.add_judgments("j-1", "q2", (), cached)
    assert folder.judgments("j-1") == {"q1": (judgment,), "q2": ()}
    assert [*folder.judging_usages("j-1")] == [Usage(calls=2, prompt_tokens=30), cached]
    assert folder.judgments("j-2") == {}
    assert [*folder.judging_usages("j-2")] == []


@pytest.mark.parametrize(
    "torn", [b'{"question_id": "q2", "ans', b"{", '{"question_id": "二'.encode()[:-1], b"x" * 200_000]
)
def test_torn_last_line_is_dropped(torn: bytes, folder: RunFolder) -> None:
    folder.add_outcome("q1", Response(answer="one"))
    folder.add_judgments("j-1", "q1", (), Usage())
    for name in ("responses.jsonl", "judgments/j-1.jsonl"):
        with (folder.path / name).open("ab") as log:
            log.write(torn)
    assert folder.outcomes() == {"q1": Response(answer="one")}  # a reader beside the writer does not mind
    with folder.locked():
        folder.add_outcome("q2", Response(answer="two"))
        folder.add_judgments("j-1", "q2", (), Usage())
    assert list(folder.outcomes()) == list(folder.judgments("j-1")) == ["q1", "q2"]


def test_broken_line_in_the_middle_is_told(folder: RunFolder) -> None:
    folder.add_outcome("q1", Response(answer="one"))
    with (folder.path / "responses.jsonl").open("ab") as log:
        log.write(b'{"question_id"\n')
    with pytest.raises(DeclarationError, match=r"responses\.jsonl:2: found a line that is not JSON"):
        folder.outcomes()


def test_only_one_may_write(folder: RunFolder) -> None:
    with folder.locked():
        with pytest.raises(DeclarationError, match="another rageval process"), folder.locked():
            pass
        assert folder.outcomes() == {}  # but anyone may read
    with folder.locked():
        pass


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeclarationError, match="cannot be written"), RunFolder(tmp_path / "file" / "run").locked():
        pass


def test_manifest_carries_its_format(folder: RunFolder) -> None:
    folder.write_manifest({"label": "naive"})
    assert folder.manifest() == {"format": FORMAT, "label": "naive"}
    (folder.path / "manifest.json").write_text("[]")
    with pytest.raises(DeclarationError, match="found list, expected a JSON object"):
        folder.manifest()


def test_nan_is_never_written_and_leaves_the_old_file(folder: RunFolder) -> None:
    folder.write_scores({"map": 0.5})
    with pytest.raises(ValueError, match="JSON"):
        folder.write_scores({"map": float("nan")})
    assert folder.scores() == {"map": 0.5}
    folder.add_outcome("q1", Response())
    with pytest.raises(ValueError, match="JSON"):
        folder.add_outcome("q2", Response(latency_s=float("inf")))
    assert list(folder.outcomes()) == ["q1"]


def test_readers_see_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    write_json(path, {"values": [0] * 2000})
    writer = threading.Thread(target=lambda: [write_json(path, {"values": [n] * 2000}) for n in range(100)])
    writer.start()
    while writer.is_alive():
        values = json.loads(path.read_text())["values"]
        assert len(values) == 2000
        assert len(set(values)) == 1
    writer.join()
    assert [file.name for file in tmp_path.iterdir()] == ["scores.json"]


def test_half_a_surrogate_pair_survives(folder: RunFolder) -> None:
    answer = "half \ud83d of it, and a whole 🙂"
    folder.add_outcome("q1", Response(answer=answer))
    (folder.path / "responses.jsonl").read_bytes().decode()
    assert folder.outcomes() == {"q1": Response(answer=answer)}

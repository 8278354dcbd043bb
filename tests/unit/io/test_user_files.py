"""Python files of the user's own, with the files beside them."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rageval.errors import DeclarationError
from rageval.io.user_files import load_module
from rageval.source import imported_files, source_digest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, *lines: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write


IMPORTS = {
    "import": ("import helper", "helper.value()"),
    "import as": ("import helper as h", "h.value()"),
    "from": ("from helper import value", "value()"),
    "relative": ("from . import helper", "helper.value()"),
    "from relative": ("from .helper import value", "value()"),
    "inside a function": ("def late():\n    import helper\n    return helper.value()", "late()"),
    "package": ("import parts.deep", "parts.deep.value()"),
    "package as": ("import parts.deep as d", "d.value()"),
    "from package": ("from parts import deep", "deep.value()"),
    "from relative package": ("from .parts.deep import value", "value()"),
    "through another": ("import middle", "middle.value()"),
}


@pytest.mark.parametrize("how", IMPORTS)
def test_a_file_imports_its_neighbours_and_never_an_old_one(how: str, write: Write) -> None:
    statement, call = IMPORTS[how]
    recipe = write("recipe.py", statement, f"def build():\n    return {call}")

    def neighbours(value: int) -> None:
        write("helper.py", f"def value():\n    return {value}")
        write("parts/__init__.py")
        write("parts/deep.py", f"def value():\n    return {value}")
        write("middle.py", "from helper import value")

    digests: list[str] = []
    for value in (1, 2, 1):
        neighbours(value)
        assert load_module(recipe).build() == value
        digests.append(source_digest(recipe))
    assert digests[0] == digests[2] != digests[1]
    assert not {"helper", "parts", "middle", "recipe"} & {*sys.modules}


def test_what_did_not_change_is_not_executed_again(write: Write) -> None:
    """So that what two pipelines of one recipe build is shared."""
    recipe, other = (
        write("recipe.py", "import helper", "class Mine: pass"),
        write("other.py", "from recipe import Mine"),
    )
    write("helper.py", "x = 1")
    first = load_module(recipe)
    assert load_module(recipe) is first
    assert load_module(other).Mine is first.Mine
    write("helper.py", "x = 2")
    again = load_module(recipe)
    assert again.Mine is not first.Mine
    assert load_module(other).Mine is again.Mine
    assert first.helper.x == 1  # what runs goes on as it is
    assert again.helper.x == 2


def test_a_function_of_before_keeps_its_neighbours(write: Write) -> None:
    recipe = write("recipe.py", "def build():\n    import helper\n    return helper.x")
    write("helper.py", "x = 1")
    before = load_module(recipe)
    assert before.build() == 1
    write("helper.py", "x = 2")
    assert load_module(recipe).build() == 2
    assert before.build() == 1


def test_folders_with_equal_names_do_not_mix(write: Write) -> None:
    loaded = []
    for folder in ("one", "two"):
        write(f"{folder}/helper.py", f"NAME = {folder!r}")
        loaded.append(load_module(write(f"{folder}/recipe.py", "import helper", "NAME = helper.NAME")))
    assert [module.NAME for module in loaded] == ["one", "two"]
    assert load_module(Path(str(loaded[0].__file__))) is loaded[0]


def test_a_neighbour_hides_no_module_of_pythons_or_rageval(write: Write) -> None:
    write("json.py", "raise SystemExit")
    write("rageval.py", "raise SystemExit")
    module = load_module(write("recipe.py", "import json", "from rageval.types import Document"))
    assert module.json is json


def test_a_neighbour_that_appears_later_is_found(write: Write) -> None:
    recipe = write("recipe.py", "import helper")
    with pytest.raises(DeclarationError, match=r"recipe\.py: importing it failed: ModuleNotFoundError.*helper"):
        load_module(recipe)
    write("helper.py", "x = 1")
    assert load_module(recipe).helper.x == 1


def test_a_broken_neighbour_is_told_and_may_be_mended(write: Write) -> None:
    recipe = write("recipe.py", "import helper")
    write("helper.py", "def broken(:")
    with pytest.raises(DeclarationError, match=r"recipe\.py: importing it failed: SyntaxError: .*helper\.py, line 1"):
        load_module(recipe)
    write("helper.py", "x = 1")
    assert load_module(recipe).helper.x == 1


@pytest.mark.parametrize("line", ["raise SystemExit(3)", "import sys; sys.exit()", "1 / 0"])
def test_whatever_a_file_does_when_it_is_loaded_is_told(line: str, write: Write) -> None:
    with pytest.raises(DeclarationError, match=r"recipe\.py: importing it failed: (SystemExit|ZeroDivisionError)"):
        load_module(write("recipe.py", line))


@pytest.mark.parametrize("name", ["my-recipe.py", "2024.py", "a.b.py", "名.py"])
def test_a_file_name_that_is_no_python_name(name: str, write: Write) -> None:
    write("helper.py", "x = 1")
    assert load_module(write(name, "import helper", "x = helper.x")).x == 1


def test_another_suffix_is_refused(write: Write) -> None:
    with pytest.raises(DeclarationError, match=r"recipe\.txt: cannot be loaded as Python; expected a \.py file"):
        load_module(write("recipe.txt", "x = 1"))


def test_the_files_that_belong_together(write: Write) -> None:
    recipe = write("recipe.py", "import json, numpy, helper", "from . import other", "from parts.deep import x")
    write("helper.py", "import recipe, last")  # in a circle
    write("last.py")
    write("other.py")
    write("unused.py")
    write("parts/__init__.py")
    write("parts/deep.py", "from ..helper import y", "from .side import z")
    write("parts/side.py")
    found = {path.relative_to(recipe.parent).as_posix() for path in imported_files(recipe)}
    assert found == {"helper.py", "last.py", "other.py", "parts/__init__.py", "parts/deep.py", "parts/side.py"}


def test_a_project_that_python_finds_elsewhere_belongs_to_it_whether_loaded_or_not(write: Write) -> None:
    recipe = write("recipes/recipe.py", "from project.part import x")
    write("lib/project/__init__.py")
    write("lib/project/part.py", "x = 1")
    script = (
        "import sys; from pathlib import Path; from rageval.source import source_digest as d\n"
        "path = Path(sys.argv[1]); before = d(path); import project.part; print(before == d(path), before)"
    )

    def run() -> list[str]:
        root = Path(__file__).parents[3]
        path = f"{root}:{recipe.parents[1] / 'lib'}"
        command = [sys.executable, "-c", script, str(recipe)]
        done = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, check=True)
        return done.stdout.split()

    first = run()
    write("lib/project/part.py", "x = 2")
    second = run()
    assert first[0] == second[0] == "True"
    assert first[1] != second[1]


def test_a_parser_that_another_thread_disturbs_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CPython 3.11 raises SystemError where two threads parse at once."""
    (tmp_path / "helper.py").write_text("N = 1\n", encoding="utf-8")
    (tmp_path / "disturbed.py").write_text("import helper  # parsed by this test alone\n", encoding="utf-8")
    parse, disturbances = ast.parse, [SystemError("AST constructor recursion depth mismatch")] * 2

    def disturbed(*arguments: Any, **settings: Any) -> ast.AST:
        if disturbances:
            raise disturbances.pop()
        return parse(*arguments, **settings)

    monkeypatch.setattr(ast, "parse", disturbed)
    assert [file.name for file in imported_files(tmp_path / "disturbed.py")] == ["helper.py"]
    assert not disturbances

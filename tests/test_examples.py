"""Every example runs, is short, asks one question and ends by checking itself."""

import ast
import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs(path):
    runpy.run_path(str(path), run_name="__main__")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_is_one_question_answered_in_a_screen(path):
    source = path.read_text()
    tree = ast.parse(source)
    assert len(source.splitlines()) < 60
    assert ast.get_docstring(tree).splitlines()[0].endswith("?")
    assert any(isinstance(node, ast.Assert) for node in ast.walk(tree.body[-1]))

"""What the documentation shows, runs."""

import re
from pathlib import Path

from secretref.providers import load


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs" / "store.md").read_text()
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL)[1]
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "store.md", "exec"), {})
    assert capsys.readouterr().out == "()\n"
    assert set(load("store://secrets/store").fetch(frozenset({"post_office_username"}))) == {"post_office_username"}

"""``secretref check`` and ``refs``: what is found, where, and how it is shown."""

import json

import pytest

from secretref.testing import assert_no_leak, canary

pytest_plugins = ["cli_runner"]

FAULTY = {
    "tasks": [
        {"uri": "x ${workflow.secret.A} [red]", "b": "${workflow.secrets.A"},
        {"c": "é${ workflow.secrets.B }", "d": "${workflow.secrets.A>", "${workflow.secrets.K}": 1},
    ]
}


@pytest.fixture
def file(tmp_path):
    def write(content, name="definition.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=1))
        return path

    return write


def findings(run):
    return json.loads(run.out)["findings"]


def test_a_clean_definition_is_zero(cli, file):
    run = cli("check", file({"a": "Bearer ${workflow.secrets.A}", "b": "${workflow.input.x}"}), "--no-literals")
    assert (run.code, run.out) == (0, "1 file, 1 reference: no findings\n")


def test_every_fault_is_reported_with_place_and_fix(cli, file):
    path = file(FAULTY)
    run = cli("check", path, "--json")
    lines = path.read_text().splitlines()
    assert run.code == 1
    assert len(findings(run)) == 5
    for finding in findings(run):
        assert finding["file"] == str(path)
        assert finding["fix"]
        assert lines[finding["line"] - 1][finding["column"] - 1 :].startswith(finding["subject"])


def test_text_keeps_brackets_and_names_place_and_fix(cli, file):
    path = file({"[bold]": "${workflow.secret.A}"})
    run = cli("check", path)
    assert f"{path}:2:13 namespace ${{workflow.secret.A}}" in run.out
    assert "at /[bold]: " in run.out


def test_names_nobody_has_are_findings_with_the_nearest_name(cli, file):
    path = file({"a": "${workflow.secrets.post_ofice}", "b": "${workflow.secrets.B}", "c": "${workflow.secrets.zzz}"})
    run = cli("check", path, "--known", "post_office,B", "--json", "--no-literals")
    assert run.code == 1
    assert [(f["rule"], f["subject"]) for f in findings(run)] == [
        ("unknown-name", "post_ofice"),
        ("unknown-name", "zzz"),
    ]
    assert "did you mean post_office?" in findings(run)[0]["fix"]
    assert "did you mean" not in findings(run)[1]["fix"]


def test_known_names_come_from_a_file(cli, file):
    path, names = file({"a": "${workflow.secrets.A}"}), file("A\n", "names.txt")
    assert cli("check", path, "--known", names, "--no-literals").code == 0


def test_literal_credentials_are_found_and_not_shown(cli, file):
    value = canary()
    path = file(
        {"password": value, "key": "AKIAIOSFODNN7EXAMPLE", "ok": "${workflow.secrets.A}", "url": "https://host/x"}
    )
    for form in ("text", "json", "sarif"):
        run = cli("check", path, "--literals", "--format", form)
        assert run.code == 1
        assert run.out.count("looks like a credential") == 2
        assert_no_leak(run.out, value, "AKIAIOSFODNN7EXAMPLE")
    places = [(finding["place"], finding["line"]) for finding in findings(cli("check", path, "--literals", "--json"))]
    assert places == [("/password", 2), ("/key", 3)]


def test_references_and_ordinary_values_are_no_credentials(cli, file):
    tree = {
        "password": "${workflow.secrets.A}",
        "token": "${workflow.input.token}",
        "url": "https://u:${workflow.secrets.P}@host/",
        "id": "0b9d0ec4-2d8f-4a58-9e0e-2f0ed4a3c7b1",
    }
    assert cli("check", file(tree), "--literals").code == 0


def test_without_the_detector_literals_cannot_be_asked_for(cli, file, monkeypatch):
    monkeypatch.setattr("secretref.cli._literals.find_spec", lambda _: None)
    run = cli("check", file({}), "--literals")
    assert (run.code, run.out, run.err) == (2, "", "secretref: pip install 'secretref-workflow[detect]'\n")


def test_without_the_detector_text_says_what_was_not_looked_for(cli, file, monkeypatch):
    monkeypatch.setattr("secretref.cli.check.find_spec", lambda _: None)
    run = cli("check", file({}))
    assert run.code == 0
    assert "literal credentials were not looked for" in run.out


def test_an_unreadable_file_is_two_and_the_others_are_still_checked(cli, file):
    good, bad = file(FAULTY), file("{", "bad.json")
    run = cli("check", good, bad, "nowhere.json", "--json")
    assert run.code == 2
    assert len(findings(run)) == 5
    assert [line.split(":")[0] for line in json.loads(run.out)["unreadable"]] == [str(bad), "nowhere.json"]
    assert cli("check", good, bad, "nowhere.json").out.splitlines()[-1].endswith(", 2 unreadable files")


def test_a_definition_beyond_the_limits_is_unreadable(cli, file):
    run = cli("check", file("[" * 300 + "]" * 300))
    assert run.code == 2
    assert "levels" in run.out


def test_standard_input_is_a_file(cli):
    run = cli("check", "-", stdin=json.dumps(FAULTY).encode())
    assert run.code == 1
    assert "-:1:" in run.out


def test_yaml_is_checked_like_json(cli, file):
    path = file("tasks:\n  - uri: 'x ${workflow.secret.A}'\n    when: 2020-01-01\n", "definition.yaml")
    run = cli("check", path, "--json")
    assert [(f["line"], f["column"], f["place"]) for f in findings(run)] == [(2, 13, "/tasks/0/uri")]


def test_sarif_has_what_code_scanners_read(cli, file):
    path = file(FAULTY)
    log = json.loads(cli("check", path, "nowhere.json", "--format", "sarif").out)
    (run,) = log["runs"]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert log["version"] == "2.1.0"
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith("nowhere.json")
    assert len(run["results"]) == 5
    for result in run["results"]:
        physical = result["locations"][0]["physicalLocation"]
        assert result["ruleId"] in rules
        assert result["message"]["text"]
        assert physical["artifactLocation"]["uri"] == path.as_uri()
        assert physical["region"]["startLine"] >= 1
        assert physical["region"]["startColumn"] >= 1


def test_relative_paths_stay_relative_in_sarif(cli, file, monkeypatch):
    monkeypatch.chdir(file(FAULTY, "a b.json").parent)
    log = json.loads(cli("check", "a b.json", "--format", "sarif").out)
    assert {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in log["runs"][0]["results"]} == {
        "a%20b.json"
    }


# refs


def test_refs_lists_every_reference_with_its_path(cli, file):
    path = file({"a": ["${workflow.secrets.A}", "x $<workflow.secrets.C.port>"]})
    run = cli("refs", path, "--json")
    found = [(r["name"], r["path"], r["place"], r["line"], r["column"], r["span"]) for r in json.loads(run.out)]
    assert run.code == 0
    assert found == [("A", [], "/a/0", 3, 4, [0, 21]), ("C", ["port"], "/a/1", 4, 6, [2, 28])]


def test_refs_in_text_and_as_names(cli, file):
    path = file({"a": "${workflow.secrets.B} ${workflow.secrets.A}", "b": "${workflow.secrets.A}"})
    run = cli("refs", path)
    assert run.out.splitlines()[0] == f"{path}:2:8 B /a"
    assert run.err == "secretref: 3 references to 2 secrets\n"
    assert cli("refs", path, "--names").out == "A\nB\n"
    assert json.loads(cli("refs", path, "--names", "--json").out) == ["A", "B"]


def test_refs_of_a_faulty_definition_is_one(cli, file):
    run = cli("refs", file(FAULTY))
    assert run.code == 1
    assert run.err.startswith("secretref: malformed secret reference: ")


HOSTILE = "k\x1b[2Jey\nline \u202egnol\x7f\x9b"
HARMLESS = r"k\x1b[2Jey\nline \u202egnol\x7f\x9b"


@pytest.mark.parametrize(
    "arguments",
    [
        ("refs",),
        ("refs", "--names"),
        ("refs", "--json"),
        ("check", "--known", "B"),
        ("check", "--known", "B", "--json"),
        ("check", "--known", "B", "--format", "sarif"),
        ("check", "--literals"),
        ("preflight", "--subject", "app:x", "--policy", "POLICY"),
        ("preflight", "--subject", "app:x", "--policy", "POLICY", "--json"),
    ],
)
@pytest.mark.parametrize("sound", [True, False])
def test_no_text_of_a_definition_moves_the_cursor_or_forges_a_line(cli, file, tmp_path, arguments, sound):
    policy = file({"grants": []}, "policy.json")
    reference = f"${{workflow.secrets.A['{HOSTILE}']}}" if sound else f"${{workflow.secrets.{HOSTILE}}}"
    path = file({HOSTILE: [reference, "AKIAIOSFODNN7EXAMPLE"]}, f"{HOSTILE}.json")
    command, *rest = (str(policy) if one == "POLICY" else one for one in arguments)
    run = cli(command, path, *rest)
    shown = run.out + run.err
    assert not {char for char in shown if not char.isprintable()} - {"\n"}
    assert "\nline" not in shown


def test_references_are_listed_by_harmless_places(cli, file):
    run = cli("refs", file({HOSTILE: "${workflow.secrets.A}"}))
    assert run.out.splitlines()[0].endswith(f"A /{HARMLESS}")
    assert len(run.out.splitlines()) == 1


def test_a_name_file_that_is_not_there_is_no_name(cli, file):
    run = cli("check", file({"a": "${workflow.secrets.A}"}), "--known", "names.tx")
    assert (run.code, run.err) == (2, "secretref: names.tx: neither a file nor names of secrets with commas\n")

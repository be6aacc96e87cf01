"""``secretref explain`` and ``preflight``: answers before anything runs."""

import json

import pytest

from secretref.testing import assert_no_leak, canary

pytest_plugins = ["cli_runner"]

GRANT = {
    "subject": {"type": "USER", "id": "app:orkes-workers"},
    "target": {"type": "SECRET_NAME", "id": "post_office_username"},
    "access": ["READ"],
}


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"grants": [GRANT]}))
    return path


def test_explain_says_yes_and_by_which_grant(cli, policy):
    run = cli("explain", "app:orkes-workers", "post_office_username", "--policy", policy)
    assert run.code == 0
    assert run.out.startswith("app:orkes-workers may READ post_office_username: ")
    told = json.loads(cli("explain", "app:orkes-workers", "post_office_username", "--policy", policy, "--json").out)
    assert (told["allowed"], told["grants"]) == (True, [GRANT])


@pytest.mark.parametrize("arguments", [("app:mailroom", "post_office_username"), ("app:orkes-workers", "[bold]other")])
def test_explain_says_no_with_its_reason(cli, policy, arguments):
    run = cli("explain", *arguments, "--policy", policy)
    assert run.code == 1
    assert run.out.startswith(f"{arguments[0]} may not READ {arguments[1]}: ")


def test_explain_of_another_access(cli, policy):
    assert (
        cli("explain", "app:orkes-workers", "post_office_username", "--access", "delete", "--policy", policy).code == 1
    )


@pytest.mark.parametrize("arguments", [("nobody", "A"), ("user:ann", "A", "--access", "SEE")])
def test_what_is_no_subject_or_access_is_wrong_usage(cli, policy, arguments):
    assert cli("explain", *arguments, "--policy", policy).code == 2


def test_a_policy_that_cannot_be_read_is_two(cli, tmp_path):
    run = cli("explain", "user:ann", "A", "--policy", tmp_path / "policy.json")
    assert (run.code, run.err) == (2, "secretref: cannot be read: FileNotFoundError (at policy.json)\n")


@pytest.fixture
def definition(tmp_path):
    def write(*names, text=None):
        path = tmp_path / "definition.json"
        path.write_text(json.dumps({"a": text or " ".join(f"${{workflow.secrets.{name}}}" for name in names)}))
        return path

    return write


def preflight(cli, path, policy, *more):
    run = cli("preflight", path, "--subject", "app:orkes-workers", "--policy", policy, "--json", *more)
    return run.code, json.loads(run.out)


def test_preflight_finds_nothing_and_fetches_no_value(cli, policy, definition, monkeypatch):
    value = canary()
    monkeypatch.setenv("SECRET_post_office_username", value)
    code, told = preflight(cli, definition("post_office_username"), policy, "--provider", "env://?prefix=SECRET_")
    assert (code, told["ok"], told["names"], told["unchecked"]) == (0, True, ["post_office_username"], [])
    assert_no_leak(told, value)


def test_preflight_names_all_that_is_denied_or_missing(cli, policy, definition):
    path = definition("post_office_username", "other", "another")
    code, told = preflight(cli, path, policy, "--provider", "env://?prefix=SECRET_")
    assert code == 1
    assert told["denied"] == ["another", "other"]
    assert told["missing"] == ["post_office_username"]


def test_preflight_without_a_provider_says_what_it_did_not_check(cli, policy, definition):
    code, told = preflight(cli, definition("post_office_username"), policy)
    assert (code, told["unchecked"]) == (0, ["post_office_username"])


def test_preflight_names_grants_nobody_uses(cli, policy, definition):
    code, told = preflight(cli, definition(text="none"), policy)
    assert (code, told["unused"]) == (0, [GRANT])


def test_preflight_in_text_shows_malformed_definitions_too(cli, policy, definition):
    path = definition(text="${workflow.secret.A}")
    run = cli("preflight", path, "--subject", "app:mailroom", "--policy", policy)
    assert run.code == 1
    assert f"{path} malformed secret reference: /a [0:20] ${{workflow.secret.A}}" in run.out
    assert run.out.endswith("0 names: a run would fail\n")
    run = cli("preflight", definition("post_office_username"), "--subject", "app:mailroom", "--policy", policy)
    assert "denied         post_office_username\n" in run.out


def test_preflight_with_a_provider_that_cannot_be_asked_is_two(cli, policy, definition, tmp_path):
    path, nowhere = definition("post_office_username"), f"directory://{tmp_path}/gone"
    code, told = preflight(cli, path, policy, "--provider", nowhere)
    assert (code, told["ok"], told["missing"], told["unchecked"]) == (2, False, [], ["post_office_username"])
    assert told["failure"] == "provider directory failed for post_office_username: no such directory"
    run = cli("preflight", path, "--subject", "app:orkes-workers", "--policy", policy, "--provider", nowhere)
    assert run.code == 2
    assert "not asked      provider directory failed" in run.out


def test_preflight_of_an_unreadable_file_is_two(cli, policy):
    assert cli("preflight", "nowhere.json", "--subject", "app:mailroom", "--policy", policy).code == 2

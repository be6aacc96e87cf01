"""``secretref explain`` and ``preflight``: answers before anything runs."""

import json

import pytest

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

"""Who may read: grants add up, everything else is denied, and the answer comes with its reason."""

import json
import pickle

import pytest

from secretref import Grant, Policy, Subject, Target
from secretref.errors import PolicyError

ORKES = {
    "subject": {"type": "USER", "id": "app:orkes-workers"},
    "target": {"type": "SECRET_NAME", "id": "post_office_username"},
    "access": ["READ"],
}


@pytest.mark.parametrize(
    ("short", "kind", "name"),
    [
        ("app:orkes-workers", "USER", "app:orkes-workers"),
        ("user:ann", "USER", "ann"),
        ("USER:ann", "USER", "ann"),
        ("user:a:b", "USER", "a:b"),
        ("role:WORKER", "ROLE", "WORKER"),
        ("group:fin", "GROUP", "fin"),
    ],
)
def test_subjects_have_a_short_form(short, kind, name):
    subject = Subject.parse(short)
    assert (subject.type, subject.id) == (kind, name)
    assert Subject.parse(str(subject)) == subject
    assert Subject.parse(subject) is subject


@pytest.mark.parametrize(
    "wrong", ["", "ann", "app:", "user:", "team:x", ":x", 5, None, b"user:ann", "user:" + "x" * 1_001]
)
def test_what_is_no_subject_is_refused(wrong):
    with pytest.raises(PolicyError):
        Subject.parse(wrong)


@pytest.mark.parametrize("fields", [{"roles": "WORKER"}, {"groups": 5}, {"roles": [""]}, {"groups": [5]}])
def test_roles_and_groups_are_lists_of_ids(fields):
    with pytest.raises(PolicyError):
        Subject("USER", "ann", **fields)


def test_grants_have_the_shape_of_orkes():
    grant = Grant.from_json(ORKES)
    assert grant.to_json() == ORKES
    assert grant == Grant("app:orkes-workers", "post_office_username") == Grant(**ORKES)
    assert Grant.from_json(grant) is grant
    lower = {
        "subject": {"type": "user", "id": "x"},
        "target": {"type": "secret", "id": "A"},
        "access": ["read", "Delete"],
    }
    assert Grant.from_json(lower).to_json() == {
        "subject": {"type": "USER", "id": "x"},
        "target": {"type": "SECRET_NAME", "id": "A"},
        "access": ["READ", "DELETE"],
    }
    assert str(Grant("role:W", "tag:org:sales", "EXECUTE")) == "role:W may EXECUTE tag:org:sales"
    assert Grant("role:W", Target("TAG", "org:sales")).target == Grant("role:W", "tag:org:sales").target
    assert Grant(Subject("USER", "ann", roles={"W"}), "A").subject == Subject("USER", "ann")


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({**ORKES, "subject": {"type": "NOBODY", "id": "x"}}, "grants/0/subject/type"),
        ({**ORKES, "subject": {"type": "USER", "id": ""}}, "grants/0/subject/id"),
        ({**ORKES, "subject": {"type": "USER"}}, "grants/0/subject"),
        ({**ORKES, "subject": {"type": "USER", "id": "x", "name": "y"}}, "grants/0/subject"),
        ({**ORKES, "subject": "ann"}, "grants/0/subject/subject"),
        ({**ORKES, "subject": ["x"]}, "grants/0/subject"),
        ({**ORKES, "target": {"type": "SECRETS", "id": "x"}}, "grants/0/target/type"),
        ({**ORKES, "target": {"type": 5, "id": "x"}}, "grants/0/target/type"),
        ({**ORKES, "target": ""}, "grants/0/target/id"),
        ({**ORKES, "target": None}, "grants/0/target"),
        ({**ORKES, "access": ["READ", "REED"]}, "grants/0/access/1"),
        ({**ORKES, "access": []}, "grants/0/access"),
        ({**ORKES, "access": 5}, "grants/0/access"),
        ({**ORKES, "acess": ["READ"]}, "grants/0"),
        ({"subject": "app:x", "target": "A"}, "grants/0"),
        ("app:x", "grants/0"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(document, place):
    with pytest.raises(PolicyError) as caught:
        Policy.from_json({"grants": [document]})
    assert caught.value.place == place
    assert caught.value.__context__ is None


@pytest.mark.parametrize("document", [5, None, "grants", {"grants": "x"}, {"grants": {}}, {}, {"grant": []}])
def test_a_policy_is_a_list_of_grants(document):
    with pytest.raises(PolicyError):
        Policy.from_json(document)
    if not isinstance(document, dict):
        with pytest.raises(PolicyError):
            Policy(grants=document)


def test_nothing_is_granted_by_default():
    decision = Policy().decide("user:ann", ["A", "B"])
    assert (decision.granted, decision.denied) == (frozenset(), {"A", "B"})
    assert (decision.subject, decision.access) == (Subject("USER", "ann"), "READ")


def test_everything_is_allowed_when_said_out_loud():
    policy = Policy.allow_all()
    assert policy.decide("user:ann", ["A", "B"], access="DELETE").granted == {"A", "B"}
    assert policy.explain("user:ann", "A").allowed
    assert repr(policy) == "Policy.allow_all()"
    assert policy == Policy.allow_all() != Policy()
    with pytest.raises(PolicyError):
        policy.to_json()


def test_grants_add_up():
    subject = Subject("USER", "ann", roles={"WORKER"}, groups=["fin"])
    grants = [
        Grant("user:ann", "OWN"),
        Grant("role:WORKER", "ROLE"),
        Grant("group:fin", "GROUP"),
        Grant("user:bob", "BOB"),
        Grant("group:WORKER", "OTHER"),
    ]
    names = ["OWN", "ROLE", "GROUP", "BOB", "OTHER"]
    assert Policy(grants).decide(subject, names).granted == {"OWN", "ROLE", "GROUP"}
    assert Policy(grants).decide("user:ann", names).granted == {"OWN"}
    for number in range(len(grants)):
        fewer = Policy(grants[:number]).decide(subject, names).granted
        assert fewer <= Policy(grants[: number + 1]).decide(subject, names).granted


@pytest.mark.parametrize("access", ["CREATE", "UPDATE", "DELETE", "EXECUTE"])
def test_only_read_reads(access):
    policy = Policy([Grant("user:ann", "A", [access])])
    assert policy.decide("user:ann", "A").denied == {"A"}
    assert policy.decide("user:ann", "A", access=access.lower()).granted == {"A"}
    with pytest.raises(PolicyError):
        policy.decide("user:ann", "A", access="OWN")


@pytest.mark.parametrize("near", ["a", "A ", " A", "AA", "A*", "A\0", "\uff21", "A\u0301", "", "B", "A.B", "A\n", "*"])
def test_a_grant_names_exactly_its_target(near):
    assert Policy([Grant("user:ann", "A")]).decide("user:ann", [near]).granted == frozenset()
    assert Policy([Grant("user:" + (near or "x"), "A")]).decide("user:A", ["A"]).granted == frozenset()


@pytest.mark.parametrize(
    ("glob", "granted", "denied"),
    [
        ("*", ["", "A", "a_b"], []),
        ("db_*", ["db_", "db_x", "db_*"], ["db", "DB_x", "xdb_y"]),
        ("*_key", ["_key", "a_key"], ["key", "a_keys"]),
        ("db_*_key", ["db__key", "db_a_key", "db_a_b_key"], ["db_key", "db_a_keyx"]),
        ("a*b*c", ["abc", "a1b2c", "abbc", "abcbc"], ["ab", "ac", "acb", "abcd"]),
        ("a**a", ["aa", "aba"], ["a"]),
        ("a.c*", ["a.c", "a.cd"], ["abc"]),
    ],
)
def test_a_star_stands_for_any_characters(glob, granted, denied):
    policy = Policy([Grant("user:ann", glob)])
    assert policy.decide("user:ann", [*granted, *denied]).granted == set(granted)
    for name in granted:
        assert policy.explain("user:ann", name).allowed
    for name in denied:
        assert not policy.explain("user:ann", name).allowed


def test_stars_cost_no_backtracking():
    policy = Policy([Grant("user:ann", "a" + "*a" * 100 + "b")])
    assert policy.decide("user:ann", ["a" * 5_000]).denied


def test_tags_count_for_the_names_that_carry_them():
    policy = Policy([Grant("user:ann", "tag:org:sales")])
    tags = {"A": ["org:sales", "env:prod"], "B": ["org:fin"]}
    assert policy.decide("user:ann", ["A", "B", "C"], tags=tags).granted == {"A"}
    assert policy.decide("user:ann", ["A", "org:sales"]).granted == frozenset()
    assert policy.explain("user:ann", "A", tags=["org:sales"]).allowed
    assert not policy.explain("user:ann", "A").allowed


def test_other_targets_concern_no_secret():
    policy = Policy([Grant("user:ann", {"type": "ENV_VARIABLE", "id": "*"}), Grant("user:ann", Target("USER", "A"))])
    assert policy.decide("user:ann", ["A"]).denied == {"A"}
    assert not policy.explain("user:ann", "A").allowed


def test_the_reason_names_the_grants():
    policy = Policy(
        [
            Grant("app:x", "post_*"),
            Grant("role:W", "A", ["CREATE", "READ"]),
            Grant("app:x", "B", "UPDATE"),
            Grant("app:x", "Key"),
        ]
    )
    allowed = policy.explain("app:x", "post_office")
    assert (str(allowed), allowed.grants) == ("app:x may READ post_office: app:x may READ post_*", policy.grants[:1])
    by_role = policy.explain(Subject("USER", "app:x", roles={"W"}), "A")
    assert str(by_role) == "app:x may READ A: role:W may CREATE, READ A"
    assert str(policy.explain("app:x", "B")) == "app:x may not READ B: only app:x may UPDATE B"
    assert str(policy.explain("app:x", "key")) == "app:x may not READ key: names are exact, and it is granted Key"
    assert str(policy.explain("app:x", "Z")) == "app:x may not READ Z: none of its 3 grants names it"
    assert str(policy.explain("user:bob", "Z", access="delete")) == "user:bob may not DELETE Z: it has no grants"
    assert str(policy.explain("user:bob", "a\nb")) == "user:bob may not READ 'a\\nb': it has no grants"
    assert policy.explain("app:x", "B").grants == policy.grants[2:3]


def test_a_policy_cannot_be_changed():
    policy = Policy([Grant("app:x", "A")])
    with pytest.raises(AttributeError):
        policy.grants = ()
    assert repr(policy) == "Policy(1 grants)"
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert hash(pickle.loads(pickle.dumps(Policy.allow_all()))) == hash(Policy.allow_all())
    assert policy != 5


@pytest.mark.parametrize("names", [5, [5], [None, "A"], [["A"]]])
def test_names_are_text(names):
    with pytest.raises(PolicyError):
        Policy().decide("user:ann", names)
    with pytest.raises(PolicyError):
        Policy().explain("user:ann", names)


def test_policy_files_are_json_or_toml(tmp_path):
    policy = Policy(
        [Grant("app:orkes-workers", "post_office_username"), Grant("role:W", "tag:a:b", ["READ", "UPDATE"])]
    )
    as_json = tmp_path / "policy.json"
    as_json.write_text(json.dumps(policy.to_json()))
    as_list = tmp_path / "list.JSON"
    as_list.write_text(json.dumps(policy.to_json()["grants"]))
    as_toml = tmp_path / "policy.toml"
    as_toml.write_text(
        """
        [[grants]]
        subject = "app:orkes-workers"
        target = "post_office_username"
        access = ["READ"]
        [[grants]]
        subject = {type = "role", id = "W"}
        target = {type = "tag", id = "a:b"}
        access = ["read", "update"]
        """
    )
    assert Policy.load(as_json) == Policy.load(str(as_list)) == Policy.load(as_toml) == policy


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("p.yaml", "grants: []", "a policy file ends in .json or .toml"),
        ("p.json", "{", "is no JSON"),
        ("p.json", "[" * 100_000, "is no JSON"),
        ("p.json", b"\xff", "is no JSON"),
        ("p.toml", "= 5", "is no TOML"),
        ("p.json", '{"grants": [], "grants": []}', "an object holds a key twice"),
        ("p.json", None, "cannot be read: FileNotFoundError"),
    ],
)
def test_a_file_that_is_no_policy_is_refused(tmp_path, name, text, reason):
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PolicyError) as caught:
        Policy.load(path)
    assert (caught.value.reason, caught.value.place) == (reason, name)
    assert caught.value.__context__ is None

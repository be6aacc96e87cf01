"""Parts of a value that are secrets of their own."""

import json
from base64 import b64encode, urlsafe_b64encode

import pytest

from secretref._derived import is_multiline, may_be_folded, parts

PEM = """-----BEGIN PRIVATE KEY-----
MIIEcnryQIBADANBgkq
hkiG9w0BAQEFAASCBKcw
gg==
-----END PRIVATE KEY-----
"""


@pytest.mark.parametrize("breaking", ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029"])
def test_lines_of_a_value_are_parts(breaking):
    assert is_multiline(f"cnry first{breaking}cnry second")
    assert list(parts(f"cnry one{breaking}  cnry second{breaking}")) == ["cnry one", "cnry second"]


@pytest.mark.parametrize("value", ["cnry7Q\n", "\r\ncnry7Q", "cnry 7Q"])
def test_a_break_at_an_end_makes_no_lines(value):
    assert not is_multiline(value)
    assert list(parts(value)) == []


@pytest.mark.parametrize(
    ("value", "folded"),
    [
        ("cnry horse", True),
        ("cnry\nhorse", True),
        (" ".join(["cnry"] * 16), True),
        (" ".join(["cnry"] * 17), False),
        ("\n".join(["cnry"] * 17), True),
        ("cnry7Q", False),
        (" cnry7Q\t", False),
        ('{"a": "b c"}', False),
    ],
)
def test_lines_and_a_few_words_may_be_folded(value, folded):
    assert may_be_folded(value) is folded


@pytest.mark.parametrize("line", ["cnry123", "----------", "a-b-c-d-e-f", "SERVICE_ACCOUNT", "", "authorized_user"])
def test_a_line_that_is_short_or_common_is_no_part(line):
    assert list(parts(f"cnry-first\n{line}\ncnry-last")) == ["cnry-first", "cnry-last"]


def test_a_key_in_pem_loses_its_edges_and_its_breaks():
    first, second = "MIIEcnryQIBADANBgkq", "hkiG9w0BAQEFAASCBKcw"
    assert list(parts(PEM)) == [first, second, first + second + "gg=="]


def test_a_key_on_one_line_has_the_lines_that_programs_print():
    body = b64encode(bytes(range(120))).decode()
    for value in (body, f"-----BEGIN KEY----- {body} -----END KEY-----", f"-----BEGIN KEY-----{body}-----END KEY-----"):
        found = set(parts(value))
        assert {body, body[:64], body[64:128], body[:76], body[76:152], body[152:]} <= found
    assert set(parts(body[:76])) == set()


@pytest.mark.parametrize("breaking", ["\\n", "\\r\\n"])
def test_a_key_with_escaped_breaks_has_lines(breaking):
    assert set(parts(PEM)) <= set(parts(PEM.replace("\n", breaking)))


def test_a_key_in_base64_has_lines():
    assert set(parts(PEM)) <= set(parts(b64encode(PEM.encode()).decode()))


def test_a_document_gives_its_leaves_and_its_layouts():
    document = {"name": "cnry value", "deep": [{"inner": "cnry inner"}, 123456, 12345, True, None, 1.25e-7]}
    found = set(parts(" " + json.dumps(document)))
    assert {"cnry value", "cnry inner", "123456", "1.25e-07"} <= found
    assert {json.dumps(document, indent=indent) for indent in (None, 2, 4)} <= found
    assert json.dumps(document, separators=(",", ":")) in found
    assert "12345" not in found
    assert "True" not in found


@pytest.mark.parametrize(
    "leaf",
    [
        "cnry123",
        "service_account",
        "undefined",
        "application",
        "googleapis.com",
        "authorized_user",
        "PostgreSQL",
        "https://cnry.example.org/a?b=1",
        "cnry@example.org",
        "cnry://x:1",
    ],
)
def test_an_ordinary_leaf_is_no_part(leaf):
    assert leaf not in set(parts(json.dumps({"name": leaf})))


@pytest.mark.parametrize(
    "key", ["password", "PASSPHRASE", "db_pwd", "client_secret", "token", "apiKey", "credentials", "authorization"]
)
def test_a_leaf_under_a_telling_key_is_a_part(key):
    assert "cnry12" in set(parts(json.dumps({key: "cnry12"})))
    assert "cnry12" in set(parts(json.dumps({key: ["cnry12"]})))


def test_leaves_of_eight_characters_are_parts_and_layouts_keep_their_letters():
    found = set(parts(json.dumps({"name": "cnry1234", "other": "cnry é"})))
    assert "cnry1234" in found
    assert '{"name": "cnry1234", "other": "cnry é"}' in found


@pytest.mark.parametrize("broken", ['{"a": "cnry value", }', '["cnry value" "x"]', '{"a": "cnry value"'])
def test_of_what_is_not_quite_json_every_string_counts(broken):
    assert "cnry value" in set(parts(broken))
    assert "a" not in set(parts(broken))


def test_leaves_have_parts_themselves():
    found = set(parts(json.dumps(["cnry line one\ncnry line two", "https://u:cnry-pass@example.org"])))
    assert {"cnry line one", "cnry line two", "cnry-pass"} <= found


@pytest.mark.parametrize("value", ['{"cnry7Q', "[cnry7Q]", "[" * 100_000, "{}"[:1]])
def test_what_only_looks_like_a_document_has_no_leaves(value):
    assert [part for part in parts(value) if part.startswith("cnry")] == []


@pytest.mark.parametrize(
    ("value", "password"),
    [
        ("postgres://ann:cnry7Q@db:5432/x", "cnry7Q"),
        ("redis+tls://:cnry%217Q@db", "cnry!7Q"),
        ("redis+tls://:cnry%217Q@db", "cnry%217Q"),
        ("amqp://ann:cnry@7Q@db", "cnry@7Q"),
        ("ann:cnry7Q", "cnry7Q"),
        ("ann:123456", "123456"),
        ("ann:cnry7", "cnry7"),
        ("Server=db;Password=cnry7Q;Port=1", "cnry7Q"),
        ("host=db password=cnry7Q", "cnry7Q"),
        ("sv=2022&sig=cnry%2B7Q", "cnry+7Q"),
        ("AccountKey=cnry7Q==", "cnry7Q=="),
        ("Bearer cnry7Q", "cnry7Q"),
        ("basic cnry7Q", "cnry7Q"),
        ("Digest cnry7Q", "cnry7Q"),
        ("Token cnry7Q", "cnry7Q"),
        ("Negotiate cnry7Q", "cnry7Q"),
        ("ApiKey cnry7Q", "cnry7Q"),
        *((f"x=1;{name}=cnry7Q;y=2", "cnry7Q") for name in ("passwd", "pwd", "secret", "token", "key", "signature")),
    ],
)
def test_a_password_inside_a_value_is_a_part(value, password):
    assert password in set(parts(value))


@pytest.mark.parametrize("value", ["db.example.org:5432", "https://example.org/cnry", "a:b", "cnry bearer", "x cnry7Q"])
def test_a_value_without_password_has_no_parts(value):
    assert list(parts(value)) == []


TOKEN = "cnry_AbCdEfGhIjKlMnOp"


@pytest.mark.parametrize(
    "value",
    [
        f"https://{TOKEN}@github.example/x.git",
        f"https://{TOKEN}:x-oauth-basic@github.example",
        f"https://{TOKEN}:@github.example",
        f"https://oauth2:{TOKEN}@gitlab.example",
        f"[default]\naws_access_key_id = x\naws_secret_access_key = {TOKEN}\n",
        f"user: ann\npassword: {TOKEN}\n",
        f"//registry.example/:_authToken={TOKEN}",
        f"host=db password='{TOKEN}' user=ann",
        f'Driver=x;Pwd="{TOKEN}";Uid=ann',
        f"{{'password': '{TOKEN}', 'a': 1}}",
        f"db:5432:app:ann:{TOKEN}",
        f"machine h login ann password {TOKEN}",
        "Basic " + b64encode(f"ann:{TOKEN}".encode()).decode(),
        b64encode(f"ann:{TOKEN}".encode()).decode(),
        urlsafe_b64encode(TOKEN.encode()).decode().rstrip("="),
        json.dumps({"auths": {"registry": {"auth": b64encode(f"ann:{TOKEN}".encode()).decode()}}}),
        json.dumps({"inner": json.dumps({"password": TOKEN})}),
        json.dumps({"url": f"https://x.example/?sig={TOKEN}&x=1"}),
    ],
)
def test_a_token_in_the_usual_places_is_a_part(value):
    assert TOKEN in set(parts(value))


@pytest.mark.parametrize(
    "value",
    [
        "https://git@github.example/x.git",
        "ssh://deploy-user@host.example",
        "the key is under the mat",
        "https://x.example/?q=cnry",
        "QUJDREVGR0hJSktM/+A=",
    ],
)
def test_an_ordinary_word_is_no_part(value):
    assert list(parts(value)) == []


@pytest.mark.parametrize("end", [",", "}", '"', "'}]", ")", "%41}"])
def test_a_password_counts_with_and_without_what_closes_behind_it(end):
    bare = end.rstrip(",}])\"'")
    assert {f"cnry7QcnryQ7{end}", f"cnry7QcnryQ7{bare}"} <= set(parts(f"password=cnry7QcnryQ7{end}"))


@pytest.mark.parametrize("word", ["", ":", ":x", ":x-oauth-basic", ":oauth2"])
def test_a_user_without_a_password_may_be_a_token(word):
    found = set(parts(f"https://cnry7QcnryQ7cnry8R{word}@git.example.org/one"))
    assert "cnry7QcnryQ7cnry8R" in found
    assert word[1:] not in found


def test_only_keys_are_broken_into_lines_and_none_is_too_short():
    assert min(map(len, parts(b64encode(bytes(range(60))).decode()))) >= 8
    text = "cnry.7Q." * 12
    assert text[:64] not in set(parts(text))


@pytest.mark.parametrize("inner", [["cnry7QcnryQ7"], {"a": "cnry7QcnryQ7"}])
def test_json_in_json_is_read(inner):
    assert "cnry7QcnryQ7" in set(parts(json.dumps({"a": json.dumps(inner)})))


def test_little_text_in_base64_is_none():
    assert list(parts(b64encode("éáó".encode()).decode())) == []
    assert "cnry7Q" in set(parts(b64encode(b"cnry7Q").decode()))

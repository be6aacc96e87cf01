"""The USPS example: the post office's stand-in, the definition, and the orchestrator around them."""

import json
import logging
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, urlencode
from urllib.request import ProxyHandler, build_opener
from xml.etree import ElementTree as ET

import pytest

from secretref import Policy, Resolver
from secretref.cli._example import FOLDER, example
from secretref.cli._stage import ADDRESS
from secretref.errors import AccessDeniedError
from secretref.testing import FakeProvider, assert_no_leak, canary

post_office = example("post_office")
DEFINITION = json.loads((FOLDER / "workflow.json").read_text())
RATE_URI = DEFINITION["tasks"][1]["inputParameters"]["http_request"]["uri"]
RATE_XML = RATE_URI.partition("XML=")[2]


@pytest.fixture
def user_id():
    return canary()


@pytest.fixture
def office(user_id):
    with post_office.PostOffice(user_id) as running:
        yield running


def ask(office, xml, api="RateV4", data=None):
    url = f"{office.url}/ShippingAPI.dll" + ("" if data else f"?API={api}&XML={quote(xml, safe='')}")
    with build_opener(ProxyHandler({})).open(url, data, timeout=10) as answer:
        return ET.fromstring(answer.read())


@pytest.mark.parametrize("attribute", ["{}", '"{}"', "'{}'"])
def test_the_user_id_is_taken_quoted_or_bare(office, user_id, attribute):
    xml = RATE_XML.replace("${workflow.secrets.post_office_username}", attribute.format(user_id))
    assert ask(office, xml).findtext("Package/Postage/Rate") == "82.10"


def test_a_wrong_user_id_is_refused_and_echoed(office):
    wrong = canary()
    with pytest.raises(HTTPError) as refused:
        ask(office, RATE_XML.replace("${workflow.secrets.post_office_username}", wrong))
    with refused.value as answer:
        assert answer.code == 401
        assert wrong in answer.read().decode()


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("<Pounds>20", "<Pounds>21", 400),
        ("<Revision>2", "<Revision>1", 400),
        ("</RateV4Request>", "", 400),
        ("<Revision>", "<!DOCTYPE x><Revision>", 400),
    ],
)
def test_other_parcels_and_broken_xml_are_refused(office, user_id, old, new, status):
    xml = RATE_XML.replace("${workflow.secrets.post_office_username}", user_id).replace(old, new)
    with pytest.raises(HTTPError) as refused:
        ask(office, xml)
    refused.value.close()
    assert refused.value.code == status


def test_an_unknown_call_is_refused(office):
    with pytest.raises(HTTPError) as refused:
        ask(office, RATE_XML, api="Track")
    refused.value.close()
    assert refused.value.code == 404


def test_an_address_is_verified_from_a_form(office, user_id):
    street = "1 <b>&amp; Main</b>"
    address = "<Address><Address2>1 &lt;b&gt;&amp;amp; Main&lt;/b&gt;</Address2></Address>"
    xml = f"<AddressValidateRequest USERID={user_id}>{address}</AddressValidateRequest>"
    answer = ask(office, xml, data=urlencode({"API": "Verify", "XML": xml}).encode())
    assert answer.findtext("Address/Address2") == street.upper()


def test_the_definition_is_the_founding_one():
    request = ET.fromstring(
        post_office._TAG.sub(lambda tag: post_office._ATTRIBUTE.sub(post_office._quoted, tag[0]), RATE_XML)
    )
    fields = {element.tag: element.text for element in request.find("Package")}
    assert RATE_URI.partition("?")[2].startswith(
        "API=RateV4&XML=<RateV4Request USERID=${workflow.secrets.post_office_username}>"
    )
    assert request.findtext("Revision") == "2"
    assert request.find("Package").get("ID") == "0"
    assert fields == {
        "Service": "PRIORITY",
        "ZipOrigination": "04046",
        "ZipDestination": "98260",
        "Pounds": "20",
        "Ounces": "0",
        "Container": "VARIABLE",
        "Width": "12",
        "Length": "12",
        "Height": "12",
        "Girth": None,
        "Machinable": "TRUE",
    }


# the orchestrator


@pytest.fixture
def run(office, user_id, tmp_path):
    """Run the definition for a granted subject, with *value* as the secret; return outputs, log and folder."""
    orchestrator = example("orchestrator")

    def start(value=user_id, definition=DEFINITION, subject="app:orkes-workers", **caller):
        resolver = Resolver(FakeProvider({"post_office_username": value}), policy=Policy.load(FOLDER / "policy.json"))
        engine = orchestrator.Orchestrator(
            resolver, subject=subject, records=tmp_path, environment={"POST_OFFICE": office.url}
        )
        return engine.run(definition, {**ADDRESS, **caller})

    return start


def records(folder):
    return {path.name: json.loads(path.read_text()) for path in sorted(folder.iterdir())}


def test_the_price_comes_out_and_the_user_id_stays_in(run, office, user_id, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    assert run()["price"] == {"result": "82.10"}
    kept = records(tmp_path)
    assert list(kept) == ["01-verify_address.1.json", "02-get_rate.1.json", "03-price.1.json"]
    assert [record["input"] for record in kept.values()] == [task["inputParameters"] for task in DEFINITION["tasks"]]
    assert f"USERID%3D{user_id}" in office.wire[1]
    assert_no_leak([tmp_path, caplog.text], user_id)


def test_a_value_with_reserved_characters_travels_percent_encoded(tmp_path):
    value = f"{canary()}/+ ?="
    with post_office.PostOffice(value) as office:
        bare = json.loads(
            json.dumps(DEFINITION).replace("USERID=${", "USERID='${").replace("username}>", "username}'>")
        )
        resolver = Resolver(FakeProvider({"post_office_username": value}), policy=Policy.allow_all())
        engine = example("orchestrator").Orchestrator(
            resolver, subject="app:orkes-workers", records=tmp_path, environment={"POST_OFFICE": office.url}
        )
        assert engine.run(bare, ADDRESS)["price"] == {"result": "82.10"}
        assert quote(value, safe="") in office.wire[1]
    assert_no_leak(tmp_path, value)


def test_a_refused_user_id_is_retried_and_hidden_everywhere(run, user_id, tmp_path, caplog):
    wrong = canary()
    with pytest.raises(example("orchestrator").WorkflowError) as failed:
        run(wrong)
    kept = records(tmp_path)
    assert [record["error"].count("***") for record in kept.values()] == [1, 2, 2]
    assert "02-get_rate failed, attempt 2 of 2: " in caplog.text
    assert_no_leak([tmp_path, caplog.text, failed.value], wrong, user_id)


def test_a_reference_sent_by_a_caller_stays_text(run, office, user_id):
    assert run(street="${workflow.secrets.post_office_username}")["price"] == {"result": "82.10"}
    form = parse_qs(office.wire[0].partition("\n")[2])
    assert "<Address2>${workflow.secrets.post_office_username}</Address2>" in form["XML"][0]
    assert form["XML"][0].count(user_id) == 1


def test_input_is_escaped_for_xml_because_the_definition_asks(run):
    outputs = run(street='"1 <Main> & 2nd"')
    address = ET.fromstring(outputs["verify_address"]["response"]["body"]).findtext("Address/Address2")
    assert address == '"1 <MAIN> & 2ND"'


def test_without_a_grant_nothing_is_sent(run, office, tmp_path, caplog):
    with pytest.raises(AccessDeniedError):
        run(subject="app:mailroom")
    assert office.wire == []
    assert list(tmp_path.iterdir()) == []
    assert "verify_address not started: app:mailroom may not READ: post_office_username" in caplog.text

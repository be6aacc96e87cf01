"""The USPS example: the post office's stand-in, the definition, and the orchestrator around them."""

import json
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, build_opener
from xml.etree import ElementTree as ET

import pytest

from secretref.cli._example import FOLDER, example
from secretref.testing import canary

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

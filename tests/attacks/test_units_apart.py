"""Another unit's data is out of reach, and what units type stays text, on every page of the office and of a unit.

Every rule of the URL map below /unit is a case by itself, about objects that exist: those of one unit, asked for by
the clerk of another.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

import flask
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from cbt.certificates.models import Certificate
from cbt.enrolment.models import (
    Applicant,
    ApplicationStep,
    EvidenceScan,
    FeeCharge,
    FeePayment,
    MemberUnit,
    UnitAgreement,
    UnitApplication,
)
from cbt.rules.states import ApplicationState
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.attacks.payloads import MARK, XSS, leads, parsed, skeleton
from tests.attacks.stages import Endpoint, endpoints, shown
from tests.candidates.rosters import JPEG, resident, xlsx
from tests.conftest import Templates, installation
from tests.growth.office import WHERE, build_office, walk
from tests.helpers import FakeClock
from tests.moments import Moment
from tests.world import START

pytestmark = pytest.mark.usefixtures("files_read_here", "logins_known")

OWNER, OTHER = "danwei2", "danwei1"
OWN = [one for one in endpoints() if one.rule.startswith("/unit/") and one.arguments]
TYPED = (
    (MemberUnit, "name", 120), (MemberUnit, "contact", 60), (MemberUnit, "address", 200), (MemberUnit, "note", 500),
    (UnitAgreement, "body_name", 120), (UnitAgreement, "unit_signer", 60), (UnitAgreement, "body_signer", 60),
    (UnitAgreement, "note", 500), (UnitAgreement, "end_reason", 500),
    (UnitApplication, "note", 500), (UnitApplication, "put_right", 500), (UnitApplication, "late_reason", 500),
    (ApplicationStep, "words", 500), (Applicant, "name", 60), (Applicant, "reason", 500),
    (FeeCharge, "cancel_reason", 500), (FeePayment, "payer", 120), (FeePayment, "note", 500),
    (FeePayment, "reverse_reason", 500),
    (Certificate, "name", 60), (Certificate, "occupation", 120), (Certificate, "body_name", 120),
)  # fmt: skip
"""What people type, with the most that it takes."""


@dataclass(frozen=True)
class Office:
    """The demo's office: its browsers, and what one unit has, by the names of arguments."""

    app: flask.Flask
    clients: dict[str, FlaskClient]
    of_owner: dict[str, str]
    words: tuple[str, ...]

    def url(self, endpoint: Endpoint) -> str:
        """Return the address of an endpoint about what the owner has."""
        known = dict(self.of_owner)
        if "/agreements/" in endpoint.rule:
            known["ref"] = known["agreement"]
        if "/statements/" in endpoint.rule:
            known["kind"] = "xlsx"
        filled = {name: known[name] for name in endpoint.arguments}
        return self.app.url_map.bind("localhost").build(endpoint.name, filled, method=endpoint.method)

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Return what the unit has, row by row."""
        tables = (
            MemberUnit,
            UnitAgreement,
            UnitApplication,
            Applicant,
            ApplicationStep,
            EvidenceScan,
            FeeCharge,
        )
        with self.app.app_context(), reading() as session:
            return {
                one.__name__: [tuple(row) for row in session.execute(select(*one.__table__.c))]
                for one in tables
            }


@pytest.fixture(scope="module")
def office(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """The demo's office, where an application that came back has a photo, a scan and a list that was looked at."""
    folder = tmp_path_factory.mktemp("office")
    with installation(templates, "sqlite", folder, FakeClock(START), moment=Moment.EMPTY) as (app, _):
        clients = build_office(app)
        with app.app_context(), reading() as session:
            unit = session.scalars(select(MemberUnit).order_by(MemberUnit.id)).all()[1]
            returned = ApplicationState.RETURNED.value
            application = session.scalars(
                select(UnitApplication).where(
                    UnitApplication.unit_id == unit.id, UnitApplication.state == returned
                )
            ).one()
            people = session.scalars(
                select(Applicant).where(Applicant.application_id == application.id)
            ).all()
            agreement = session.scalars(select(UnitAgreement).where(UnitAgreement.unit_id == unit.id)).one()
            known = {
                "ref": application.ref, "of": application.ref, "person_ref": people[0].ref, "event": "withdraw",
                "agreement": agreement.ref, "unit": unit.ref, "document": "application_form",
            }  # fmt: skip
            words = (unit.name, unit.credit_code, *(one.name for one in people))
        page = f"/unit/applications/{application.ref}"
        owner = clients[OWNER]
        sent = {"proof": "diploma", "file": (io.BytesIO(JPEG), "证书.jpg")}
        assert owner.post(f"{page}/people/{people[0].ref}/scans", data=sent).status_code == 303
        photo = {"photo": (io.BytesIO(JPEG), "照片.jpg")}
        assert owner.post(f"{page}/people/{people[0].ref}/photo", data=photo).status_code == 303
        listed = {"file": (io.BytesIO(xlsx([["周杰伦", resident(77)]], ["姓名", "身份证号码"])), "名单.xlsx")}
        known["draft"] = str(owner.post(f"{page}/list", data=listed).location).rpartition("/")[2]
        with app.app_context(), reading() as session:
            known["scan_ref"] = session.scalars(select(EvidenceScan.ref)).one()
        yield Office(app, clients, known, words)


@pytest.mark.parametrize("endpoint", [pytest.param(one, id=str(one)) for one in OWN])
def test_a_clerk_reaches_nothing_of_another_unit(office: Office, endpoint: Endpoint) -> None:
    before = office.rows()
    data = {
        "name": "某人",
        "words": "x",
        "preferred_on": "2027-03-01",
        "papers": "theory",
        "proof": "diploma",
    }
    more = {} if endpoint.method == "GET" else {"data": data}
    reply = office.clients[OTHER].open(
        office.url(endpoint), method=endpoint.method, headers={"Accept": "text/html"}, **more
    )
    assert reply.status_code == 404
    assert not any(word in shown(reply) for word in office.words)
    assert office.rows() == before
    if endpoint.method == "GET":
        assert office.clients[OWNER].get(office.url(endpoint)).status_code == 200


PLAIN = f"普通文字{MARK}"
skeleton_once, parsed_once = cache(skeleton), cache(parsed)
"""Of the pages that all others are held against."""


def plant(office: Office, typed: str) -> None:
    """Have everything that is typed say `typed`, as if it had come past every check."""
    with office.app.app_context(), unit_of_work() as session:
        for model, column, most in TYPED:
            session.execute(update(model).values({column: typed[:most]}))


def page(office: Office, login: str, url: str) -> str:
    return office.clients[login].get(url, headers={"Accept": "text/html"}).get_data(as_text=True)


@pytest.fixture(scope="module")
def plain(office: Office) -> dict[tuple[str, str], str]:
    """Every page that links lead to, while all that was typed is plain words."""
    plant(office, PLAIN)
    found = {
        (login, url)
        for login, starts in WHERE.items()
        for _rule, url in walk(office.app, office.clients[login], starts)
    }
    assert len(found) >= 30
    return {(login, url): page(office, login, url) for login, url in sorted(found)}


@pytest.mark.parametrize("payload", [pytest.param(XSS[name], id=name) for name in list(XSS)[::3]])
def test_what_units_and_office_type_stays_text(
    office: Office, plain: dict[tuple[str, str], str], payload: str
) -> None:
    plant(office, payload)
    seen = 0
    for (login, url), before in plain.items():
        told = page(office, login, url)
        seen += MARK in told
        if skeleton(told) == skeleton_once(before) and not leads(told):
            continue
        found = parsed(told)
        assert found.tags == parsed_once(before).tags, url
        assert found.comments == [], url
        for tag, attribute, value in found.values:
            assert MARK not in value or attribute not in {"href", "src", "action", "id", "class"}, (url, tag)
    assert seen >= 20


GIVEN_BACK = {
    "a unit": ("kaowu", "/office/units", ("credit_code", "contact", "phone", "address", "note")),
    "an agreement": ("kaowu", "/office/units/{unit}/agreements", ("effective_on", "number", "note")),
    "an application": (OWNER, "/unit/applications/new", ("preferred_on", "note")),
    "a person": (OWNER, "/unit/applications/{ref}/people/new", ("name", "document_number", "phone", "major")),
    "a payment": ("kaowu", "/office/fees/units/{unit}/payments", ("amount", "payer", "reference", "note")),
    "a search": ("kaowu", "/office/certificates/register?q={text}", ()),
    "a list": ("kaowu", "/office/applications?state={text}&page={text}", ()),
}
"""Who sends what to where; a form is refused, and shows what was typed."""


@pytest.mark.parametrize("payload", [pytest.param(XSS[name], id=name) for name in list(XSS)[::4]])
@pytest.mark.parametrize("name", list(GIVEN_BACK))
def test_what_is_given_back_is_text(office: Office, name: str, payload: str) -> None:
    login, address, fields = GIVEN_BACK[name]
    url = address.format(
        unit=office.of_owner["unit"], ref=office.of_owner["ref"], text=quote(payload, safe="")
    )
    client, headers = office.clients[login], {"Accept": "text/html"}
    if fields:
        reply = client.post(url, data=dict.fromkeys(fields, payload), headers=headers)
        assert reply.status_code == 422
    else:
        reply = client.get(url, headers=headers)
        assert reply.status_code == 200
    found = parsed(reply.get_data(as_text=True))
    assert found.comments == []
    assert not {attribute for _, names in found.tags for attribute in names if attribute.startswith("on")}
    assert all(MARK.lower() not in tag.lower() for tag, _ in found.tags)

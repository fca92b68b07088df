"""帮助: each role's handbook, at the step its page is at, found by a word; and the candidates' beside the wait."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from cbt.help.handbooks import handbook, parts_of, search, source_of
from cbt.help.places import ACCOUNT, CANDIDATE, HANDBOOKS, readable, section_of
from cbt.proctoring.acts.registry import ACTS
from cbt.rules.roles import GIVEN, Role
from tests.attacks.stages import endpoints
from tests.helpers import count_queries
from tests.world import World

pytestmark = pytest.mark.once("sqlite")

READERS = (*GIVEN, Role.UNIT_CLERK)
LINK = re.compile(r'href="([^"]+)" target="cbt-help"')
WITHOUT_A_BAR = {"accounts.approvals.strip", "accounts.approvals.live"}
"""Parts of pages: what draws the page around them has its section."""


def test_every_page_of_staff_belongs_to_a_section_for_each_role_that_may_open_it() -> None:
    """Forms too: one that is refused is shown as a page. The sections of a role's own handbook come first."""
    lost, asked = [], 0
    for endpoint in endpoints():
        if endpoint.access.kind != "staff" or endpoint.name in WITHOUT_A_BAR:
            continue
        for role in endpoint.access.roles or READERS:
            if role not in READERS:
                continue
            asked += 1
            book, section = section_of(endpoint.name, {role.value})
            if book not in readable({role.value}) or section not in HANDBOOKS[book]:
                lost.append((endpoint.name, role.value, book))
    assert asked > 800
    assert lost == []


def test_the_table_names_pages_that_there_are() -> None:
    known = {endpoint.name for endpoint in endpoints()}
    known |= {f"proctoring.{view}.{code}" for view in ("ask", "act") for code in ACTS}
    claims = {claim for sections in HANDBOOKS.values() for those in sections.values() for claim in those}
    assert [claim for claim in claims if not any(f"{name}.".startswith(f"{claim}.") for name in known)] == []


@pytest.mark.parametrize(
    ("endpoint", "roles", "place"),
    [
        pytest.param("proctoring.ask.move", {"proctor"}, ("proctor", "move"), id="an act"),
        pytest.param("proctoring.board", {"inspector"}, ("inspector", "rooms"), id="an inspector at a board"),
        pytest.param("proctoring.board", {"chief_proctor"}, ("proctor", "board"), id="a chief at a board"),
        pytest.param("record.room", {"proctor", "chief_proctor"}, ("proctor", "record"), id="two roles"),
        pytest.param("enrolment.fees.pay", {"officer"}, ("officer", "fees"), id="a form"),
        pytest.param(
            "enrolment.fees.fees", {"admin"}, ("officer", "fees"), id="another's page that one may read"
        ),
        pytest.param("accounts.home", {"author"}, (ACCOUNT, "home"), id="everybody's"),
        pytest.param("results.mine", set(), (CANDIDATE, "results"), id="nobody's"),
        pytest.param("no.such", {"author"}, ("author", ""), id="none"),
    ],
)
def test_where_help_leads(endpoint: str, roles: set[str], place: tuple[str, str]) -> None:
    assert section_of(endpoint, roles) == place


def test_each_role_reads_its_handbook_and_what_it_may(world: World) -> None:
    """In both languages, and without a question to the database beyond who is reading."""
    for role in READERS:
        client = world.staff(role.value)
        own = client.get("/staff/help", headers={"Accept": "text/html"})
        assert own.location == f"/staff/help/{role.value}"
        bare = _asked(world, client, "/staff/account")
        for name in HANDBOOKS:
            reply = client.get(f"/staff/help/{name}", headers={"Accept": "text/html"})
            assert reply.status_code == (200 if name in readable({role.value}) else 404), (role, name)
            if reply.status_code == 200:
                for section, title, _ in list(parts_of(source_of(name, "zh")))[1:]:
                    assert f'<section id="{section}"' in reply.text
                    assert title in reply.text
                assert "style=" not in reply.text
        assert _asked(world, client, own.location) <= bare


def _asked(world: World, client: FlaskClient, path: str) -> int:
    with count_queries(world.app, here=True) as asked:
        assert client.get(path).status_code == 200
    return len(asked)


def test_the_bar_leads_to_the_section_of_the_page(world: World) -> None:
    """From a page, from a form that is refused, from an error, and before somebody is all the way in."""
    officer, proctor = world.staff("officer"), world.staff("proctor")
    pages = {
        "/office/fees": "/staff/help/officer#fees",
        "/staff/account": "/staff/help/account#second-factor",
        "/office/units/nobody": "/staff/help/officer#units",
        "/no/such/page": "/staff/help/officer",
    }
    for path, place in pages.items():
        assert LINK.findall(officer.get(path, headers={"Accept": "text/html"}).text) == [place], path
    refused = officer.post("/office/units", data={"name": ""}, headers={"Accept": "text/html"})
    assert (refused.status_code, LINK.findall(refused.text)) == (422, ["/staff/help/officer#units"])
    act = proctor.get(f"/proctor/rooms/{world.room_ref}/acts/hold")
    assert LINK.findall(act.text) == ["/staff/help/proctor#time"]
    assert LINK.findall(officer.get("/staff/help/officer").text) == []
    nobody = world.app.test_client()
    assert LINK.findall(nobody.get("/verify").text) == ["/exam/help#certificate"]
    assert "/staff/sign-in/help" in nobody.get("/staff/sign-in").text
    assert nobody.get("/staff/sign-in/help").status_code == 200
    assert nobody.get("/staff/help/proctor", headers={"Accept": "text/html"}).location.startswith(
        "/staff/sign-in"
    )


def test_a_word_is_found_in_what_somebody_may_read(world: World) -> None:
    proctor = world.staff("proctor")
    page = proctor.get("/staff/help", query_string={"q": "断网 补时"}).text
    assert "/staff/help/proctor#offline" in page
    assert "<mark>补时</mark>" in page
    assert "officer" not in re.sub(r"<header.*?</header>", "", page, flags=re.DOTALL)
    hostile = proctor.get("/staff/help", query_string={"q": "<script>alert(1)</script>"}).text
    assert "<script>alert" not in hostile
    assert "没有" in hostile
    candidate = world.app.test_client().get("/exam/help", query_string={"q": "交卷"}).text
    assert 'href="#submit"' in candidate


@pytest.mark.parametrize(
    ("query", "first"),
    [
        pytest.param("换机", "move", id="a heading"),
        pytest.param("考生断网怎么办", "offline", id="a question"),
        pytest.param("EVACUATE", "", id="another language's"),
        pytest.param("SIGN-IN", "", id="nothing"),
        pytest.param("？！", "", id="only signs"),
        pytest.param("pdf", "record", id="any case"),
    ],
)
def test_what_is_found_first(query: str, first: str) -> None:
    book = handbook("proctor", "zh", lambda name, section: f"/{name}#{section}", lambda name: f"/{name}")
    hits = search(query, [book])
    assert [hit.section.id for hit in hits][:1] == ([first] if first else [])


def test_the_candidates_handbook_keeps_nobody_from_their_paper(world: World) -> None:
    """Whoever waits reads it at an address that watches for the start; a machine at its seat page goes back."""
    door = world.app.test_client()
    assert "/exam/help?from=seat" in door.get("/").text
    page = door.get("/exam/help?from=seat").text
    assert 'data-home="/"' in page
    assert "data-state" not in page
    assert "candidate.js" in page
    assert "candidate.js" not in door.get("/exam/help").text
    world.admit_all()
    waiting = world.candidate("theory")
    page = waiting.get("/exam/help").text
    assert 'data-state="/exam/wait/state"' in page
    assert 'data-home="/exam/wait"' in page
    assert "cbt-help" not in page

"""Whatever page a browser says it was on, it is led to a page of this site."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.attacks.test_injection import goes_elsewhere
from tests.web.test_kept_forms import PEOPLE, end_login, guarded, own, send
from tests.world import World

assert guarded  # a fixture
PLACES = [
    "//evil.example/", "///evil.example", "////evil.example/x", "/\\evil.example", "/\\/evil.example",
    "//evil.example?x=//evil.example", "/\t/evil.example", "//\tevil.example", "//evil.example\\@localhost/",
]  # fmt: skip
"""Pages of this host by their origin, of another once nothing but the path is kept."""


def away(reply: TestResponse) -> list[str]:
    """Return where an answer leads, or has a link to, that is not on this site."""
    links = re.findall(r'(?:href|action)="([/\\][^"]*)"', reply.text)
    led = [reply.headers[name] for name in ("Location", "HX-Redirect") if name in reply.headers]
    return [place for place in (*led, *links) if goes_elsewhere(place)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("header", ["Referer", "HX-Current-URL"])
def test_a_form_without_its_login_comes_back_on_a_page_of_ours(
    guarded: World, place: str, header: str
) -> None:
    client = guarded.staff("admin")
    form = own(client.get(PEOPLE).text) | {"login": "new.one", "name": "二月批"}
    end_login(guarded, "admin")
    reply = send(client, PEOPLE, dict(form), **{header: f"http://localhost{place}"})
    assert reply.status_code == 303
    assert "next=/staff/people" in reply.location
    assert away(reply) == []


@pytest.mark.parametrize("place", PLACES)
def test_a_form_of_another_login_is_led_to_a_page_of_ours(guarded: World, place: str) -> None:
    """The same person signed in anew, in another tab, before the form was sent: it is led there at once."""
    client = guarded.staff("admin")
    form = own(client.get(PEOPLE).text) | {"login": "new.one", "name": "二月批"}
    client.post("/staff/sign-out", data=own(client.get("/staff").text))
    again = guarded.staff("admin")
    kept = again.get_cookie("cbt_staff")
    assert kept is not None
    client.set_cookie("cbt_staff", kept.value)
    reply = send(client, PEOPLE, dict(form), Referer=f"http://localhost{place}")
    assert reply.status_code == 303
    assert reply.location.startswith("/staff/people?kept=")
    assert away(reply) == []


@pytest.mark.parametrize("place", PLACES)
def test_a_refusal_links_to_a_page_of_ours(world: World, place: str) -> None:
    client: FlaskClient = world.staff("officer")
    reply = client.post("/office/nothing-here", headers={"Referer": f"http://localhost{place}"})
    assert reply.status_code == 404
    assert away(reply) == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("partial", [False, True], ids=["page", "part"])
def test_a_form_that_was_sent_twice_leads_to_a_page_of_ours(
    world: World, place: str, *, partial: bool
) -> None:
    client = world.staff("admin")
    sent = {
        "once_key": own(client.get(PEOPLE).text)["once_key"],
        "login": "new.one",
        "name": "人",
        "roles": "author",
    }
    told = {"Referer": f"http://localhost{place}"} | ({"HX-Request": "true"} if partial else {})
    for _ in range(2):
        assert away(client.post(PEOPLE, data=sent, headers=told)) == []


@pytest.mark.parametrize(
    "path", ["//evil.example", "//evil.example/..", "/\\evil.example", "/\t/evil.example"]
)
@pytest.mark.parametrize("who", ["nobody", "officer"])
def test_an_address_that_names_another_site_leads_nowhere(world: World, path: str, who: str) -> None:
    client = world.app.test_client() if who == "nobody" else world.staff(who)
    reply = client.get("/", environ_overrides={"PATH_INFO": path})
    led = reply.headers.get("Location", "http://localhost/")
    assert led.startswith("http://localhost/")
    assert not goes_elsewhere(led.removeprefix("http://localhost"))
    assert reply.status_code == 308 or away(reply) == []

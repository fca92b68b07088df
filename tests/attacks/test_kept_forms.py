"""What is kept of a form cannot be planted by another site, read by another account, or fill the disk."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cbt.http.form_posts.kept_forms import MOST_OF_ACCOUNT, NEVER
from cbt.http.models import KeptForm
from tests.web.test_kept_forms import PEOPLE, count, end_login, guarded, hidden, own, send, sign_in
from tests.world import World

assert guarded  # a fixture
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
Attack = Callable[[World, dict[str, str]], tuple[dict[str, str], dict[str, str]]]


def key_of(world: World, role: str) -> str:
    return hidden(world.staff(role).get("/staff").text, "once_key")


ATTACKS: dict[str, Attack] = {
    "another site's page": lambda _, form: (form, {"Origin": "https://evil.example"}),
    "a page of another port": lambda _, form: (form, {"Origin": "http://localhost:8080"}),
    "a page without an origin": lambda _, form: (form, {"Origin": "null"}),
    "nobody says from where": lambda _, form: (form, {"Origin": "", "Referer": ""}),
    "another site's referrer": lambda _, form: (
        form,
        {"Origin": "", "Referer": f"http://evil.example{PEOPLE}"},
    ),
    "no key": lambda _, form: (form | {"once_key": ""}, {}),
    "a key with another's name": lambda world, form: (
        form | {"once_key": re.sub(r"^[^.]+", world.people["officer"].ref, form["once_key"])},
        {},
    ),
    "a key of another time": lambda _, form: (
        form | {"once_key": re.sub(r"\.[^.]+\.", ".7fffffff.", form["once_key"], count=1)},
        {},
    ),
    "asked as a program": lambda _, form: (form, {"Accept": "application/json"}),
}


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_nothing_is_kept_of_a_form_that_was_not_ours(guarded: World, attack: str) -> None:
    """The cookie of the browser is a newer one: all that speaks for the form is its key and where it came from."""
    client = guarded.staff("admin")
    form = own(client.get(PEOPLE).text) | {"name": "种下的"}
    client.post("/staff/sign-out", data=own(client.get("/staff").text))
    form, headers = ATTACKS[attack](guarded, form)
    assert send(client, PEOPLE, dict(form), **headers).status_code in (400, 403)
    assert count(guarded, KeptForm) == 0


def test_a_cookie_that_is_over_keeps_nothing_under_anothers_key(guarded: World) -> None:
    client = guarded.staff("admin")
    form = own(client.get(PEOPLE).text) | {"name": "种下的", "once_key": key_of(guarded, "officer")}
    end_login(guarded, "admin")
    assert "kept" not in send(client, PEOPLE, dict(form)).location
    assert count(guarded, KeptForm) == 0


def test_what_comes_back_is_text_and_passwords_do_not(guarded: World) -> None:
    client = guarded.staff("admin")
    page = client.get("/staff/people").text
    script = "</textarea><script>alert(1)</script>\"'>"
    form = own(page) | {"login": script, "name": script, "second_password": "geheim", "x": script}
    end_login(guarded, "admin")
    sent = send(client, "/staff/people", dict(form))
    shown = client.get(sign_in(guarded, client, "admin", sent.location).location).text
    assert "&lt;script&gt;" in shown
    assert "<script>alert" not in shown
    assert "geheim" not in shown


def test_an_account_has_room_for_a_few(guarded: World) -> None:
    client = guarded.staff("admin")
    form = own(client.get(PEOPLE).text)
    end_login(guarded, "admin")
    for number in range(MOST_OF_ACCOUNT + 3):
        send(client, PEOPLE, form | {"name": f"第 {number} 份"})
    assert count(guarded, KeptForm) == MOST_OF_ACCOUNT
    sign_in(guarded, client, "admin")
    assert client.get("/staff").text.count("继续填写") == MOST_OF_ACCOUNT


def test_fields_for_passwords_and_codes_are_never_kept() -> None:
    """By name, or with the whole form they stand in."""
    asked = re.compile(r'password\(\s*"(\w+)"|name="(\w+)"[^>]*(?:type="password"|one-time-code)')
    allowed = {"old", "new", "again"}  # of the page of one's own password, NEVER
    found = {
        name
        for path in TEMPLATES.rglob("*.html")
        for pair in asked.findall(path.read_text("utf-8"))
        for name in pair
        if name
    }
    assert "password" in found
    assert {name for name in found if "password" not in name} <= allowed | {"code"}
    assert "accounts.password" in NEVER

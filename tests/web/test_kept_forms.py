"""A form that arrives when its sender's login is over comes back filled once they have signed in again."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from cbt.accounts.models import Staff
from cbt.application.jobs import purge_sign_ins
from cbt.http.auth.login_store import revoke_logins
from cbt.http.form_posts import kept_forms
from cbt.http.models import KeptForm, KeptFormPart
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import flat
from tests.world import PASSWORD, World
from tests.write_lock_work import held_units

PEOPLE = "/staff/people"
STILL_HERE = "您刚才填写的内容还在，请核对后再提交"


@pytest.fixture
def guarded(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world with form tokens that count."""
    monkeypatch.setitem(world.app.config, "WTF_CSRF_ENABLED", True)
    return world


def hidden(page: str, name: str) -> str:
    """Return the hidden value of that name in the form of a person on a page, else the last one."""
    forms = re.findall(r"<form.*?</form>", page, re.DOTALL)
    own_form = next((form for form in forms if 'name="login"' in form and "once_key" in form), page)
    return re.findall(rf'name="{name}" value="([^"]*)"', own_form)[-1]


def own(page: str) -> dict[str, str]:
    """Return what a form of a page carries about itself."""
    return {name: hidden(page, name) for name in ("csrf_token", "once_key")}


def end_login(world: World, role: str) -> None:
    with world.app.app_context(), unit_of_work() as session:
        revoke_logins(session, kind="staff", subject_ref=world.people[role].ref, now=world.clock.now())


def sign_in(world: World, client: FlaskClient, role: str, where: str = "/staff/sign-in") -> TestResponse:
    page = client.get(where).text
    return client.post(
        "/staff/sign-in",
        data={
            "csrf_token": hidden(page, "csrf_token"),
            "next": hidden(page, "next").replace("&amp;", "&"),
            "login": world.people[role].login,
            "password": PASSWORD,
        },
    )


def count(world: World, model: type) -> int:
    with world.app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def send(client: FlaskClient, to: str, data: dict[str, object], **headers: str) -> TestResponse:
    """Send a form of the page at that very address, as a browser does."""
    said = {"Referer": f"http://localhost{to}", "Origin": "http://localhost"} | headers
    return client.post(to, data=data, headers={name: text for name, text in said.items() if text})


def test_a_long_form_comes_back_filled_and_is_sent_once_more(guarded: World) -> None:
    client, former = guarded.staff("admin"), count(guarded, Staff)
    wish = {"login": "new.one", "roles": ["author", "officer"]}
    form = own(client.get(f"{PEOPLE}?page=1").text) | wish | {"name": "二月<b>批"}
    end_login(guarded, "admin")
    sent = send(client, PEOPLE, form, Referer=f"http://localhost{PEOPLE}?page=1")
    where = urlsplit(sent.location)
    assert (sent.status_code, where.path) == (303, "/staff/sign-in")
    assert "已替您留着" in client.get(sent.location).text
    with guarded.app.app_context(), reading() as session:
        sealed = session.scalars(select(KeptFormPart.sealed)).one()
    assert "二月".encode() not in sealed

    back = sign_in(guarded, client, "admin", sent.location)
    assert back.location == parse_qs(where.query)["next"][0]
    page = client.get(back.location).text
    assert STILL_HERE in page
    assert 'value="二月&lt;b&gt;批"' in page
    assert re.findall(r'name="roles" value="(\w+)"[^>]*checked', page) == ["author", "officer"]
    assert hidden(page, "once_key") == form["once_key"], "still the same form"
    assert hidden(page, "csrf_token") != form["csrf_token"]
    assert count(guarded, Staff) == former, "nothing is carried out by itself"

    again = own(page) | wish | {"kept_form": hidden(page, "kept_form")}
    assert send(client, PEOPLE, again | {"name": " "}).status_code == 422
    assert send(client, PEOPLE, again | {"name": "二月批"}).status_code == 200
    assert (count(guarded, Staff), count(guarded, KeptForm)) == (former + 1, 0)
    assert STILL_HERE not in client.get(back.location).text
    assert send(client, PEOPLE, again | {"name": "二月批"}).status_code == 303
    assert count(guarded, Staff) == former + 1


def test_files_are_kept_and_go_with_the_form(guarded: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_forms, "PART_BYTES", 100_000)
    client, to = guarded.staff("officer"), "/office/blueprints/file"
    form = own(client.get("/office/blueprints").text)
    end_login(guarded, "officer")
    body = "不是 TOML".encode() + b"#" * 250_000
    at = "http://localhost/office/blueprints"
    sent = send(client, to, form | {"file": (io.BytesIO(body), "方案.toml")}, Referer=at)
    assert count(guarded, KeptFormPart) == 3
    page = client.get(sign_in(guarded, client, "officer", sent.location).location).text
    assert "方案.toml" in flat(page)
    again = own(page) | {"kept_form": hidden(page, "kept_form"), "file": (io.BytesIO(b""), "")}
    refused = send(client, to, again, Referer=at)
    assert refused.status_code == 422
    assert "方案.toml" in flat(refused.text)
    assert count(guarded, KeptForm) == 1, "a refused form keeps its file"


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_large_forms_are_forgotten_a_part_or_two_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_forms, "PART_BYTES", 100)
    content = kept_forms.StoredFormContent([], [kept_forms.StoredFile("file", "x", "x", bytes(2_000))])

    def keep() -> None:
        kept_forms.keep("st-1", path="/x", page="/x", content=content, now=world.clock.now())

    def purge() -> None:
        world.clock.advance(kept_forms.KEPT)
        while kept_forms.purge_kept(now=world.clock.now(), most=100):
            pass

    with world.app.app_context(), held_units(world.app) as units:
        for _ in range(kept_forms.MOST_OF_ACCOUNT + 1):
            keep()
        assert count(world, KeptForm) == kept_forms.MOST_OF_ACCOUNT
        assert count(world, KeptFormPart) == kept_forms.MOST_OF_ACCOUNT * 21
        purge()
    assert max((unit.written for unit in units), default=0) <= kept_forms.MOST_OF_ACCOUNT
    assert count(world, KeptForm) == count(world, KeptFormPart) == 0


def test_only_the_same_account_sees_it_and_for_half_an_hour(guarded: World) -> None:
    client = guarded.staff("admin")
    form = own(client.get(PEOPLE).text) | {"name": "三月批"}
    end_login(guarded, "admin")
    sent = send(client, PEOPLE, form)
    back = sign_in(guarded, client, "inspector", sent.location).location
    ref = parse_qs(urlsplit(back).query)["kept"][0]
    for place in (back, f"/staff/kept/{ref}", "/staff"):
        assert "三月批" not in client.get(place).text
        assert STILL_HERE not in client.get(place).text
    client.post(f"/staff/kept/{ref}/forget", data=own(client.get("/staff").text))
    assert count(guarded, KeptForm) == 1

    admin = guarded.staff("admin")
    assert "继续填写" in admin.get("/staff").text
    assert "三月批" in admin.get(f"/staff/kept/{ref}").text
    guarded.clock.advance(timedelta(minutes=30))
    assert "继续填写" not in admin.get("/staff").text
    assert admin.get(f"/staff/kept/{ref}").status_code == 404
    with guarded.app.app_context():
        purge_sign_ins(now=guarded.clock.now())
    assert (count(guarded, KeptForm), count(guarded, KeptFormPart)) == (0, 0)


def test_a_page_from_before_another_sign_in_is_filled_at_once(guarded: World) -> None:
    """Somebody signed out and in again in another tab: the token of this page is an old one."""
    client = guarded.staff("admin")
    form = own(client.get(PEOPLE).text) | {"name": "四月批"}
    client.post("/staff/sign-out", data=own(client.get("/staff").text))
    out = send(client, PEOPLE, form)
    assert urlsplit(out.location).path == "/staff/sign-in"
    sign_in(guarded, client, "admin")
    sent = send(client, PEOPLE, form)
    assert sent.status_code == 303
    assert 'value="四月批"' in client.get(sent.location).text

    client.post("/staff/sign-out", data=own(client.get("/staff").text))
    sign_in(guarded, client, "inspector")
    other = send(client, PEOPLE, form)
    assert other.status_code == 409
    assert "另一账号" in other.text
    assert "四月批" not in other.text


def test_a_form_of_an_open_page_and_one_without_a_page_lead_back_too(guarded: World) -> None:
    client = guarded.staff("admin")
    form = own(client.get(PEOPLE).text) | {"name": "五月批"}
    end_login(guarded, "admin")
    sent = send(
        client,
        PEOPLE,
        form,
        Referer="",
        **{"HX-Request": "true", "HX-Current-URL": "http://localhost/staff"},
    )
    assert sent.status_code == 401
    back = sign_in(guarded, client, "admin", sent.headers["HX-Redirect"]).location
    assert urlsplit(back).path == "/staff"
    there = client.get(back)
    assert urlsplit(there.location).path == PEOPLE, "the page that the form is sent to has it"
    assert 'value="五月批"' in client.get(there.location).text

    correct = f"/office/registrations/{guarded.sitters['theory'].registration_ref}/correct"
    form = own(client.get(PEOPLE).text) | {"reason": "六月改", "what": "name"}
    end_login(guarded, "admin")
    sent = send(client, correct, form, Referer="http://localhost/staff")
    back = client.get(sign_in(guarded, client, "admin", sent.location).location)
    shown = client.get(back.location).text
    assert urlsplit(back.location).path.startswith("/staff/kept/")
    assert "六月改" in shown
    assert form["once_key"] not in shown


@pytest.mark.once
def test_an_act_that_was_asked_for_in_a_dialog_comes_back_as_that_dialog(guarded: World) -> None:
    guarded.admit_all()
    guarded.start()
    client, sitter = guarded.staff("proctor"), guarded.sitters["theory"]
    board = f"/proctor/rooms/{guarded.room_ref}"
    asked = client.get(f"{board}/acts/violation?seat={sitter.registration_ref}").text
    form = own(asked) | {
        "seat": sitter.registration_ref,
        "reason": "开考后使用手机",
        "as_of": hidden(asked, "as_of"),
    }
    end_login(guarded, "proctor")
    here = {"HX-Request": "true", "HX-Current-URL": f"http://localhost{board}?view=list"}
    sent = send(client, f"{board}/acts/violation", form, Referer=f"http://localhost{board}?view=list", **here)
    back = sign_in(guarded, client, "proctor", sent.headers["HX-Redirect"]).location
    assert urlsplit(back).path == board
    page = client.get(back)
    assert page.status_code == 200
    dialog = page.text[page.text.index('id="asked"') :]
    assert re.search(r'<dialog[^>]*id="asked"[^>]* open', page.text)
    for there in (
        f'action="{board}/acts/violation"',
        "开考后使用手机",
        f'value="{sitter.registration_ref}"',
        STILL_HERE,
    ):
        assert there in dialog
    assert 'id="asked"' in client.get(board).text
    assert "open" not in re.findall(r'<dialog[^>]*id="asked"[^>]*>', client.get(board).text)[0]

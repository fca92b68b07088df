"""A form that arrives twice makes one thing, and whoever sent it lands where the first led."""

from __future__ import annotations

import re
import threading
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from cbt.accounts.models import Staff
from cbt.application.jobs import purge_sign_ins
from cbt.batches import shape
from cbt.errors import Conflict
from cbt.http.form_posts import idempotency
from cbt.http.models import SentForm
from cbt.runner.models import Message
from cbt.sittings.models import Batch
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import flat
from tests.proctoring.desk import running
from tests.world import World

BATCHES = "/office/batches"


def key_on(client: FlaskClient, page: str) -> str:
    """Return the key of the last form of a page."""
    return re.findall(r'name="once_key" value="([^"]+)"', client.get(page).text)[-1]


def count(world: World, model: type, *where: object) -> int:
    with world.app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(model).where(*where)) or 0


def said(client: FlaskClient, page: str) -> str:
    """Return the notes at the head of the page that is opened next."""
    return "".join(re.findall(r'<div class="flashes".*?</div></div></div>', flat(client.get(page).text)))


def test_the_second_arrival_of_a_form_leads_where_the_first_did(world: World) -> None:
    client, former = world.staff("officer"), count(world, Batch)
    form = {"name": "第三批", "once_key": key_on(client, BATCHES)}
    refused = client.post(BATCHES, data=form | {"name": " "})
    assert refused.status_code == 422
    first = client.post(BATCHES, data=form)
    assert first.status_code == 303, "a refused form may be sent again"
    again = client.post(BATCHES, data=form)
    assert (again.status_code, again.location) == (303, first.location)
    assert "只算一次" in said(client, again.location)
    other = client.post(BATCHES, data=form | {"name": "另一批"})
    assert other.location == first.location
    assert "后来的改动没有保存" in said(client, other.location)
    assert count(world, Batch) == former + 1
    assert client.post(BATCHES, data=form | {"once_key": key_on(client, BATCHES)}).location != first.location
    assert count(world, Batch) == former + 2

    # Another's key, another address, a key of nobody: no form of this person that was sent.
    for stranger in (key_on(world.staff("admin"), "/staff/people"), form["once_key"][:-1], "x", ""):
        assert client.post(BATCHES, data={"name": "又一批", "once_key": stranger}).location != first.location
    assert count(world, Batch) == former + 6

    world.clock.advance(timedelta(days=1))
    with world.app.app_context():
        assert purge_sign_ins(now=world.clock.now()) >= 2
    assert count(world, SentForm) == 0


def test_two_that_arrive_at_the_same_moment_make_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither sees the other's row before its own unit of work; on either database one of them waits."""
    both, former = threading.Barrier(2), count(world, Batch)
    clients = [world.staff("officer"), world.staff("officer")]
    form = {"name": "第四批", "once_key": key_on(clients[0], BATCHES)}
    add, met = shape.begin, []

    def at_once(**given: object) -> str:
        if len(met) < 2:
            met.append(1)
            both.wait(timeout=20)
        return add(**given)  # type: ignore[arg-type]

    monkeypatch.setattr(shape, "begin", at_once)
    replies: list[str | None] = []
    threads = [
        threading.Thread(target=lambda one=one: replies.append(one.post(BATCHES, data=form).location))
        for one in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert count(world, Batch) == former + 1
    assert len(replies) == 2
    assert replies[0] == replies[1]
    assert replies[0]


def test_what_was_shown_once_leads_to_where_another_can_be_had(world: World) -> None:
    client = world.staff("admin")
    form = {
        "login": "newone",
        "name": "新人",
        "roles": "officer",
        "once_key": key_on(client, "/staff/people"),
    }
    assert "newone" in client.post("/staff/people", data=form).text
    again = client.post("/staff/people", data=form)
    assert again.status_code == 303
    assert "新人" in client.get(again.location).text
    assert count(world, Staff, Staff.login == "newone") == 1


def test_a_form_whose_maker_died_before_its_answer_is_not_carried_out_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LOOKS", 1)
    monkeypatch.setattr(idempotency, "LOOK_SECONDS", 0)
    client, former = world.staff("officer"), count(world, Batch)
    form = {"name": "第五批", "once_key": key_on(client, BATCHES)}
    first = client.post(BATCHES, data=form)
    with world.app.app_context(), unit_of_work() as session:
        session.query(SentForm).update({"place": None})
    again = client.post(BATCHES, data=form, headers={"Referer": f"http://localhost{BATCHES}"})
    assert (again.status_code, again.location) == (303, BATCHES)
    assert first.location != BATCHES
    assert "没有再执行" in said(client, again.location)
    assert count(world, Batch) == former + 1


def test_what_made_a_name_taken_is_the_answer_to_its_second_arrival(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first commits while the second asks whether the name is free, and then it is the first's own."""
    client, quicker = world.staff("officer"), world.staff("officer")
    form = {"name": "第六批", "once_key": key_on(client, BATCHES)}
    first, add = [], shape.begin

    def late(**given: object) -> str:
        monkeypatch.setattr(shape, "begin", add)
        thread = threading.Thread(target=lambda: first.append(quicker.post(BATCHES, data=form).location))
        thread.start()
        thread.join(30)
        raise Conflict("batch.name_taken", field="name")

    monkeypatch.setattr(shape, "begin", late)
    assert client.post(BATCHES, data=form).location == first[0]


def test_a_proctors_act_is_said_again_into_the_page_it_was_done_on(world: World) -> None:
    running(world, "theory")
    client = world.staff("proctor")
    ask = f"/proctor/rooms/{world.room_ref}/acts/remind"
    path, htmx = ask, {"HX-Request": "true"}
    seat = world.sitters["theory"].registration_ref
    key = key_on(client, f"{ask}?seat={seat}")
    form = {"seat": seat, "text": "请看时间", "once_key": key}
    first = client.post(path, data=form, headers=htmx)
    again = client.post(path, data=form, headers=htmx)
    assert (again.status_code, again.text, again.headers["HX-Trigger"]) == (200, first.text, "acted")
    assert count(world, Message) == 1
    world.clock.advance(idempotency.SAID)
    with world.app.app_context():
        purge_sign_ins(now=world.clock.now())
    late = client.post(path, data=form, headers=htmx)
    assert late.headers["HX-Redirect"]

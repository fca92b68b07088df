"""A 提醒 that is sent while another is being confirmed is shown, on either database, whoever comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cbt.runner import attempt_changes
from cbt.runner.attempt_changes import send_message
from cbt.runner.models import Attempt, Message
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.delivery.driver import Page, opened_page
from tests.world import World

PATIENCE = 1.0
"""How long the other transaction may try; it is waiting for the row when it needs longer."""


@pytest.fixture
def page(world: World) -> Page:
    """王小明 has one reminder on the screen."""
    page = opened_page(world)
    remind(world, "请安静")
    assert shown(page) == ["请安静"]
    return page


def remind(world: World, text: str) -> None:
    with world.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        send_message(session, attempt, now=world.clock.now(), text=text, actor="staff:test")


def shown(page: Page) -> list[str]:
    return [one["text"] for one in page.send().get_json()["clock"]["messages"]]


def confirm(page: Page, message_id: int = 1) -> TestResponse:
    return page.client.post(
        f"/attempts/{page.ref}/messages/{message_id}/read", json={}, headers={"X-CBT-Lease": page.lease}
    )


def beside(work: Callable[[], object]) -> threading.Thread:
    """Do something in a thread of its own, and wait while it can go on."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE)
    return thread


def test_a_reminder_sent_while_the_former_is_confirmed_is_shown(
    page: Page, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The confirmation has read what is unread, and not written yet, when the second is sent."""
    senders: list[threading.Thread] = []
    whole = attempt_changes.unread_messages

    def read(session: Session, attempt_id: int) -> list[Message]:
        unread = whole(session, attempt_id)
        if not senders:
            senders.append(beside(lambda: remind(world, "还有五分钟")))
        return unread

    monkeypatch.setattr(attempt_changes, "unread_messages", read)
    assert confirm(page).status_code == 200
    senders[0].join(20)
    assert shown(page) == ["还有五分钟"]


def test_a_reminder_whose_sender_has_read_before_the_confirmation_is_shown(page: Page, world: World) -> None:
    """The proctor's transaction has the row as it was with the first reminder still unread."""
    with world.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        assert attempt.has_message
        confirming = beside(lambda: confirm(page))
        send_message(session, attempt, now=world.clock.now(), text="还有五分钟", actor="staff:test")
    confirming.join(20)
    assert shown(page) == ["还有五分钟"]


def test_the_last_confirmation_leaves_nothing_waiting(page: Page, world: World) -> None:
    remind(world, "还有五分钟")
    assert shown(page) == ["请安静", "还有五分钟"]
    assert confirm(page, 1).status_code == 200
    assert shown(page) == ["还有五分钟"]
    assert confirm(page, 2).status_code == 200
    assert shown(page) == []
    with world.app.app_context(), reading() as session:
        assert not session.get_one(Attempt, world.sitters["theory"].attempt_id).has_message


def test_a_repeat_keeps_the_first_receipts(page: Page, world: World) -> None:
    assert confirm(page).status_code == 200
    with world.app.app_context(), reading() as session:
        first = session.scalars(select(Message)).one()
    world.clock.advance(timedelta(minutes=1))
    assert confirm(page).status_code == 200
    with world.app.app_context(), reading() as session:
        again = session.scalars(select(Message)).one()
    assert (again.delivered_at, again.read_at) == (first.delivered_at, first.read_at)


@pytest.mark.parametrize(
    "message_id", [2, 99, 2**40], ids=["the next", "an unknown one", "far too large a number"]
)
def test_a_foreign_number_confirms_nothing(page: Page, message_id: int) -> None:
    confirm(page, message_id)
    assert shown(page) == ["请安静"]


def test_another_lease_confirms_nothing(page: Page) -> None:
    lease, page.lease = page.lease, "guessed"
    assert confirm(page).get_json()["code"] == "lease.lost"
    page.lease = lease
    assert shown(page) == ["请安静"]

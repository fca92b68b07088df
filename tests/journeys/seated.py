"""Candidates who are already at their papers, for journeys about what happens there."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.runner.models import JournalEntry, LateEntry
from tests.helpers import sign_in_as
from tests.journeys.browsers import Browser
from tests.journeys.candidate import Candidate
from tests.journeys.centre import Centre
from tests.world import PLANNED


def begin(centre: Centre) -> None:
    """Bring everybody through the door and start the rooms, past every page of it."""
    world = centre.world.on(centre.app, centre.app.extensions["cbt_clock"])
    world.admit_all()
    centre.clock.set(PLANNED)
    world.start()


def seat(centre: Centre, browser: Browser, name: str, *, machine: str = "") -> Candidate:
    """Give a browser the login of a sitter and open the paper in it."""
    candidate = log_in(centre, browser, name, machine=machine)
    browser.go(f"/exam/{candidate.sitter.attempt_ref}")
    candidate.opens()
    return candidate


def log_in(centre: Centre, browser: Browser, name: str, *, machine: str = "") -> Candidate:
    """Give a browser the login of a sitter."""
    candidate = Candidate(browser, name)
    centre.app.extensions["cbt_clock"].set(centre.now())
    client = sign_in_as(
        centre.app,
        kind="candidate",
        subject_ref=candidate.sitter.registration_ref,
        machine=machine or f"seat-{candidate.sitter.seat}",
    )
    for cookie in ("cbt", "cbt_machine"):
        found = client.get_cookie(cookie)
        assert found is not None
        browser.context.add_cookies([{"name": cookie, "value": found.value, "url": centre.url}])
    return candidate


def journal_of(centre: Centre, name: str) -> list[tuple[int, Any]]:
    """Return the answers in a sitter's journal in their order: (position, canonical value)."""
    with centre.session() as session:
        return _answers(session, JournalEntry, centre.world.sitters[name].attempt_id)


def evidence_of(centre: Centre, name: str) -> list[tuple[int, Any]]:
    """Return the late answers of a sitter likewise."""
    with centre.session() as session:
        return _answers(session, LateEntry, centre.world.sitters[name].attempt_id)


def _answers(session: Session, table: Any, attempt_id: int) -> list[tuple[int, Any]]:
    rows = session.execute(
        select(table.position, table.value)
        .where(table.attempt_id == attempt_id, table.kind == "answer")
        .order_by(table.lease_epoch, table.seq)
    )
    return [(position, value) for position, value in rows]

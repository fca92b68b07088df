"""No log holds a ticket's, a document's or a certificate's number: neither the server's lines nor the audit log."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.candidates.models import AdmissionTicket
from cbt.http.auth.rate_limit import MAX_FAILURES, SLOWER
from tests.door.door import let_unbound_in, machine, machine_at, pass_the_door, sign_in, work
from tests.world import World


def test_a_journey_with_guesses_leaves_no_number(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with work(world) as session:
        tickets = set(session.scalars(select(AdmissionTicket.number)))
    documents = [f"31010119900101{number:03d}X" for number in range(1, 20)]
    let_unbound_in(world)
    pass_the_door(world, "theory", "skills")
    for number in range(SLOWER.tries + 1):
        sign_in(world, machine(world, address=f"10.1.0.{number}"), "theory", document="000000")
    for name in ("skills", "theory"):
        seat = machine_at(world, 1)
        for _ in range(MAX_FAILURES):
            seat.post("/seat/sign-in", data={"ticket": sorted(tickets)[0], "code": "000000"})
        sign_in(world, seat, name)
    browser, officer = world.app.test_client(), world.staff("officer")
    for number in range(2 * SLOWER.tries):
        browser.environ_base["REMOTE_ADDR"] = f"10.2.0.{number}"
        sent = {
            "number": sorted(tickets)[0],
            "ticket": sorted(tickets)[0],
            "name": "无名氏",
            "document": documents[0],
        }
        for path in ("/my/results", "/verify", "/results/slip"):
            browser.post(path, data=sent)
            browser.get(path, query_string=sent)
    officer.get(f"/office/registrations/{world.sitters['theory'].registration_ref}")
    officer.post(
        f"/office/registrations/{world.sitters['theory'].registration_ref}/reveal", data={"reason": "核对"}
    )
    with work(world) as session:
        entries = [" ".join([row.actor, *row.fields]) for row in session.scalars(select(AuditEntry))]
    acts = " ".join(entries)
    assert "guessing.ticket" in acts
    assert "many failed tries" in caplog.text
    for line in (*entries, *caplog.text.splitlines()):
        for number in (*tickets, *documents):
            assert number not in line, line

"""Where a candidate was and when their units are open, as the next page of the attempt is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cbt.runner.attempt_changes import allow_move
from cbt.runner.models import Attempt, AttemptLive
from cbt.storage.unit_of_work import unit_of_work
from tests.delivery.driver import Page
from tests.delivery.test_clock_edges import grant
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)


def test_another_machine_begins_where_the_candidate_was(world: World) -> None:
    world.admit_all()
    world.start()
    page = Page(world, "theory")
    page.start()
    assert page.opened["at"] is None
    assert page.send(page.entry(3, "A"), at=3).status_code == 200
    assert page.send(at=7).status_code == 200  # a heartbeat says it, too
    for nonsense in (0, -1, 10**6, True, "7", None, [7], 2.5):
        assert page.send(at=nonsense).status_code == 200  # no answer is refused for it
    with world.app.app_context(), unit_of_work() as session:
        attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        allow_move(session, attempt, now=world.clock.now(), actor="staff:test")
    other = Page(world, "theory", machine="spare")
    assert other.start().status_code == 200
    assert other.opened["at"] == 7
    assert page.send(at=9).status_code == 409  # who lost the paper moves nobody
    with world.app.app_context(), unit_of_work() as session:
        live = session.get_one(AttemptLive, world.sitters["theory"].attempt_id)
        assert (live.position, live.answered) == (7, 1)


def test_a_page_is_told_the_windows_it_really_has(world: World) -> None:
    world.admit_all()
    world.start()
    page = Page(world, "skills")
    world.clock.set(PLANNED + 3 * MINUTE)  # late: what is left is scaled
    page.start()
    planned = page.opened["windows"]
    assert [one["unit"] for one in planned] == [1, 2, 3, 4]
    assert planned[0]["to"] == page.opened["clock"]["unit"]["ends_at"]
    assert planned[-1]["to"] == page.opened["clock"]["closes_at"]
    assert page.opened["paper"]["unused_time"] == "carried"
    grant(world, "skills", 5 * MINUTE)
    assert "windows" not in clock(page, "")
    moved = clock(page, "?windows")
    assert moved["windows"][0]["to"] == moved["clock"]["unit"]["ends_at"]
    assert moved["windows"][1]["to"] > planned[1]["to"]
    world.clock.advance(MINUTE)
    after = page.advance(1, completed=True).get_json()
    assert [one["unit"] for one in after["windows"]] == [2, 3, 4]
    assert after["windows"][0]["to"] == moved["windows"][1]["to"]  # carried: it ends when it would have


def test_a_paper_without_windows_has_none_to_tell(world: World) -> None:
    world.admit_all()
    world.start()
    page = Page(world, "theory")
    page.start()
    assert (page.opened["windows"], page.opened["paper"]["unused_time"]) == ([], None)
    assert clock(page, "?windows")["windows"] == []


def clock(page: Page, query: str) -> dict[str, Any]:
    """Return what the page is told when it asks for its clock."""
    path = f"/attempts/{page.ref}/clock{query}"
    told: dict[str, Any] = page.client.get(path, headers={"X-CBT-Lease": page.lease}).get_json()
    return told

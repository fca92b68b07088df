"""Wall clocks that jump and drift under a running server, and that stand elsewhere when it starts again.

libfaketime tells the server another wall time and leaves the monotonic clock alone, as a clock set by hand or
by NTP does.

Source: R-27; I2, I5.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from cbt.accounts.models import Staff
from cbt.accounts.staff import create_staff
from cbt.clock import SystemClock
from cbt.http.auth.cookies import cookie_signer, session_cookie
from cbt.http.auth.login_store import open_login
from cbt.http.auth.machine import Machine
from cbt.rules.roles import Role
from cbt.rules.states import ClosedBy, SittingState
from cbt.runner.attempt_changes import refresh_clocks
from cbt.runner.models import Attempt
from cbt.sittings.models import RoomHold, ServerHeartbeat, SittingRoom
from cbt.sittings.room_clock import resume_room
from cbt.storage.unit_of_work import reading, unit_of_work
from torture.sites.server import Server
from torture.sites.site import Site
from torture.sites.waiting import wait_for
from torture.tools import faketime_library
from torture.trial import Trial

JUMPS = ("-86400", "+7200", "+0 x1.5")
"""A day back, two hours on, half as fast again."""
BANNER = b'class="flash warn" role="status"'
"""What the pages of the staff show while the wall clock stands apart from the server's."""


class SetClock:
    """The clock of a machine whose wall clock was set by `by`."""

    def __init__(self, by: timedelta) -> None:
        self._clock = SystemClock()
        self._by = by

    def now(self) -> datetime:
        """Return the present instant as that machine has it."""
        return self._clock.now() + self._by

    def drift(self) -> timedelta:
        """Return no drift: it started so."""
        return timedelta(0)


def clock_jumps(trial: Trial) -> None:
    """Set the wall clock under a running server: it goes on by its own, closes nobody and shows a banner."""
    site = trial.site()
    wall = site.folder / "wall"
    cookie = _proctor_cookie(site)
    with (
        site.serving(extra=_faked(wall, "+0", followed=True)) as server,
        site.load(trial.seed, lambda: server.port) as load,
    ):
        load.wait_for_saves(20)
        trial.expect(not _banner(server, cookie), "X", "a banner without a jump")
        for number in range(trial.times):
            _set(wall, JUMPS[number % len(JUMPS)])
            trial.injected()
            trial.expect(wait_for(lambda: _banner(server, cookie), 20), "X", "no banner after a jump")
            trial.expect(load.wait_for_saves(40), "I12", "nothing is saved after a jump")
            trial.expect(_beats_on(site), "I5", "the heartbeat stands still after a jump")
            trial.expect(_deadline_closings(site) == 0, "I2", "a jump closed somebody")
            _set(wall, "+0")
        trial.drain(load)
    trial.judge(site)


def long_outage(trial: Trial) -> None:
    """Kill everything and start two hours later: the rooms are held, and all the time is given back."""
    _restart(trial, timedelta(hours=2))


def clock_reset(trial: Trial) -> None:
    """Kill everything and start with the clock a little back, after a try with one that lost its battery.

    A clock before the room's start is refused in words; one that is only behind the heartbeat holds the rooms.
    """
    _restart(trial, timedelta(seconds=-45), first=timedelta(days=-1))


def _restart(trial: Trial, by: timedelta, *, first: timedelta | None = None) -> None:
    for _ in range(trial.times):
        site = trial.site()
        wall = site.folder / "wall"
        with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
            load.wait_for_saves(30)
            ends = _ends(site)
            server.kill_group()
            trial.injected()
            if first is not None:
                server.start(extra=_faked(wall, f"{first.total_seconds():+.0f}"))
                assert server.process is not None
                trial.expect(server.process.wait(60) == 2, "X", "it serves with a clock before the start")
                trial.injected()
            server.start(extra=_faked(wall, f"{by.total_seconds():+.0f}"))
            server.wait_ready()
            clock = SetClock(by)
            trial.expect(
                _states(site) == {SittingState.HELD}, "I5", f"the rooms are {_states(site)}, not held"
            )
            trial.expect(_deadline_closings(site) == 0, "I2", "the restart closed somebody")
            _resume(site, clock)
            trial.expect(load.wait_for_saves(30), "I12", "nothing is saved")
            _check_given_back(trial, site, ends)
            trial.drain(load)
        # The outage was seen by this machine's clock, what was given back by the one that was set.
        site.outages.clear()
        trial.judge(site, settled=False)


def _check_given_back(trial: Trial, site: Site, ends: Mapping[int, datetime]) -> None:
    """Every end moved by what the room was held, or more where a stall of the machine was given back too."""
    with site.app(), reading() as session:
        hold = session.scalars(select(RoomHold)).one()
        moved = {one.id: one.closes_at for one in session.scalars(select(Attempt))}
    assert hold.to_at is not None
    for attempt_id, end_at in ends.items():
        end = moved[attempt_id]
        given = end is not None and end >= end_at + (hold.to_at - hold.from_at)
        trial.expect(given, "I5", f"attempt {attempt_id} ended {end_at}, now {end}")


def _ends(site: Site) -> dict[int, datetime]:
    with site.app(), reading() as session:
        rows = session.execute(
            select(Attempt.id, Attempt.closes_at).where(
                Attempt.closes_at.is_not(None), Attempt.closed_by.is_(None)
            )
        )
        return {row[0]: row[1] for row in rows if row[1] is not None}


def _states(site: Site) -> set[str]:
    with site.app(), reading() as session:
        return set(session.scalars(select(SittingRoom.state)))


def _deadline_closings(site: Site) -> int:
    with site.app(), reading() as session:
        query = select(func.count()).where(Attempt.closed_by == ClosedBy.DEADLINE)
        return session.scalars(query).one()


def _beats_on(site: Site) -> bool:
    """Return whether the leader goes on writing its heartbeat."""

    def beat_at() -> datetime:
        with reading() as session:
            return session.scalars(select(ServerHeartbeat.at)).one()

    with site.app():
        before = beat_at()
        return wait_for(lambda: beat_at() > before, 10)


def _resume(site: Site, clock: SetClock) -> None:
    """Do what a proctor does once everybody sits again."""
    with site.app(clock), unit_of_work() as session:
        for room in session.scalars(select(SittingRoom).where(SittingRoom.state == SittingState.HELD)):
            now = clock.now()
            resume_room(session, room, now=now, actor="cli")
            refresh_clocks(session, now=now, sitting_room_id=room.id)


def _proctor_cookie(site: Site) -> str:
    """Return the cookie of a proctor who signed in."""
    with site.app() as app:
        now: datetime = app.extensions["cbt_clock"].now()
        create_staff(login="jiankao", name="监考员", roles=[Role.PROCTOR], now=now, actor="cli")
        with unit_of_work() as session:
            staff = session.scalars(select(Staff)).one()
            staff.must_change_password = False
            desk = Machine(None, "desk")
            token = open_login(kind="staff", subject_ref=staff.ref, machine=desk, now=now).store(session)
        signer = cookie_signer(app)
        return f"{session_cookie(app, staff=True)}={signer.dumps({'_user_id': token, '_fresh': True})}"


def _banner(server: Server, cookie: str) -> bool:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        line.request("GET", "/staff", headers={"Cookie": cookie})
        reply = line.getresponse()
        if reply.status == 302 or reply.status == 303:
            line.request("GET", reply.headers["Location"], headers={"Cookie": cookie})
            reply = line.getresponse()
        return BANNER in reply.read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


def _faked(wall: Path, offset: str, *, followed: bool = False) -> dict[str, str]:
    """Return the environment of a process whose wall clock is as a file says.

    `followed`: also when the file changes, so that each look at the clock reads it, at several times its cost.
    """
    library = faketime_library()
    if library is None:
        raise LookupError("libfaketime is missing")
    _set(wall, offset)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(wall),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        **({"FAKETIME_NO_CACHE": "1"} if followed else {}),
    }


def _set(wall: Path, offset: str) -> None:
    new = wall.with_suffix(".new")
    new.write_text(offset + "\n", "ascii")
    new.replace(wall)

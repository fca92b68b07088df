"""An installation to measure: real banks, one sitting of many candidates, a form for each, everybody signed in."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import flask

from bench.history import Tell, Years, write_years
from cbt.application.app import create_app
from cbt.config import read_settings
from cbt.demo.world import ACTOR, Entrant, Gathering, Signer, Variant, add_staff, gather, prepare_papers
from cbt.rules.roles import Role
from cbt.runner.save.attempt_row import AttemptInfo
from cbt.runner.start.handler import pack_papers
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import adjust_room, start_room
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.types import db
from cbt.storage.unit_of_work import unit_of_work

PAPER = Variant("customer-service-l3", "theory")
FIRST_ROOM = 100
"""So many sit in the first room, whose board is measured; all others have an exam hall's usual size."""
PER_ROOM = 40
SEED = 1
AGO = timedelta(minutes=40)
"""The rooms started so long ago: 交卷 is allowed already, whatever time is given back on the way."""
MORE_TIME = timedelta(hours=4)
"""延时 for everybody, so that no deadline comes while the bench runs."""


@dataclass(slots=True)
class Sitter:
    """One candidate's browser: what it signed in with, and the lease and the next number once it has opened."""

    attempt_id: int
    attempt_ref: str
    cookie: str
    csrf_token: str
    answers: Sequence[tuple[int, str]] = ()
    """(position, an answer that may come in there) of the positions it answers, over and over."""
    lease: str = ""
    epoch: int = 0
    seq: int = 0
    number: int = 0
    """Up to which number of the log its start knew what happened."""
    room: int = 0
    """Which of the installation's rooms it sits in."""


@dataclass(slots=True)
class Installation:
    """What was built: the app of this process, the sitting, and everybody in it."""

    app: flask.Flask
    environ: dict[str, str]
    sitting_ref: str = ""
    rooms: list[str] = field(default_factory=list)
    """The refs of its rooms."""
    proctor: str = ""
    """The cookie of somebody who may see every room."""
    csrf_token: str = ""
    sitters: list[Sitter] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the present instant of its clock."""
        now: datetime = self.app.extensions["cbt_clock"].now()
        return now


@contextmanager
def installation(
    folder: Path,
    *,
    attempts: int,
    forms: int = 0,
    database_url: str = "",
    years: Years | None = None,
    begun: bool = True,
    tell: Tell = print,
) -> Iterator[Installation]:
    """Build an installation below `folder` and let go of it at the end of the block; the seed is fixed.

    The database is the embedded one, or the empty one of PostgreSQL that `database_url` names; `years` lie
    behind it. Where its rooms have not `begun`, everybody is signed in and waits. So many `forms` go round; 0:
    everybody has one of their own.
    """
    environ = {
        "CBT_DATA_DIR": str(folder / "data"),
        "CBT_KEY_DIR": str(folder / "keys"),
        "CBT_DATABASE_URL": database_url,
        "CBT_SLOW_MS": "60000",  # a log of slow requests is no part of what is measured
    }
    settings = read_settings(environ)
    begin_installation(settings)
    app = create_app(settings)
    built = Installation(app, environ)
    now, rng = built.now(), random.Random(SEED)
    with app.app_context():
        try:
            migrate()
            papers = prepare_papers(settings, [PAPER], forms=forms or attempts, now=now, rng=rng)
            if years is not None:
                write_years(years, PAPER, papers[PAPER], now=now, rng=rng, tell=tell)
            entrants = [Entrant(room_of(number), PAPER) for number in range(attempts)]
            at = now - AGO if begun else now
            gathering = gather(entrants, papers, at=at)
            while pack_papers(now=now):  # as the leader does while the doors are open
                pass
            _open(built, gathering, now=now, begun=begun)
            yield built
        finally:
            app.extensions["cbt_journal"].close()
            db.engine.dispose()


def room_of(number: int) -> int:
    """Return in which room the candidate of this number sits, both counted from 0."""
    return 0 if number < FIRST_ROOM else 1 + (number - FIRST_ROOM) // PER_ROOM


def _open(built: Installation, gathering: Gathering, *, now: datetime, begun: bool) -> None:
    """Start every room, where they have begun, and sign everybody in."""
    built.sitting_ref, built.rooms = gathering.sitting_ref, [ref for _, ref in gathering.rooms]
    signer = Signer(built.app)
    built.csrf_token = signer.csrf_token
    with unit_of_work() as session:
        for room_id, _ in gathering.rooms if begun else ():
            room = session.get_one(SittingRoom, room_id)
            start_room(session, room, now=now - AGO, actor=ACTOR)
            adjust_room(
                session,
                room,
                now=now - AGO,
                amount=MORE_TIME,
                kind="general",
                reason_code="other",
                reason="",
                actor=ACTOR,
            )
        chief = add_staff(session, Role.CHIEF_PROCTOR, login="chief", name="主考", now=now)
        built.proctor = signer.sign_in(session, kind="staff", subject_ref=chief.ref, machine="desk", now=now)
        for number, one in enumerate(gathering.seated):
            cookie = signer.sign_in(
                session,
                kind="candidate",
                subject_ref=one.registration_ref,
                machine=f"m{one.attempt_id}",
                now=now,
            )
            sitter = Sitter(one.attempt_id, one.attempt_ref, cookie, signer.csrf_token)
            sitter.room = room_of(number)
            built.sitters.append(sitter)


def choose_answers(built: Installation) -> None:
    """Give every sitter an answer for each position of its form; needs the attempts to be committed."""
    journal = built.app.extensions["cbt_journal"]
    with built.app.app_context():
        for sitter in built.sitters:
            sitter.answers = _answers(journal.infos.get(sitter.attempt_ref), sitter.attempt_id)


def _answers(info: AttemptInfo, start: int) -> list[tuple[int, str]]:
    return [
        (position, "ABCD"[(start + position) % len(shape["order"])])
        for position, shape in enumerate(info.shapes, 1)
    ]

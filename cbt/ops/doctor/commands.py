"""The command `cbt doctor` and the table of its checks, in the order in which an administrator would look."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime

import click
import flask
from sqlalchemy.orm import Session

from cbt.clock import wall_time
from cbt.config import Sourced, read_sources
from cbt.confined.priority import give_way
from cbt.console.command import command, option
from cbt.console.exits import DIFFERS, DONE, REFUSED
from cbt.console.output import Answer, align, tone
from cbt.console.texts import text
from cbt.errors import CbtError
from cbt.http.app_context import with_app
from cbt.ops.doctor import data, machine, postgresql, server
from cbt.ops.doctor.findings import Check, Diagnosis, Grade, Patient, Symptom, diagnosis, patient, worst
from cbt.proctoring.readiness import read_readiness
from cbt.sittings.models import SittingRoom
from cbt.sittings.store import RoomView, rooms_of_sitting
from cbt.storage.unit_of_work import reading

CHECKS: Mapping[str, Check] = {
    "settings": Check(server.SETTINGS_CODES, server.examine_settings),
    "hands": Check(data.PERMISSIONS_CODES, data.examine_permissions),
    "belonging": Check(data.KEYS_CODES, data.examine_keys),
    "file": Check(data.FILE_CODES, data.examine_file),
    "commits": Check(postgresql.COMMITS_CODES, postgresql.examine_commits),
    "standbys": Check(postgresql.STANDBYS_CODES, postgresql.examine_standbys),
    "connections": Check(postgresql.CONNECTIONS_CODES, postgresql.examine_connections),
    "clock": Check(machine.CLOCK_CODES, machine.examine_clock),
    "limits": Check(machine.OPEN_FILES_CODES, machine.examine_open_files),
    "space": Check(machine.SPACE_CODES, machine.examine_space),
    "speed": Check(machine.SPEED_CODES, machine.examine_speed),
    "copy": Check(data.SECOND_COPY_CODES, data.examine_second_copy),
    "backups": Check(data.BACKUPS_CODES, data.examine_backups),
    "blueprints": Check(server.BLUEPRINTS_CODES, server.examine_blueprints),
    "port": Check(server.PORT_CODES, server.examine_port),
    "proxy": Check(server.PROXY_CODES, server.examine_proxy),
    "certificate": Check(server.CERTIFICATE_CODES, server.examine_certificate),
    "pages": Check(server.PAGES_CODES, server.examine_pages),
}


# The command `cbt doctor`: examines the settings first, and on them the installation or one sitting-room.
#
# No check can stop the others.

CODES = {"unforeseen": Grade.FAIL}


def examine(
    read: Callable[[], Sourced], *, now: datetime, url: str = "", every_page: bool = False
) -> list[Diagnosis]:
    """Return what every check found; settings that cannot be read leave nothing else to look at."""
    try:
        whole = patient(read(), now=now, url=url, every_page=every_page)
    except CbtError as refused:
        return [diagnosis("settings", {}, refused)]
    return [found for name, check in CHECKS.items() for found in _findings(name, check, whole)]


def _findings(name: str, check: Check, whole: Patient) -> Iterator[Diagnosis]:
    try:
        for seen in check.examine(whole):
            yield diagnosis(name, check.codes, seen)
    except Exception as error:  # the doctor tells what is wrong, whatever it is, and goes on
        seen = Symptom("unforeseen", {"check": name, "kind": type(error).__name__})
        yield diagnosis("any", CODES, seen)


CHECK = "room"


@with_app
def room_findings(ref: str, *, now: datetime) -> list[Diagnosis]:
    """Return what is wrong in a sitting-room, or that all is well; raise NotFound("sitting.room_unknown").

    Whoever types this sees the whole installation, so it is asked of no duty.
    """
    with flask.current_app.test_request_context(), reading() as session:
        readiness = read_readiness(session, _view(session, ref), now=now)
    lines = [
        Diagnosis(CHECK, Grade.FAIL if one.stops else Grade.WARN, "fault", one.what, one.fix)
        for one in readiness.faults
    ]
    named = {"reported": readiness.reported, "bound": readiness.bound, "seats": len(readiness.seats)}
    return [*lines, Diagnosis(CHECK, Grade.OK, "reported", text("doctor.room.reported", **named), "")]


def _view(session: Session, ref: str) -> RoomView:
    room = SittingRoom.by_ref(session, ref, unknown="sitting.room_unknown")
    return next(
        view for view in rooms_of_sitting(session, room.sitting_id) if view.sitting_room.id == room.id
    )


COLOURS = {Grade.OK: "green", Grade.NONE: "white", Grade.WARN: "yellow", Grade.FAIL: "red"}
ENDS = {Grade.OK: DONE, Grade.WARN: DIFFERS, Grade.FAIL: REFUSED}
SUMS = {Grade.OK: "doctor.well", Grade.WARN: "doctor.warned", Grade.FAIL: "doctor.failed"}


@command("doctor", help="doctor.cli.doctor", ends=(DONE, DIFFERS, REFUSED))
@option("--url", default="", metavar="URL", help="doctor.cli.url")
@option("--every-page", is_flag=True, help="doctor.cli.every_page")
@option("--room", default="", metavar="REF", help="doctor.cli.room")
def doctor(url: str, room: str, *, every_page: bool) -> Answer:
    """Examine the installation: exit code 0 when all is well, 1 with warnings, 2 when something is wrong."""
    give_way(holds=True)
    diagnoses = examine(read_sources, now=wall_time(), url=url, every_page=every_page)
    if room:
        diagnoses += room_findings(room)
    grade = worst(diagnoses)
    data = {"grade": grade, "found": [asdict(one) for one in diagnoses]}
    count = sum(one.grade is grade for one in diagnoses)
    return Answer(data, [*_lines(diagnoses), text(SUMS[grade], count=count)], code=ENDS[grade])


def _lines(diagnoses: list[Diagnosis]) -> Iterator[str]:
    heads = align(
        [[text(f"doctor.grade.{one.grade}"), text(f"doctor.{one.check}"), "|"] for one in diagnoses]
    )
    for entry, head in zip(diagnoses, heads, strict=True):
        yield tone(head.removesuffix("|"), COLOURS[entry.grade]) + entry.what
        if entry.fix:
            yield f"  → {entry.fix}"


commands: list[click.Command] = [doctor]

"""`cbt doctor`: examine this installation, beside a running server or without one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import click

from cbt.clock import wall_time
from cbt.config import read_sources
from cbt.confined.priority import give_way
from cbt.console.columns import align
from cbt.console.ends import DIFFERS, DONE, REFUSED
from cbt.console.saying import Answer, tone
from cbt.console.texts import text as _
from cbt.console.tree import command, option
from cbt.ops.doctor.examining import examine
from cbt.ops.doctor.findings import Diagnosis, Grade, worst
from cbt.ops.doctor.rooms import room_findings

COLOURS = {Grade.OK: "green", Grade.NONE: "white", Grade.WARN: "yellow", Grade.FAIL: "red"}
ENDS = {Grade.OK: DONE, Grade.WARN: DIFFERS, Grade.FAIL: REFUSED}
SUMS = {Grade.OK: "doctor.well", Grade.WARN: "doctor.warned", Grade.FAIL: "doctor.failed"}


@command("doctor", help="doctor.cli.doctor", ends=(DONE, DIFFERS, REFUSED))
@option("--url", default="", metavar="URL", help="doctor.cli.url")
@option("--room", default="", metavar="REF", help="doctor.cli.room")
def doctor(url: str, room: str) -> Answer:
    """Examine the installation: exit code 0 when all is well, 1 with warnings, 2 when something is wrong."""
    give_way(holds=True)
    found = examine(read_sources, now=wall_time(), url=url)
    if room:
        found += room_findings(room)
    grade = worst(found)
    data = {"grade": grade, "found": [asdict(one) for one in found]}
    count = sum(one.grade is grade for one in found)
    return Answer(data, [*_lines(found), _(SUMS[grade], count=count)], code=ENDS[grade])


def _lines(found: list[Diagnosis]) -> Iterator[str]:
    heads = align([[_(f"doctor.grade.{one.grade}"), _(f"doctor.{one.check}"), "|"] for one in found])
    for one, head in zip(found, heads, strict=True):
        yield tone(head.removesuffix("|"), COLOURS[one.grade]) + one.what
        if one.fix:
            yield f"  → {one.fix}"


commands: list[click.Command] = [doctor]

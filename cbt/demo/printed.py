"""What a demo prints: how one gets in, what of it still holds, and what to do next."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from cbt.accounts.sign_in.passwords import ONE_TIME_LASTS
from cbt.console.columns import align
from cbt.console.texts import text as _
from cbt.demo.build import Handout
from cbt.demo.standing import PrintedThing
from cbt.rules.states.sitting import SittingState
from cbt.web.i18n import local_zone

STEPS = (1, 2, 3, 4, 5)
_STARTABLE = frozenset(f"sitting.{state}" for state in (SittingState.PUBLISHED, SittingState.ADMITTING))


def way_in(access: Handout, *, now: datetime) -> list[str]:
    """Return the accounts and tickets as lines: what is kept on the sheet, so every end is a date."""
    staff_head = _titles("login", "name", "roles", "password")
    seat_head = _titles("seat", "name", "paper", "ticket", "last_six", "code", "door")
    staff = [(login, name, _(f"role.{role}"), password) for login, name, role, password in access.staff]
    seats = [
        (f"{seat:02d}", *rest, _("demo.door.absent" if seat in access.absent else "demo.door.checked_in"))
        for seat, *rest in access.candidates
    ]
    absent = _("ui.comma").join(f"{seat:02d}" for seat in access.absent)
    return [
        _("demo.staff", until=_minute(now + ONE_TIME_LASTS)),
        *align([staff_head, *staff]),
        "",
        _("demo.candidates", code=access.room_code),
        *align([seat_head, *seats]),
        _("demo.absent", seats=absent, until=_minute(access.late_cutoff_at)),
    ]


def _titles(*names: str) -> tuple[str, ...]:
    return tuple(_(f"demo.{name}") for name in names)


def state_of_things(things: Sequence[PrintedThing]) -> list[str]:
    """Return what still opens something, and what is over, as lines."""
    lines = [_("demo.works"), *_told(one for one in things if one.works)]
    over = _told(one for one in things if not one.works)
    return [*lines, _("demo.over"), *over] if over else lines


def _told(things: Iterable[PrintedThing]) -> list[str]:
    return [
        "  - "
        + _(
            f"demo.standing.{one.what}" + ("" if one.works or one.what.startswith("sitting.") else ".over"),
            until=_minute(one.until),
            name=one.name,
            count=one.count,
        )
        for one in things
    ]


def next_steps(things: Sequence[PrintedThing], *, anew: str) -> list[str]:
    """Return what to do now: the way to a paper that is handed in, and how to begin another day."""
    begins = [one for one in things if one.what in _STARTABLE]
    if not any(one.works and one.what.startswith("sitting.") for one in things):
        return [_("demo.all_over", command=anew)]
    walk = [f"  {step}. {_(f'demo.walk.{step}', name=begins[0].name)}" for step in STEPS] if begins else []
    return [*([_("demo.walk"), *walk, ""] if walk else []), _("demo.anew", command=anew)]


def anew(folder: Path | None) -> str:
    """Return the command that builds another day as it is typed here: `make demo` puts no `cbt` on the path."""
    called = Path(sys.argv[0])
    found = shutil.which("cbt")
    if called.stem != "cbt" or (found and called.exists() and Path(found).samefile(called)):
        called = Path("cbt")
    where = ["--dir", str(folder)] if folder is not None else []
    return shlex.join([str(called), "demo", *where, "--fresh"])


def _minute(instant: datetime | None) -> str:
    return "" if instant is None else instant.astimezone(local_zone()).strftime("%m-%d %H:%M")

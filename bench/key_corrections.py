"""`python -m bench.key_corrections`: what a correction takes of a sitting of 10,000 people.

They sat as in the tests, with one form for all, and the key of a choice was wrong. Beforehand it is worked out what
would become of everybody, then the correction that two people decided is carried out, as its job does.

Source: R-54, R-99.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TypeVar

from sqlalchemy import select

from bench.analysis import apart, own_memory
from cbt.accounts.approvals.requests import Second
from cbt.accounts.models import Staff
from cbt.application.app import create_app
from cbt.assembly.models import Form
from cbt.demo.build import places_in
from cbt.items.models import ItemBank
from cbt.results.key_corrections.correction import correct_key
from cbt.results.key_corrections.effect import AskedItem, KeyProposal, read_effect
from cbt.rules.items.content import LETTERS, ItemType
from cbt.rules.key_corrections import CorrectionKind
from cbt.runner.models import Attempt
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.unit_of_work import reading
from tests.conftest import base_settings, close_engine
from tests.helpers import FakeClock
from tests.results.analysis_scene import OVER, hold
from tests.world import START, build_world

PEOPLE, ROOMS = 10_000, 60
T = TypeVar("T")


def hold_sitting(folder: Path, *, people: int) -> None:
    """Hold and score the sitting in an installation of its own."""
    settings = base_settings(folder)
    begin_installation(settings)
    clock = FakeClock(START)
    app = create_app(settings, clock=clock)
    with app.app_context():
        migrate()
        world = build_world(app).on(app, clock)
    held = hold(world, people, rooms=ROOMS)
    (folder / "sitting").write_text(held.sitting_ref)
    close_engine(app)


def measure(folder: Path) -> dict[str, str]:
    """Return what each step of a correction takes."""
    app = create_app(base_settings(folder), clock=FakeClock(OVER + timedelta(hours=1)))
    now = OVER + timedelta(hours=1)
    with app.app_context():
        proposal = _proposal((folder / "sitting").read_text())
        effect, before = _timed(lambda: read_effect(proposal))
        memory = own_memory()
        with reading() as session:
            staff = session.scalars(select(Staff).order_by(Staff.id).limit(2)).all()
            second = Second(staff[1].ref, staff[1].name, frozenset({"officer"}))
            first = staff[0].logged_as
        held: list[float] = []
        app.extensions["cbt_gate"].held = held.append
        outcome, corrected = _timed(
            lambda: correct_key(
                proposal, seen=effect.seen, reason="答案有误", actor=first, second=second, now=now
            )
        )
    close_engine(app)
    return {
        "people concerned, scores that rise": f"{len(effect.lines):,}, {effect.rising:,}",
        "before and after of everybody": f"{before:.1f} s, {memory:.0f} MB",
        "units of work of it": f"{len(held)}, {median(held) * 1000:.0f} ms, at most {max(held) * 1000:.0f} ms",
        "correction in pieces": f"{corrected:.1f} s, {own_memory():.0f} MB ({outcome['count']:,} corrected)",
    }


def _proposal(sitting_ref: str) -> KeyProposal:
    """Return another key for the first single choice of the form."""
    with reading() as session:
        attempt_id = session.scalars(select(Attempt.id).order_by(Attempt.id.desc()).limit(1)).one()
        place = next(one for one in places_in(session, attempt_id) if one.type is ItemType.SINGLE_CHOICE)
        form = session.scalars(select(Form).join(Attempt).where(Attempt.id == attempt_id)).one()
        bank = session.get_one(ItemBank, form.bank_id).ref
    key = int(place.content.answer_key[0])  # type: ignore[index,arg-type]  # of a single choice
    asked = AskedItem(sitting_ref, bank, place.shape["item"], place.shape["version"], None)
    return KeyProposal(asked, CorrectionKind.KEY, [LETTERS[(key + 1) % len(place.shape["order"])]])


def _timed(act: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    return act(), time.perf_counter() - began


def main() -> None:
    """Print what each step takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cbt-bench-") as name:
        hold_sitting(Path(name), people=asked.people)
        for what, figure in apart(measure, Path(name)).items():
            print(f"{what:36} {figure}")


if __name__ == "__main__":
    main()

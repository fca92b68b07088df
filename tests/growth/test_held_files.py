"""Large files that somebody brings: kept, replaced and forgotten in pieces, and never found in part.

Source: I13.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import select

from cbt.bank.imports import bank_import as bank_files
from cbt.batches.roster import roster_import
from cbt.batches.roster.models import RosterCheck, RosterPart
from cbt.batches.roster.roster_import import BROUGHT, file_of
from cbt.imports.machine import ImportKind
from cbt.interchange import upload
from cbt.spreadsheets.drafts import Drafts, SheetDraft
from cbt.spreadsheets.file_checks import CheckState
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.desk.people import BANK, make_items
from tests.growth import test_held_office as office
from tests.growth.test_held_office import CLERK, count
from tests.world import World

LARGE = 3 * 1024 * 1024
"""Bytes of a file that somebody brings: several pieces."""


def too_long(world: World, acts: Mapping[str, Callable[[], object]]) -> dict[str, list[str]]:
    """Do acts; return which of their units of work everybody's save would notice on the embedded database."""
    if world.app.extensions["cbt_settings"].embedded:
        return office.too_long(world, acts)
    with world.app.app_context():
        for act in acts.values():
            act()
    return {}


def test_large_files_are_kept_and_forgotten_in_pieces(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now, batch = world.clock.now(), world.batch_ref
    make_items(world.app, 1, CLERK)
    first, second = random.Random(1).randbytes(LARGE), random.Random(2).randbytes(LARGE)
    brought: dict[str, list[str]] = {"roster": [], "bank": []}
    people = Drafts("people", gone="roster.draft_gone")
    of_people: dict[str, Any] = {"ref": "dr-x", "file_name": "x", "now": now, "actor": CLERK}

    def roster(body: bytes) -> None:
        known = {"file_name": "名册.xlsx", "locale": "zh", "now": now, "actor": CLERK}
        brought["roster"].append(roster_import.keep(batch_ref=batch, body=body, **known))

    def of_bank(body: bytes) -> None:
        known = {"locale": "zh", "now": now, "actor": CLERK}
        brought["bank"].append(bank_files.keep(bank_ref=BANK, files=[("题库.xlsx", body)], **known))

    def in_time() -> Sequence[bytes]:
        """Return what is kept of both."""
        with world.app.app_context(), reading() as session:
            check = session.scalars(select(RosterCheck).where(RosterCheck.ref == brought["roster"][-1])).one()
            subject = bank_files.subject_of(BANK)
            _name, packed = bank_files.DRAFTS.open(session, brought["bank"][-1], subject=subject, actor=CLERK)
            return [file_of(session, check), *(body for _name, body in upload.unpack(packed))]

    for body in (first, second):  # the second takes the place of the first
        acts = {"a roster": lambda body=body: roster(body), "a bank": lambda body=body: of_bank(body)}
        assert too_long(world, acts) == {}
        assert in_time() == [body, body]
    assert count(world, RosterCheck) == 1
    pieces = count(world, RosterPart)
    assert count(world, SheetDraft) == pieces == -(-LARGE // (512 * 1024)) + 1

    def stop(*_: object, **_known: object) -> None:
        raise KeyboardInterrupt

    def stopped(act: Callable[[bytes], None]) -> None:
        with pytest.raises(KeyboardInterrupt):
            act(first)

    with monkeypatch.context() as broken:
        broken.setattr(ImportKind, "forget_former", stop)
        assert too_long(world, {"stopped": lambda: stopped(roster), "too": lambda: stopped(of_bank)}) == {}
    assert in_time() == [second, second], "what is there in part is not seen"
    assert count(world, SheetDraft) == pieces
    with world.app.app_context(), reading() as session:
        waiting = select(RosterCheck.ref).where(RosterCheck.state == CheckState.WAITING)
        assert len(session.scalars(waiting).all()) == 1
        batch_id = session.scalars(select(RosterCheck.batch_id)).first() or 0
        assert len(BROUGHT.waiting(session, batch_id)) == 1
    cancels = {
        "the roster": lambda: BROUGHT.cancel(batch, brought["roster"][-1], now=now, actor=CLERK),
        "the bank": lambda: bank_files.cancel(
            bank_ref=BANK, draft_ref=brought["bank"][-1], now=now, actor=CLERK
        ),
    }
    assert too_long(world, cancels) == {}
    assert count(world, SheetDraft) == 0
    assert count(world, RosterPart) == pieces - 1, "of the one that was stopped all but its head"
    with world.app.app_context():
        with pytest.raises(KeyboardInterrupt), people.brought(first, **of_people), unit_of_work():
            raise KeyboardInterrupt
        roster(b"x")  # whoever brings the next clears away what was stopped
    assert count(world, SheetDraft) == 0
    assert count(world, RosterPart) == count(world, RosterCheck) == 1

"""The process whose writes are recorded: browsers' threads start, save and hand in through the real writer.

Run as `python -m torture.power_cut.driver PLAN MARKS`; PLAN names the installation and its sitters. What a
browser was told is written to MARKS, one JSON line per acknowledgement, after it was told and not before.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from cbt.application.app import create_app
from cbt.rules.exam import Paper
from cbt.rules.states import State
from cbt.runner.close.closure import expire_overdue
from cbt.runner.models import Attempt
from cbt.scoring.service import score_closed
from cbt.storage.types import db
from cbt.storage.unit_of_work import reading
from torture.arena import BEGIN, Arena, HandClock, Sitter, settings_in

HAND_IN_EVERY = 3
"""Every third sitter hands in; the deadline closes the others."""
PLACES = 100


class Marks:
    """The acknowledgements, in a file that is never synced: it only has to be seen in the recording."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, what: str, attempt_id: int, *facts: object) -> None:
        """Note one acknowledgement with one write."""
        os.write(self._descriptor, json.dumps([what, attempt_id, *facts]).encode() + b"\n")


def drive(plan: Mapping[str, Any], marks: Marks) -> None:
    """Let everybody work at once, then let the deadline close who did not hand in, and score."""
    clock = HandClock(BEGIN + timedelta(minutes=31))
    app = create_app(settings_in(Path(plan["folder"])), clock=clock)
    app.testing = True
    app.config["WTF_CSRF_ENABLED"] = False
    arena = Arena(app, clock)
    paper = Paper("theory", "theory", timedelta(minutes=45))
    sitters = [Sitter(row["id"], row["ref"], row["registration"], 0, paper) for row in plan["sitters"]]
    threads = [
        threading.Thread(target=_work, args=(arena, sitter, number, plan, marks))
        for number, sitter in enumerate(sitters)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    clock.move_to(BEGIN + timedelta(minutes=50))
    with app.app_context():
        expire_overdue(now=clock.now())
        with reading() as session:
            closed = session.execute(select(Attempt.id, Attempt.receipt).where(Attempt.state == State.CLOSED))
            for attempt_id, receipt in closed.all():
                marks.write("close", attempt_id, receipt)
        score_closed(now=clock.now())
        app.extensions["cbt_journal"].close()
        db.engine.dispose()


def _work(arena: Arena, sitter: Sitter, number: int, plan: Mapping[str, Any], marks: Marks) -> None:
    rng = random.Random(f"{plan['seed']}/{number}")
    status, _ = arena.open(sitter)
    if status != 200:
        raise RuntimeError(f"attempt {sitter.attempt_id} was not opened: {status}")
    marks.write("start", sitter.attempt_id, sitter.epoch)
    for _ in range(plan["saves"]):
        entries = [
            sitter.entry(
                "note", rng.randrange(1, PLACES + 1), f"{rng.getrandbits(64):x}" * rng.randrange(1, 9)
            )
            for _ in range(rng.choice((1, 1, 1, 4)))
        ]
        status, _ = arena.post(sitter, "answers", entries)
        if status == 200:
            for one in entries:
                marks.write(
                    "save", sitter.attempt_id, sitter.epoch, one["seq"], one["position"], one["value"]
                )
    if number % HAND_IN_EVERY == 0:
        status, body = arena.post(sitter, "submit")
        if status == 200:
            marks.write("close", sitter.attempt_id, body["receipt"])


if __name__ == "__main__":
    drive(json.loads(Path(sys.argv[1]).read_text("utf-8")), Marks(Path(sys.argv[2])))

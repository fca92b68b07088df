"""Begins a process for each check that waits, and sees to it that one which ended without a word is told."""

from __future__ import annotations

import logging
import os
import subprocess
from datetime import datetime, timedelta

import flask

from cbt.config import Settings, as_environment
from cbt.confined.behind import command_behind
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.sheets.checks.keeping import AnyChecks
from cbt.sheets.checks.models import FileCheck

log = logging.getLogger(__name__)

AT_ONCE = 2
"""So many checks have a process at a time; of one person one."""
SILENT = timedelta(seconds=60)
"""A process that gives no sign of life for so long is taken for dead: whoever began it is not there to say so."""


class CheckStarter:
    """Has a child of its own for each check: reading and planning hold no server's interpreter."""

    def __init__(self, checks: AnyChecks) -> None:
        self._checks = checks
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def tick(self, *, now: datetime) -> int:
        """Look after the children, and begin one for each check that may have one; return how many were begun."""
        broken = self._ended()
        with reading() as session:
            at_work = list(self._checks.at_work(session))
        dead = [check for check in at_work if check.ref in broken or self._is_silent(check, now)]
        for check in dead:
            self._bury(check)
        alive = [check for check in at_work if check not in dead]
        busy = [check for check in alive if check.ref in self._children or check.beat_at is not None]
        begun = 0
        for check in alive:
            taken = {other.actor for other in busy}
            if check not in busy and check.actor not in taken and len(busy) < AT_ONCE:
                self._begin(check.ref)
                busy.append(check)
                begun += 1
        return begun

    def _ended(self) -> set[str]:
        """Return the checks whose child did not come to its end."""
        codes = {ref: child.poll() for ref, child in self._children.items()}
        for ref in [ref for ref, code in codes.items() if code is not None]:
            del self._children[ref]
        broken = {ref for ref, code in codes.items() if code}
        for ref in broken:
            log.error("the process of a check ended with exit code %d", codes[ref])
        return broken

    def _is_silent(self, check: FileCheck, now: datetime) -> bool:
        """Return whether a process that somebody else began is taken for dead."""
        ours = check.ref in self._children
        return not ours and check.beat_at is not None and abs(now - check.beat_at) > SILENT

    def _bury(self, check: FileCheck) -> None:
        with unit_of_work() as session:
            there = session.get(self._checks.rows, check.id)
            if there is not None and (there.state, there.beat_at) == (check.state, check.beat_at):
                self._checks.bury(session, there)

    def _begin(self, ref: str) -> None:
        settings: Settings = flask.current_app.extensions["cbt_settings"]
        self._children[ref] = subprocess.Popen(
            command_behind(*self._checks.command, ref),
            env=os.environ | as_environment(settings),
            stdin=subprocess.DEVNULL,
            # How it ends stands in its row; its words would be none of the log's.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Linux shares a machine out among sessions first: what the child computes is not to be our turn.
            start_new_session=True,
        )

"""Begins a process for each check that waits, and sees to it that one which ended without a word is told."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta

import flask

from cbt.config import Settings, as_environment
from cbt.confined.behind import command_behind
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.sheets.checks.keeping import AnyChecks
from cbt.sheets.checks.models import CheckState, FileCheck

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
        self._reviewing: dict[str, bool] = {}
        """The children that check a file and store nothing: whether each was seen to have taken its row."""
        self._killed: list[subprocess.Popen[bytes]] = []
        """Those that nobody wanted: how they ended is asked for and told to nobody."""

    def tick(self, *, now: datetime) -> int:
        """Look after the children, and begin one for each check that may have one; return how many were begun."""
        codes = self._ended()
        with reading() as session:
            at_work = list(self._checks.at_work(session))
            wanted = self._checks.wanted(session, [*self._children, *codes])
        self._end_unwanted(at_work, wanted)
        broken = {check.ref for check in at_work if codes.get(check.ref) and not self._is_another(check)}
        for ref in broken:
            log.error("the process of a check ended with exit code %d", codes[ref])
        for ref in codes:
            self._reviewing.pop(ref, None)
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
                self._reviewing |= {check.ref: False} if check.state == CheckState.WAITING else {}
                busy.append(check)
                begun += 1
        return begun

    def _ended(self) -> dict[str, int]:
        """Return how children ended since, of each check."""
        self._killed = [child for child in self._killed if child.poll() is None]
        codes = {ref: child.poll() for ref, child in self._children.items()}
        ended = {ref: code for ref, code in codes.items() if code is not None}
        for ref in ended:
            del self._children[ref]
        return ended

    def _end_unwanted(self, at_work: list[FileCheck], wanted: set[str]) -> None:
        """End the children whose check is gone, or waits to be read anew or stored; none that stores."""
        not_begun = {check.ref for check in at_work if check.beat_at is None}
        for ref, seen in list(self._reviewing.items()):
            self._reviewing[ref] = seen or ref in wanted
            if ref in self._children and ref not in wanted and (seen or ref not in not_begun):
                child = self._children.pop(ref)
                del self._reviewing[ref]
                _kill(child)
                self._killed.append(child)

    def _is_another(self, check: FileCheck) -> bool:
        """Return whether what waits is no longer what a child that has ended had taken."""
        return check.beat_at is None and self._reviewing.get(check.ref, False)

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


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End a child with the readers that it began: it is the head of their group.

    It has nothing to put in order: it may die at any time, and what it wrote half is taken back by the database.
    """
    with contextlib.suppress(OSError):  # it has just ended
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)

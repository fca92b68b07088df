"""How the proctor's pages put values into words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import flask_babel

from cbt.exams.reasons.words import REASON, VIOLATION
from cbt.proctoring.board.live import Board
from cbt.proctoring.board.log_lines import LogLine
from cbt.web.i18n import local_zone, word

ROOMY_TO, DENSE_FROM = 12, 41

# Parameters of a log line that are codes, and where their words are.
_CODED = {
    "code": REASON,
    "cause": "proctoring.cause.",
    "grant": "proctoring.grant.",
}


def _(message_id: str, **params: object) -> str:
    return str(flask_babel.gettext(message_id, **params))


def density(seats: int) -> str:
    """Return how large the tiles are, so that a whole room fits one screen."""
    if seats <= ROOMY_TO:
        return "roomy"
    return "dense" if seats >= DENSE_FROM else "usual"


@dataclass(frozen=True, slots=True)
class ShownClock:
    """One clock of the head: the papers that end together (None: not started, or held)."""

    label: str
    duration: timedelta
    closes_at: datetime | None


def clocks(board: Board) -> tuple[ShownClock, ...]:
    """Return the clocks of a room, one for the papers that end at the same instant (R-20)."""
    groups: dict[tuple[timedelta, datetime | None], list[str]] = {}
    for paper in board.papers:
        groups.setdefault((paper.duration, paper.closes_at), []).append(paper.label)
    everything = len(groups) == 1 and len(board.papers) > 2
    return tuple(
        ShownClock(
            label=_("proctoring.clock.all") if everything else _("proctoring.comma").join(sorted(labels)),
            duration=duration,
            closes_at=closes_at,
        )
        for (duration, closes_at), labels in sorted(groups.items(), key=lambda one: one[0][0])
    )


def span_words(value: object) -> str:
    """Return a span in words, in the reader's language: 4 分 35 秒."""
    total = int(value.total_seconds()) if isinstance(value, timedelta) else int(str(value))
    minutes, seconds = divmod(total, 60)
    if not minutes:
        return _("proctoring.span.s", s=seconds)
    if not seconds:
        return _("proctoring.span.m", m=minutes)
    return _("proctoring.span.ms", m=minutes, s=seconds)


def log_text(line: LogLine) -> str:
    """Return one line of the log as a sentence."""
    params = {name: _worded(line.kind, name, value) for name, value in line.params}
    text = _(f"proctoring.log.{line.kind}", **params)
    reason = params.get("reason", "")
    return _("proctoring.log.with_reason", text=text, reason=reason) if reason else text


def _worded(kind: str, name: str, value: str) -> str:
    if name == "seconds":
        return span_words(int(value))
    if name == "since":
        return datetime.fromisoformat(value).astimezone(local_zone()).strftime("%H:%M:%S")
    if name == "code" and kind == "violation":
        return word(VIOLATION + value)
    return word(_CODED[name] + value) if name in _CODED and value else value

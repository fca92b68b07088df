"""The clock as a candidate's page reads it: instants only, the page does the counting.

Written as JSON text by hand: it goes with every save.

Source: R-20, R-23, R-24.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cbt.delivery.save.exchange import Saved
from cbt.delivery.save.guard import AttemptInfo, Guard
from cbt.rules.canonical import canonical_json
from cbt.rules.clock.facts import ZERO, UnitWindow
from cbt.rules.exam.paper import Paper
from cbt.rules.states.attempt import State


def iso(instant: datetime | None) -> str | None:
    """Return an instant as the browser reads it."""
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")


def quoted(instant: datetime | None) -> str:
    """Return an instant as JSON text."""
    return "null" if instant is None else f'"{instant.isoformat().replace("+00:00", "Z")}"'


def receipts_text(saved: Saved) -> str:
    """Return the acknowledgements of a save as JSON."""
    texts = [f'{{"seq":{one.seq},"at":{quoted(one.at)}}}' for one in saved.receipts]
    return f"[{','.join(texts)}]"


def windows_shown(windows: Iterable[UnitWindow]) -> list[dict[str, object]]:
    """Return the open and the unopened windows as the page reads them (R-24)."""
    return [{"unit": one.unit, "from": iso(one.from_at), "to": iso(one.to_at)} for one in windows]


def windows_text(windows: Iterable[UnitWindow]) -> str:
    """Return the same as JSON."""
    return canonical_json(windows_shown(windows))


def warnings_text(paper: Paper) -> str:
    """Return what the clock of every candidate on a paper says: when to warn, in seconds before an end."""
    spans = {"warnings": paper.warnings, "unit_warnings": paper.unit_warnings}
    seconds = {name: [int(span.total_seconds()) for span in value] for name, value in spans.items()}
    return canonical_json(seconds)[1:-1]


def clock_text(
    info: AttemptInfo,
    guard: Guard,
    *,
    now: datetime,
    messages: str = "[]",
    evacuated: bool = False,
    standing: str = "null",
) -> str:
    """Return, as JSON, what the page needs to show the time left and to know what it may do.

    `evacuated` says of a suspended attempt that its room is to be left at once, `standing` of one without a paper
    to show who did what and why.
    """
    paper = info.paper
    blocked = paper.submit.closed_before_end
    blocked_after = None
    if blocked > ZERO and guard.closes_at is not None:
        blocked_after = guard.closes_at - blocked
    unit = "null"
    if guard.open_unit is not None and guard.state != State.UNITS_DONE:
        unit = f'{{"number":{guard.open_unit},"ends_at":{quoted(guard.unit_ends_at)}}}'
    return (
        f'{{"now":{quoted(now)},"state":"{"closed" if guard.over else guard.state}",'
        f'"away":{"false" if guard.left_at is None else "true"},"evacuated":{"true" if evacuated else "false"},'
        f'"standing":{standing},'
        f'"closes_at":{quoted(guard.closes_at)},'
        f'"earliest_submit_at":{quoted(guard.earliest_submit_at)},'
        f'"submit_blocked_after":{quoted(blocked_after)},"unit":{unit},{info.warnings},"messages":{messages}}}'
    )

"""What the office said of the columns of rosters, kept for the next file with the same headings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit.chain import record
from cbt.candidates.models import RosterMapping
from cbt.candidates.roster.reading.hands import HandMapping, Hands, TableLayout, layouts_of
from cbt.rules.canonical import canonical_json
from cbt.sheets.cells import SheetData


def kept_hands(session: Session, sheets: Sequence[SheetData]) -> Hands:
    """Return what was said before of files with the headings of this one."""
    digests = [one.digest for one in layouts_of(sheets, {})]
    query = select(RosterMapping).where(RosterMapping.digest.in_(digests))
    kept = session.scalars(query) if digests else ()
    return {one.digest: HandMapping(json.loads(one.said)).sound() for one in kept}


def keep_hands(session: Session, hands: Hands, *, subject: str, now: datetime, actor: str) -> None:
    """Keep what was said of the columns; what was said before of the same headings goes.

    What was said to hold for every line is of this file alone: the next may be of another level. `subject` is what
    the file is for, as the log names it.
    """
    for digest, hand in hands.items():
        sound = hand.sound()
        said = canonical_json(dict(sound.columns))
        kept = session.get(RosterMapping, digest)
        if kept is not None and kept.said == said:
            continue
        after = {"columns": len([name for name in sound.columns.values() if name]), "headings": digest[:16]}
        session.merge(RosterMapping(digest=digest, said=said, at=now, by=actor))
        record(session, at=now, actor=actor, act="roster.columns", subject=subject, after=after)


def hands_of_form(form: Mapping[str, str], layouts: Sequence[TableLayout]) -> Hands:
    """Return what the fields of `_mapping.html` say: `column.<n>.<letter>` and `fixed.<n>.<field>`."""
    hands = {}
    for n, layout in enumerate(layouts):
        columns = {
            one.letter: form[name] for one in layout.columns if (name := f"column.{n}.{one.letter}") in form
        }
        prefix = f"fixed.{n}."
        fixed = {
            name.removeprefix(prefix): value
            for name, value in form.items()
            if name.startswith(prefix) and value
        }
        hands[layout.digest] = HandMapping(columns, fixed).sound()
    return hands

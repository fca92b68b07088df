"""The log as a workbook: what the filter shows, in words, the newest first."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

from flask_babel import gettext as _

from cbt.accounts.log.filters import LogFilter
from cbt.accounts.log.pages import lines_of
from cbt.accounts.log.values import on_one_line
from cbt.audit import tally
from cbt.audit.store import entries
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.sheets.writing import add_sheet, new_workbook, text_format, write_text
from cbt.web.i18n import local_text
from cbt.web.who.login import Principal

MOST = 5_000
"""So many entries at a time: who wants more asks for a shorter time."""
_COLUMNS = (
    ("number", 10),
    ("at", 20),
    ("actor", 20),
    ("roles", 16),
    ("act", 26),
    ("subject", 44),
    ("reason", 44),
    ("before", 30),
    ("after", 30),
)


def exported(asked: LogFilter, *, reader: Principal, now: datetime) -> bytes:
    """Return the newest entries of a filter as a workbook; that somebody takes them is on record before.

    Raise InvalidInput as `LogFilter.sought` does.
    """
    sought = asked.sought
    shown = " ".join(f"{name}={value}" for name, value in asked.asked.items())
    with unit_of_work() as session:
        tally.count(session, at=now, actor=reader.logged_as, act="audit.export", subject="log", shown=shown)
    with reading() as session:
        found = entries(session, sought, limit=MOST + 1)
        rows = [
            (
                str(line.entry.id),
                local_text(line.entry.at, "%Y-%m-%d %H:%M:%S"),
                line.who,
                line.roles,
                line.act,
                line.what,
                line.why,
                on_one_line(line.before),
                on_one_line(line.after),
            )
            for line in lines_of(session, found[:MOST], reader=reader)
        ]
    return _workbook(rows, more=len(found) > MOST)


def _workbook(rows: Sequence[tuple[str, ...]], *, more: bool) -> bytes:
    target = io.BytesIO()
    book = new_workbook(target)
    sheet = add_sheet(book, str(_("accounts.place.audit")))
    plain = text_format(book, {"text_wrap": True, "valign": "top"})
    bold = text_format(book, {"bold": True, "bg_color": "#F2F2F2", "border": 1})
    for place, (name, width) in enumerate(_COLUMNS):
        sheet.set_column(place, place, width, plain)
        write_text(sheet, 0, place, str(_(f"accounts.audit.{name}")), bold)
    sheet.freeze_panes(1, 0)
    if more:
        rows = [*rows, (str(_("accounts.log.more", count=MOST)),)]
    for row, cells in enumerate(rows, start=1):
        for place, cell in enumerate(cells):
            write_text(sheet, row, place, cell, plain)
    book.close()
    return target.getvalue()

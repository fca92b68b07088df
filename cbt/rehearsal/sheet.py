"""The sheet of a rehearsal: in words for a terminal, as an A4 page to be signed."""

from __future__ import annotations

from datetime import datetime

from cbt.console.columns import align
from cbt.console.texts import text as _
from cbt.printing.pdf import pdf
from cbt.rehearsal.figures import Rehearsed


def facts(found: Rehearsed) -> list[tuple[str, str]]:
    """Return what held, in figures with their names."""
    saves = found.saves
    rows: list[tuple[str, object]] = [
        ("paper", found.title),
        ("bank", _("rehearsal.own" if found.own else "rehearsal.demo")),
        ("seats", found.seats),
        ("time", _("rehearsal.minutes", minutes=f"{found.seconds / 60:g}")),
        ("workers", found.workers),
        ("killed", _("rehearsal.yes" if found.killed else "rehearsal.no")),
        ("signed_in", f"{found.signed_in} / {found.seats}"),
        ("started", f"{found.started} / {found.seats}"),
        ("slowest_start", _("rehearsal.seconds", seconds=f"{found.slowest_start:g}")),
        ("saves", saves.count),
        ("took", f"{saves.p50_ms:g} / {saves.p99_ms:g} / {saves.max_ms:g} ms"),
        ("repeated", saves.repeated),
        ("refused", sum(found.refused.values())),
        ("lost", found.lost),
        ("handed_in", found.handed_in),
        ("by_deadline", found.by_deadline),
        ("scored", f"{found.scored} / {found.seats}"),
        ("wrong", found.wrong),
    ]
    return [(_(f"rehearsal.fact.{name}"), str(value)) for name, value in rows]


def reasons(found: Rehearsed) -> list[str]:
    """Return what did not hold, each with what to do."""
    codes = _("ui.comma").join(sorted(found.refused))
    return [_(f"rehearsal.fault.{one}", codes=codes) for one in found.faults]


def words(found: Rehearsed) -> list[str]:
    """Return the sheet as lines for a terminal."""
    verdict = _("rehearsal.held" if found.held else "rehearsal.broke")
    rows = align([[name, value] for name, value in facts(found)], frozenset())
    return [*rows, "", verdict, *(f"  → {one}" for one in reasons(found))]


def printed(found: Rehearsed, *, at: str, machine: str, language: str) -> bytes:
    """Return the sheet as a PDF."""
    data = {
        "title": _("rehearsal.title"),
        "foot": _("rehearsal.foot", at=at),
        "sub": _("rehearsal.sub", at=at, machine=machine),
        "good": found.held,
        "verdict": _("rehearsal.held" if found.held else "rehearsal.broke"),
        "reasons": reasons(found),
        "facts": facts(found),
        "parts": [],
        "note": _("rehearsal.note"),
        "words": {
            "title": _("rehearsal.title"),
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "signatures": [_("rehearsal.signed_by"), _("rehearsal.signed_on")],
        },
    }
    return pdf("verdict", data, language=language)


def day(now: datetime) -> str:
    """Return when it was, as the sheet says it."""
    return now.strftime("%Y-%m-%d %H:%M")

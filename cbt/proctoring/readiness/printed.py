"""What is printed of the check of a room: a test page, and the sheet that is signed."""

from __future__ import annotations

import json
from typing import Any

from flask_babel import get_locale
from flask_babel import gettext as _

from cbt.printing.pdf import pdf
from cbt.proctoring.readiness.models import GoSheet
from cbt.sittings.planning.purposes import printed_purpose
from cbt.sittings.store import RoomView
from cbt.web.i18n import local_text

SAMPLE = "䶮 𬭎 㛃 · 1234567890 · ABCDEFG abcdefg"


def test_page(view: RoomView, *, at: str) -> bytes:
    """Return a page on which everything stands that a day prints: rare characters, lines, shades."""
    return _made(
        _("readiness.test_page"),
        view,
        at=at,
        good=True,
        verdict=_("readiness.test_page.verdict"),
        reasons=[_("readiness.test_page.look")],
        facts=[(_("readiness.test_page.characters"), SAMPLE), (_("readiness.printed_at"), at)],
        parts=[
            {
                "title": _("readiness.test_page.lines"),
                "widths": [1, 2, 3],
                "heads": [_("readiness.col.seat"), _("candidates.name"), _("readiness.col.wrong")],
                "rows": [[f"{number:02d}", SAMPLE[:5], SAMPLE] for number in range(1, 13)],
            }
        ],
        signatures=[],
    )


def sheet_page(view: RoomView, sheet: GoSheet, *, who: str) -> bytes:
    """Return a signed sheet as an A4 page."""
    found = json.loads(sheet.found)
    at = local_text(sheet.at, "%Y-%m-%d %H:%M")
    reasons = ([sheet.note] if sheet.note else []) + [
        f"{what} {fix}" for stops, what, fix in found["faults"] if stops or not sheet.go
    ]
    lesser = [[what, fix] for stops, what, fix in found["faults"] if not stops] if sheet.go else []
    parts = []
    if found["lines"]:
        parts.append(
            {
                "title": _("readiness.seats_with"),
                "widths": [1, 7],
                "heads": [_("readiness.col.seat"), _("readiness.col.wrong")],
                "rows": [[f"{number:02d}", wrong] for number, _look, wrong in found["lines"]],
            }
        )
    if lesser:
        heads = [_("readiness.minor"), _("readiness.col.fix")]
        parts.append({"title": _("readiness.minor"), "widths": [1, 1], "heads": heads, "rows": lesser})
    return _made(
        _("readiness.sheet"),
        view,
        at=at,
        good=sheet.go,
        verdict=_("readiness.go" if sheet.go else "readiness.no_go"),
        reasons=reasons,
        facts=[
            (_("readiness.fact.bound"), f"{found['bound']} / {found['seats']}"),
            (_("readiness.fact.reported"), f"{found['reported']} / {found['bound']}"),
            (_("readiness.fact.spares"), str(found["spares"])),
            (_("readiness.fact.printed"), _("sittings.yes" if found["printed"] else "sittings.no")),
            (_("readiness.fact.by"), who),
            (_("readiness.fact.at"), at),
        ],
        parts=parts,
        signatures=[_("role.proctor"), _("role.chief_proctor"), _("readiness.sheet.day")],
    )


def _made(title: str, view: RoomView, *, at: str, signatures: list[str], **said: Any) -> bytes:
    sitting = view.sitting
    start = local_text(sitting.planned_start_at)
    data = {
        "title": title,
        "foot": f"{view.room.name} · {at}",
        "sub": f"{view.centre.name} · {view.room.name} · {sitting.name} · {start}",
        "note": "",
        "purpose": printed_purpose(sitting.purpose),
        "words": {
            "title": title,
            "page": _("candidates.print.page", number="{n}", count="{of}"),
            "signatures": signatures,
        },
        **said,
    }
    return pdf("verdict", data, language=str(get_locale()))

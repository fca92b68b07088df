"""What stays of a person, on paper (R-95)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext as _

from cbt.retention.person.finding import HeldPerson
from cbt.retention.person.staying import PersonStanding


def statement_paper(person: HeldPerson, standing: PersonStanding, *, body: str, day: date) -> dict[str, Any]:
    """Return the statement for a person. Source: R-95."""
    return {
        "title": _("retention.statement"),
        "foot": f"{body} · {person.ref}",
        "sub": body,
        "good": not standing.erasable,
        "verdict": _("retention.statement.open" if standing.erasable else "retention.statement.erased"),
        "reasons": [],
        "facts": [
            [_("certificates.name"), person.name],
            [_("certificates.document"), person.document],
            [_("retention.number"), person.ref],
            [_("retention.statement.day"), day.isoformat()],
        ],
        "parts": [
            {
                "title": _("retention.stays"),
                "widths": [3, 4, 3],
                "heads": [_("retention.what"), _("retention.why"), _("retention.until")],
                "rows": [[one.what, one.why, one.until] for one in standing.stays],
            }
        ],
        "note": _("retention.statement.note"),
        "words": {
            "title": _("retention.statement"),
            "signatures": [_("retention.statement.clerk"), _("retention.paper.seal")],
            "page": _("candidates.print.page", number="{n}", count="{of}"),
        },
    }

"""Words that several documents share."""

from __future__ import annotations

from flask_babel import gettext as _


def page_words() -> dict[str, str]:
    """Return what the foot of a page says; the typesetter puts the numbers in."""
    return {"page": _("candidates.print.page", number="{n}", count="{of}")}


def seat_text(number: int) -> str:
    """Return the number of a seat as it stands on the seat."""
    return f"{number:02d}"


def photo_name(candidate_id: int) -> str:
    """Return by what name a document asks for the photo of a candidate."""
    return f"photo-{candidate_id}"

"""案例, as an author meets it: each part is met as its own type, the whole in `lint.case`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cbt.items.types.editor import Authoring, SentItem


class CaseAuthoring(Authoring):
    """A situation and its parts; in files, written in the text form only."""

    def blank(self) -> dict[str, Any]:
        return {"unit": 1, "title": "", "stimulus": "", "parts": []}

    def from_form(self, sent: SentItem) -> dict[str, Any]:
        return {
            "unit": sent.number("unit"),
            "title": sent.text("title"),
            "stimulus": sent.text("stimulus"),
            "parts": sent.parts(),
        }

    def stand_in(self, data: Mapping[str, Any]) -> dict[str, Any]:
        unit = data.get("unit")
        return {
            "unit": unit if isinstance(unit, int) and unit > 0 else 1,
            "title": str(data.get("title") or "…"),
            "stimulus": str(data.get("stimulus") or "…"),
        }


AUTHORING = CaseAuthoring()

"""What an act did, for the person who asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flask_babel


@dataclass(frozen=True, slots=True)
class Said:
    """What an act did, for the person who asked: the catalogue's sentence and what fills it.

    `undo` is the ref under which it can be taken back, `codes` the 登录码 shown this once.
    """

    kind: str
    count: int = 0
    names: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    undo: str = ""
    codes: tuple[tuple[str, str, str], ...] = ()

    @property
    def kept(self) -> dict[str, Any]:
        """What is kept of it with the request of an act that was approved."""
        return {"kind": self.kind, "count": self.count, "names": self.names, "skipped": self.skipped}


def _(message_id: str, **params: object) -> str:
    return str(flask_babel.gettext(message_id, **params))


def said_text(said: Said) -> str:
    """Return what an act did, with whom it left alone."""
    names = _("proctoring.comma").join(said.names[:3])
    if said.count > 3:
        names = _("proctoring.and_more", names=names, count=said.count)
    text = _(f"proctoring.said.{said.kind}", names=names, count=said.count)
    if not said.skipped:
        return text
    who = _("proctoring.comma").join(name for name, _ in said.skipped[:3])
    return text + _("proctoring.said.skipped", names=who, count=len(said.skipped))

"""A refused HTML form: which field, what is wrong, what to do."""

from __future__ import annotations

from dataclasses import dataclass

from cbt.errors import CbtError
from cbt.web.i18n import explain
from cbt.web.problems import http_status, note_shown


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a page shows beside the form it was sent; an empty one shows nothing."""

    what: str = ""
    fix: str = ""
    field: str = ""
    code: int = 200

    def at(self, field: str) -> str:
        """Return the sentence to show at `field`, or an empty text."""
        gap = " " if self.what[-1:].isascii() else ""  # Chinese sentences stand close
        return f"{self.what}{gap}{self.fix}" if field and field == self.field else ""

    @property
    def general(self) -> bool:
        """Whether it belongs to the form as a whole."""
        return bool(self.what) and not self.field


NOTHING_REFUSED = Refusal()


def refusal(error: CbtError) -> Refusal:
    """Return what a form page shows for `error`, in the language of this request."""
    note_shown(error)
    what, fix = explain(error)
    return Refusal(what=what, fix=fix, field=str(error.params.get("field", "")), code=http_status(error))

"""What a request sent: a form and what was refused of it (the one way to show it), a file, JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import flask
from werkzeug.datastructures import MultiDict

from cbt.errors import CbtError, InvalidInput
from cbt.http.i18n import explain
from cbt.http.problems import http_status, note_shown


@dataclasses.dataclass(frozen=True, slots=True)
class Refusal:
    """What a page shows beside the form it was sent; an empty one shows nothing.

    `code` is the HTTP status of the page, `error` and `params` are those of the error, `sent` is the form.
    """

    what: str = ""
    fix: str = ""
    field: str = ""
    code: int = 200
    error: str = ""
    params: Mapping[str, object] = dataclasses.field(default_factory=dict)
    sent: MultiDict[str, str] = dataclasses.field(default_factory=MultiDict)

    def at(self, field: str) -> str:
        """Return the sentence to show at `field`, or an empty text."""
        gap = " " if self.what[-1:].isascii() else ""  # Chinese sentences stand close
        return f"{self.what}{gap}{self.fix}" if field and field == self.field else ""

    def by_field(self, otherwise: str = "") -> dict[str, str]:
        """Return both sentences under the field they belong to, `otherwise` under that one; {} for neither."""
        field = self.field or otherwise
        return {field: f"{self.what} {self.fix}"} if self.what and field else {}

    @property
    def general(self) -> bool:
        """Whether it belongs to the form as a whole."""
        return bool(self.what) and not self.field


NOTHING_REFUSED = Refusal()


def refusal(error: CbtError, *, on_record: bool = True) -> Refusal:
    """Return what a form page shows for `error`, in the language of this request.

    It is put on record as any other refusal, unless it is counted elsewhere already (`on_record`).
    """
    if on_record:
        note_shown(error)
    what, fix = explain(error)
    return Refusal(
        what=what,
        fix=fix,
        field=str(error.params.get("field", "")),
        code=http_status(error),
        error=error.code,
        params=error.params,
        sent=flask.request.form,
    )


def uploaded(field: str, missing: str = "upload.missing", *, most: int = -1) -> tuple[str, bytes]:
    """Return the name and bytes of a file that was sent, of a long one `most` bytes.

    Raise InvalidInput(missing) without one.
    """
    file = flask.request.files.get(field)
    if file is None or not file.filename:
        raise InvalidInput(missing, field=field)
    return file.filename, file.read(most)


def uploaded_files(*fields: str) -> list[tuple[str, bytes]]:
    """Return the names, with the folders a browser tells of, and the bytes of all files that were sent."""
    files = [file for field in fields for file in flask.request.files.getlist(field)]
    return [(file.filename, file.read()) for file in files if file.filename]


def sent_json() -> object:
    """Return what was sent as JSON; None for what is none, or lies deeper than anything a page sends."""
    try:
        return flask.request.get_json(silent=True)
    except RecursionError:
        return None


def flash_refusal(error: CbtError) -> None:
    """Have the next page say at its head that something was refused."""
    refused = refusal(error)
    flask.flash(f"{refused.what}{refused.fix}", "stop")

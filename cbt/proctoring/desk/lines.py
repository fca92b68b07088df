"""The lines in which a second person reads what the form of an act says, as it was posted.

Source: R-62.
"""

from __future__ import annotations

from collections.abc import Iterator

from cbt.accounts.approvals.requests import Line
from cbt.exams.reasons.words import REASON
from cbt.proctoring.desk.act import Form


def grant_kind(form: Form) -> Iterator[Line]:
    """补时 or 延时."""
    if form.get("kind"):
        yield ("approval.line.kind", "word", f"proctoring.grant.{form['kind']}")


def minutes(form: Form) -> Iterator[Line]:
    """How much time."""
    yield from _minutes(form, "minutes", "amount")


def minutes_more(form: Form) -> Iterator[Line]:
    """How much time comes with it."""
    yield from _minutes(form, "minutes_more", "more")


def _minutes(form: Form, name: str, label: str) -> Iterator[Line]:
    if form.get(name, "").isdigit() and int(form[name]):
        yield (f"approval.line.{label}", "span", str(int(form[name]) * 60))


def reason_code(form: Form) -> Iterator[Line]:
    """Which of the table's reasons."""
    if form.get("reason_code"):
        yield ("approval.line.cause", "word", REASON + form["reason_code"])


def reason(form: Form) -> Iterator[Line]:
    """Why, in words."""
    if form.get("reason", "").strip():
        yield ("approval.line.reason", "text", form["reason"].strip())

"""Findings of a roster as people read them."""

from __future__ import annotations

from collections.abc import Sequence

import flask_babel

from cbt.batches.roster.planning.objections import CHECK
from cbt.errors import InvalidInput
from cbt.sheets.findings import Finding, Note, Severity
from cbt.web.i18n import explain


def note(found: Finding) -> Note:
    """Return a finding as people read it."""
    label = "stop" if found.severity is Severity.ERROR else "hint"
    return Note(
        found.severity,
        flask_babel.gettext(f"candidates.roster.{label}"),
        found.place,
        found.value,
        *_said(found),
    )


def _said(found: Finding) -> tuple[str, str]:
    if not found.code.startswith(CHECK):
        return explain(InvalidInput(found.code, **found.params))
    code, params = found.code.removeprefix(CHECK), {"count": 1, **found.params}
    why = flask_babel.gettext(f"batches.check.{code}", **params)
    return f"{why}（{params['clause']}）", flask_babel.gettext(f"batches.check.{code}.fix", **params)


def told(findings: Sequence[Finding]) -> list[Note]:
    """Return findings as people read them."""
    return [note(found) for found in findings]

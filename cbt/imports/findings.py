"""Findings of brought files in words."""

from __future__ import annotations

from flask_babel import gettext as _

from cbt.errors import CbtError
from cbt.http.i18n import explain
from cbt.spreadsheets.findings import Finding, Note, Severity


def note(finding: Finding, words: tuple[str, str] | None = None) -> Note:
    """Return a finding as people read it: in its room's words, else in those of the error it is named after."""
    label = _("candidates.roster.stop" if finding.severity is Severity.ERROR else "candidates.roster.hint")
    why, fix = words or explain(CbtError(finding.code, **finding.params))
    return Note(finding.severity, label, finding.place, finding.value, why, fix)

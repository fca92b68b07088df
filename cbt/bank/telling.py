"""What was found, as commands tell it: lines for people, data for other programs."""

from __future__ import annotations

from collections.abc import Sequence

from cbt.bank.imports.texts import note
from cbt.console.texts import text as _
from cbt.sheets.findings import Finding, counts


def told(findings: Sequence[Finding]) -> list[str]:
    """Return findings as lines."""
    notes = [note(found) for found in findings]
    pairs = [(f"{said.place}: {said.severity_label}: {said.why}", f"    {said.fix}") for said in notes]
    return [line for pair in pairs for line in pair]


def total(findings: Sequence[Finding]) -> str:
    """Return how many findings there are, as a line."""
    return _("bank.lint.totals", **totals(findings))


def totals(findings: Sequence[Finding]) -> dict[str, int]:
    """Return how many findings there are of each severity."""
    return {level.value: count for level, count in counts(list(findings)).items()}


def as_json(found: Finding) -> dict[str, object]:
    """Return a finding for other programs."""
    said = note(found)
    return {
        "severity": said.severity.value,
        "code": found.code,
        "place": str(said.place),
        "sheet": said.place.sheet,
        "row": said.place.line,
        "column": said.place.column,
        "value": said.value,
        "why": said.why,
        "fix": said.fix,
    }

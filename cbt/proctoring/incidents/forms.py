"""What is filled in about an incident or a violation, read from its form; every refusal names its field.

Source: R-63.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from cbt.errors import InvalidInput
from cbt.proctoring.desk.act import Form, Preview
from cbt.proctoring.desk.inputs import read_clock_time
from cbt.rules.violation import Evidence

MOST_FACTS = 500
MOST_TEXT = 1000
MOST_NAMES = 100
SIGNATURES = ("open", "signed", "refused")
"""Not asked yet, signed on paper, 拒签."""
PARTS: Mapping[str, int] = {
    "facts": MOST_TEXT,
    "evidence_note": MOST_TEXT,
    "witness": MOST_NAMES,
    "statement": MOST_TEXT,
    "signature": 12,
}
"""What may be said anew later, and how long it may be."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled-in form, but for what it is about."""

    happened_at: datetime
    facts: str
    evidence: tuple[str, ...]
    evidence_note: str
    witness: str
    statement: str
    signature: str


def read_filled(form: Form, *, now: datetime, zone: tzinfo) -> Filled:
    """Return what a form of an incident or a violation says; only the facts are needed."""
    facts = read_part(form.get("reason", ""), "facts", field="reason", most=MOST_FACTS)
    if not facts:
        raise InvalidInput("proctoring.reason_needed", field="reason")
    return Filled(
        happened_at=read_clock_time(form, "happened_at", now=now, zone=zone) or now,
        facts=facts,
        evidence=tuple(one.value for one in Evidence if form.get(f"evidence_{one}") == "1"),
        evidence_note=read_part(form.get("evidence_note", ""), "evidence_note"),
        witness=read_part(form.get("witness", ""), "witness"),
        statement=read_part(form.get("statement", ""), "statement"),
        signature=read_part(form.get("signature", "") or "open", "signature"),
    )


def read_part(text: str, part: str, *, field: str = "", most: int = 0) -> str:
    """Return the text of one part of a report; raise InvalidInput for one too long, or no signature's word."""
    text, most = text.strip().replace("\r\n", "\n"), most or PARTS[part]
    if len(text) > most:
        raise InvalidInput("proctoring.too_long", field=field or part, most=most)
    if part == "signature" and text not in SIGNATURES:
        raise InvalidInput("proctoring.signature", field=field or part)
    return text


def shown(preview: Preview) -> Mapping[str, object]:
    """Return what the form offers beside the table: kinds of evidence, who may have seen it."""
    return {"evidences": tuple(Evidence), "signatures": SIGNATURES, "colleagues": preview.board.head.proctors}

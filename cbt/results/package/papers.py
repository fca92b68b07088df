"""Of each paper its journal and what follows from it, and the forms they were written on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from cbt.delivery.models import Attempt
from cbt.delivery.save.digests import answers_in, journal_texts
from cbt.results.package import rows
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states.attempt import State
from cbt.scoring.approved import approved_answers

Members = dict[str, bytes]


def text_of(value: object) -> bytes:
    """Return the one text of what a member says."""
    return canonical_json(value).encode()


def at(instant: datetime | None) -> str | None:
    """Return an instant as the package has it: UTC, to the microsecond."""
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="microseconds")


def answered(journal: str) -> dict[str, str]:
    """Return the answers that count, by position as it is written: what a journal's text comes to."""
    return {place: value for place, value in answers_in(journal).items() if value and place.isdigit()}


def forms_in(session: Session, attempts: Sequence[Attempt]) -> Members:
    """Return each form as it was frozen: items, versions, orders; the items with their keys by a keyed digest."""
    members: Members = {}
    found = rows.forms_of(session, {attempt.form_id for attempt in attempts})
    digests = rows.item_digests(session, found)
    told = []
    for form in found:
        members[f"forms/{form.ref}.json"] = form.content.encode()
        told.append(
            {
                "form": form.ref,
                "paper": form.paper,
                "sha256": form.sha256,
                "bank_revision": form.bank_revision,
                "drawn_at": at(form.drawn_at),
                "items": digests[form.id],
            }
        )
    return {"forms.json": text_of(told), **members}


def papers_in(session: Session, attempts: Sequence[Attempt]) -> Members:
    """Return the journal of each attempt, and what follows from it."""
    ids = [attempt.id for attempt in attempts]
    journals, approved = journal_texts(session, ids), approved_answers(session, ids)
    late, forms = rows.late_of(session, ids), rows.form_refs(session, {one.form_id for one in attempts})
    members: Members = {}
    for attempt in sorted(attempts, key=lambda one: one.ref):
        journal = journals[attempt.id]
        members[f"papers/{attempt.ref}.journal"] = journal.encode()
        members[f"papers/{attempt.ref}.json"] = text_of(
            {
                "attempt": attempt.ref,
                "form": forms[attempt.form_id],
                "state": attempt.state,
                "started_at": at(attempt.started_at),
                "closed_at": at(attempt.closed_at),
                "closed_by": attempt.closed_by,
                "submitted_at": at(attempt.submitted_at),
                "receipt": attempt.receipt,
                "sealed": attempt.journal_digest if attempt.state in (State.CLOSED, State.SCORED) else None,
                "journal": digest(journal),
                "answers": {
                    place: value for place, value in answers_in(journal).items() if value and place.isdigit()
                },
                "late": late.get(attempt.id, []),
                "approved": {str(place): value for place, value in approved.get(attempt.id, {}).items()},
            }
        )
    return members

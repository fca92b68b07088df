"""Which forms are drawn in a room, and the cases their people have."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.assembly.steps import cases_of
from cbt.candidates.seating.room import Cases, SeatedRoom
from cbt.delivery.models import Attempt
from cbt.exams.store import paper_of


@dataclass(frozen=True, slots=True)
class DrawnForms:
    """Of a room, by registration: the forms that are drawn, and the cases of those papers that have any."""

    forms: dict[int, int]
    cases: dict[int, Cases]

    @property
    def count(self) -> int:
        """Return how many forms are drawn."""
        return len(self.forms)


def forms_in(session: Session, room: SeatedRoom) -> dict[int, int]:
    """Return the forms that are drawn in a room, by registration."""
    query = select(Attempt.registration_id, Attempt.form_id).where(
        Attempt.sitting_room_id == room.view.sitting_room.id
    )
    return {row.registration_id: row.form_id for row in session.execute(query)}


def drawn_in(session: Session, room: SeatedRoom) -> DrawnForms:
    """Return what is drawn in a room: two queries, however many sit there; only papers of cases are read."""
    registrations = [entry.registration for entry in room.entries.values()]
    forms = forms_in(session, room)
    with_cases = [
        forms[one.id]
        for one in registrations
        if one.id in forms and paper_of(session, one.blueprint_version_id, one.paper).units
    ]
    query = select(Form.id, Form.bank_id, Form.content).where(Form.id.in_(with_cases))
    cases = {row.id: _cases(row.bank_id, row.content) for row in session.execute(query)} if with_cases else {}
    return DrawnForms(
        forms, {registration: cases[form] for registration, form in forms.items() if form in cases}
    )


def _cases(bank_id: int, content: str) -> Cases:
    """Return the cases of a form, each called by its bank, too: another's may have the same code."""
    return frozenset((unit, f"{bank_id}/{case}") for unit, case in cases_of(json.loads(content)).items())

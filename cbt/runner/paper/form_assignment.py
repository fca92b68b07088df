"""A form follows its registration: it moves along, is set aside, or comes back.

Source: R-43.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.assembly.models import Form
from cbt.blueprints.store import paper_of
from cbt.candidates.models import Registration
from cbt.errors import Conflict
from cbt.rules.states.attempt import State
from cbt.runner.attempt_changes import create_attempt
from cbt.runner.models import Attempt
from cbt.runner.paper.layout import layout_of
from cbt.sittings.models import Sitting


def attempt_of(session: Session, registration_id: int) -> Attempt | None:
    """Return the attempt of a registration, its row locked; None while no form is drawn for it."""
    query = select(Attempt).where(Attempt.registration_id == registration_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True))


def is_begun(attempt: Attempt | None) -> bool:
    """Return whether somebody saw the paper, or it was closed without."""
    return attempt is not None and (attempt.state != State.READY.value or attempt.started_at is not None)


def is_drawn(session: Session, sitting: Sitting) -> bool:
    """Return whether forms were drawn for a sitting: who comes to it later needs one at once."""
    query = (
        select(Attempt.id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.sitting_id == sitting.id)
    )
    return session.scalar(query.limit(1)) is not None


def follow_room(session: Session, registration: Registration) -> None:
    """Take the attempt of a registration to the room its person was moved to; the form stays."""
    attempt = attempt_of(session, registration.id)
    if attempt is not None:
        attempt.sitting_room_id = registration.sitting_room_id
        session.flush()


def set_aside(session: Session, registration: Registration) -> Form | None:
    """Take the attempt from a registration and return its form; None where none is drawn.

    Nobody saw the form; it stays as it was frozen. Raise Conflict("registration.fixed") once the paper was opened.

    Source: R-43.
    """
    attempt = attempt_of(session, registration.id)
    if attempt is None:
        return None
    if is_begun(attempt):
        raise Conflict("registration.fixed")
    form = session.get_one(Form, attempt.form_id)
    session.delete(attempt)
    session.flush()
    return form


def give_back(session: Session, registration: Registration, form: Form) -> None:
    """Give a registration the form that was set aside for its paper."""
    paper = paper_of(session, registration.blueprint_version_id, registration.paper)
    create_attempt(
        session,
        registration_id=registration.id,
        sitting_room_id=registration.sitting_room_id,
        form_id=form.id,
        layout=layout_of(form.content),
        grace=paper.clock.grace,
    )
    session.flush()

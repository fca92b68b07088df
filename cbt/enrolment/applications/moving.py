"""The one place where the state of an application changes."""

from __future__ import annotations

from cbt.db.unit_of_work import reading
from cbt.enrolment.applications import store
from cbt.enrolment.applications.models import UnitApplication
from cbt.rules.states.application import ApplicationEvent, ApplicationState, next_application_state


def move_on(application: UnitApplication, event: ApplicationEvent) -> None:
    """Have an application go where an event takes it; raise Conflict("application.transition").

    Source: R-77.
    """
    application.state = next_application_state(ApplicationState(application.state), event).value


def refuse_step(ref: str, event: ApplicationEvent, *, unit_id: int | None) -> int:
    """Return the key of an application that an event can happen to; raise Conflict("application.transition")."""
    with reading() as session:
        application = store.application_by_ref(session, ref, unit_id=unit_id)
        next_application_state(ApplicationState(application.state), event)
        return application.id

"""The one place where the state of an application changes."""

from __future__ import annotations

from cbt.enrolment.applications.models import UnitApplication
from cbt.rules.states.application import ApplicationEvent, ApplicationState, next_application_state


def move_on(application: UnitApplication, event: ApplicationEvent) -> None:
    """Have an application go where an event takes it; raise Conflict("application.transition").

    Source: R-77.
    """
    application.state = next_application_state(ApplicationState(application.state), event).value

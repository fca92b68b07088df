"""The life of a unit's application (评价申请), and of each person's enrolment (申报) in it, as one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from cbt.errors import Conflict, TextId


class ApplicationState(StrEnum):
    """Where it stands: 草稿, 待审核, 待补正, 已受理, 已安排, 已完成, 已撤回, 不予受理. Source: R-77."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    DONE = "done"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"


class ApplicationEvent(StrEnum):
    """What can happen to it: 提交, 退回补正, 受理, 撤销受理, 编入批次, 退出批次, 考毕, 撤回, 不予受理."""

    SUBMIT = "submit"
    SEND_BACK = "send_back"
    ACCEPT = "accept"
    RECONSIDER = "reconsider"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    COMPLETE = "complete"
    WITHDRAW = "withdraw"
    REFUSE = "refuse"


# What is scheduled leaves its batch first: nobody is registered for an exam by an application that is over. A batch
# that is cancelled, or a sitting that is aborted, gives it back as accepted, so nothing is applied for again.
TRANSITIONS: Mapping[tuple[ApplicationState, ApplicationEvent], ApplicationState] = {
    (ApplicationState.DRAFT, ApplicationEvent.SUBMIT): ApplicationState.SUBMITTED,
    (ApplicationState.DRAFT, ApplicationEvent.WITHDRAW): ApplicationState.WITHDRAWN,
    (ApplicationState.SUBMITTED, ApplicationEvent.SEND_BACK): ApplicationState.RETURNED,
    (ApplicationState.SUBMITTED, ApplicationEvent.ACCEPT): ApplicationState.ACCEPTED,
    (ApplicationState.SUBMITTED, ApplicationEvent.WITHDRAW): ApplicationState.WITHDRAWN,
    (ApplicationState.SUBMITTED, ApplicationEvent.REFUSE): ApplicationState.REFUSED,
    (ApplicationState.RETURNED, ApplicationEvent.SUBMIT): ApplicationState.SUBMITTED,
    (ApplicationState.RETURNED, ApplicationEvent.WITHDRAW): ApplicationState.WITHDRAWN,
    (ApplicationState.RETURNED, ApplicationEvent.REFUSE): ApplicationState.REFUSED,
    (ApplicationState.ACCEPTED, ApplicationEvent.RECONSIDER): ApplicationState.SUBMITTED,
    (ApplicationState.ACCEPTED, ApplicationEvent.SCHEDULE): ApplicationState.SCHEDULED,
    (ApplicationState.ACCEPTED, ApplicationEvent.WITHDRAW): ApplicationState.WITHDRAWN,
    (ApplicationState.SCHEDULED, ApplicationEvent.UNSCHEDULE): ApplicationState.ACCEPTED,
    (ApplicationState.SCHEDULED, ApplicationEvent.COMPLETE): ApplicationState.DONE,
}

EDITABLE = frozenset({ApplicationState.DRAFT, ApplicationState.RETURNED})
"""While it stands so, whoever applies may still write in it."""

FINISHED = frozenset({ApplicationState.DONE, ApplicationState.WITHDRAWN, ApplicationState.REFUSED})
"""Nothing follows any more."""

BY_UNIT = frozenset({ApplicationEvent.SUBMIT, ApplicationEvent.WITHDRAW})
"""What a unit's own clerk may do; an officer at the counter does these as well, and all others alone."""


def next_application_state(state: ApplicationState, event: ApplicationEvent) -> ApplicationState:
    """Return where an event takes an application; raise Conflict("application.transition") where it cannot happen.

    Source: R-77.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        said = TextId(f"rules.application.state.{state.value}")
        raise Conflict("application.transition", state=said, event=event.value) from None


def events_of(state: ApplicationState, *, by_unit: bool = False) -> tuple[ApplicationEvent, ...]:
    """Return what can happen next, in the order of the events: the acts that a page offers. Source: R-77."""
    return tuple(
        event
        for event in ApplicationEvent
        if (state, event) in TRANSITIONS and (not by_unit or event in BY_UNIT)
    )

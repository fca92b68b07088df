"""The lives of items, applications, attempts and sittings, each as one table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cbt.errors import Conflict, TextId


class ItemState(StrEnum):
    """How far the version of an item is that its authors work on: 草稿, 待审, 已审, 停用."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    REVIEWED = "reviewed"
    RETIRED = "retired"


class ItemEvent(StrEnum):
    """What can happen to an item at its desk."""

    WRITE = "write"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    APPROVE = "approve"
    SEND_BACK = "send_back"
    RETIRE = "retire"
    RESTORE = "restore"


# A reviewed item that is written anew is a draft again; what was reviewed before goes on being drawn until the new
# version is reviewed too. What was retired is written on only after it was taken back.
ITEM_TRANSITIONS: Mapping[tuple[ItemState, ItemEvent], ItemState] = {
    (ItemState.DRAFT, ItemEvent.WRITE): ItemState.DRAFT,
    (ItemState.DRAFT, ItemEvent.SUBMIT): ItemState.IN_REVIEW,
    (ItemState.DRAFT, ItemEvent.RETIRE): ItemState.RETIRED,
    (ItemState.IN_REVIEW, ItemEvent.WRITE): ItemState.DRAFT,
    (ItemState.IN_REVIEW, ItemEvent.WITHDRAW): ItemState.DRAFT,
    (ItemState.IN_REVIEW, ItemEvent.APPROVE): ItemState.REVIEWED,
    (ItemState.IN_REVIEW, ItemEvent.SEND_BACK): ItemState.DRAFT,
    (ItemState.IN_REVIEW, ItemEvent.RETIRE): ItemState.RETIRED,
    (ItemState.REVIEWED, ItemEvent.WRITE): ItemState.DRAFT,
    (ItemState.REVIEWED, ItemEvent.RETIRE): ItemState.RETIRED,
    (ItemState.RETIRED, ItemEvent.RESTORE): ItemState.DRAFT,
}


def next_item_state(state: ItemState, event: ItemEvent) -> ItemState:
    """Return where an event takes an item; raise Conflict("item.transition") where it cannot happen."""
    try:
        return ITEM_TRANSITIONS[state, event]
    except KeyError:
        raise Conflict("item.transition", state=state.value, event=event.value) from None


def may_review(reviewer: str, writers: Collection[str]) -> bool:
    """Return whether somebody may judge an item; `writers` wrote a version since the last reviewed one.

    Nobody reviews what they wrote; whether another account is another person, `second_person` says when they judge.
    Source: R-62.
    """
    return reviewer not in writers


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

WITH_ROSTER = frozenset({ApplicationEvent.SCHEDULE, ApplicationEvent.UNSCHEDULE})
"""What happens with the registrations of its people, or not at all."""


def next_application_state(state: ApplicationState, event: ApplicationEvent) -> ApplicationState:
    """Return where an event takes an application; raise Conflict("application.transition") where it cannot happen.

    Source: R-77.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        label = TextId(f"rules.application.state.{state.value}")
        raise Conflict("application.transition", state=label, event=event.value) from None


def events_of(state: ApplicationState, *, by_unit: bool = False) -> tuple[ApplicationEvent, ...]:
    """Return what can happen next, in the order of the events: the acts that a page offers. Source: R-77."""
    return tuple(
        event
        for event in ApplicationEvent
        if (state, event) in TRANSITIONS and (not by_unit or event in BY_UNIT)
    )


# The purpose and the states of a sitting and its rooms, and the balance that lets a room end.
#
# A sitting is held for an examination (正式), a trial of the day (试考), or practice (练习). How it is taken
# (on machines, on paper) is another question: that is its mode.
#
# Source.


class Purpose(StrEnum):
    """What a sitting is held for."""

    OFFICIAL = "official"
    TRIAL = "trial"
    PRACTICE = "practice"

    @property
    def counts(self) -> bool:
        """Whether what happens in it is of consequence: results, release, retakes, violations of other papers.

        Source: R-4, R-60.
        """
        return self is Purpose.OFFICIAL


class SittingState(StrEnum):
    """Where a sitting or a sitting-room stands, in the order they are passed. Source: R-60."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ADMITTING = "admitting"
    RUNNING = "running"
    HELD = "held"
    ENDED = "ended"
    SCORED = "scored"
    RELEASED = "released"
    CANCELLED = "cancelled"
    ABORTED = "aborted"


BEFORE_THE_START = frozenset({SittingState.DRAFT, SittingState.PUBLISHED, SittingState.ADMITTING})
"""While a sitting, or a room of it, stands so, people can still come to it and its plan be mended."""

OVER = frozenset(
    {
        SittingState.ENDED,
        SittingState.SCORED,
        SittingState.RELEASED,
        SittingState.CANCELLED,
        SittingState.ABORTED,
    }
)
"""A room that stands so is behind us: ended, aborted, cancelled or later."""


class SittingEvent(StrEnum):
    """What can happen to a sitting or a sitting-room. Source: R-60."""

    PUBLISH = "publish"
    WITHDRAW = "withdraw"
    ADMIT = "admit"
    START = "start"
    HOLD = "hold"
    RESUME = "resume"
    END = "end"
    SCORE = "score"
    RELEASE = "release"
    CANCEL = "cancel"
    ABORT = "abort"


# An evacuated room is ended while it is held; an aborted one is scored only when chief and officer decide so.
# Publishing is withdrawn until the check-in opens, which is the clock's to say and not the table's.
SITTING_TRANSITIONS: Mapping[tuple[SittingState, SittingEvent], SittingState] = {
    (SittingState.DRAFT, SittingEvent.PUBLISH): SittingState.PUBLISHED,
    (SittingState.DRAFT, SittingEvent.CANCEL): SittingState.CANCELLED,
    (SittingState.PUBLISHED, SittingEvent.WITHDRAW): SittingState.DRAFT,
    (SittingState.PUBLISHED, SittingEvent.ADMIT): SittingState.ADMITTING,
    (SittingState.PUBLISHED, SittingEvent.CANCEL): SittingState.CANCELLED,
    (SittingState.ADMITTING, SittingEvent.START): SittingState.RUNNING,
    (SittingState.ADMITTING, SittingEvent.CANCEL): SittingState.CANCELLED,
    (SittingState.RUNNING, SittingEvent.HOLD): SittingState.HELD,
    (SittingState.RUNNING, SittingEvent.END): SittingState.ENDED,
    (SittingState.RUNNING, SittingEvent.ABORT): SittingState.ABORTED,
    (SittingState.HELD, SittingEvent.RESUME): SittingState.RUNNING,
    (SittingState.HELD, SittingEvent.END): SittingState.ENDED,
    (SittingState.HELD, SittingEvent.ABORT): SittingState.ABORTED,
    (SittingState.ABORTED, SittingEvent.SCORE): SittingState.SCORED,
    (SittingState.ENDED, SittingEvent.SCORE): SittingState.SCORED,
    (SittingState.SCORED, SittingEvent.RELEASE): SittingState.RELEASED,
}

_OVER_EARLY = frozenset({SittingState.CANCELLED, SittingState.ABORTED})


def next_sitting_state(state: SittingState, event: SittingEvent) -> SittingState:
    """Return where an event takes a sitting; raise Conflict `sitting.transition` where it cannot happen.

    Source: R-60.
    """
    try:
        return SITTING_TRANSITIONS[state, event]
    except KeyError:
        label = TextId(f"sittings.state.{state.value}")
        raise Conflict("sitting.transition", state=label, event=event.value) from None


def aggregate(room_states: Iterable[SittingState]) -> SittingState:
    """Return the state of a sitting from its rooms'.

    It runs while any room runs, else it is held while any is; otherwise the room that is furthest behind
    decides. Cancelled and aborted rooms count only when there is no other; aborted wins between the two.
    A sitting without rooms is a draft.

    Source: R-7, R-60.
    """
    states = list(room_states)
    going = [state for state in states if state not in _OVER_EARLY]
    for state in (SittingState.RUNNING, SittingState.HELD):
        if state in going:
            return state
    if going:
        return min(going, key=list(SittingState).index)
    if SittingState.ABORTED in states:
        return SittingState.ABORTED
    return SittingState.CANCELLED if states else SittingState.DRAFT


@dataclass(frozen=True, slots=True)
class RoomCounts:
    """How many registrations of a room stand where; each registration is counted once.

    `not_arrived` is nobody knows where, `not_signed_in` came to the room, `not_begun` has signed in and not opened
    the paper. `not_entered` handed in on paper, and their answers are not in yet. `units_done` is
    各单元已完成，等待交卷 and blocks like answering. `undecided` counts compensations,
    not people.
    """

    expected: int = 0
    absent: int = 0
    by_candidate: int = 0
    by_deadline: int = 0
    by_proctor: int = 0
    by_violation: int = 0
    by_evacuation: int = 0
    unanswered: int = 0
    not_entered: int = 0
    not_arrived: int = 0
    not_signed_in: int = 0
    not_begun: int = 0
    interacting: int = 0
    units_done: int = 0
    suspended: int = 0
    moving: int = 0
    undecided: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """应考 = 实考 + 缺考, with what is left over when it does not hold (yet)."""

    expected: int
    present: int
    absent: int

    @property
    def difference(self) -> int:
        """应考 − 实考 − 缺考."""
        return self.expected - self.present - self.absent

    @property
    def balanced(self) -> bool:
        return self.difference == 0


@dataclass(frozen=True, slots=True)
class Blocker:
    """One reason why a room cannot be ended: the field of `RoomCounts`, or `unbalanced`, and how many."""

    reason: str
    count: int


_NOT_FINISHED = (
    "not_arrived", "not_signed_in", "not_begun", "interacting", "units_done", "suspended", "moving",
)  # fmt: skip
_BLOCKING = (*_NOT_FINISHED, "undecided")


def balance(counts: RoomCounts) -> Balance:
    """Return 应考, 实考 and 缺考 of a room.

    实考 = 考生交卷 + 到时收卷 + 强制收卷 + 违纪终止 + 疏散收卷 + 到场未作答.

    Source: R-61.
    """
    present = (
        counts.by_candidate
        + counts.by_deadline
        + counts.by_proctor
        + counts.by_violation
        + counts.by_evacuation
        + counts.unanswered
        + counts.not_entered
    )
    return Balance(expected=counts.expected, present=present, absent=counts.absent)


def can_end(counts: RoomCounts) -> list[Blocker]:
    """Return why a room cannot be ended, in the order in which to deal with it; empty when it can.

    Source: R-61.
    """
    blockers = [Blocker(reason, getattr(counts, reason)) for reason in _BLOCKING if getattr(counts, reason)]
    missing = balance(counts).difference - sum(getattr(counts, place) for place in _NOT_FINISHED)
    return blockers + ([Blocker("unbalanced", missing)] if missing else [])


class State(StrEnum):
    """Where an attempt stands. Source: R-60."""

    READY = "ready"
    INTERACTING = "interacting"
    SUSPENDED = "suspended"
    UNITS_DONE = "units_done"
    CLOSED = "closed"
    SCORED = "scored"


class Event(StrEnum):
    """What can happen to an attempt. Source: R-60."""

    START = "start"
    SUSPEND = "suspend"
    RESUME = "resume"
    FINISH_UNITS = "finish_units"
    EXTEND = "extend"
    SUBMIT = "submit"
    EXPIRE = "expire"
    FORCE_SUBMIT = "force_submit"
    TERMINATE = "terminate"
    EVACUATE = "evacuate"
    REOPEN = "reopen"
    SCORE = "score"
    RESCORE = "rescore"


class ClosedBy(StrEnum):
    """Who or what closed an attempt. Source: R-60, R-61."""

    CANDIDATE = "candidate"
    DEADLINE = "deadline"
    PROCTOR = "proctor"
    VIOLATION = "violation"
    EVACUATION = "evacuation"


UNANSWERED = "unanswered"
"""到场未作答: the place of somebody who came and never opened the paper."""


def closing(closed_by: ClosedBy, *, started: bool) -> str:
    """Return how a closed paper ended, as every count and every list has it: what closed it, or 到场未作答.

    Whoever never opened the paper wrote nothing, whoever closed it; only a violation keeps its own count.

    Source: R-12, R-61.
    """
    return closed_by.value if started or closed_by is ClosedBy.VIOLATION else UNANSWERED


CLOSED_BY: Mapping[Event, ClosedBy] = {
    Event.SUBMIT: ClosedBy.CANDIDATE,
    Event.EXPIRE: ClosedBy.DEADLINE,
    Event.FORCE_SUBMIT: ClosedBy.PROCTOR,
    Event.TERMINATE: ClosedBy.VIOLATION,
    Event.EVACUATE: ClosedBy.EVACUATION,
}

# An attempt nobody opened (到场未作答) is closed by the same events, but can be neither submitted nor
# suspended. While suspended nothing expires and nothing is handed in. Resuming an attempt whose units are
# over takes FINISH_UNITS instead of RESUME, and an adjustment that opens its last unit again is EXTEND. What
# was closed is scored at once, so a 误交卷 is nearly always reopened from SCORED: its score stays on record, and
# the next closing is scored anew.
ATTEMPT_TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.READY, Event.START): State.INTERACTING,
    (State.READY, Event.EXPIRE): State.CLOSED,
    (State.READY, Event.FORCE_SUBMIT): State.CLOSED,
    (State.READY, Event.TERMINATE): State.CLOSED,
    (State.READY, Event.EVACUATE): State.CLOSED,
    (State.INTERACTING, Event.SUSPEND): State.SUSPENDED,
    (State.INTERACTING, Event.FINISH_UNITS): State.UNITS_DONE,
    (State.INTERACTING, Event.SUBMIT): State.CLOSED,
    (State.INTERACTING, Event.EXPIRE): State.CLOSED,
    (State.INTERACTING, Event.FORCE_SUBMIT): State.CLOSED,
    (State.INTERACTING, Event.TERMINATE): State.CLOSED,
    (State.INTERACTING, Event.EVACUATE): State.CLOSED,
    (State.UNITS_DONE, Event.SUSPEND): State.SUSPENDED,
    (State.UNITS_DONE, Event.EXTEND): State.INTERACTING,
    (State.UNITS_DONE, Event.SUBMIT): State.CLOSED,
    (State.UNITS_DONE, Event.EXPIRE): State.CLOSED,
    (State.UNITS_DONE, Event.FORCE_SUBMIT): State.CLOSED,
    (State.UNITS_DONE, Event.TERMINATE): State.CLOSED,
    (State.UNITS_DONE, Event.EVACUATE): State.CLOSED,
    (State.SUSPENDED, Event.RESUME): State.INTERACTING,
    (State.SUSPENDED, Event.FINISH_UNITS): State.UNITS_DONE,
    (State.SUSPENDED, Event.FORCE_SUBMIT): State.CLOSED,
    (State.SUSPENDED, Event.TERMINATE): State.CLOSED,
    (State.SUSPENDED, Event.EVACUATE): State.CLOSED,
    (State.CLOSED, Event.REOPEN): State.INTERACTING,
    (State.CLOSED, Event.SCORE): State.SCORED,
    (State.SCORED, Event.REOPEN): State.INTERACTING,
    (State.SCORED, Event.RESCORE): State.SCORED,
}


def next_attempt_state(state: State, event: Event) -> State:
    """Return where an event takes an attempt; raise Conflict `attempt.transition` where it cannot happen.

    Source: R-60.
    """
    try:
        return ATTEMPT_TRANSITIONS[state, event]
    except KeyError:
        raise Conflict("attempt.transition", state=state.value, event=event.value) from None


def before(*events: Event) -> tuple[State, ...]:
    """Return the states in which one of `events` can happen, in their order: what a `where` has to repeat.

    Source: R-60.
    """
    return tuple(state for state in State if any((state, event) in ATTEMPT_TRANSITIONS for event in events))


def reached_by(event: Event) -> State:
    """Return the one state an event leads to, wherever it happens: what a bulk update writes.

    Source: R-60.
    """
    (reached,) = {state for (_, happening), state in ATTEMPT_TRANSITIONS.items() if happening is event}
    return reached


def clock_events(state: State, reached: State) -> tuple[Event, ...]:
    """Return what happens to an attempt whose clock says that it is in `reached` now; nothing when it is.

    The first opening is a START, whatever the clock says of the units by then. Raises Conflict
    `attempt.transition` where no clock leads: a closed attempt has to be reopened first.

    Source: R-24, R-25, R-60.
    """
    if state is reached:
        return ()
    if state is State.READY:
        return (Event.START, *clock_events(next_attempt_state(state, Event.START), reached))
    for event in _CLOCK_EVENTS:
        if ATTEMPT_TRANSITIONS.get((state, event)) is reached:
            return (event,)
    raise Conflict("attempt.transition", state=state.value, event=f"clock:{reached.value}")


_CLOCK_EVENTS = (Event.SUSPEND, Event.RESUME, Event.FINISH_UNITS, Event.EXTEND)

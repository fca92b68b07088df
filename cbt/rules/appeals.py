"""成绩复核: who may ask until when, what a recount finds, which outcome it carries.

Source: R-91.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from cbt.errors import Conflict, TextId
from cbt.rules.calendar import CountedDay, Holidays, nth_working_day_after
from cbt.rules.form_score import round_score
from cbt.rules.retake import PaperOutcome

APPEAL_DAYS = 15
"""Working days after the release. Source: R-91."""
MOST_APPEAL_DAYS = 60
"""No body takes appeals longer, or takes longer over one."""
ANSWER_DAYS = 15
"""Working days in which an appeal is to be decided: the notice says none, so the body does."""
LONGEST_WINDOW = timedelta(days=120)
"""No window of so many working days is longer, whatever festivals lie in it."""
_WITH_SCORE = frozenset({PaperOutcome.PASSED, PaperOutcome.FAILED})


class AppealScope(StrEnum):
    """What is to be looked at: 漏评漏计, 加分有误, 登记有误. Source: R-91."""

    MISSED = "missed"
    ADDED = "added"
    ENTERED = "entered"


class AppealFinding(StrEnum):
    """What was not in order: one of the three that are looked at, or that a fresh mark was taken (复评)."""

    MISSED = "missed"
    ADDED = "added"
    ENTERED = "entered"
    MARKED = "marked"


class AppealState(StrEnum):
    """Where an appeal stands: 待复核, 维持原成绩, 更正成绩, 已撤回."""

    OPEN = "open"
    KEPT = "kept"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"


class AppealEvent(StrEnum):
    """What can happen to an appeal."""

    KEEP = "keep"
    CHANGE = "change"
    WITHDRAW = "withdraw"


APPEAL_TRANSITIONS: Mapping[tuple[AppealState, AppealEvent], AppealState] = {
    (AppealState.OPEN, AppealEvent.KEEP): AppealState.KEPT,
    (AppealState.OPEN, AppealEvent.CHANGE): AppealState.CHANGED,
    (AppealState.OPEN, AppealEvent.WITHDRAW): AppealState.WITHDRAWN,
}
"""What is decided or withdrawn stays so: one request a paper."""


def next_appeal_state(state: AppealState, event: AppealEvent) -> AppealState:
    """Return where an event takes an appeal; raise Conflict("appeal.transition") where it cannot happen.

    Source: R-91.
    """
    try:
        return APPEAL_TRANSITIONS[state, event]
    except KeyError:
        raise Conflict("appeal.transition", state=TextId(f"appeal.state.{state.value}")) from None


@dataclass(frozen=True, slots=True)
class AppealWindow:
    """The days on which a result may be appealed against, both inclusive.

    `provisional` says that the arrangement of some of these days is not published yet.
    """

    released_on: date
    last_on: date
    provisional: bool = False

    def is_open(self, on: date) -> bool:
        return self.released_on <= on <= self.last_on


def appeal_window(released_on: date, holidays: Holidays, *, days: int = APPEAL_DAYS) -> AppealWindow:
    """Return the window of a result released on a day, which itself is not counted. Source: R-91."""
    last = nth_working_day_after(released_on, days, holidays)
    return AppealWindow(released_on, last.day, last.provisional)


def answer_due(asked_on: date, holidays: Holidays, *, days: int = ANSWER_DAYS) -> CountedDay:
    """Return the last day on which an appeal of a day is to be decided; that day itself is not counted."""
    return nth_working_day_after(asked_on, days, holidays)


def may_be_appealed(outcome: PaperOutcome, released_on: date, on: date) -> bool:
    """Return whether some body's window may still be open: whoever asks is told the day (`appeal_refusal`)."""
    return outcome in _WITH_SCORE and on - released_on <= LONGEST_WINDOW


class AppealRefusal(StrEnum):
    """Why nobody can appeal: 未发布, 无分数, 已申请, 期限已过."""

    UNRELEASED = "unreleased"
    NO_SCORE = "no_score"
    ASKED = "asked"
    OVER = "over"


def appeal_refusal(
    outcome: PaperOutcome | None, window: AppealWindow | None, *, scored: bool, asked: bool, on: date
) -> AppealRefusal | None:
    """Return why a result cannot be appealed against on a day, None where it can.

    A paper of somebody absent, out for a violation or who never opened it (not `scored`) has no marks to recount; a
    violation has its ruling (R-92).

    Source: R-91.
    """
    if outcome is None or window is None:
        return AppealRefusal.UNRELEASED
    if not scored or outcome not in _WITH_SCORE:
        return AppealRefusal.NO_SCORE
    if asked:
        return AppealRefusal.ASKED
    return None if window.is_open(on) else AppealRefusal.OVER


# The recount: the sheet that counts, held against the answers of the journal and against what was released.


@dataclass(frozen=True, slots=True)
class MarkLine:
    """One position: what the sheet on record gave, what the recount gives; None: nothing is known of it."""

    position: int
    points: Decimal
    answered: bool
    kept: Decimal | None
    counted: Decimal | None

    @property
    def differs(self) -> bool:
        return self.kept != self.counted


@dataclass(frozen=True, slots=True)
class AddedLine:
    """A section or unit: what the sheet on record says it earned, what the recount says."""

    name: str
    points: Decimal
    kept: Decimal | None
    counted: Decimal | None

    @property
    def differs(self) -> bool:
        return self.kept != self.counted


@dataclass(frozen=True, slots=True)
class ResultFacts:
    """An outcome with the points it shows."""

    outcome: PaperOutcome
    score: Decimal | None


@dataclass(frozen=True, slots=True)
class Recount:
    """What a recount found, by the three questions of an appeal.

    `marks` and `groups` are by the marks that counted. `recorded` is the score on record, `summed` what its own
    sections come to, `counted` what the journal comes to, with the fresh marks that the decision takes, `released`
    what was told, `due` what the score on record says, `evident` what the recount says; None while it is open.
    """

    marks: Sequence[MarkLine]
    groups: Sequence[AddedLine]
    recorded: Decimal | None
    summed: Decimal | None
    counted: Decimal | None
    released: ResultFacts
    due: ResultFacts | None
    evident: ResultFacts | None
    is_sealed: bool
    """Whether the form and the journal are those that were sealed: otherwise nothing is decided by them."""
    waits: bool = False
    """Whether a fresh mark was asked for and is not given yet."""
    taken: Sequence[int] = ()
    """The positions whose fresh marks the decision takes."""

    @property
    def findings(self) -> frozenset[AppealFinding]:
        """Which of the three is not in order, and whether marks are other ones now."""
        wrong = {
            AppealFinding.MISSED: any(line.differs for line in self.marks),
            AppealFinding.ADDED: self.summed != self.recorded or any(line.differs for line in self.groups),
            AppealFinding.ENTERED: self.due is not None and self.due != self.released,
            AppealFinding.MARKED: bool(self.taken),
        }
        return frozenset(scope for scope, is_wrong in wrong.items() if is_wrong)

    @property
    def to_mark(self) -> list[int]:
        """Return the positions that people mark, and that wait for a fresh marker. Source: R-51, R-91."""
        return [line.position for line in self.marks if line.counted is None]

    @property
    def is_better(self) -> bool:
        """Whether the recount is in the candidate's favour."""
        return self.is_sealed and _is_better(self.evident, self.released)

    @property
    def is_worse(self) -> bool:
        """Whether the recount is against the candidate: no appeal lowers a result (R-99)."""
        return self.evident is not None and _is_better(self.released, self.evident)


def _is_better(one: ResultFacts | None, other: ResultFacts) -> bool:
    if one is None or one.score is None:
        return False
    if other.score is None:
        return True
    passed = PaperOutcome.PASSED
    return (one.score, one.outcome is passed) > (other.score, other.outcome is passed)


Entry = Mapping[str, object]


def mark_lines(kept: Iterable[Entry], counted: Iterable[Entry]) -> Iterator[MarkLine]:
    """Yield each position of two sheets, in the order of the positions.

    `kept` and `counted` are the positions of the sheet on record and of the recount, as a score sheet has them.

    Source: R-54, R-91.
    """
    before = {_number(one["position"]): one for one in kept}
    after = {_number(one["position"]): one for one in counted}
    for position in sorted(before.keys() | after.keys()):
        new, old = after.get(position, {}), before.get(position, {})
        yield MarkLine(
            position,
            _points(new.get("points", old.get("points"))) or Decimal(0),
            bool(new.get("answered", old.get("answered"))),
            _points(old.get("earned")),
            _points(new.get("earned")),
        )


def added_lines(kept: Iterable[Entry], counted: Iterable[Entry]) -> Iterator[AddedLine]:
    """Yield each section or unit of two sheets, as `mark_lines` does its positions. Source: R-53, R-91."""
    before = {_number(one["number"]): one for one in kept}
    after = {_number(one["number"]): one for one in counted}
    for number in sorted(before.keys() | after.keys()):
        new, old = after.get(number, {}), before.get(number, {})
        yield AddedLine(
            str(new.get("name", old.get("name"))),
            _points(new.get("points", old.get("points"))) or Decimal(0),
            _points(old.get("earned")),
            _points(new.get("earned")),
        )


def sum_of(groups: Sequence[AddedLine], *, step: Decimal) -> Decimal | None:
    """Return what the sections on record come to, rounded once; None while one of them waits for its marks.

    Source: R-53, R-91.
    """
    earned = [line.kept for line in groups if line.kept is not None]
    return round_score(sum(earned, Decimal(0)), step) if len(earned) == len(groups) else None


def _number(value: object) -> int:
    return int(str(value))


def _points(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def verdict_refusal(event: AppealEvent, recount: Recount, *, has_evidence_to_come: bool) -> str | None:
    """Return why a recount does not carry an outcome, None where it does: the end of an error's code.

    A result is changed where the recount is in the candidate's favour, and only there; it is kept only where it is
    not; fresh marks are taken with a change. Nothing is decided while evidence waits to be ruled on or an answer to
    be marked, or by papers that are not those sealed.

    Source: R-54, R-91, R-99.
    """
    if has_evidence_to_come:
        return "late_first"
    if not recount.is_sealed:
        return "not_sealed"
    if recount.to_mark or recount.waits:
        return "marks_first"
    if event is AppealEvent.CHANGE and not recount.is_better:
        return "nothing_found"
    if event is AppealEvent.KEEP and recount.is_better:
        return "something_found"
    if event is AppealEvent.KEEP and recount.taken:
        return "taken_kept"
    return None

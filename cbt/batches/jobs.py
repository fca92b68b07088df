"""What the office does to a whole batch or sitting, and the rosters it fetches, as jobs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from cbt.batches import checklist, publication, seat_assignment, sitting_change
from cbt.batches.application_roster import take_out
from cbt.batches.applications import applied_rows
from cbt.batches.inform_list import inform_list
from cbt.batches.roster.desk import export_rows, marked_copy
from cbt.batches.sitting_change import MoveWish
from cbt.candidates.roster.export import OF_BATCH, to_xlsx
from cbt.enrolment.applications.application import Applying
from cbt.http.i18n import explain, local_day
from cbt.http.sentences import with_way
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, file_kind
from cbt.rules.planning.seat_plan import PaperMix, SeatOrder, SeatWishes
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading


def _roster(work: Work) -> JobResult:
    ref = work.asked["batch"]
    rows, record = export_rows(batch_ref=ref, reason=work.asked["reason"], actor=work.actor, now=work.now)
    return JobResult(file=JobFile(f"roster-{ref}.xlsx", XLSX, to_xlsx(rows, OF_BATCH)), record=record)


def _marked_roster(work: Work) -> JobResult:
    with reading() as session:
        name, book = marked_copy(session, work.asked["batch"], work.asked["draft"], actor=work.actor)
    return JobResult(file=JobFile(name, XLSX, book))


def _application_roster(work: Work) -> JobResult:
    ref = work.asked["application"]
    rows, record = applied_rows(ref, now=work.now, actor=work.actor)
    return JobResult(file=JobFile(f"roster-{ref}.xlsx", XLSX, to_xlsx(rows)), record=record)


def _inform_list(work: Work) -> JobResult:
    name, book, record = inform_list(work.asked["sitting"], now=work.now, actor=work.actor)
    return JobResult(file=JobFile(name, XLSX, book), record=record)


INFORM_LIST = file_kind("sitting.inform_list", (Role.OFFICER,), _inform_list)
ROSTER = file_kind("batch.roster", (Role.OFFICER,), _roster)
MARKED_ROSTER = file_kind("batch.marked_roster", (Role.OFFICER,), _marked_roster)
APPLICATION_ROSTER = file_kind("application.roster", (Role.OFFICER,), _application_roster)


Sentences = list[tuple[str, str]]
OFFICERS = frozenset({Role.OFFICER})
SEED_BITS = 32


def _take_out(work: Work) -> JobResult:
    by = Applying(work.actor, work.now, local_day(work.now), unit_id=None)
    return JobResult({"papers": take_out(work.asked["application"], by, work=work)})


def _taken_out(outcome: Mapping[str, Any]) -> Sentences:
    return [(str(_("batches.applied.taken_out", papers=outcome["papers"])), "ok")]


TAKE_OUT = JobKind(
    "application.take_out", OFFICERS, _take_out, is_shared=True, can_cancel=False, said=_taken_out
)


def _draw(work: Work) -> JobResult:
    batch_ref, most = work.asked["batch"], work.asked["most"]
    drawn = checklist.draw_for_batch(
        batch_ref=batch_ref, most=most, now=work.now, actor=work.actor, work=work
    )
    outcome: dict[str, Any] = {"forms": drawn.forms, "left": drawn.left}
    if drawn.stopped is not None:
        what, fix = explain(drawn.stopped)
        outcome["stopped"] = {"sitting": drawn.sitting, "what": what, "fix": fix}
        outcome["way"] = (drawn.stopped.code, drawn.stopped.params.get("mended_at", ""))
    return JobResult(outcome)


def _drawn(outcome: Mapping[str, Any]) -> Sentences:
    forms, left, stopped = outcome["forms"], outcome["left"], outcome.get("stopped")
    sentences = [(str(_("batches.draw.done", forms=forms)), "ok")] if forms else []
    if stopped:
        said = str(_("batches.draw.stopped", **stopped))
        sentences.append((with_way(said, *outcome.get("way", ("", ""))), "stop"))
    elif left:
        sentences.append((str(_("batches.draw.more", sittings=left)), "warn"))
    elif not forms:
        sentences.append((str(_("batches.draw.nothing")), "message"))
    return sentences


DRAW_BATCH = JobKind("batch.draw_forms", OFFICERS, _draw, is_shared=True, is_lasting=True, said=_drawn)


def asked_wishes(wishes: SeatWishes) -> dict[str, Any]:
    """Return wishes for the seats of rooms as a job asks for them."""
    return {
        "order": wishes.order.value,
        "units_apart": wishes.units_apart,
        "papers": wishes.papers.value,
        "by_door": wishes.by_door,
    }


def _wishes(asked: Mapping[str, Any]) -> SeatWishes:
    return SeatWishes(
        SeatOrder(asked["order"]), asked["units_apart"], PaperMix(asked["papers"]), asked["by_door"]
    )


def _arrange_sitting(work: Work) -> JobResult:
    rooms, stayed = seat_assignment.arrange_sitting(
        sitting_ref=work.asked["sitting"],
        wishes=_wishes(work.asked["wishes"]),
        seed=secrets.randbits(SEED_BITS),
        now=work.now,
        actor=work.actor,
        work=work,
    )
    return JobResult({"rooms": rooms, "stayed": stayed})


def _sitting_arranged(outcome: Mapping[str, Any]) -> Sentences:
    sentences = [(str(_("batches.seating.all_done", rooms=outcome["rooms"])), "ok")]
    if outcome["stayed"]:
        sentences.append((str(_("batches.seating.all_stayed", rooms=outcome["stayed"])), "warn"))
    return sentences


ARRANGE_SITTING = JobKind(
    "sitting.arrange_seats", OFFICERS, _arrange_sitting, is_shared=True, said=_sitting_arranged
)


def _arrange_batch(work: Work) -> JobResult:
    rooms, left = seat_assignment.arrange_batch(
        batch_ref=work.asked["batch"],
        wishes=_wishes(work.asked["wishes"]),
        seed=secrets.randbits(SEED_BITS),
        most=work.asked["most"],
        now=work.now,
        actor=work.actor,
        work=work,
    )
    return JobResult({"rooms": rooms, "left": left})


def _batch_arranged(outcome: Mapping[str, Any]) -> Sentences:
    sentences = [(str(_("batches.seating.all_done", rooms=outcome["rooms"])), "ok")]
    if outcome["left"]:
        sentences.append((str(_("batches.seating.batch_left", rooms=outcome["left"])), "warn"))
    return sentences


ARRANGE_BATCH = JobKind("batch.arrange_seats", OFFICERS, _arrange_batch, is_shared=True, said=_batch_arranged)


def _publish(work: Work) -> JobResult:
    batch_ref, chosen = work.asked["batch"], work.asked["sittings"]
    count = publication.publish_many(
        batch_ref=batch_ref, sitting_refs=chosen, now=work.now, actor=work.actor, work=work
    )
    return JobResult({"count": count})


def _published(outcome: Mapping[str, Any]) -> Sentences:
    return [(str(_("batches.publish.done", count=outcome["count"])), "ok")]


PUBLISH_BATCH = JobKind("batch.publish", OFFICERS, _publish, is_shared=True, said=_published)


def _move(work: Work) -> JobResult:
    if work.so_far:
        return JobResult(work.so_far)
    asked = work.asked["wish"]
    wish = MoveWish(asked["name"], datetime.fromisoformat(asked["start_at"]), asked["rooms"], asked["reason"])
    plan = sitting_change.move(
        sitting_ref=work.asked["sitting"], wish=wish, now=work.now, actor=work.actor, work=work
    )
    return JobResult(plan.told.counts)


def asked_move(wish: MoveWish) -> dict[str, Any]:
    """Return where a sitting is to be as a job asks for it."""
    return {
        "name": wish.name,
        "start_at": wish.start_at.isoformat(),
        "rooms": wish.rooms,
        "reason": wish.reason,
    }


def _moved(outcome: Mapping[str, Any]) -> Sentences:
    return [(str(_("batches.move.done", **outcome)), "ok")]


MOVE_SITTING = JobKind("sitting.move", OFFICERS, _move, is_shared=True, said=_moved)


def _cancel(work: Work) -> JobResult:
    if work.so_far:
        return JobResult(work.so_far)
    sitting_ref, reason = work.asked["sitting"], work.asked["reason"]
    notified = sitting_change.cancel(
        sitting_ref=sitting_ref, reason=reason, now=work.now, actor=work.actor, work=work
    )
    return JobResult(notified.counts)


def _cancelled(outcome: Mapping[str, Any]) -> Sentences:
    return [(str(_("batches.cancel.done", **outcome)), "ok")]


CANCEL_SITTING = JobKind("sitting.cancel", OFFICERS, _cancel, is_shared=True, said=_cancelled)

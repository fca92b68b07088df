"""The preview of a key correction and the correction itself as jobs, and the request to a second person.

What a preview comes to is its job's file, for a day: no name is in it.

Source: R-54, R-62.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import flask
import msgspec
from flask_babel import gettext as _
from sqlalchemy import select

from cbt.accounts.approvals.requests import ApprovalKind, Second, hand_over, terms_by_roles
from cbt.accounts.models import Approval
from cbt.errors import Conflict
from cbt.http.auth.login import Principal
from cbt.jobs import queue
from cbt.jobs.answers import have_done
from cbt.jobs.models import Job, JobState
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, job_kinds
from cbt.results.jobs import asked_by_two, by_two
from cbt.results.key_corrections.correction import correct_key
from cbt.results.key_corrections.effect import AskedItem, CorrectionEffect, KeyProposal, read_effect
from cbt.results.key_corrections.fresh_marks import RoundScope, ask_round, call_off_round
from cbt.results.release import SECOND_FOR_RELEASE
from cbt.rules.roles import Role
from cbt.storage.unit_of_work import reading


def item_page(item: AskedItem, **where: Any) -> str:
    """Return the address of the page of an item that a sitting asked."""
    return flask.url_for(
        "results.keys.item",
        sitting_ref=item.sitting,
        bank_ref=item.bank,
        item_ref=item.ref,
        version=item.version,
        part=None if item.part is None else item.part + 1,
        **where,
    )


def _preview(work: Work) -> JobResult:
    effect = read_effect(msgspec.convert(work.asked, KeyProposal))
    name = f"key-{effect.proposal.item.sitting}.json"
    return JobResult(file=JobFile(name, "application/json", msgspec.json.encode(effect)))


def _preview_page(ref: str, asked: Mapping[str, Any], _outcome: Mapping[str, Any]) -> str:
    return item_page(msgspec.convert(asked["item"], AskedItem), preview=ref, _anchor="effect")


PREVIEW = JobKind(
    "results.key_preview",
    frozenset({Role.OFFICER}),
    _preview,
    is_shared=True,
    is_act=False,
    result_page=_preview_page,
)


def preview_of(ref: str, *, now: datetime) -> CorrectionEffect:
    """Return what a preview came to; raise Conflict("key.preview_gone") for none, or once its time is over.

    Where no worker is kept no file is either: it is worked out as it is now.
    """
    with reading() as session:
        job = session.scalar(select(Job).where(Job.ref == ref, Job.kind == PREVIEW.code))
        if job is not None and queue.has_file(job, now=now):
            return msgspec.json.decode(queue.file_of(session, job, now=now).body, type=CorrectionEffect)
    if job is None or job.state != JobState.DONE or job_kinds().worker_is_kept:
        raise Conflict("key.preview_gone")
    return read_effect(msgspec.json.decode(job.asked, type=KeyProposal))


def asked_of(effect: CorrectionEffect, first: Principal, second: Second, reason: str) -> dict[str, Any]:
    """Return what the job of a correction is asked."""
    asked = asked_by_two(effect.proposal.item.sitting, first, second, reason)
    return asked | {"proposal": msgspec.to_builtins(effect.proposal), "seen": effect.seen}


def _correct(work: Work) -> JobResult:
    asked = work.asked

    def act(_sitting: str, *, actor: str, second: Second, now: datetime, work: Work) -> dict[str, object]:
        return correct_key(
            msgspec.convert(asked["proposal"], KeyProposal),
            seen=asked["seen"],
            reason=asked["reason"],
            actor=actor,
            second=second,
            now=now,
            work=work,
        )

    return JobResult(by_two(work, act))


def _ask_round(work: Work) -> JobResult:
    item = msgspec.convert(work.asked["item"], AskedItem)
    scope = RoundScope(work.asked["scope"])
    outcome = ask_round(item, work.asked["version"], scope, now=work.now, actor=work.actor, work=work)
    return JobResult(outcome)


def _call_off_round(work: Work) -> JobResult:
    item = msgspec.convert(work.asked["item"], AskedItem)
    return JobResult(call_off_round(item, work.asked["version"], now=work.now, actor=work.actor, work=work))


def _round_page(_ref: str, asked: Mapping[str, Any], _outcome: Mapping[str, Any]) -> str:
    return item_page(msgspec.convert(asked["item"], AskedItem), _anchor="marks")


ASK_ROUND = JobKind(
    "results.key_marks",
    frozenset({Role.OFFICER}),
    _ask_round,
    is_shared=True,
    can_cancel=False,
    said=lambda outcome: [(str(_("key.marks.asked", count=outcome["count"])), "ok")],
    result_page=_round_page,
)
CALL_OFF_ROUND = JobKind(
    "results.key_marks_off",
    frozenset({Role.OFFICER}),
    _call_off_round,
    is_shared=True,
    can_cancel=False,
    said=lambda outcome: [(str(_("key.marks.called_off", count=outcome["count"])), "ok")],
    result_page=_round_page,
)


def _said(outcome: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    said = [(str(_("key.done", count=outcome["count"], kept=outcome["kept"])), "ok")]
    if outcome["left"]:
        said.append((str(_("key.left", count=outcome["left"])), "warn"))
    return said


def _result_page(_ref: str, _asked: Mapping[str, Any], outcome: Mapping[str, Any]) -> str:
    return flask.url_for("results.keys.correction", ref=outcome["ref"]) if "ref" in outcome else ""


CORRECT_KEY = JobKind(
    "results.correct_key",
    SECOND_FOR_RELEASE,
    _correct,
    is_shared=True,
    can_cancel=False,
    said=_said,
    result_page=_result_page,
)
"""What a second person approved is not cancelled."""
JOBS: Collection[JobKind] = (PREVIEW, ASK_ROUND, CALL_OFF_ROUND, CORRECT_KEY)


# The request to a second person.


def _home(approval: Approval) -> str:
    return flask.url_for("results.keys.index", sitting_ref=approval.subject.removeprefix("sitting:"))


def _have_approved(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    params = json.loads(approval.params)
    effect = preview_of(params["preview"], now=now)
    have_done(
        CORRECT_KEY,
        subject=approval.subject,
        page=_home(approval),
        asked=asked_of(effect, first, second, params["reason"]),
        beside=partial(hand_over, second=second, now=now),
    )


def _told(_approval: Approval, result: Mapping[str, Any]) -> str:
    return str(_("key.begun", count=result["count"]))


KEY_CORRECTIONS = ApprovalKind("key", terms_by_roles, _have_approved, _told, _home)

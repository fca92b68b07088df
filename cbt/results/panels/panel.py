"""A panel from its opening to its last round, by one function for each thing that changes it.

A judge sees nothing of another's before the round is closed. What a round comes to is a recommendation: no pass
mark is moved by it.

Source: R-100.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import flask
import msgspec
from flask_babel import gettext as _
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cbt.accounts.approvals.requests import (
    ApprovalKind,
    ApprovalWish,
    Second,
    claim,
    countersigned,
    put_result,
    terms_by_roles,
)
from cbt.accounts.models import Approval
from cbt.accounts.store import held_roles
from cbt.assembly.models import Form
from cbt.audit import chain
from cbt.bank.item_figures import records_of
from cbt.blueprints.store import blueprint_of
from cbt.candidates.models import Registration
from cbt.confined import runner
from cbt.errors import Conflict, InvalidInput, NotAllowed, NotFound
from cbt.http.auth.login import Principal
from cbt.http.form_values import required
from cbt.results.models import CutPanel, PanelEntry, PanelJudge, PanelRound
from cbt.results.store import SHOWN
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.form_score import arranged, place_of, read_frame
from cbt.rules.roles import Role
from cbt.runner.models import Attempt
from cbt.sittings.models import Sitting
from cbt.sittings.store import official_only
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import reading, unit_of_work

JUDGES = (Role.AUTHOR, Role.REVIEWER)
"""Whoever may see items may judge them."""
DECIDERS: frozenset[str] = frozenset({Role.OFFICER, Role.CHIEF_PROCTOR})
"""Who decides, and who may be the second to do so."""
FEWEST_JUDGES, MOST_JUDGES = 3, 15
MOST_ROUNDS = 5
LONGEST_REASON = 500
EASIEST = 0.005
"""A share of the points so near to 0 or 1 says no more of an item's difficulty."""
TASK = "cbt.results.panels.child:recommend"
LIMITS = runner.Limits(memory=1536 * runner.MEGABYTE, cpu=20, wall=30)


class PanelMethod(StrEnum):
    """How judges say what somebody just good enough can do. Source: R-100."""

    ANGOFF = "angoff"
    """Of each item, how likely they answer it."""
    BOOKMARK = "bookmark"
    """In a booklet of the items, the easiest first, up to which they master them."""


class PanelDecision(StrEnum):
    """What the body makes of a recommendation; no pass mark is moved by either."""

    NOTED = "noted"
    ADVISED = "advised"
    """It is to be considered where a scheme is written whose notice leaves the mark free."""


class PanelItem(msgspec.Struct, frozen=True):
    """What is judged at one position of a form: an item or a part of a case (0-based), its points of the paper."""

    ref: str
    version: int
    part: int | None
    points: float
    difficulty: float = 0.0
    """For bookmarks, in logits, by the share of the points that people earned on it."""


class PanelVotes(msgspec.Struct, frozen=True):
    """What a round is made of: what each judge said, the items' points and their difficulties."""

    method: str
    said: list[list[int]]
    worths: list[float]
    difficulties: list[float]


class PanelCut(msgspec.Struct, frozen=True):
    """What a panel recommends: the mean of its judges, their spread, the error of the mean, each judge's own."""

    value: float
    spread: float | None
    error: float | None
    judges: list[float]


@dataclass(frozen=True, slots=True)
class PanelForm:
    """What a panel is opened for: a form that was taken, its judges' accounts by their refs, and why."""

    form_ref: str
    judges: Collection[str]
    reason: str
    method: PanelMethod = PanelMethod.ANGOFF


def open_panel(form: PanelForm, *, now: datetime, actor: str) -> str:
    """Open a panel with its first round and return its ref.

    Raise InvalidInput("panel.judges"|"panel.reason"|"text.unseen"), NotFound("panel.form_unknown"),
    Conflict("panel.no_figures") where no figures say which items are the easier ones.
    """
    judges = sorted(set(form.judges))
    if not FEWEST_JUDGES <= len(judges) <= MOST_JUDGES:
        raise InvalidInput("panel.judges", least=FEWEST_JUDGES, most=MOST_JUDGES, field="judges")
    reason = required(form.reason, "panel.reason", "reason", limit=LONGEST_REASON)
    with reading() as session:
        if not set(judges) <= {grant.ref for grant in held_roles(session, JUDGES)}:
            raise InvalidInput("panel.judges", least=FEWEST_JUDGES, most=MOST_JUDGES, field="judges")
        panel = _panel_of(session, form)
    panel.opened_at, panel.opened_by, panel.reason = now, actor, reason
    ref = panel.ref
    with unit_of_work() as session:
        session.add(panel)
        session.flush()
        session.add_all(PanelJudge(panel_id=panel.id, judge=f"staff:{judge}") for judge in judges)
        after = {"form": form.form_ref, "method": panel.method, "judges": judges}
        _record(session, panel, "panel.open", now=now, actor=actor, reason=reason, after=after)
    return ref


def _panel_of(session: Session, asked: PanelForm) -> CutPanel:
    """Return a panel for a form that somebody took in a sitting that is over."""
    row = session.execute(
        select(Form, Sitting.name)
        .join(Attempt, Attempt.form_id == Form.id)
        .join(Registration, Registration.id == Attempt.registration_id)
        .join(Sitting, Sitting.id == Registration.sitting_id)
        .where(Form.ref == asked.form_ref, Sitting.state.in_(SHOWN), official_only())
        .order_by(Sitting.id.desc())
        .limit(1)
    ).first()
    if row is None:
        raise NotFound("panel.form_unknown")
    form, sitting = row
    blueprint = blueprint_of(session, form.blueprint_version_id)
    paper = blueprint.papers[form.paper]
    items = _items(json.loads(form.content))
    if asked.method is PanelMethod.BOOKMARK:
        items = _booklet(session, form.bank_id, items)
    return CutPanel(
        ref=new_ref("pn"),
        name=f"{sitting} · {blueprint.level_name} {paper.label} · {asked.form_ref}"[:200],
        method=asked.method.value,
        bank_id=form.bank_id,
        items=msgspec.json.encode(items).decode(),
        points=paper.points,
        pass_points=paper.pass_points,
        round=1,
        is_open=True,
        decision="",
        grounds="",
        decided_by="",
        second_by="",
    )


def _booklet(session: Session, bank_id: int, items: Sequence[PanelItem]) -> list[PanelItem]:
    """Return the items with their difficulties, the easiest first; raise Conflict("panel.no_figures").

    A part of a case has the difficulty of its case.
    """
    records = records_of(session, bank_id, {item.ref for item in items})
    without = sorted({item.ref for item in items if item.ref not in records or records[item.ref].few})
    if without:
        raise Conflict("panel.no_figures", count=len(without), first=without[0])
    rated = [msgspec.structs.replace(item, difficulty=_logit(records[item.ref].difficulty)) for item in items]
    return sorted(rated, key=lambda item: (item.difficulty, item.ref, item.part or 0))


def _logit(share: float) -> float:
    """Return how hard an item is of which this share of the points was earned; everybody and nobody are bounded."""
    bounded = min(max(share, EASIEST), 1 - EASIEST)
    return math.log((1 - bounded) / bounded)


def _items(content: Mapping[str, object]) -> list[PanelItem]:
    """Return the items of a form, each with the points that it has of the paper (R-53)."""
    frame, *lines = arranged(content).split("\n")
    groups, runs = read_frame(frame)
    seats = [(run.group, run.kind.points) for run in runs for _place in range(run.length)]
    whole: defaultdict[int, float] = defaultdict(float)
    for group, points in seats:
        whole[group] += float(points)
    of_group = {group.number: float(group.points) for group in groups}
    return [
        PanelItem(
            place["item"],
            place["version"],
            place["part"],
            float(points) * of_group[group] / whole[group],
        )
        for place, (group, points) in zip(map(place_of, lines), seats, strict=True)
    ]


def items_of(panel: CutPanel) -> list[PanelItem]:
    return msgspec.json.decode(panel.items, type=list[PanelItem])


def places_of(panel: CutPanel) -> int:
    """Return at how many places a judge says something: at each item, or once where the bookmark lies."""
    return len(items_of(panel)) if panel.method == PanelMethod.ANGOFF else 1


def enter(ref: str, place: int, said: int, *, now: datetime, actor: str) -> None:
    """Keep what a judge says in the round that is open; what they said before in it is replaced.

    By Angoff `said` is the chance at the item `place` (0-based) in per cent; of a bookmark, at place 0, how many
    items of the booklet lie before it. Raise NotFound("panel.unknown"|"panel.item_unknown"),
    InvalidInput("panel.per_cent"|"panel.bookmark"), NotAllowed("panel.not_judge"), Conflict("panel.closed").
    """
    with unit_of_work() as session:
        panel = _held(session, ref)
        if not 0 <= place < places_of(panel):
            raise NotFound("panel.item_unknown")
        judge = judge_at(session, panel, actor)
        if not panel.is_open:
            raise Conflict("panel.closed")
        if panel.method == PanelMethod.ANGOFF and not 0 <= said <= 100:
            raise InvalidInput("panel.per_cent", field="said")
        if panel.method == PanelMethod.BOOKMARK and not 0 <= said <= len(items_of(panel)):
            raise InvalidInput("panel.bookmark", field="said", most=len(items_of(panel)))
        here = (
            PanelEntry.judge_id == judge.id,
            PanelEntry.round == panel.round,
            PanelEntry.place == place,
        )
        entry = session.scalar(select(PanelEntry).where(*here))
        before = None if entry is None else entry.said
        if entry is None:
            entry = PanelEntry(judge_id=judge.id, round=panel.round, place=place)
            session.add(entry)
        entry.said, entry.at = said, now
        after = {"round": panel.round, "place": place, "said": said}
        former = None if before is None else {"said": before}
        _record(session, panel, "panel.enter", now=now, actor=actor, before=former, after=after)


def judge_at(session: Session, panel: CutPanel, actor: str) -> PanelJudge:
    """Return somebody's place at a panel; raise NotAllowed("panel.not_judge")."""
    query = select(PanelJudge).where(PanelJudge.panel_id == panel.id, PanelJudge.judge == actor)
    judge = session.scalar(query)
    if judge is None:
        raise NotAllowed("panel.not_judge")
    return judge


def close_round(ref: str, *, now: datetime, actor: str) -> PanelCut:
    """Close the round that is open and keep what it recommends; no pass mark is moved by it.

    Raise NotFound("panel.unknown"), Conflict("panel.closed"|"panel.unfinished"|"panel.changed").
    """
    with reading() as session:
        panel = CutPanel.by_ref(session, ref, unknown="panel.unknown")
        number, votes = panel.round, votes_of(session, panel)
        if not panel.is_open:
            raise Conflict("panel.closed")
    cut = msgspec.json.decode(runner.run(TASK, msgspec.msgpack.encode(votes), limits=LIMITS), type=PanelCut)
    with unit_of_work() as session:
        panel = _held(session, ref)
        if votes_of(session, panel) != votes:
            raise Conflict("panel.changed")
        _turn(session, panel, number=number, was_open=True, is_open=False)
        result = canonical_json(msgspec.to_builtins(cut))
        session.add(
            PanelRound(panel_id=panel.id, number=number, closed_at=now, closed_by=actor, result=result)
        )
        after = {"round": number, "cut": round(cut.value, 2)}
        _record(session, panel, "panel.close", now=now, actor=actor, after=after)
    return cut


def begin_round(ref: str, *, now: datetime, actor: str) -> int:
    """Begin a further round, in which what judges said stands until they say otherwise, and return its number.

    Raise NotFound("panel.unknown"), Conflict("panel.no_more"|"panel.changed").
    """
    with unit_of_work() as session:
        panel = _held(session, ref)
        number = panel.round
        if panel.is_open or panel.decision or number >= MOST_ROUNDS:
            raise Conflict("panel.no_more", most=MOST_ROUNDS)
        _turn(session, panel, number=number, was_open=False, is_open=True)
        _record(session, panel, "panel.round", now=now, actor=actor, after={"round": number + 1})
    return number + 1


def _turn(session: Session, panel: CutPanel, *, number: int, was_open: bool, is_open: bool) -> None:
    """Open or close a round where it is as it was read; raise Conflict("panel.changed") where it is not."""
    turned = session.execute(
        update(CutPanel)
        .where(CutPanel.id == panel.id, CutPanel.round == number, CutPanel.is_open == was_open)
        .values(is_open=is_open, round=number + is_open)
        .returning(CutPanel.id)
    ).all()
    if not turned:
        raise Conflict("panel.changed")


def _held(session: Session, ref: str) -> CutPanel:
    """Return a panel under lock: an entry and the closing of its round wait for each other."""
    panel = session.scalar(select(CutPanel).where(CutPanel.ref == ref).with_for_update())
    if panel is None:
        raise NotFound("panel.unknown")
    return panel


def votes_of(session: Session, panel: CutPanel) -> PanelVotes:
    """Return what each judge said last; raise Conflict("panel.unfinished") where one has not said everything."""
    items, judges, places = items_of(panel), judges_of(session, panel), places_of(panel)
    latest = {judge.id: said_by(session, judge.id) for judge in judges}
    left = [judge for judge in judges if len(latest[judge.id]) < places]
    if left:
        raise Conflict("panel.unfinished", count=len(left))
    return PanelVotes(
        panel.method,
        [[latest[judge.id][place] for place in range(places)] for judge in judges],
        [item.points for item in items],
        [item.difficulty for item in items],
    )


def said_by(session: Session, judge_id: int) -> dict[int, int]:
    """Return what somebody said last at each place."""
    rows = session.execute(
        select(PanelEntry.place, PanelEntry.said)
        .where(PanelEntry.judge_id == judge_id)
        .order_by(PanelEntry.round)
    )
    return dict(rows.all())


def judges_of(session: Session, panel: CutPanel) -> Sequence[PanelJudge]:
    query = select(PanelJudge).where(PanelJudge.panel_id == panel.id).order_by(PanelJudge.id)
    return session.scalars(query).all()


def entered(session: Session, panel: CutPanel) -> Mapping[int, int]:
    """Return of how many items each judge (by id) said something: all the chair sees of an open round."""
    rows = session.execute(
        select(PanelJudge.id, func.count(PanelEntry.place.distinct()))
        .join(PanelEntry, PanelEntry.judge_id == PanelJudge.id, isouter=True)
        .where(PanelJudge.panel_id == panel.id)
        .group_by(PanelJudge.id)
    )
    return dict(rows.all())


def rounds_of(session: Session, panel: CutPanel) -> list[tuple[PanelRound, PanelCut]]:
    """Return the rounds that are closed with what each came to."""
    query = select(PanelRound).where(PanelRound.panel_id == panel.id).order_by(PanelRound.number)
    return [(one, msgspec.json.decode(one.result, type=PanelCut)) for one in session.scalars(query)]


# What the body makes of it, by two people.


@dataclass(frozen=True, slots=True)
class DecisionWish:
    """What somebody wants to have decided, and why."""

    decision: str
    grounds: str


def decide(ref: str, wish: DecisionWish, *, now: datetime, actor: str, second: Second | None = None) -> None:
    """Keep what the body makes of the last round; no pass mark is moved by it, and nothing is judged afterwards.

    Raise NotFound("panel.unknown"), InvalidInput("panel.decision"|"panel.grounds"|"text.unseen"),
    Conflict("panel.undecidable") while a round is open or once it is decided, SecondNeeded, and
    Conflict("approval.changed") where another round came meanwhile.

    Source: R-62, R-100.
    """
    if wish.decision not in set(PanelDecision):
        raise InvalidInput("panel.decision", field="decision")
    grounds = required(wish.grounds, "panel.grounds", "grounds", limit=LONGEST_REASON)
    with unit_of_work() as session:
        claim(session, second, now=now)
        panel = _held(session, ref)
        rounds = rounds_of(session, panel)
        if panel.is_open or panel.decision or not rounds:
            raise Conflict("panel.undecidable")
        last, cut = rounds[-1]
        seen = digest(canonical_json([panel.ref, last.number, last.result]))
        countersigned(second, roles=DECIDERS, seen=seen)
        panel.decision, panel.grounds = wish.decision, grounds
        panel.decided_at, panel.decided_by = now, actor
        panel.second_by = f"staff:{second.ref}" if second is not None else ""
        after = {"decision": wish.decision, "cut": round(cut.value, 2), "second": panel.second_by}
        _record(session, panel, "panel.decide", now=now, actor=actor, reason=grounds, after=after)
        put_result(session, second, {})


KIND = "panel"


def wish_for(panel: CutPanel, wish: DecisionWish, cut: PanelCut) -> ApprovalWish:
    """Return the request for a decision."""
    return ApprovalWish(
        kind=KIND,
        act="panel_decide",
        subject=f"panel:{panel.ref}",
        place=panel.name,
        params=canonical_json({"decision": wish.decision, "grounds": wish.grounds}),
        preview=(
            ("panel.cut", "text", f"{cut.value:.1f}"),
            ("panel.decision", "word", f"panel.decision.{wish.decision}"),
            ("approval.line.reason", "text", wish.grounds.strip()),
        ),
    )


def _carry_out(approval: Approval, first: Principal, second: Second, now: datetime) -> None:
    wish = DecisionWish(**json.loads(approval.params))
    decide(approval.subject.removeprefix("panel:"), wish, now=now, actor=first.logged_as, second=second)


def _said(_approval: Approval, _result: Mapping[str, object]) -> str:
    return str(_("panel.decided"))


def _home(approval: Approval) -> str:
    return flask.url_for("panels.panel", ref=approval.subject.removeprefix("panel:"))


PANEL_DECISIONS = ApprovalKind(KIND, terms_by_roles, _carry_out, _said, _home)


def _record(
    session: Session,
    panel: CutPanel,
    act: str,
    *,
    now: datetime,
    actor: str,
    reason: str = "",
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object],
) -> None:
    chain.record(
        session,
        at=now,
        actor=actor,
        act=act,
        subject=f"panel:{panel.ref}",
        reason=reason,
        before=before,
        after=after,
    )

"""The draw of papers (组卷): one frozen form and one attempt per registration; a form follows its registration.

A draw heeds what a candidate meets in the other papers of a batch (互斥 across theory and skills), what they saw in
former attempts, and which cases the neighbours have.

Source: R-8, R-43, R-121.
"""

from __future__ import annotations

import json
import random
import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from operator import itemgetter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.assembly.draw import SEED_BITS, DrawnForm, DrawSources, cases_of, draw, freeze, items_of
from cbt.assembly.models import Form
from cbt.audit import chain
from cbt.blueprints.store import blueprint_of, paper_of
from cbt.candidates.models import Registration
from cbt.errors import Conflict
from cbt.items.models import ItemBank
from cbt.rules.planning.seat_plan import RoomPlan, plan_of
from cbt.rules.states import SittingState, State
from cbt.runner.attempt_changes import create_attempt
from cbt.runner.models import Attempt
from cbt.runner.paper.layout import layout_of
from cbt.sittings.models import Room, Seat, Sitting, SittingRoom
from cbt.sittings.store import official_only, sitting_by_ref
from cbt.storage.unit_of_work import DIRECTLY, LongWork, let_go, pieces_of, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in

_CHUNK = 400


class Others:
    """The forms that some registrations' candidates have in the same batch, of the same bank, in what counts.

    Beside them stand the forms that they were shown in former attempts.
    """

    def __init__(self, session: Session, registrations: Sequence[Registration], sources: DrawSources) -> None:
        self._session = session
        self._sources = sources
        self._met: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        self._open: defaultdict[int, list[Registration]] = defaultdict(list)
        self._seen: defaultdict[tuple[int, str], list[tuple[Registration, frozenset[str]]]] = defaultdict(
            list
        )
        tickets = sorted({one.ticket_id for one in registrations})
        for start in range(0, len(tickets), _CHUNK):
            self._read(tickets[start : start + _CHUNK])
        candidates = sorted({one.candidate_id for one in registrations})
        for start in range(0, len(candidates), _CHUNK):
            self._read_seen(candidates[start : start + _CHUNK])

    def foes_of(self, registration: Registration, rng: random.Random) -> frozenset[str]:
        """Return what must not come up in this registration's paper.

        Where its candidate is to have a paper of cases that is not drawn yet, cases are set aside for that: else a
        theory paper would leave no case that it does not exclude.
        """
        bank = self._bank_of(registration)
        enemies = self._sources.enemies_in(bank)
        met = self._met[registration.ticket_id, bank] | self._set_aside(registration, rng)
        return frozenset().union(*(enemies.get(ref, frozenset()) for ref in met))

    def seen_by(self, registration: Registration) -> list[frozenset[str]]:
        """Return the items of each form that this registration's candidate was shown, the latest first.

        The other paper of the same batch is none of them: what must not meet it is 互斥.

        Source: R-121.
        """
        shown = self._seen[registration.candidate_id, self._bank_of(registration)]
        return [
            items
            for former, items in shown
            if former.paper == registration.paper or former.ticket_id != registration.ticket_id
        ]

    def _set_aside(self, registration: Registration, rng: random.Random) -> frozenset[str]:
        if has_cases(self._session, registration):
            return frozenset()
        refs: frozenset[str] = frozenset()
        for other in self._open[registration.ticket_id]:
            if other.id != registration.id and has_cases(self._session, other):
                version, seed = other.blueprint_version_id, rng.getrandbits(SEED_BITS)
                refs |= items_of(self._sources.content(version, other.paper, seed=seed))
        return refs

    def note(self, registration: Registration, refs: frozenset[str]) -> None:
        self._met[registration.ticket_id, self._bank_of(registration)] |= refs
        self._open[registration.ticket_id] = [
            one for one in self._open[registration.ticket_id] if one.id != registration.id
        ]

    def _read(self, tickets: Sequence[int]) -> None:
        rows = self._session.execute(
            select(Registration, Form.content)
            .join(Attempt, Attempt.registration_id == Registration.id)
            .join(Form, Form.id == Attempt.form_id)
            .join(Sitting, Sitting.id == Registration.sitting_id)
            .where(Registration.ticket_id.in_(tickets), official_only())
        )
        for registration, content in rows:
            self.note(registration, items_of(json.loads(content)))
        waiting = (
            select(Registration)
            .outerjoin(Attempt, Attempt.registration_id == Registration.id)
            .join(Sitting, Sitting.id == Registration.sitting_id)
            .where(Registration.ticket_id.in_(tickets), Attempt.id.is_(None), official_only())
        )
        for registration in self._session.scalars(waiting):
            self._open[registration.ticket_id].append(registration)

    def _read_seen(self, candidates: Sequence[int]) -> None:
        rows = self._session.execute(
            select(Registration, Form.content)
            .join(Attempt, Attempt.registration_id == Registration.id)
            .join(Form, Form.id == Attempt.form_id)
            .where(Registration.candidate_id.in_(candidates), Attempt.started_at.is_not(None))
            .order_by(Attempt.started_at.desc(), Attempt.id.desc())
        )
        for registration, content in rows:
            shown = registration, items_of(json.loads(content))
            self._seen[registration.candidate_id, self._bank_of(registration)].append(shown)

    def _bank_of(self, registration: Registration) -> str:
        return self._sources.bank_ref_of(registration.blueprint_version_id)


def has_cases(session: Session, registration: Registration) -> bool:
    return bool(paper_of(session, registration.blueprint_version_id, registration.paper).units)


Cases = tuple[int, dict[int, str]]
"""The bank of a form (another's cases may have the same codes), and its case of each unit."""
FORMS_AT_ONCE = 8
"""So many forms are stored together: each is as long as a thousand answers."""
ROUNDS = 5
"""A draw that others keep from storing anything is read anew so often."""
_OVER = frozenset(
    {
        SittingState.ENDED,
        SittingState.SCORED,
        SittingState.RELEASED,
        SittingState.CANCELLED,
        SittingState.ABORTED,
    }
)


@dataclass(frozen=True, slots=True)
class CandidatePaper:
    """The form of one registration, worked out and not stored yet."""

    registration: Registration
    form: DrawnForm
    layout: str
    grace: timedelta
    meets_enemy: bool
    """Whether it holds what is 互斥 with another paper of its candidate."""
    seen_again: int
    """How many of its items its candidate saw in a former attempt."""


class _Changed(Exception):
    """Somebody else changed what these forms were drawn for."""


def draw_for_sitting(
    sitting_ref: str,
    *,
    now: datetime,
    actor: str,
    seed: int | None = None,
    work: LongWork = DIRECTLY,
    before: int = 0,
    after: int = 0,
) -> int:
    """Draw a form for every registration of a sitting that has none; return how many were drawn.

    `work` is told of all forms that it draws: `before` are drawn, `after` are to be drawn elsewhere.

    `seed` makes the run repeatable (rehearsals, tests); otherwise chance decides and each form keeps its
    own seed. Candidates at neighbouring seats (beside, before and behind, by the room's plan) do not get the
    same case in the same unit when the bank has another, and what is 互斥 does not meet in the papers of one
    candidate in a batch where the bank allows it: how many forms it did not allow stands in the log, and how many
    hold an item that their candidate saw in a former attempt.

    Forms are worked out while others write and stored a few at a time, each few with what they were drawn for as
    it was read; where somebody changed that meanwhile, the rest is read and drawn anew. What a bank cannot fill is
    refused before anything is stored; a draw that ends half-way leaves whole forms, and the next one goes on.

    Raise Conflict("draw.over") once the sitting is behind us or cancelled, ("draw.nobody") while nobody is
    registered, ("draw.no_bank") naming every bank that is not there, ("draw.changed") while others keep changing
    it, and as `draw` does.

    Source: R-8, R-43, R-121.
    """
    rng, written = drawing_chance(seed), _Written(sitting_ref, now, actor, work, before)
    for _ in range(ROUNDS):
        stored = written.forms
        try:
            _draw_the_rest(written, rng, work, after)
        except _Changed:
            if written.forms == stored:
                continue
        else:
            return written.forms
    raise Conflict("draw.changed")


def _draw_the_rest(written: _Written, rng: random.Random, work: LongWork, after: int) -> None:
    """Draw and store what is not drawn yet; raise _Changed where it has to be read anew."""
    with reading() as session:
        sitting = sitting_by_ref(session, written.sitting_ref)
        waiting = _without_form(session, sitting)
        _drawable(session, sitting, [registration for registration, _ in waiting])
        if not waiting:
            return
        sources = DrawSources(session)
        for version_id, paper in sorted({(one.blueprint_version_id, one.paper) for one, _ in waiting}):
            sources.content(version_id, paper, seed=0)  # what cannot be drawn is refused before one is stored
        registrations = [registration for registration, _ in waiting]
        written.expect(_attempts_around(session, registrations), left=len(waiting))
        for piece in pieces_of(_drawn(session, waiting, sources, rng), size=FORMS_AT_ONCE):
            let_go(session)
            work.in_front(partial(written.store, piece))
            work.tell(written.in_all, written.in_all + written.left + after)


class _Written:
    """What one draw has stored of a sitting, and what it relies on for the next few forms."""

    def __init__(self, sitting_ref: str, now: datetime, actor: str, work: LongWork, before: int) -> None:
        self.sitting_ref = sitting_ref
        self._work = work
        self._before = before
        self.forms = 0
        self._met = 0
        self._seen_again = 0
        self.left = 0
        self._around: Counter[str] = Counter()
        self._now = now
        self._actor = actor

    @property
    def in_all(self) -> int:
        return self._before + self.forms

    def expect(self, around: Counter[str], *, left: int) -> None:
        """Rely on so many attempts in each room and of each ticket; `left` forms are to be stored."""
        self._around, self.left = around, left

    def store(self, papers: Sequence[CandidatePaper]) -> None:
        """Store some forms with their attempts; raise _Changed where they were drawn for what is no more so."""
        registrations = [paper.registration for paper in papers]
        with unit_of_work() as session:
            # Locked, so that nobody changes a paper while its form is stored.
            sitting = sitting_by_ref(session, self.sitting_ref, lock=True)
            if SittingState(sitting.state) in _OVER:
                raise Conflict("draw.over")
            around = _attempts_around(session, registrations)
            if any(self._around[key] != count for key, count in around.items()):
                raise _Changed
            if not _still_waits(session, registrations):
                raise _Changed
            self._record(session, sitting, papers)
            store_drawn(session, papers, now=self._now)
            put_down_in(session, *self._work.keeping(forms=self.in_all + len(papers)))
        self.forms += len(papers)
        self.left -= len(papers)
        self._met += sum(paper.meets_enemy for paper in papers)
        self._seen_again += sum(paper.seen_again > 0 for paper in papers)
        self._around.update(key for one in registrations for key in _keys(one))

    def _record(self, session: Session, sitting: Sitting, papers: Sequence[CandidatePaper]) -> None:
        """Put on record that a long draw begins, or what a draw has done when it ends."""
        met = self._met + sum(paper.meets_enemy for paper in papers)
        again = self._seen_again + sum(paper.seen_again > 0 for paper in papers)
        done = {
            "forms": self.forms + len(papers),
            **({"enemies_met": met} if met else {}),
            **({"seen_again": again} if again else {}),
        }
        subject, now, actor = f"sitting:{sitting.ref}", self._now, self._actor
        if self.left == len(papers):
            chain.record(session, at=now, actor=actor, act="sitting.draw_forms", subject=subject, after=done)
        elif not self.forms:
            begun = {"forms": self.left}
            chain.record(session, at=now, actor=actor, act="sitting.draw_begin", subject=subject, after=begun)


def _keys(registration: Registration) -> tuple[str, str]:
    """Return what the forms around a registration's are counted by: who sits near, what else its candidate has."""
    return f"room:{registration.sitting_room_id}", f"ticket:{registration.ticket_id}"


def _attempts_around(session: Session, registrations: Sequence[Registration]) -> Counter[str]:
    """Return how many attempts there are in the rooms and of the tickets of registrations: forms to differ from."""
    around: Counter[str] = Counter({key: 0 for one in registrations for key in _keys(one)})
    counted = ("room", Registration.sitting_room_id), ("ticket", Registration.ticket_id)
    for kind, column in counted:
        wanted = sorted({int(key.partition(":")[2]) for key in around if key.startswith(kind)})
        for start in range(0, len(wanted), _CHUNK):
            query = (
                select(column, func.count())
                .join(Attempt, Attempt.registration_id == Registration.id)
                .where(column.in_(wanted[start : start + _CHUNK]))
                .group_by(column)
            )
            around.update({f"{kind}:{number}": count for number, count in session.execute(query)})
    return around


def _still_waits(session: Session, registrations: Sequence[Registration]) -> bool:
    """Return whether registrations are those that were read, each without a form."""
    facts = (
        Registration.id,
        Registration.blueprint_version_id,
        Registration.paper,
        Registration.sitting_room_id,
        Registration.seat_id,
    )
    query = (
        select(*facts)
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .where(Registration.id.in_([one.id for one in registrations]), Attempt.id.is_(None))
    )
    return {tuple(row) for row in session.execute(query)} == {
        (one.id, one.blueprint_version_id, one.paper, one.sitting_room_id, one.seat_id)
        for one in registrations
    }


def drawing_chance(seed: int | None = None) -> random.Random:
    return random.Random(secrets.randbits(64) if seed is None else seed)


def sources_for(blueprint_version_id: int, papers: Iterable[str]) -> DrawSources:
    """Return what forms of these papers are drawn from, read before a unit of work that draws for one person."""
    with reading() as session:
        sources = DrawSources(session)
        sources.prepare(blueprint_version_id, papers)
        return sources


def draw_forms(
    session: Session,
    sitting: Sitting,
    waiting: list[tuple[Registration, int]],
    *,
    sources: DrawSources,
    now: datetime,
    rng: random.Random,
) -> None:
    """Draw a form and add the attempt for the few registrations of one person, with their seat numbers.

    The sitting is locked. `sources` were read before (`sources_for`), so that whoever waits to write waits for the
    choice of some items alone. Raise as `draw_for_sitting` does.
    """
    sources.read_by(session)
    _drawable(session, sitting, [registration for registration, _ in waiting])
    store_drawn(session, list(_drawn(session, waiting, sources, rng)), now=now)


def _drawn(
    session: Session, waiting: list[tuple[Registration, int]], sources: DrawSources, rng: random.Random
) -> Iterator[CandidatePaper]:
    """Yield the form of each registration; seat numbers say who must not have the same cases."""
    # Who has both papers here gets the cases first: of items there are many to go round, of cases a few.
    waiting.sort(key=lambda pair: not has_cases(session, pair[0]))
    plans = _plans(session, waiting)
    beside = {
        (registration.sitting_room_id, number): plans[registration.sitting_room_id].neighbours(number)
        for registration, number in waiting
    }
    near = _cases_by_seat(session, {(room, seat) for (room, _), seats in beside.items() for seat in seats})
    others = Others(session, [registration for registration, _ in waiting], sources)
    for registration, seat_number in waiting:
        place = (registration.sitting_room_id, seat_number)
        foes = others.foes_of(registration, rng)
        bank = sources.bank_of(registration.blueprint_version_id).id
        near_cases = [near[place[0], number] for number in beside[place] if (place[0], number) in near]
        seen = others.seen_by(registration)
        neighbours = [cases for of_bank, cases in near_cases if of_bank == bank]
        form = draw(
            sources,
            blueprint_version_id=registration.blueprint_version_id,
            paper_code=registration.paper,
            rng=rng,
            clashes=partial(clashes_of, neighbours),
            without=foes,
            seen=seen,
        )
        near[place] = bank, dict(form.cases)
        others.note(registration, form.items)
        paper = paper_of(session, registration.blueprint_version_id, registration.paper)
        yield CandidatePaper(
            registration,
            form,
            layout_of(form.content),
            paper.clock.grace,
            meets_enemy=not foes.isdisjoint(form.items),
            seen_again=len(form.items & frozenset[str]().union(*seen)),
        )


def store_drawn(session: Session, papers: Sequence[CandidatePaper], *, now: datetime) -> None:
    """Freeze forms that were drawn, and add the attempt of each. Source: R-43."""
    forms = freeze(session, [paper.form for paper in papers], now=now)
    for paper, form in zip(papers, forms, strict=True):
        create_attempt(
            session,
            registration_id=paper.registration.id,
            sitting_room_id=paper.registration.sitting_room_id,
            form_id=form.id,
            layout=paper.layout,
            grace=paper.grace,
        )
    session.flush()


def drawn_count_of(session: Session, sitting_ref: str) -> tuple[int, int]:
    """Return how many registrations of a sitting have a form, and how many there are."""
    sitting = sitting_by_ref(session, sitting_ref)
    needed = session.scalar(select(func.count()).where(Registration.sitting_id == sitting.id)) or 0
    drawn = session.scalar(
        select(func.count(Attempt.id))
        .join(Registration, Registration.id == Attempt.registration_id)
        .where(Registration.sitting_id == sitting.id)
    )
    return drawn or 0, needed


def _drawable(session: Session, sitting: Sitting, waiting: Sequence[Registration]) -> None:
    """Refuse a draw that cannot succeed, with what is to be done first."""
    if SittingState(sitting.state) in _OVER:
        raise Conflict("draw.over")
    registered = select(Registration.id).where(Registration.sitting_id == sitting.id).limit(1)
    if session.scalar(registered) is None:
        raise Conflict("draw.nobody")
    needed = {
        blueprint_of(session, version).bank for version in {one.blueprint_version_id for one in waiting}
    }
    there = set(session.scalars(select(ItemBank.ref).where(ItemBank.ref.in_(needed))))
    if needed - there:
        raise Conflict("draw.no_bank", banks=sorted(needed - there))


def _without_form(session: Session, sitting: Sitting) -> list[tuple[Registration, int]]:
    rows = session.execute(
        select(Registration, Seat.number)
        .join(Seat, Seat.id == Registration.seat_id)
        .outerjoin(Attempt, Attempt.registration_id == Registration.id)
        .where(Registration.sitting_id == sitting.id, Attempt.id.is_(None))
        .order_by(Registration.sitting_room_id, Seat.number)
    )
    return [(registration, number) for registration, number in rows]


def alike_beside(session: Session, registration: Registration, seat_number: int) -> list[int]:
    """Return the seats beside, before and behind this one whose forms have one of its cases in the same unit.

    Source: R-8.
    """
    place = registration.sitting_room_id
    plan = _plans(session, [(registration, seat_number)])[place]
    neighbours = plan.neighbours(seat_number)
    near = _cases_by_seat(session, {(place, number) for number in (seat_number, *neighbours)})
    if (place, seat_number) not in near:
        return []
    bank, own = near[place, seat_number]
    beside = {number: near[place, number] for number in neighbours if (place, number) in near}
    return sorted(number for number, (of, cases) in beside.items() if of == bank and clashes_of([cases], own))


def _cases_by_seat(session: Session, seats: Collection[tuple[int, int]]) -> dict[tuple[int, int], Cases]:
    """Return the cases of the forms at these seats (sitting-room, number of the seat)."""
    cases: dict[tuple[int, int], Cases] = {}
    rooms = groupby(sorted(seats), key=itemgetter(0))
    for room_id, numbers in [(room, [number for _, number in some]) for room, some in rooms]:
        rows = session.execute(
            select(Seat.number, Form.bank_id, Form.content)
            .join(Registration, Registration.seat_id == Seat.id)
            .join(Attempt, Attempt.registration_id == Registration.id)
            .join(Form, Form.id == Attempt.form_id)
            .where(Registration.sitting_room_id == room_id, Seat.number.in_(numbers))
        )
        for number, bank_id, content in rows:
            cases[room_id, number] = bank_id, cases_of(json.loads(content))
    return cases


def _plans(session: Session, waiting: Sequence[tuple[Registration, int]]) -> dict[int, RoomPlan]:
    """Return the plan of each sitting-room that somebody is drawn for."""
    rows = session.execute(
        select(SittingRoom.id, Room.plan, Room.door, Seat.number)
        .join(Room, Room.id == SittingRoom.room_id)
        .join(Seat, Seat.room_id == Room.id)
        .where(SittingRoom.id.in_({registration.sitting_room_id for registration, _ in waiting}))
        .order_by(SittingRoom.id, Seat.number)
    )
    rooms: dict[tuple[int, str, str], list[int]] = {}
    for room_id, plan, door, number in rows:
        rooms.setdefault((room_id, plan, door), []).append(number)
    return {room_id: plan_of(plan, door, tuple(numbers)) for (room_id, plan, door), numbers in rooms.items()}


def clashes_of(neighbours: Sequence[Mapping[int, str]], own: Mapping[int, str]) -> int:
    """Return how many cases of one paper a neighbour has in the same unit. Source: R-8."""
    return sum(cases.get(unit) == case for cases in neighbours for unit, case in own.items())


# A form follows its registration: it moves along, is set aside, or comes back.
#
# Source: R-43.


def attempt_of(session: Session, registration_id: int) -> Attempt | None:
    """Return the attempt of a registration, its row locked; None while no form is drawn for it."""
    query = select(Attempt).where(Attempt.registration_id == registration_id)
    return session.scalar(query.with_for_update().execution_options(populate_existing=True))


def is_begun(attempt: Attempt | None) -> bool:
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
    # The form that is drawn in its place names the person, who comes before the paper (application/lock_order.py).
    person = select(Registration.id).where(Registration.id == registration.id)
    session.execute(person.with_for_update(read=True, key_share=True)).all()
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

"""Frozen forms: one seed one form, comparable within a sitting, neighbours with different cases."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from cbt.assembly.draw import DrawSources, cases_of, draw_content, items_of
from cbt.assembly.draw import draw as draw_one
from cbt.assembly.models import Form
from cbt.audit.models import AuditEntry
from cbt.bank.changes import version_row
from cbt.bank.item_figures import FoundFigures, keep_figures
from cbt.bank.store import bank_by_ref, drawables
from cbt.blueprints.store import blueprint_of, current_version
from cbt.candidates.models import AdmissionTicket, Candidate, Registration
from cbt.errors import Conflict
from cbt.items.models import Item, ItemVersion
from cbt.rules.assembly.form import comparable
from cbt.rules.assembly.selection import mutual_enemies
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.item_record import ItemUse
from cbt.rules.planning.seat_plan import plan_of
from cbt.rules.states import ItemState
from cbt.runner.models import Attempt
from cbt.runner.paper import draw
from cbt.runner.paper.draw import draw_for_sitting
from cbt.sittings.models import Room, Seat
from cbt.sittings.service import create_batch
from cbt.storage.types import Row
from cbt.storage.unit_of_work import pieces_of, reading, unit_of_work
from tests.helpers import count_queries, log_can_be_emptied
from tests.world import START, World


@pytest.mark.parametrize("level", ["l3", "l2"])
@pytest.mark.parametrize("paper", ["theory", "skills"])
def test_the_same_seed_gives_the_same_form(world: World, level: str, paper: str) -> None:
    with world.app.app_context(), reading() as session:
        version = current_version(session, f"customer-service-{level}").id
        one, again, other = (draw_content(session, version, paper, seed=seed) for seed in (5, 5, 6))
    assert canonical_json(one) == canonical_json(again)
    assert canonical_json(one) != canonical_json(other)


def test_a_stored_form_is_what_its_seed_draws_and_its_hash_says(world: World) -> None:
    with world.app.app_context(), reading() as session:
        for form in session.scalars(select(Form)):
            again = draw_content(session, form.blueprint_version_id, form.paper, seed=form.seed)
            assert canonical_json(again) == form.content
            assert digest(form.content) == form.sha256


@pytest.mark.parametrize("level", ["l3", "l2"])
def test_thirty_theory_forms_are_comparable(world: World, level: str) -> None:
    rng = random.Random(3)
    with world.app.app_context(), reading() as session:
        version = current_version(session, f"customer-service-{level}")
        forms = [draw_content(session, version.id, "theory", seed=rng.getrandbits(40)) for _ in range(30)]
        bank_id = session.scalars(
            select(Form.bank_id).where(Form.blueprint_version_id == version.id).limit(1)
        ).one()
        items, _, _ = drawables(session, bank_id)
    assert comparable(forms, items) == []


def test_neighbours_get_different_cases_and_every_candidate_a_form_of_their_own(world: World) -> None:
    with world.app.app_context(), reading() as session:
        rows = session.execute(
            select(Registration.sitting_room_id, Seat.number, Form.id, Form.bank_id, Form.content)
            .join(Attempt, Attempt.registration_id == Registration.id)
            .join(Form, Form.id == Attempt.form_id)
            .join(Seat, Seat.id == Registration.seat_id)
        ).all()
    assert len({row.id for row in rows}) == len(rows)
    cases: dict[int, dict[int, dict[tuple[int, int], str]]] = defaultdict(dict)
    for room_id, number, _, bank, content in rows:
        # Another bank's cases may be called the same.
        found = cases_of(json.loads(content))
        cases[room_id][number] = {(bank, unit): case for unit, case in found.items()}
    for room in cases.values():
        for number, own in room.items():
            neighbour = room.get(number + 1, {})
            assert not {unit for unit, case in own.items() if neighbour.get(unit) == case}


def test_drawing_again_draws_nothing(world: World) -> None:
    with world.app.app_context():
        assert draw_for_sitting(world.sitting_ref, now=START, actor="staff:test") == 0


def test_editing_the_bank_changes_no_frozen_form(world: World) -> None:
    with world.app.app_context():
        with reading() as session:
            before = dict(session.execute(select(Form.id, Form.content)).all())  # type: ignore[arg-type]  # rows of two columns are pairs
        with unit_of_work() as session:
            item = session.scalars(select(Item).limit(1)).one()
            session.add(
                ItemVersion(
                    item_id=item.id, number=2, content="{}", sha256="0", actor="cli", created_at=START
                )
            )
            item.version = 2
        with reading() as session:
            assert dict(session.execute(select(Form.id, Form.content)).all()) == before  # type: ignore[arg-type]  # rows of two columns are pairs


def register(session: Session, like: Registration, ref: str, paper: str, **other: int) -> None:
    """Register a candidate as another one is, for another paper, at the next free seat of their room."""
    taken = select(Registration.seat_id).where(Registration.sitting_room_id == like.sitting_room_id)
    here = session.get_one(Seat, like.seat_id)
    free = select(Seat.id).where(Seat.room_id == here.room_id, Seat.id.not_in(taken)).order_by(Seat.id)
    values = copied(like, "ref", "seat_id", "paper") | {"ref": ref, "paper": paper} | other
    session.add(Registration(**values, seat_id=session.scalars(free.limit(1)).one()))
    session.flush()


def copied(row: Row, *left_out: str) -> dict[str, Any]:
    columns = [column.name for column in type(row).__table__.columns]
    return {name: getattr(row, name) for name in columns if name not in {"id", *left_out}}


def held_by(session: Session, ref: str) -> dict[str, Any]:
    """Return the form of a registration."""
    query = select(Form.content).join(Attempt, Attempt.form_id == Form.id)
    content = session.scalars(
        query.join(Registration, Registration.id == Attempt.registration_id).where(Registration.ref == ref)
    ).one()
    found: dict[str, Any] = json.loads(content)
    return found


def test_what_excludes_an_item_of_the_theory_paper_stays_out_of_the_same_candidates_skills(
    world: World,
) -> None:
    """An item of a theory form that is drawn already excludes every case of the first unit but one."""
    with world.app.app_context():
        with unit_of_work() as session:
            theory = session.get_one(Registration, world.sitters["theory"].registration_id)
            met = held_by(session, theory.ref)["positions"][0]["item"]
            item = session.scalars(
                select(Item)
                .join(Form, Form.bank_id == Item.bank_id)
                .join(Attempt, Attempt.form_id == Form.id)
                .where(Attempt.registration_id == theory.id, Item.ref == met)
            ).one()
            cases = select(Item.ref).where(Item.bank_id == item.bank_id, Item.unit == 1)
            first, *others = sorted(session.scalars(cases))
            now = session.scalars(select(ItemVersion.content).where(ItemVersion.item_id == item.id)).one()
            text = canonical_json({**json.loads(now), "enemies": others})
            stored = {"run_id": None, "now": START, "actor": "cli", "state": ItemState.REVIEWED}
            row = version_row(item, 2, text, digest(text), **stored)
            session.execute(insert(ItemVersion), [row])
            for case in session.scalars(select(Item).where(Item.bank_id == item.bank_id, Item.ref == first)):
                now = session.scalars(select(ItemVersion.content).where(ItemVersion.item_id == case.id)).one()
                text = canonical_json({**json.loads(now), "enemies": []})
                row = version_row(case, 2, text, digest(text), **stored)
                session.execute(insert(ItemVersion), [row])
            register(session, theory, "rg-skills", "skills")
        assert draw_for_sitting(world.sitting_ref, now=START, actor="staff:test", seed=4) == 1
        with reading() as session:
            skills = held_by(session, "rg-skills")
            form = session.scalars(select(Form).order_by(Form.id.desc())).first()
            assert form is not None
            left_out = frozenset(skills["without"])
            again = draw_content(
                session, form.blueprint_version_id, "skills", seed=form.seed, without=left_out
            )
    assert cases_of(skills)[1] == first
    assert set(others) <= left_out
    assert canonical_json(again) == form.content


def test_a_candidate_with_both_papers_meets_nothing_that_excludes_another(world: World) -> None:
    with world.app.app_context():
        with unit_of_work() as session:
            like = session.get_one(Registration, world.sitters["theory"].registration_id)
            somebody = session.get_one(Candidate, like.candidate_id)
            person = Candidate(**copied(somebody, "ref", "document_index"), ref="ca-both", document_index="x")
            session.add(person)
            session.flush()
            ticket = session.get_one(AdmissionTicket, like.ticket_id)
            own = AdmissionTicket(batch_id=ticket.batch_id, candidate_id=person.id, number="2611000199990")
            session.add(own)
            session.flush()
            for paper in ("theory", "skills"):
                register(session, like, f"rg-{paper}", paper, candidate_id=person.id, ticket_id=own.id)
        assert draw_for_sitting(world.sitting_ref, now=START, actor="staff:test", seed=4) == 2
        with reading() as session:
            skills, theory = held_by(session, "rg-skills"), held_by(session, "rg-theory")
            bank_id = session.scalars(select(Form.bank_id).order_by(Form.id.desc())).first()
            assert bank_id is not None
            enemies = mutual_enemies(drawables(session, bank_id)[0])
            entries = select(AuditEntry.after).where(AuditEntry.act == "sitting.draw_forms")
            after = session.scalars(entries.order_by(AuditEntry.id.desc())).first()
    excluded = frozenset().union(*(enemies.get(case, frozenset()) for case in items_of(skills)))
    assert excluded
    assert not items_of(theory) & excluded
    assert "enemies_met" not in str(after)


def test_who_sat_the_paper_before_sees_none_of_its_items_again(world: World) -> None:
    """What was shown stays out where the bank can do without it; a form that nobody opened was not shown.

    Source: R-121.
    """
    with world.app.app_context():
        with unit_of_work() as session:
            opened, kept_shut = (
                session.get_one(Registration, world.sitters[name].registration_id)
                for name in ("theory", "extra")
            )
            other = create_batch(session, name="上一批", now=START, actor="cli")
            for number, like in enumerate((opened, kept_shut)):
                ticket = AdmissionTicket(
                    batch_id=other.id, candidate_id=like.candidate_id, number=f"261100019998{number}"
                )
                session.add(ticket)
                session.flush()
                register(session, like, f"rg-again-{number}", like.paper, ticket_id=ticket.id)
            attempt = session.scalars(select(Attempt).where(Attempt.registration_id == opened.id)).one()
            attempt.started_at = START
            before, version = held_by(session, opened.ref), opened.blueprint_version_id
        assert draw_for_sitting(world.sitting_ref, now=START, actor="staff:test", seed=4) == 2
        with reading() as session:
            again, anew = held_by(session, "rg-again-0"), held_by(session, "rg-again-1")
            sources = DrawSources(session)
            bank = frozenset(item.ref for item in sources.bank_of(version).items)
            asked = {"blueprint_version_id": version, "paper_code": "theory"}
            whole = draw_one(sources, **asked, rng=random.Random(1), seen=[bank])
            latest, older = items_of(before), bank - items_of(before)
            least = draw_one(sources, **asked, rng=random.Random(1), seen=[latest, older])
    assert items_of(before)
    assert not items_of(again) & items_of(before)
    assert items_of(before) <= set(again["without"])
    assert "without" not in anew
    assert whole.items, "a bank that is seen as a whole is drawn from all the same"
    assert not least.items & latest, "what was seen longest ago comes back first"


def test_what_examinations_wore_out_rests_while_the_bank_can_do_without_it(world: World) -> None:
    with world.app.app_context():
        with reading() as session:
            attempt = session.get_one(Attempt, world.sitters["theory"].attempt_id)
            form = session.get_one(Form, attempt.form_id)
            version, bank_id = form.blueprint_version_id, form.bank_id
            sources = DrawSources(session)
            stock = sources.bank_of(version).items
            alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
            for item in stock:
                alike[item.point, item.type].append(item.ref)
            often = {refs[0] for refs in alike.values() if len(refs) > 2}
            assert often
            assert not sources.bank_of(version).worn
        last = START.date()
        for source, days, refs in (("batch:a", 0, often), ("batch:b", 740, {one.ref for one in stock})):
            use = ItemUse(500, 0.5, 0.3, last - timedelta(days=days))
            found = [FoundFigures(bank_id, ref, 500, use) for ref in sorted(refs)]
            with unit_of_work() as session:
                keep_figures(session, found, source=source, name=source)
        asked = {"blueprint_version_id": version, "paper_code": "theory"}
        with reading() as session:
            sources = DrawSources(session)
            assert sources.bank_of(version).worn == often, "what was used years ago counts no more"
            drawn = draw_one(sources, **asked, rng=random.Random(1))
            again = draw_content(session, version, "theory", seed=drawn.seed, without=often)
    assert not drawn.items & often
    assert canonical_json(again) == drawn.content, "seed and what was left out give the same form again"


def wait_in_a_row(session: Session, like: Registration, count: int, prefix: str) -> None:
    """Register so many candidates for skills, side by side in one room."""
    somebody, ticket = (
        session.get_one(Candidate, like.candidate_id),
        session.get_one(AdmissionTicket, like.ticket_id),
    )
    here = session.get_one(Seat, like.seat_id)
    last = session.scalars(select(func.max(Seat.number)).where(Seat.room_id == here.room_id)).one()
    for number in range(count):
        name = f"{prefix}-{number}"
        person = Candidate(**copied(somebody, "ref", "document_index"), ref=f"ca-{name}", document_index=name)
        seat = Seat(**copied(here, "number", "machine_hash"), number=last + 1 + number)
        session.add_all([person, seat])
        session.flush()
        own = AdmissionTicket(batch_id=ticket.batch_id, candidate_id=person.id, number=f"{name:>13}")
        session.add(own)
        session.flush()
        values = copied(like, "ref", "seat_id", "candidate_id", "ticket_id", "paper")
        who = {"ref": f"rg-{name}", "seat_id": seat.id, "candidate_id": person.id, "ticket_id": own.id}
        session.add(Registration(**values, **who, paper="skills"))
        session.flush()


def asked_of_the_bank(world: World, drawn: int) -> int:
    """Draw for who waits; return how often the bank was asked."""
    with count_queries(world.app) as seen, world.app.app_context():
        assert draw_for_sitting(world.sitting_ref, now=START, actor="staff:test", seed=4) == drawn
    tables = re.compile(r"FROM (item|item_version|knowledge_point|bank_range|item_bank)\b")
    return sum(tables.search(statement) is not None for statement in seen)


def test_the_bank_is_asked_as_often_for_many_candidates_and_tries_as_for_one(world: World) -> None:
    with world.app.app_context():
        like = world.sitters["theory"].registration_id
        with unit_of_work() as session:
            wait_in_a_row(session, session.get_one(Registration, like), 1, "first")
        asked_of_the_bank(world, 1)  # what a version says is read once a process
        with unit_of_work() as session:
            wait_in_a_row(session, session.get_one(Registration, like), 1, "one")
        one = asked_of_the_bank(world, 1)
        with unit_of_work() as session:
            wait_in_a_row(session, session.get_one(Registration, like), 30, "many")
        assert asked_of_the_bank(world, 30) == one <= 6
        # One case is left for a unit: of two neighbours the second can only have the same one, whatever is tried.
        with unit_of_work() as session:
            cases = select(Item).where(Item.type == "case", Item.unit == 1).order_by(Item.ref)
            for case in session.scalars(cases):
                case.version = case.version if case.ref == "U1-C1" else 0
            wait_in_a_row(session, session.get_one(Registration, like), 2, "alike")
        assert asked_of_the_bank(world, 2) == one + 2  # its table, since the bank is another now
        with reading() as session:
            alike = [held_by(session, f"rg-alike-{number}") for number in range(2)]
    assert [cases_of(form)[1] for form in alike] == ["U1-C1", "U1-C1"]


def test_in_a_room_with_rows_neighbours_on_all_sides_have_other_cases(world: World) -> None:
    with world.app.app_context():
        like = world.sitters["theory"].registration_id
        with unit_of_work() as session:
            room = session.get_one(Room, world.room_id)
            last = session.scalars(select(func.max(Seat.number)).where(Seat.room_id == room.id)).one()
            numbers = list(range(last + 1, last + 13))
            # Numbered column by column, so that who sits beside whom is not who has the next number.
            rows = [" ".join(str(number) for number in numbers[row::3]) for row in range(3)]
            room.plan = "\n".join([*rows, "- - - -"])  # and an aisle before those who sit there already
            wait_in_a_row(session, session.get_one(Registration, like), 12, "grid")
            plan = plan_of(room.plan, "", tuple(numbers))
        assert draw_for_sitting(world.sitting_ref, now=START, actor="staff:test", seed=4) == 12
        with reading() as session:
            cases = {numbers[place]: cases_of(held_by(session, f"rg-grid-{place}")) for place in range(12)}
    beside = [(one, other) for one in numbers for other in plan.neighbours(one) if one < other]
    assert len(beside) == 17
    assert [pair for pair in beside if cases[pair[0]].items() & cases[pair[1]].items()] == []


def test_an_officer_reads_which_points_are_short_and_that_nothing_is_left_to_draw(world: World) -> None:
    office, url = world.staff("officer"), f"/office/sittings/{world.sitting_ref}/draw"
    page = office.post(url, follow_redirects=True).get_data(as_text=True)
    assert "没有要组的卷" in page, re.findall(r"notice.*?</p>", page, re.S)
    with world.app.app_context(), unit_of_work() as session:
        registration = session.scalars(select(Registration).where(Registration.paper == "theory")).first()
        assert registration is not None
        session.execute(delete(Attempt).where(Attempt.registration_id == registration.id))
        bank = blueprint_of(session, registration.blueprint_version_id).bank
        held = bank_by_ref(session, bank)
        of_range = select(Item).where(
            Item.bank_id == held.id, Item.point.like("A-A-A-%"), Item.type == "true_false"
        )
        for item in session.scalars(of_range):
            item.version, item.state = 0, ItemState.RETIRED
    page = office.post(url, follow_redirects=True).get_data(as_text=True)
    assert re.search(r"判断题在鉴定范围 A-A-A \S+ 要从 \d+ 个不同的鉴定点各抽一题", page)
    assert re.search(r"还缺 \d+ 个鉴定点", page)


def between_pieces(patch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Have somebody do something once, after the first forms of a draw are stored."""
    acts = iter([act])

    def interrupted(rows: Iterable[Any], *, size: int) -> Iterator[Any]:
        for number, piece in enumerate(pieces_of(rows, size=size)):
            if number == 1:
                for one in acts:
                    one()
            yield piece

    patch.setattr(draw, "pieces_of", interrupted)


def test_a_paper_that_is_changed_while_others_are_stored_gets_a_form_of_the_new_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.app.app_context():
        with unit_of_work() as session:
            like = session.get_one(Registration, world.sitters["theory"].registration_id)
            wait_in_a_row(session, like, 12, "moved")

        def change() -> None:
            with unit_of_work() as session:
                last = session.scalars(select(Registration).where(Registration.ref == "rg-moved-11")).one()
                last.paper = "theory"

        between_pieces(monkeypatch, change)
        assert draw_for_sitting(world.sitting_ref, now=START, actor="staff:test", seed=4) == 12
        with reading() as session:
            assert "sections" in held_by(session, "rg-moved-11")
            assert "units" in held_by(session, "rg-moved-10")
            acts = AuditEntry.act.in_(("sitting.draw_begin", "sitting.draw_forms"))
            lines = session.execute(
                select(AuditEntry.act, AuditEntry.after).where(acts).order_by(AuditEntry.id.desc()).limit(2)
            ).all()
    told = [(act, json.loads(after)["forms"]) for act, after in lines]
    assert told == [("sitting.draw_forms", 12), ("sitting.draw_begin", 12)]


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_while_a_long_draw_goes_on_the_log_can_be_emptied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot of its whole length would leave minutes of saves to be written back at once, under the gate."""
    emptied: list[bool] = []
    with world.app.app_context():
        with unit_of_work() as session:
            like = session.get_one(Registration, world.sitters["theory"].registration_id)
            wait_in_a_row(session, like, 20, "long")
        between_pieces(monkeypatch, lambda: emptied.append(log_can_be_emptied()))
        assert draw_for_sitting(world.sitting_ref, now=START, actor="staff:test", seed=4) == 20
    assert emptied == [True]


def test_of_two_who_draw_at_once_nobody_gets_two_forms_and_neighbours_differ(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.app.app_context():
        with unit_of_work() as session:
            like = session.get_one(Registration, world.sitters["theory"].registration_id)
            wait_in_a_row(session, like, 20, "twice")
        other: list[int] = []

        def draw_too() -> None:
            monkeypatch.setattr(draw, "pieces_of", pieces_of)
            other.append(draw_for_sitting(world.sitting_ref, now=START, actor="staff:other", seed=5))

        between_pieces(monkeypatch, draw_too)
        own = draw_for_sitting(world.sitting_ref, now=START, actor="staff:test", seed=4)
        with reading() as session:
            forms = [cases_of(held_by(session, f"rg-twice-{number}")) for number in range(20)]
    assert (own, sum(other)) == (8, 12)
    assert all(one[unit] != two[unit] for one, two in pairwise(forms) for unit in one)


def test_a_draw_that_others_keep_from_storing_says_so_and_leaves_nothing_half(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.app.app_context():
        with unit_of_work() as session:
            like = session.get_one(Registration, world.sitters["theory"].registration_id)
            wait_in_a_row(session, like, 2, "never")
        monkeypatch.setattr(draw, "_still_waits", lambda _session, _registrations: False)
        with pytest.raises(Conflict, match=r"draw\.changed"):
            draw_for_sitting(world.sitting_ref, now=START, actor="staff:test", seed=4)
        with reading() as session:
            waiting = select(Registration.id).where(Registration.ref.like("rg-never-%"))
            assert session.scalars(select(Attempt).where(Attempt.registration_id.in_(waiting))).all() == []

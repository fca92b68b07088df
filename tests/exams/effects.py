"""What a blueprint's keys do, each seen where people would see it: at the door, on a paper, on a result."""

from __future__ import annotations

import html
import json
import random
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update

from cbt.assembly.models import Form
from cbt.batches.roster.planner import dry_run
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.reader import read
from cbt.blueprints.store import read_blueprint
from cbt.blueprints.summary import describe
from cbt.blueprints.versions import load_folder, look
from cbt.candidates.models import Registration
from cbt.door.arrival import record_arrival
from cbt.errors import CbtError
from cbt.http.i18n import catalogues
from cbt.results.my_results import results_of
from cbt.rules.assembly.form import draw_form
from cbt.rules.exam import ExamBlueprint, Paper
from cbt.rules.form_score import FormScorer, KeyRevision, KeyRevisions, share_of
from cbt.runner.models import Attempt
from cbt.runner.paper.draw import draw_for_sitting
from cbt.sittings.models import Sitting, SittingRoom
from cbt.sittings.room_clock import open_doors
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.candidates.rosters import HEADERS, resident, xlsx
from tests.delivery.driver import Page
from tests.results.scene import finish, release
from tests.rules.builders import case_bank, content, drawable, skills, theory_bank
from tests.rules.test_form_score import KEYS, theory_form
from tests.world import PLANNED, World

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
L3 = "customer-service-l3"


def blueprint(text: str) -> ExamBlueprint:
    """Return the blueprint of a text that is one."""
    with catalogues():
        return read_blueprint(text, name="case.toml")


def refused(text: str) -> list[str]:
    """Return the codes of everything that keeps a text from being a blueprint."""
    return [finding.code for finding in read(text)[1]]


def printed(text: str, said: str) -> bool:
    """Return whether `cbt blueprint check` prints `said` for it."""
    with catalogues():
        return said in describe(blueprint(text))


# ---- forms and scores


def drawn(text: str, code: str = "theory") -> dict[str, Any]:
    """Return a form drawn by it from a bank of every sort."""
    paper = blueprint(text).papers[code]
    if paper.units:
        return draw_form(paper, case_bank(skills()), {}, {}, rng=random.Random(3))
    items, weights, importances = theory_bank()
    return draw_form(paper, items, weights, importances, rng=random.Random(3))


def kinds(text: str) -> tuple[int, int]:
    """Return how many statements and single choices a form has."""
    found = [one["type"] for one in drawn(text)["positions"]]
    return found.count("true_false"), found.count("single_choice")


def drawn_of_few_points(text: str) -> str:
    """Return whether a form can be drawn from a bank with one point of each importance and many items at each."""
    items, weights, importances = theory_bank()
    some = {(item.range, importances[item.point]): item.point for item in items}
    few = [item for item in items if item.point in some.values()]
    many = [replace(item, ref=f"{item.ref}-{copy}") for item in few for copy in range(60)]
    try:
        draw_form(blueprint(text).papers["theory"], many, weights, importances, rng=random.Random(3))
    except CbtError as error:
        return error.code
    return "drawn"


def mean_difficulty(text: str) -> Decimal:
    """Return the mean difficulty of a form's items, to one decimal."""
    levels = {item.ref: item.difficulty for item in theory_bank()[0]}
    found = [levels[one["item"]] for one in drawn(text)["positions"]]
    return round(Decimal(sum(found)) / len(found), 1)


def items_in_order(text: str) -> bool:
    """Return whether the single choices of a form stand in the order of their points."""
    found = [one["item"] for one in drawn(text)["positions"] if one["type"] == "single_choice"]
    return found == sorted(found)


def choices_in_order(text: str, code: str = "theory", units: Collection[int] = (0,)) -> bool:
    """Return whether every single choice (of these units) shows its choices as they were written."""
    found = [one for one in drawn(text, code)["positions"] if one["unit"] in units]
    orders = [one["order"] for one in found if one["type"] == "single_choice"]
    return all(order == sorted(order) for order in orders)


def half_of_a_multiple_choice(text: str) -> str:
    """Return what half of the right choices earn in a section of multiple choices."""
    paper = blueprint(text).papers["theory"]
    some = [drawable(f"M{n}", point=f"R-A-{n:03}", type="multiple_choice") for n in range(9)]
    form = draw_form(paper, some, {"R-A": 100}, {}, rng=random.Random(1))
    plain = {**form["positions"][0], "order": [0, 1, 2, 3]}
    key = content("multiple_choice", answer="AC")
    return str(share_of(plain, key, '["A"]', revision=None))


def half_of_an_ordering(text: str) -> bool:
    """Return whether an ordering with one pair out of place earns something in unit 1."""
    place = next(one for one in drawn(text, "skills")["positions"] if one["type"] == "ordering")
    plain = {**place, "part": None, "order": [0, 1, 2, 3]}
    return share_of(plain, content("ordering"), "[2,1,3,4]", revision=None) > 0


def scored(text: str, right: int) -> tuple[str, bool]:
    """Return the score of a theory paper with so many right statements and choices, and the verdict."""
    answers = dict.fromkeys(range(1, 41), '"A"') | dict.fromkeys(range(41, 41 + right - 40), '"B"')
    paper: Paper = blueprint(text).papers["theory"]
    scorer = FormScorer(theory_form(), KEYS, paper=paper)
    sheet = scorer.score({str(number): answer for number, answer in answers.items()})
    return str(sheet.score), sheet.passed


def void_judgements(text: str) -> str:
    """Return what a paper with no answer is worth where all statements are void."""
    void = KeyRevisions.of([KeyRevision("J", void=True)])
    scorer = FormScorer(theory_form(), KEYS, paper=blueprint(text).papers["theory"], key_revision=void)
    return str(scorer.score({}).raw)


# ---- the world under a changed blueprint


def put(world: World, text: str) -> None:
    """Let everything of level 3 in this world be governed by `text`."""
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(BlueprintVersion).where(BlueprintVersion.ref == L3).values(source=text))


def redraw(world: World) -> str:
    """Draw every form anew; return the code of the refusal, or "drawn"."""
    with world.app.app_context():
        with unit_of_work() as session:
            session.execute(delete(Attempt))
            session.execute(delete(Form))
        try:
            draw_for_sitting(world.sitting_ref, now=world.clock.now(), actor="staff:test", seed=7)
        except CbtError as error:
            return error.code
        with reading() as session:
            query = select(Attempt.registration_id, Attempt.ref)
            refs = {row.registration_id: row.ref for row in session.execute(query)}
        world.sitters = {
            name: replace(sitter, attempt_ref=refs[sitter.registration_id])
            for name, sitter in world.sitters.items()
        }
    return "drawn"


def opened(world: World, name: str, *, late: timedelta = timedelta(0)) -> Page:
    """Start the room at nine and open somebody's paper so much later."""
    world.admit_all()
    world.start()
    world.clock.advance(late)
    page = Page(world, name)
    reply = page.start()
    assert reply.status_code == 200, reply.text
    return page


def paper_of(world: World, name: str = "theory") -> dict[str, Any]:
    """Return the paper as it is sent to a browser."""
    found: dict[str, Any] = opened(world, name).opened["paper"]
    return found


def clock_of(world: World, name: str = "theory") -> dict[str, Any]:
    """Return the clock as it is sent to a browser."""
    found: dict[str, Any] = opened(world, name).opened["clock"]
    return found


def minutes_left(world: World, name: str = "theory") -> float:
    """Return the minutes from nine to the end of a paper."""
    page = opened(world, name)
    with world.app.app_context(), reading() as session:
        closes_at = session.scalars(select(Attempt.closes_at).where(Attempt.ref == page.ref)).one()
    assert closes_at is not None
    return (closes_at - PLANNED) / MINUTE


def unit_end(
    world: World, *, late: timedelta = timedelta(0), finish_first_at: timedelta | None = None
) -> str:
    """Return when the open unit of a skills paper ends, on the clock of the server."""
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Registration).values(factor=Decimal(1), extra=timedelta(0)))
    page = opened(world, "factor", late=late)
    reply = page.opened["clock"]
    if finish_first_at is not None:
        world.clock.set(PLANNED + finish_first_at)
        reply = page.advance(1, completed=True).get_json()["clock"]
    return str(reply["unit"]["ends_at"])[11:19]


def hands_in(world: World, after: timedelta) -> int:
    """Return the status of handing a theory paper in so long after the start."""
    page = opened(world, "theory")
    world.clock.set(PLANNED + after)
    return page.submit().status_code


def saves_after_the_end(world: World, after: timedelta) -> int:
    """Return the status of a save that arrives so long after the end."""
    redraw(world)
    page = opened(world, "theory")
    world.clock.set(PLANNED + 45 * MINUTE + after)
    return page.answer(1, "A").status_code


def watermark(world: World) -> object:
    """Return the watermark that the answer page lays over itself, if any."""
    page = opened(world, "theory")
    shell = page.client.get(f"/exam/{page.ref}").text
    told = re.search("data-attempt='([^']+)'", shell)
    assert told is not None
    return json.loads(html.unescape(told[1]))["watermark"]


# ---- rosters


def roster_of(
    world: World,
    folder: Path,
    text: str,
    *,
    level: str = "三级",
    paper: str = "理论知识",
    occupation: str = "",
) -> list[str]:
    """Return what a dry run says against one person, with `text` in force since a start found it in a file."""
    (folder / "case.toml").write_text(text, "utf-8")
    cells: Sequence[object] = ["王小明", "身份证", resident(77), level, paper, occupation]
    with world.app.app_context():
        found, now = look(folder), world.clock.now()
        with unit_of_work() as session:
            load_folder(session, folder, found, now=now, actor="cli")
        checked = dry_run(
            sitting_ref=world.sitting_ref,
            file_name="名册.xlsx",
            body=xlsx([cells], [*HEADERS, "职业"]),
            folder=folder,
        )
    return [found.code for found in checked.plan.findings]


# ---- the door


def planned_from(world: World, text: str) -> Sitting:
    """Plan a sitting a month later on the office's page, its marks filled in from `text`."""
    put(world, text)
    officer = world.staff("officer")
    with world.app.app_context(), reading() as session:
        from cbt.sittings.models import Room

        room_ref = session.get_one(Room, world.room_id).ref
    fields = {"name": "下月", "start": "2026-12-24T09:00", "rooms": room_ref, "mode": "machine"}
    answer = officer.post(
        f"/office/batches/{world.batch_ref}/sittings/new", data={**fields, "blueprint": L3, "filled_from": L3}
    )
    assert answer.status_code == 303, answer.text
    with world.app.app_context(), reading() as session:
        return session.scalars(select(Sitting).where(Sitting.name == "下月")).one()


def before_start(sitting: Sitting, mark: str) -> float:
    """Return how many minutes before the planned start a mark lies."""
    return float((sitting.planned_start_at - getattr(sitting, mark)) / MINUTE)


def arrives(world: World, text: str, *, before: timedelta) -> str:
    """Return what happens to somebody who comes to a sitting planned by `text` so long before its start."""
    sitting = planned_from(world, text)
    now = sitting.planned_start_at - before
    with world.app.app_context():
        with unit_of_work() as session:
            room = session.scalars(select(SittingRoom).where(SittingRoom.sitting_id == sitting.id)).one()
            room.state = "published"
            person = session.get_one(Registration, world.sitters["theory"].registration_id)
            person.sitting_id, person.sitting_room_id = sitting.id, room.id
        open_doors(now=now)
        try:
            with unit_of_work() as session:
                person = session.get_one(Registration, world.sitters["theory"].registration_id)
                record_arrival(session, person, now=now, arrived_at=now, actor="staff:test")
        except CbtError as error:
            return error.code
    return "in"


# ---- results


def results(world: World, name: str, *, released: timedelta = timedelta(0)) -> Any:
    """Return what somebody sees of the first paper they took, after the release."""
    finish(world)
    world.clock.advance(released)
    release(world)
    registration_id = world.sitters[name].registration_id
    with world.app.app_context():
        level = results_of(registration_id, now=world.clock.now()).levels[0]
    return next(paper for paper in level.papers if paper.exams)


def last_retake(world: World, name: str, *, released: timedelta = timedelta(0)) -> date | None:
    """Return the last day on which somebody may retake their paper."""
    retake = results(world, name, released=released).retake
    return None if retake is None or not retake.allowed else retake.last_on

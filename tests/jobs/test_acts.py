"""Long acts of the office as jobs: each is cancelled, wanted again, dies with its worker and is done once."""

from __future__ import annotations

import html
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, update

from cbt.audit.models import AuditEntry
from cbt.bank.review import bulk
from cbt.bank.service import import_bank
from cbt.certificates import register as certificates
from cbt.certificates.models import Certificate
from cbt.enrolment.applications import application
from cbt.enrolment.fees import accounts, charges
from cbt.enrolment.fees.accounts import TO_NOTHING
from cbt.enrolment.models import ONLY, Applicant, AssessmentBody, FeeCharge, FeeMatch, UnitApplication
from cbt.items.models import Item
from cbt.jobs import answers, queue, worker
from cbt.jobs.models import Job, JobState
from cbt.jobs.registry import job_kinds_of
from cbt.jobs.worker import JobRun, Worker, carry_out, new_holder
from cbt.results.models import Publication, PublishedResult
from cbt.runner.models import Attempt
from cbt.runner.paper import draw
from cbt.sittings.models import Sitting, SittingRoom
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.conftest import folder
from tests.bank.desk.people import BANK, make_items
from tests.bank.desk.test_many import preview
from tests.bank.samples import bring
from tests.bank.sheets import single, truth
from tests.candidates.rosters import resident
from tests.certificates.test_certificates import level_of, people, qualify, set_parts
from tests.enrolment.test_applications import desk, people_of, state, unit, unit_ref
from tests.enrolment.test_fees import accepted, pay
from tests.enrolment.test_units import officer
from tests.file_jobs import wait_until
from tests.results.scene import finish
from tests.world import World

__all__ = ["accepted", "desk", "folder", "officer", "unit"]

MANY = 99


@dataclass
class Scene:
    """An act about to be asked for: `facts` is what it does, which `acts` of the log tell, `says` its sentence.

    The second of its workers dies after so many `units` of work.
    """

    path: str
    facts: Callable[[], object]
    expected: object
    acts: dict[str, int]
    says: str
    form: dict[str, Any] = field(default_factory=dict)
    client: FlaskClient | None = None
    units: int = 1


def count(world: World, table: Any, *conditions: Any) -> int:
    with world.app.app_context(), reading() as session:
        return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0


def write(world: World, *statements: Any) -> None:
    with world.app.app_context(), unit_of_work() as session:
        for statement in statements:
            session.execute(statement)


def draft(world: World, *more: Any) -> None:
    write(world, update(SittingRoom).values(state="draft"), update(Sitting).values(state="draft"), *more)


def batch_draw(world: World, request: Any) -> Scene:
    draft(world, delete(Attempt))
    return Scene(
        f"/office/batches/{world.batch_ref}/draw",
        lambda: count(world, Attempt),
        7,
        {},
        "已组卷 7 份。",
    )


def seats(world: World, path: str, **form: str) -> Scene:
    draft(world, delete(Attempt))
    arranged = SittingRoom.arranged_at.is_not(None)
    return Scene(
        path,
        lambda: count(world, SittingRoom, arranged),
        2,
        {"seats.arrange": 2},
        "已排好 2 个考场的座位。",
        form,
    )


def sitting_seats(world: World, request: Any) -> Scene:
    return seats(world, f"/office/sittings/{world.sitting_ref}/seats")


def batch_seats(world: World, request: Any) -> Scene:
    return seats(world, f"/office/batches/{world.batch_ref}/seats", units="1")


def batch_publishing(world: World, request: Any) -> Scene:
    draft(world)
    return Scene(
        f"/office/batches/{world.batch_ref}/publish",
        lambda: count(world, Sitting, Sitting.state == "published"),
        1,
        {"sitting.publish": 2},  # the first when the world was made
        "已发布 1 场。",
        {"sittings": [world.sitting_ref]},
        units=0,
    )


def move(world: World, request: Any) -> Scene:
    return Scene(
        f"/office/sittings/{world.sitting_ref}/move",
        lambda: count(world, Sitting, Sitting.name == "另一天"),
        1,
        {"sitting.move": 1},
        "场次已改动。需要通知考生 7 人",
        {"act": "move", "name": "另一天", "start": "2026-11-26T09:00", "reason": "台风"},
        units=2,
    )


def cancellation(world: World, request: Any) -> Scene:
    return Scene(
        f"/office/sittings/{world.sitting_ref}/cancel",
        lambda: count(world, Sitting, Sitting.state == "cancelled"),
        1,
        {"sitting.cancel": 1},
        "场次已取消。需要通知考生 7 人",
        {"reason": "停电"},
        units=0,
    )


def publicity(world: World, request: Any) -> Scene:
    finish(world)
    write(world, update(AssessmentBody).where(AssessmentBody.id == ONLY).values(publicity_days=5))
    shown = Publication.withdrawn_at.is_(None)
    return Scene(
        f"/results/{world.sitting_ref}/publicity",
        lambda: (count(world, Publication), count(world, Publication, shown), count(world, PublishedResult)),
        (1, 1, 7),
        {"publicity.publish": 1},
        "成绩已公示，至 2026-12-01 截止。",
    )


def issue(world: World, request: Any) -> Scene:
    qualify(world)
    set_parts(world)
    return Scene(
        "/office/certificates",
        lambda: count(world, Certificate),
        2,
        {"certificate.issue": 2},
        "已发证 2 份。",
        {"level": level_of(world), "person": people(world, "theory", "extra")},
    )


def items_changed(world: World, request: Any) -> Scene:
    refs = make_items(world.app, 4, f"staff:{world.people['author'].ref}")
    author = world.staff("author")
    _page, fields = preview(author, act="difficulty", new_difficulty="5", item=refs)
    changed = (Item.ref.in_(refs), Item.difficulty == 5, Item.current == 2)
    return Scene(
        f"/bank/{BANK}/bulk/do",
        lambda: count(world, Item, *changed),
        4,
        {"item.set_difficulty": 4},
        "已处理 4 题，未处理 0 题。",
        fields,
        author,
        units=2,
    )


def items_submitted(world: World, request: Any) -> Scene:
    refs = make_items(world.app, 4, f"staff:{world.people['author'].ref}")
    author = world.staff("author")
    _page, fields = preview(author, act="withdraw", scope="whole", text="职业道德")
    return Scene(
        f"/bank/{BANK}/bulk/do",
        lambda: count(world, Item, Item.ref.in_(refs), Item.state == "draft"),
        4,
        {},
        "已处理 4 题，未处理 0 题。",
        fields,
        author,
        units=2,
    )


def import_undone(world: World, request: Any) -> Scene:
    app, clock = world.app, world.clock
    with app.app_context():
        import_bank(request.getfixturevalue("folder"), now=clock.now(), actor="cli")
    bring(app, clock, [single(point="A-001")])
    run = bring(app, clock, [single(point="A-001", answer="C"), truth("应当主动问候客户。", point="A-002")])
    withdrawn = (Item.ref == "A-002-T1", Item.state == "retired")
    return Scene(
        f"/bank/sample/imports/{run.ref}/undo",
        lambda: count(world, Item, *withdrawn),
        1,
        {"bank.import_undo": 1},
        "已撤销：撤回 1 题，恢复 1 题；之后又改动过而保留的 0 题。",
        client=world.staff("author"),
        units=2,
    )


def people_decided(world: World, request: Any) -> Scene:
    desk = request.getfixturevalue("desk")
    desk.enter()
    desk.enter(name="郭宁", document_number=resident(42), kind="retake", papers=["theory"])
    desk.step("submit")
    return Scene(
        f"{desk.page}/decide",
        lambda: count(world, Applicant, Applicant.verdict == "accepted"),
        2,
        {"applicant.accept": 2},
        "已对 2 人作出决定。",
        {"people": people_of(world), "verdict": "accepted", "unchecked": "1"},
        desk.client,
    )


def application_accepted(world: World, request: Any) -> Scene:
    desk = request.getfixturevalue("desk")
    desk.enter()
    desk.enter(name="郭宁", document_number=resident(42), kind="retake", papers=["theory"])
    desk.step("submit")
    desk.decide(people_of(world))
    return Scene(
        f"{desk.page}/steps/accept",
        lambda: (state(world), count(world, FeeCharge)),
        ("accepted", 2),
        {"application.accept": 1, "fee.charge": 1},
        "申请已受理。",
        client=desk.client,
    )


def application_reconsidered(world: World, request: Any) -> Scene:
    desk = request.getfixturevalue("accepted")
    standing = FeeCharge.cancelled_on.is_(None)
    return Scene(
        f"{desk.page}/steps/reconsider",
        lambda: (state(world), count(world, FeeCharge, standing)),
        ("submitted", 0),
        {"application.reconsider": 1, "fee.cancel": 2},
        "已撤销受理。",
        client=desk.client,
        units=4,
    )


def fees_charged(world: World, request: Any) -> Scene:
    request.getfixturevalue("accepted")
    write(world, delete(FeeCharge), update(UnitApplication).values(charged_on=None))
    return Scene(
        "/office/fees/charge",
        lambda: count(world, FeeCharge),
        2,
        {"fee.charge": 2},  # the first when it was accepted
        "已为 1 份申请计费。",
        client=request.getfixturevalue("officer"),
        units=3,
    )


def fees_matched(world: World, request: Any) -> Scene:
    request.getfixturevalue("accepted")
    client, unit = request.getfixturevalue("officer"), request.getfixturevalue("unit")
    assert pay(client, unit, pays=TO_NOTHING).status_code == 303
    return Scene(
        f"/office/fees/units/{unit}/match",
        lambda: count(world, FeeMatch, FeeMatch.undone_at.is_(None)),
        2,
        {"fee.match": 2},
        "已核销 380.00 元。",
        client=client,
    )


def fees_cancelled(world: World, request: Any) -> Scene:
    desk = request.getfixturevalue("accepted")
    unit = request.getfixturevalue("unit")
    with world.app.app_context(), reading() as session:
        lines = list(session.scalars(select(FeeCharge.ref)))
    return Scene(
        f"/office/fees/units/{unit}/statements/{unit_ref(desk.page)}/cancel",
        lambda: count(world, FeeCharge, FeeCharge.cancelled_on.is_not(None)),
        2,
        {"fee.cancel": 2},
        "已取消 2 项费用。",
        {"lines": lines, "cause": "withdrawn", "reason": "退考"},
        request.getfixturevalue("officer"),
    )


SCENES = (
    batch_draw, sitting_seats, batch_seats, batch_publishing, move, cancellation, publicity, issue,
    items_changed, items_submitted, import_undone, people_decided, application_accepted,
    application_reconsidered, fees_charged, fees_matched, fees_cancelled,
)  # fmt: skip


@pytest.fixture
def served(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose pages know that a worker is kept and wait for none; a piece of work is one thing."""
    monkeypatch.setattr(draw, "FORMS_AT_ONCE", 3)
    monkeypatch.setattr(certificates, "ISSUED_AT_ONCE", 1)
    for room in (application, bulk, charges, accounts):
        monkeypatch.setattr(room, "pieces_of", lambda rows, size=1: [[row] for row in rows])
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    return world


class Killed(BaseException):
    """The worker's process is gone."""


def killed() -> None:
    raise Killed


def carried_out(world: World, units: int, then: Callable[[], object]) -> None:
    """Have a worker take the job, and do `then` before it writes more than so many units of work."""
    begun = 0

    def front(write: Callable[[], Any]) -> Any:
        nonlocal begun
        begun += 1
        if begun == units + 1:
            then()
        return write()

    now = world.clock.now()
    with world.app.app_context():
        job = queue.claim(new_holder(), now=now, kinds=job_kinds_of(world.app).codes, tries=MANY)
        assert job is not None
        carry_out(JobRun(job, now=now, front=front))


@contextmanager
def working(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a worker for the length of the block, in a thread of this process."""
    monkeypatch.setattr(worker, "take_longer", lambda: None)
    made = Worker(world.app)
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield
    finally:
        made.end()
        thread.join(30)


def words(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page))


def last_job(world: World) -> Job:
    with world.app.app_context(), reading() as session:
        return session.scalars(select(Job).order_by(Job.id.desc()).limit(1)).one()


@pytest.mark.parametrize("scene_of", SCENES, ids=lambda scene_of: scene_of.__name__)
def test_a_long_act_is_cancelled_wanted_again_taken_over_and_done_once(
    served: World,
    scene_of: Callable[[World, Any], Scene],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, scene = served, scene_of(served, request)
    client = scene.client or world.staff("officer")
    job_kinds_of(world.app).worker_is_kept = True
    asked = client.post(scene.path, data=scene.form)
    assert asked.status_code == 303, asked.text
    assert last_job(world).state == JobState.WAITING
    ref = last_job(world).ref
    page = client.get(asked.location).text
    assert f"/jobs/{ref}/card?then=1" in page
    carried_out(world, 1, lambda: client.post(f"/jobs/{ref}/cancel"))
    assert last_job(world).state == JobState.CANCELLED
    before = (scene.facts(), count(world, AuditEntry))
    with world.app.app_context():
        assert queue.claim(new_holder(), now=world.clock.now(), kinds=job_kinds_of(world.app).codes) is None
    assert before == (scene.facts(), count(world, AuditEntry))
    client.post(f"/jobs/{ref}/retry")
    with pytest.raises(Killed):
        carried_out(world, scene.units, killed)
    world.clock.advance(queue.HELD + timedelta(seconds=1))
    with working(world, monkeypatch):
        wait_until(lambda: last_job(world).state not in (JobState.WAITING, JobState.WORKING))
    assert scene.says in words(client.get(f"/jobs/{ref}/card").text)
    assert client.get(f"/jobs/{ref}/card?then=1").headers["HX-Redirect"] == asked.location
    assert scene.says in words(client.get(asked.location, follow_redirects=True).text)
    assert scene.facts() == scene.expected
    for act, times in scene.acts.items():
        assert count(world, AuditEntry, AuditEntry.act == act) == times, act


@pytest.mark.parametrize("scene_of", SCENES, ids=lambda scene_of: scene_of.__name__)
def test_a_long_act_that_is_over_in_a_moment_is_answered_as_ever(
    world: World, scene_of: Callable[[World, Any], Scene], request: pytest.FixtureRequest
) -> None:
    scene = scene_of(world, request)
    client = scene.client or world.staff("officer")
    asked = client.post(scene.path, data=scene.form)
    assert asked.status_code == 303, asked.text
    assert "/jobs/" not in asked.location
    assert scene.says in words(client.get(asked.location).text)
    assert scene.facts() == scene.expected

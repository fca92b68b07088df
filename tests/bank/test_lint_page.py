"""The lint of a bank as a page: worked out in a child, kept until the bank changes, on its way for a large one."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cbt.bank import store
from cbt.bank.lint import check, job, whole_bank
from cbt.bank.lint.report import LintAnswer, LintReport, LintWork, examine
from cbt.confined import runner
from cbt.errors import Unavailable
from cbt.items.models import Item, ItemVersion
from cbt.jobs import answers
from cbt.jobs.models import Job, JobState
from cbt.jobs.registry import job_kinds_of
from cbt.jobs.worker import run_due
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries, flat
from tests.world import World

BANK = "customer-service-l3"
PAGE = f"/bank/{BANK}/lint"


def shown(world: World, client: FlaskClient) -> str:
    """Return the page once the lint that it asked for is there."""
    if "hx-get" in client.get(PAGE).text:
        with world.app.app_context():
            run_due(now=world.clock.now())
    answer = client.get(PAGE)
    assert answer.status_code == 200
    return flat(answer.text)


def asked_again(client: FlaskClient) -> TestResponse:
    return client.get(PAGE, headers={"HX-Request": "true"})


def test_the_page_shows_rates_findings_and_what_gives_keys_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.staff("author")
    assert f'href="{PAGE}"' in client.get(f"/bank/{BANK}").text
    _without_enemies(world, "U3-C3")
    page = shown(world, client)
    for text in (
        "各题型的猜中率",
        "单选：泄露答案的字词和形式",
        "单选：最有把握猜中的试题",
        "互相提示的试题",
    ):
        assert text in page
    assert re.search(r'<rect class="(rate|high)" x="0" y="20" width="\d', page)
    assert f'href="/bank/{BANK}/items/U3-C3"' in page
    assert "hx-get" not in page

    monkeypatch.setattr(runner, "run", lambda *_args, **_options: pytest.fail("it is kept"))
    client.set_cookie("locale", "en")
    english = shown(world, client)
    assert "Guess rate by type" in english
    assert not re.search(r"\bbank\.[a-z_]+\.[a-z_]+", english)
    with count_queries(world.app) as seen:
        client.get(PAGE)
    assert len(seen) <= 12


def _without_enemies(world: World, ref: str) -> None:
    """Have an item of the bank exclude nothing, as if nobody had seen what it gives away."""
    with world.app.app_context(), unit_of_work() as session:
        item = session.scalars(select(Item).where(Item.ref == ref, Item.bank_id == _bank_id(session))).one()
        version = session.scalars(
            select(ItemVersion).where(ItemVersion.item_id == item.id, ItemVersion.number == item.current)
        ).one()
        version.content = json.dumps(json.loads(version.content) | {"enemies": []}, ensure_ascii=False)


def _bank_id(session: Session) -> int:
    return store.bank_by_ref(session, BANK).id


class Examiner:
    """Stands in for the child: remembers what it was asked, and says what it is told to say."""

    def __init__(self) -> None:
        self.asked: list[LintWork] = []

    def __call__(self, task: str, body: bytes, *, limits: runner.Limits) -> bytes:
        work = msgspec.json.decode(body, type=LintWork)
        self.asked.append(work)
        return msgspec.json.encode(LintAnswer(LintReport(work.total, len(work.items))))


@pytest.fixture
def examiner(monkeypatch: pytest.MonkeyPatch) -> Examiner:
    made = Examiner()
    monkeypatch.setattr(runner, "run", made)
    return made


@pytest.mark.once
def test_what_a_bank_is_called_is_no_part_of_what_is_examined(world: World, examiner: Examiner) -> None:
    shown(world, world.staff("author"))
    (work,) = examiner.asked
    assert (work.taxonomy.name, work.taxonomy.note) == ("", "")
    assert work.taxonomy.points


def test_a_bank_is_examined_anew_when_it_is_another(world: World, examiner: Examiner) -> None:
    client = world.staff("reviewer")
    shown(world, client)
    shown(world, client)
    assert [len(work.items) for work in examiner.asked] == [372]
    with world.app.app_context(), unit_of_work() as session:
        bank = store.bank_by_ref(session, BANK)
        item = session.query(Item).filter_by(bank_id=bank.id, ref="A-A-A-001-S1").one()
        item.state = ItemState.RETIRED.value
    assert "没有发现问题" in shown(world, client)
    last = examiner.asked[-1]
    assert (len(examiner.asked), len(last.items), last.total, len(last.refs)) == (2, 371, 371, 372)


def test_a_bank_is_on_its_way_once_and_shown_when_it_is_there(
    world: World, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_kinds_of(world.app).worker_is_kept = True
    monkeypatch.setattr(answers, "PATIENCE_SECONDS", 0.0)
    client = world.staff("author")
    page = flat(client.get(PAGE).text)
    assert "正在检查" in page
    assert f'hx-get="{PAGE}"' in page
    assert asked_again(client).status_code == 204
    assert not examiner.asked
    with world.app.app_context():
        assert run_due(now=world.clock.now()) == 1
    part = asked_again(client)
    assert part.status_code == 200
    assert part.text.lstrip().startswith('<div id="lint">')
    assert "同一题型不足 20 题" in part.text


@pytest.mark.parametrize("error", [runner.Exhausted(), Unavailable("file.reader")], ids=["much", "broken"])
def test_a_check_that_cannot_end_is_said_and_not_tried_again(
    world: World, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def too_much(task: str, body: bytes, *, limits: runner.Limits) -> bytes:
        tried.append(task)
        raise error

    monkeypatch.setattr(runner, "run", too_much)
    client = world.staff("author")
    for _ in range(2):
        assert "没能检查完" in shown(world, client)
    assert len(tried) == 1


def test_a_child_that_cannot_be_had_is_asked_for_again(
    world: World, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(task: str, body: bytes, *, limits: runner.Limits) -> bytes:
        raise Unavailable("file.busy")

    client = world.staff("author")
    with monkeypatch.context() as now:
        now.setattr(runner, "run", busy)
        for _ in range(3):
            assert "正在检查" in shown(world, client)
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(Job.state)).all() == [JobState.WAITING], "it did not fail"
    assert "没有发现问题" in shown(world, client)


def test_of_a_very_large_bank_some_items_are_looked_at(
    world: World, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "MOST", 130)
    page = shown(world, world.staff("author"))
    assert f"均匀抽取其中 {len(examiner.asked[0].items)} 题检查" in page
    assert 100 < len(examiner.asked[0].items) <= 130


def test_an_item_that_is_as_it_was_is_not_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child is called in this process, and what it looks at is counted; whole pages in between say the same."""
    looked: list[str] = []
    held: list[tuple[str, str]] = []
    look, hold = check.check_item, whole_bank._ratio
    monkeypatch.setattr(
        check, "check_item", lambda draft, *rest: (looked.append(draft.ref), look(draft, *rest))[1]
    )
    monkeypatch.setattr(whole_bank, "_ratio", lambda *texts: (held.append(texts), hold(*texts))[1])
    monkeypatch.setattr(runner, "run", lambda _task, body, **_options: examine(body))
    client = world.staff("author")
    _write(world, "A-A-A-002-T1", stem="接到来电后，应当先报出单位和姓名，再询问客户的需求。")
    _write(world, "A-A-A-003-T1", stem="接到来电后，应当先报出单位和姓名，再记录客户的需求。")
    before = shown(world, client)
    assert len(looked) == 372
    assert held, "these two are alike"
    with world.app.app_context(), reading() as session:
        assert job.known_of(session, _bank_id(session)).items.keys()
    looked.clear()
    held.clear()
    _write(world, "A-A-A-001-T1", stem="接到来电后，应当先报出单位和姓名，再核对客户的需求。")
    after = shown(world, client)
    assert looked == ["A-A-A-001-T1"]
    assert all("报出单位" in first + other for first, other in held), (
        "what is as it was is compared with it alone"
    )
    assert after.count("<details") == before.count("<details")
    _write(world, "A-A-A-001-T1", explanation="另一条解析。")
    looked.clear()
    held.clear()
    shown(world, client)
    assert (looked, held) == (["A-A-A-001-T1"], [])


def test_nothing_is_looked_at_in_the_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where no worker is kept: the scheduler carries it out."""
    monkeypatch.setattr(runner, "run", lambda *_args, **_options: pytest.fail("in the request"))
    assert "正在检查" in flat(world.staff("author").get(PAGE).text)


def _write(world: World, ref: str, **fields: str) -> None:
    """Store another version of an item."""
    with world.app.app_context(), unit_of_work() as session:
        item = session.scalars(select(Item).where(Item.ref == ref, Item.bank_id == _bank_id(session))).one()
        last = session.scalars(
            select(ItemVersion).where(ItemVersion.item_id == item.id, ItemVersion.number == item.current)
        ).one()
        text = canonical_json(json.loads(last.content) | fields)
        item.current += 1
        session.add(
            ItemVersion(
                item_id=item.id, number=item.current, replaces=last.number, content=text, sha256=digest(text),
                actor=last.actor, created_at=last.created_at,
            )
        )  # fmt: skip

"""The desk in the browser: a bank from nothing, its table, an item through its review, versions side by side."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from cbt.accounts.models import StaffRole
from cbt.audit.models import AuditEntry
from cbt.bank import store
from cbt.bank.banks import item_bank as whole
from cbt.bank.banks.points_table import TableRow, table_revision, table_rows
from cbt.bank.catalogue import import_runs
from cbt.bank.changes import save_taxonomy
from cbt.items.models import RENAMING, ImportRun, Item, ItemVersion
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.states import ItemState
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank import samples
from tests.bank.desk.people import BANK, look, make_items, write
from tests.bank.drafts import TAXONOMY
from tests.bank.sheets import workbook
from tests.helpers import FakeClock, flat
from tests.world import World

ROWS = [
    ["代码", "名称", "比重", "重要程度"],
    ["A", "甲", 100, ""],
    ["A-001", "一", "", "X"],
    ["A-002", "二", "", "Y"],
]
STEM = "A-A-A-001-T1 说的是职业道德。"
ITEM = f"/bank/{BANK}/items/A-A-A-001-T1"


def post(client: FlaskClient, path: str, status: int = 303, **fields: object) -> str:
    answer = client.post(path, data=fields, follow_redirects=False)
    assert answer.status_code == status, answer.text[:2000]
    return answer.headers.get("Location", "") or answer.text


def table_fields(page: str) -> dict[str, list[str]]:
    """Return what the form of a table would send."""
    fields = {
        name: re.findall(rf'name="{name}" value="([^"]*)"', page)
        for name in ("was", "code", "name", "weight")
    }
    selects = re.findall(r'<select class="input" name="importance".*?</select>', page, re.DOTALL)
    chosen = [re.search(r'<option value="(\w)" selected>', one) for one in selects]
    fields["importance"] = [one[1] if one else "" for one in chosen]
    fields["revision"] = re.findall(r'name="revision" value="(\w+)"', page)
    return fields


def test_a_bank_is_made_named_given_a_table_and_deleted(world: World) -> None:
    author = world.staff("author")
    assert "编号的写法不对" in post(author, "/bank/new", 422, ref="New", name="一", note="")
    table = post(author, "/bank/new", ref="Cook-L4", name=" 中式烹调师 ", note="试用", levels=["4", "9"])
    assert table == "/bank/cook-l4/table"
    assert "已有同样编号的题库" in post(author, "/bank/new", 409, ref="cook-l4", name="又一个")
    assert "四级／中级工" in author.get("/bank").text
    post(author, "/bank/cook-l4/settings", name="烹调", note="", levels=["3", "4"])
    assert "烹调" in author.get("/bank/cook-l4").text
    pasted = "A\t基本要求\t100\nA-A\t道德\t60\nA-A-001\t守信\t\tX"
    page = post(author, f"{table}/read", 200, pasted=pasted)
    assert "下级合计 60%" in page
    fields = table_fields(page)
    refused = post(author, table, 422, **fields)
    assert "第 1 行" in refused
    fields["weight"][1] = "100"
    assert post(author, table, **fields) == "/bank/cook-l4"
    kept = author.get(table).text
    assert [one for one in table_fields(kept)["code"] if one] == ["A", "A-A", "A-A-001"]
    assert "被别人改过" in post(author, table, 409, **fields)
    assert post(author, "/bank/cook-l4/delete") == "/bank"
    assert author.get("/bank/cook-l4").status_code == 404


def test_a_bank_with_items_stays(world: World) -> None:
    author = world.staff("author")
    assert post(author, "/bank/customer-service-l3/delete").endswith("/settings")
    assert "还有试题" in author.get("/bank/customer-service-l3/settings").text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("taxonomy.toml", samples.TAXONOMY.encode(), id="the text form"),
        pytest.param(
            "细目表.csv",
            "\n".join(",".join(map(str, row)) for row in ROWS).encode("gb18030"),
            id="CSV of GBK",
        ),
        pytest.param("细目表.xlsx", workbook(ROWS[1:], headers=ROWS[0]), id="a workbook"),
    ],
)
def test_a_table_is_brought_as_a_file(world: World, name: str, content: bytes) -> None:
    author = world.staff("author")
    table = post(author, "/bank/new", ref="brought", name="题库")
    page = post(author, f"{table}/read", 200, file=(io.BytesIO(content), name))
    fields = table_fields(page)
    assert [one for one in fields["code"] if one] == ["A", "A-001", "A-002"]
    post(author, table, **fields)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("taxonomy.toml", b"[[range]\n", id="no TOML"),
        pytest.param("x.xlsx", b"PK\x03\x04broken", id="no workbook"),
        pytest.param("x.csv", b"", id="nothing"),
        pytest.param("", b"", id="no file"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(world: World, name: str, content: bytes) -> None:
    author = world.staff("author")
    table = post(author, "/bank/new", ref="brought", name="题库")
    assert 'class="notice stop"' in post(author, f"{table}/read", 422, file=(io.BytesIO(content), name))


@pytest.fixture
def desk(world: World) -> World:
    """Return the world with a bank of one item in review, written by its author."""
    make_items(world.app, 1, f"staff:{world.people['author'].ref}")
    with world.app.app_context(), unit_of_work() as session:
        save_taxonomy(session, BANK, TAXONOMY, now=world.clock.now(), actor="cli")
    return world


def test_an_item_is_sent_back_remarked_on_rewritten_and_approved(desk: World) -> None:
    author, reviewer = desk.staff("author"), desk.staff("reviewer")
    post(reviewer, f"{ITEM}/remarks", number=1, place="stem", text="请写明<b>依据</b>")
    post(reviewer, f"{ITEM}/judge", number=1, event="send_back", note="见意见")
    page = flat(author.get(ITEM).text)
    assert "请写明&lt;b&gt;依据" in page
    assert "见意见" in page
    remark = re.search(r'action="([^"]*/remarks/[^"]+/settle)"', page)
    assert remark is not None
    post(author, remark[1])
    with desk.app.app_context(), unit_of_work() as session:
        item = session.scalars(select(Item).order_by(Item.id.desc())).first()
        assert item is not None
        write(
            session,
            item,
            f"staff:{desk.people['author'].ref}",
            ItemState.DRAFT,
            stem="依据准则，说的是职业道德。",
        )
    post(author, f"{ITEM}/step", number=2, event="submit")
    post(reviewer, f"{ITEM}/judge", number=2, event="approve")
    assert look(desk.app, "A-A-A-001-T1").version == 2
    found = flat(reviewer.get(f"{ITEM}/versions").text)
    assert '<ins><span class="sr-only">增加</span>依据准则，</ins>' in found
    assert reviewer.get(f"{ITEM}/versions?from=1&to=9").status_code == 404


def test_who_wrote_an_item_reads_who_may_judge_it(desk: World) -> None:
    author = desk.people["author"]
    with desk.app.app_context(), unit_of_work() as session:
        session.add(StaffRole(staff_id=author.id, role="reviewer"))
    client = desk.staff("author")
    page = client.get(ITEM).text
    assert "可以审的人：reviewer-老师" in page
    post(client, f"{ITEM}/judge", number=1, event="approve")
    assert "您不能审它" in client.get(ITEM).text
    assert look(desk.app, "A-A-A-001-T1").version == 0


def test_an_item_is_handed_to_a_reviewer(desk: World) -> None:
    author, reviewer = desk.staff("author"), desk.people["reviewer"]
    post(author, f"{ITEM}/reviewer", number=1, reviewer=reviewer.ref)
    assert look(desk.app, "A-A-A-001-T1").reviewer == f"staff:{reviewer.ref}"
    post(author, f"{ITEM}/reviewer", number=1, reviewer=desk.people["proctor"].ref)
    assert "没有这位审题人" in author.get(ITEM).text


def test_a_point_gets_another_code_in_its_items_too(bank: flask.Flask, clock: FakeClock) -> None:
    with bank.app_context():
        with reading() as session:
            revision = table_revision(session, store.bank_by_ref(session, samples.BANK))
        rows = [
            TableRow("A", "甲", "100", "", "A"),
            TableRow("A-009", "一", "", "X", "A-001"),
            TableRow("A-001", "二", "", "Y", "A-002"),
        ]
        whole.save_table(ref=samples.BANK, rows=rows, revision=revision, now=clock.now(), actor="cli")
        with reading() as session:
            item = session.scalars(select(Item)).one()
            last = session.scalars(select(ItemVersion).order_by(ItemVersion.number.desc())).first()
            assert last is not None
            found, _weights, importances = store.drawables(session, item.bank_id)
    assert (item.point, item.version, item.current, item.state) == ("A-009", 2, 2, "reviewed")
    assert json.loads(last.content)["point"] == "A-009"
    assert [one.point for one in found] == ["A-009"]
    assert importances == {"A-009": "X", "A-001": "Y"}
    assert last.sha256 == digest(canonical_json(json.loads(last.content)))


def said_of(app: flask.Flask) -> tuple[str, list[str], str, bool]:
    """Return an item's point, the points that are drawn, the state of the last run, whether it was written anew."""
    with app.app_context(), reading() as session:
        item = session.scalars(select(Item)).one()
        run = session.scalars(select(ImportRun).order_by(ImportRun.id.desc())).first()
        found, _weights, _importances = store.drawables(session, item.bank_id)
        return item.point, [one.point for one in found], "" if run is None else run.state, item.version > 1


def test_a_change_of_codes_that_stops_on_the_way_is_not_drawn_and_the_next_one_is_whole(
    bank: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bank.app_context(), reading() as session:
        revision = table_revision(session, store.bank_by_ref(session, samples.BANK))

    def save() -> None:
        rows = [
            TableRow("A", "甲", "100", "", "A"),
            TableRow("A-009", "一", "", "X", "A-001"),
            TableRow("A-001", "二", "", "Y", "A-002"),
        ]
        with bank.app_context():
            whole.save_table(ref=samples.BANK, rows=rows, revision=revision, now=clock.now(), actor="cli")

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:  # killed: nobody is left who takes it back
        broken.setattr(whole, "end_renaming", stop)
        broken.setattr(whole, "take_back", stop)
        with pytest.raises(KeyboardInterrupt):
            save()
    assert said_of(bank) == ("A-009", ["A-001"], "storing", True)
    with monkeypatch.context() as broken:  # an error: what was left is taken back, and so is this one
        broken.setattr(whole, "end_renaming", stop)
        with pytest.raises(KeyboardInterrupt):
            save()
    assert said_of(bank) == ("A-001", ["A-001"], "broken", True)
    save()
    assert said_of(bank) == ("A-009", ["A-009"], "stored", True)
    with bank.app_context(), reading() as session:
        acts = session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()
        assert import_runs(session, session.scalars(select(Item.bank_id)).one()) == [
            one for one in session.scalars(select(ImportRun)) if one.form != RENAMING
        ]
    assert acts[-3:] == ["bank.table_broken", "bank.table_broken", "bank.table"]


def test_what_is_drawn_and_what_is_worked_on_are_both_renamed_and_both_taken_back(
    bank: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def points() -> tuple[str, str, str]:
        with reading() as session:
            item = session.scalars(select(Item)).one()
            of = dict(session.execute(select(ItemVersion.number, ItemVersion.content)).all())
            drawn, worked_on = json.loads(of[item.version]), json.loads(of[item.current])
            assert (item.version < item.current, worked_on["stem"]) == (True, "新的说法。")
            assert drawn["stem"] != worked_on["stem"]
            return drawn["point"], worked_on["point"], item.state

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with bank.app_context():
        with unit_of_work() as session:
            item = session.scalars(select(Item)).one()
            write(session, item, "cli", ItemState.DRAFT, stem="新的说法。", point="A-001")
        with reading() as session:
            of = store.bank_by_ref(session, samples.BANK)
            revision, table = table_revision(session, of), table_rows(store.taxonomy_of(session, of))
        rows = [replace(one, code="A-009") if one.code == "A-001" else one for one in table]
        call: dict[str, Any] = {
            "ref": samples.BANK,
            "rows": rows,
            "revision": revision,
            "now": clock.now(),
            "actor": "cli",
        }
        with monkeypatch.context() as broken:
            broken.setattr(whole, "end_renaming", stop)
            with pytest.raises(KeyboardInterrupt):
                whole.save_table(**call)
        assert points() == ("A-001", "A-001", "draft")
        assert whole.save_table(**call)[1] == 1
        assert points() == ("A-009", "A-009", "draft")


def test_what_excludes_an_item_is_shown_from_both_sides(desk: World) -> None:
    author = f"staff:{desk.people['author'].ref}"
    with desk.app.app_context(), unit_of_work() as session:
        bank_id = session.scalars(select(Item.bank_id).order_by(Item.id.desc())).first()
        assert bank_id is not None
        facts = {"type": "true_false", "point": "A-A-A-001", "difficulty": 3, "version": 0, "current": 0}
        other = Item(bank_id=bank_id, ref="U1-C9", state="draft", **facts)
        session.add(other)
        session.flush()
        write(session, other, author, ItemState.DRAFT, stem="案例。", enemies=["A-A-A-001-T1"])
    for here, there in (("A-A-A-001-T1", "U1-C9"), ("U1-C9", "A-A-A-001-T1")):
        assert f'/items/{there}">{there}' in flat(
            desk.staff("reviewer").get(f"/bank/{BANK}/items/{here}").text
        )

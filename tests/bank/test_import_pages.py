"""An import in the browser: files are sent and checked, their author looks, has them stored, takes it back."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import flask_babel
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from cbt.accounts.models import StaffRole
from cbt.bank.imports import bank_import
from cbt.bank.imports.models import ImportCheck, ImportPart
from cbt.bank.service import review_for
from cbt.interchange.tables.sheet import open_tables
from cbt.items.draft import Reading
from cbt.items.finding_texts import inferred_value
from cbt.items.models import Item, ItemBank
from cbt.jobs import queue
from cbt.jobs.queue import MOST_TRIES
from cbt.jobs.registry import job_kinds
from cbt.spreadsheets.drafts import SheetDraft
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank.drawn import anchor, png, xlsx
from tests.bank.sheets import HEADERS, single, truth, workbook
from tests.file_jobs import work_on
from tests.helpers import flat, log_can_be_emptied
from tests.world import World

pytestmark = pytest.mark.once

BANK = "customer-service-l3"
GOOD = truth("接待员在客户离柜前应当确认诉求已经办结。")
Sent = list[tuple[str, bytes]]


def send(client: FlaskClient, *files: tuple[str, bytes]) -> str:
    """Upload files and return the address of their check."""
    body = [(io.BytesIO(content), name) for name, content in files]
    answer = client.post(f"/bank/{BANK}/import", data={"file": body}, content_type="multipart/form-data")
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def work(world: World, address: str) -> None:
    """Carry out the job of a check."""
    with world.app.app_context():
        work_on(address.rpartition("/")[2], clock=world.clock.now)


def checked(world: World, client: FlaskClient, *rows: list[object]) -> str:
    """Upload a workbook, have it checked, and return the address of its dry run."""
    address = send(client, ("题库.xlsx", workbook(rows)))
    work(world, address)
    return address


def text_of(client: FlaskClient, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return flat(answer.text)


def state_of(world: World, stem: str) -> list[tuple[str, int]]:
    """Return state and drawn version of the items whose point stands in `stem`."""
    with world.app.app_context(), reading() as session:
        rows = session.execute(select(Item.state, Item.version).where(Item.ref.startswith(stem))).all()
        return [(state, version) for state, version in rows]


def test_a_file_is_checked_stored_for_review_and_taken_back(world: World) -> None:
    client = world.staff("author")
    address = send(client, ("题库.xlsx", workbook([GOOD, single("网点停电时，大堂经理首先应（　　）。")])))
    waiting = text_of(client, address)
    assert "排队等待检查" in waiting
    assert f'hx-get="{address}/progress"' in waiting
    assert "HX-Refresh" not in client.get(f"{address}/progress").headers
    work(world, address)
    assert client.get(f"{address}/progress").headers["HX-Refresh"] == "true"
    page = text_of(client, address)
    assert "没有发现问题" in page
    assert client.post(address).status_code == 303
    assert "正在入库" in text_of(client, address)
    work(world, address)
    assert client.get(address).headers["Location"] == f"/bank/{BANK}/import"
    imports = text_of(client, f"/bank/{BANK}/import")
    assert "已入库：新增 2 题" in imports
    with world.app.app_context(), reading() as session:
        kept = [session.scalar(select(func.count()).select_from(kind)) for kind in (SheetDraft, ImportPart)]
        new = session.scalars(select(Item).where(Item.state == "in_review")).all()
    assert (kept, [(item.version, item.current) for item in new]) == ([0, 0], [(0, 1), (0, 1)])
    undo = re.search(rf'action="(/bank/{BANK}/imports/[^"]+/undo)"', imports)
    assert undo is not None
    assert client.post(undo[1]).status_code == 303
    assert client.post(undo[1]).status_code == 409
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(Item.id).where(Item.state == "in_review")).all() == []


@pytest.mark.once(on="sqlite")
def test_while_a_file_is_looked_at_the_log_can_be_emptied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied: list[bool] = []

    def review(
        session: Session, parsed: Reading, bank_ref: str, *, tell: Callable[[int], None], **others: Any
    ) -> Any:
        def told(done: int) -> None:
            tell(done)
            emptied.append(log_can_be_emptied())

        session.execute(select(func.count()).select_from(Item)).one()
        return review_for(session, parsed, bank_ref, tell=told, **others)

    monkeypatch.setattr(bank_import, "review_for", review)
    client = world.staff("author")
    assert "没有发现问题" in text_of(client, checked(world, client, GOOD))
    assert emptied
    assert all(emptied)


def test_the_dry_run_names_place_reason_and_remedy_and_stores_nothing(world: World) -> None:
    client = world.staff("author")
    address = checked(world, client, GOOD, single(answer="E"), ["=1+1", *single()[1:]])
    page = text_of(client, address)
    assert "试题 · 第 3 行 · I 列" in page
    assert "答案 E 没有对应的选项，本题选项到 D 为止。" in page
    rows = open_tables(client.get(f"{address}/marked/0.xlsx").data)[0].rows
    assert "补上选项 E" in rows[2][11]
    assert rows[3][0] == "=1+1"
    refused = client.post(address, data={"rows": "all"})
    assert refused.status_code == 422
    assert "题有错误" in refused.text
    assert client.post(address, data={"rows": "good", "state": "draft"}).status_code == 303
    work(world, address)
    assert "已入库：新增 1 题" in flat(client.get(address, follow_redirects=True).text)


def test_a_changed_item_is_shown_as_a_diff_and_known_ones_can_be_left_alone(world: World) -> None:
    client = world.staff("author")
    first = checked(world, client, GOOD)
    client.post(first)
    work(world, first)
    changed = [*GOOD[:8], "×", *GOOD[9:]]
    address = checked(world, client, changed, single("网点停电时，大堂经理首先应（　　）。"))
    page = text_of(client, f"{address}?list=change")
    assert re.search(r"<del>.{0,60}√</del> *<ins>.{0,60}×</ins>", page)
    client.post(address, data={"mode": "new"})
    work(world, address)
    assert "新增 1 题" in flat(client.get(address, follow_redirects=True).text)
    again = checked(world, client, changed)
    client.post(again, data={"mode": "add"})
    work(world, again)
    assert "新增 1 题" in flat(client.get(again, follow_redirects=True).text)


def test_a_picture_of_a_row_is_shown_with_its_item_and_stored_with_it(world: World) -> None:
    client = world.staff("author")
    unstopped = [*GOOD[:2], "接待员在客户离柜前应当确认图中的诉求", *GOOD[3:]]
    rows = [list(map(str, row)) for row in (HEADERS, unstopped)]
    book = xlsx(rows, anchor("C2", "p0", "服务台"), anchor("A9", "p0"), pictures={"p0": png()})
    address = send(client, ("题库.xlsx", book))
    work(world, address)
    page = text_of(client, address)
    assert "图片和声音（1）" in page
    assert "［服务台］" in page
    assert "(media:" not in page
    assert "。［服务台］" in page
    assert "张图片不在任何一道题中" in page
    (source,) = set(re.findall(r'src="(/item-media/[0-9a-f]{32})" alt="服务台"', page))
    assert client.get(source).mimetype == "image/png"
    client.post(address)
    work(world, address)
    assert "已入库：新增 1 题" in flat(client.get(address, follow_redirects=True).text)
    with world.app.app_context(), reading() as session:
        ref = session.scalars(select(Item.ref).where(Item.state == "in_review")).one()
    assert source in client.get(f"/bank/{BANK}/items/{ref}").text, "the candidate's view shows it"


def test_nobody_brings_an_item_in_as_reviewed(world: World) -> None:
    client = world.staff("author")
    address = checked(world, client, GOOD)
    answer = client.post(address, data={"state": "reviewed"})
    assert answer.status_code == 422
    assert "导入的试题不能直接成为已审" in answer.text


def test_of_two_who_confirm_one_is_told_to_look(world: World) -> None:
    client = world.staff("author")
    address = checked(world, client, GOOD)
    client.post(address)
    client.post(address)
    assert "已经确认入库" in text_of(client, address)
    assert client.post(f"{address}/cancel").status_code == 409
    other = client.post(
        f"/bank/{BANK}/import",
        data={"file": (io.BytesIO(b"x"), "b.xlsx")},
        content_type="multipart/form-data",
    )
    assert other.status_code == 409


def test_a_bank_that_changed_after_the_check_is_not_written_over(world: World) -> None:
    client = world.staff("author")
    address = checked(world, client, GOOD)
    with world.app.app_context(), unit_of_work() as session:
        own = select(Item).join(ItemBank).where(ItemBank.ref == BANK).limit(1)
        session.scalars(own).one().state = "retired"
    client.post(address)
    page = text_of(client, address)
    assert "被别人改动过" in page
    assert "正在入库" not in page
    client.post(f"{address}/again")
    work(world, address)
    assert client.post(address).status_code == 303
    assert "正在入库" in text_of(client, address)


def test_an_upload_is_seen_by_its_author_only(world: World) -> None:
    address = checked(world, world.staff("author"), single(answer="E"))
    with world.app.app_context(), unit_of_work() as session:
        session.add(StaffRole(staff_id=world.people["reviewer"].id, role="author"))
    other = world.staff("reviewer")
    for path in ("", "/progress", "/marked/0.xlsx"):
        assert other.get(f"{address}{path}").status_code == 404
    for path in ("", "/again", "/retry"):
        assert other.post(f"{address}{path}").status_code == 404
    other.post(f"{address}/cancel")
    assert world.staff("author").get(address).status_code == 200


def test_a_cancelled_upload_is_gone_and_a_second_one_replaces_the_first(world: World) -> None:
    client = world.staff("author")
    first, second = checked(world, client, GOOD), checked(world, client, GOOD)
    assert client.get(first).status_code == 404
    assert client.post(f"{second}/cancel").status_code == 303
    assert client.get(second).status_code == 404
    assert client.post(second).status_code == 404
    with world.app.app_context(), reading() as session:
        assert session.scalars(select(ImportCheck.id)).all() == []


def test_a_process_that_ended_without_a_word_is_told_and_tried_again(world: World) -> None:
    client = world.staff("author")
    address = send(client, ("题库.xlsx", workbook([GOOD])))
    with world.app.app_context():
        now = world.clock.now()
        for tries in range(MOST_TRIES + 1):  # of workers that were killed, each some time after the other
            taken = queue.claim(f"wo-{tries}", now=now + tries * 2 * queue.HELD, kinds=job_kinds().codes)
            assert (taken is None) == (tries == MOST_TRIES)
    page = text_of(client, address)
    assert "检查进程意外中止" in page
    assert client.post(f"{address}/retry").status_code == 303
    work(world, address)
    assert "没有发现问题" in text_of(client, address)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"not a workbook", "没有认出试题", id="no bank"),
        pytest.param(b"PK\x03\x04broken", "不是能识别的题库格式", id="a broken one"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_remedy(
    world: World, content: bytes, said: str
) -> None:
    client = world.staff("author")
    address = send(client, ("题库.xlsx", content))
    work(world, address)
    assert said in text_of(client, address)


def test_no_file_is_no_import(world: World) -> None:
    client = world.staff("author")
    for files in ([(io.BytesIO(b""), "")], [(io.BytesIO(b"x"), "~$题库.xlsx")]):
        answer = client.post(f"/bank/{BANK}/import", data={"file": files}, content_type="multipart/form-data")
        assert answer.status_code == 422
        assert "没有选择文件" in answer.text


def test_every_text_of_a_check_is_there_in_english(world: World) -> None:
    client = world.staff("author")
    client.set_cookie("locale", "en")
    address = send(client, ("题库.xlsx", workbook([GOOD, single(answer="E")])))
    for step in range(2):
        page = text_of(client, address)
        assert not re.search(r"\bbank\.[a-z_]+\.[a-z_]+", page), step
        work(world, address)


@pytest.mark.once
@pytest.mark.parametrize("language", ["zh", "en"])
def test_whatever_may_be_chosen_of_a_text_bank_has_words(world: World, language: str) -> None:
    chosen = ("by_key", "none", "bold", "underline", "highlight", "color", "single_choice", "multiple_choice")
    with world.app.test_request_context(), flask_babel.force_locale(language):
        assert [value for value in chosen if inferred_value(value) == value] == []

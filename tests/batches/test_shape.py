"""A batch is begun with occupation, levels, papers and days, and changed while nothing registered contradicts."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest
from sqlalchemy import select, update

from cbt.audit.models import AuditEntry
from cbt.batches.shape import usual_days
from cbt.blueprints.models import BlueprintVersion
from cbt.blueprints.store import current_version
from cbt.blueprints.versions import load_folder, look
from cbt.paths import product_dir
from cbt.rules.roles import Role
from cbt.sittings.models import Batch, BatchLevel, Sitting
from tests.candidates.rosters import row
from tests.candidates.test_importing import bring
from tests.helpers import count_queries, flat
from tests.sittings.conftest import Day
from tests.sittings.test_planning import browser

L3, L2 = "customer-service-l3", "customer-service-l2"
BOTH = {"levels": [L2, L3], f"papers.{L2}": ["theory", "skills"], f"papers.{L3}": ["theory", "skills"]}
DAYS = {"starts_on": "2026-11-20", "ends_on": "2026-11-25"}


def load(day: Day) -> None:
    folder = product_dir("blueprints")
    with day.write() as session:
        load_folder(session, folder, look(folder), now=day.clock.now(), actor="cli")


def shape(day: Day, ref: str) -> tuple[str, str, str, dict[str, str]]:
    with day.read() as session:
        batch = session.scalars(select(Batch).where(Batch.ref == ref)).one()
        levels = session.scalars(select(BatchLevel).where(BatchLevel.batch_id == batch.id)).all()
        return (
            batch.name, batch.occupation, f"{batch.starts_on} {batch.ends_on}",
            {one.level: one.papers for one in levels},
        )  # fmt: skip


def test_a_batch_is_begun_from_what_is_usual(day: Day) -> None:
    load(day)
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    with count_queries(day.app) as asked:
        page = client.get("/office/batches/new").text
    assert len(asked) <= 8
    assert 'value="2026年12月客户服务管理员认定批次"' in page
    assert 'value="2026-12-19"' in page
    assert len(re.findall(r"\bchecked\b", page)) == 6
    made = client.post("/office/batches", data={"name": "第 5 批", **BOTH, **DAYS})
    assert made.status_code == 303
    ref = made.headers["Location"].rpartition("/")[2]
    papers = {"2": "theory,skills", "3": "theory,skills"}
    assert shape(day, ref) == ("第 5 批", "客户服务管理员", "2026-11-20 2026-11-25", papers)
    shown = flat(client.get(f"/office/batches/{ref}").text)
    assert "三级 · 理论知识" in shown
    assert ">0 人<" in shown
    assert "第 5 批" in client.get("/office/batches").text
    assert 'value="2026-11-20T09:00"' in client.get(f"/office/batches/{ref}/sittings/new").text
    with day.read() as session:
        last = session.scalars(select(AuditEntry).where(AuditEntry.act == "batch.change")).one()
    assert "客户服务管理员" in json.dumps(last.after, ensure_ascii=False) or "客户服务管理员" in str(
        last.after
    )
    client.set_cookie("locale", "en")
    for path in ("/office/batches/new", f"/office/batches/{ref}/edit"):
        assert not re.search(r">\s*(batches|sittings|error)\.", client.get(path).text)


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"name": " "}, "名称"),
    ({"starts_on": "2026-13-01"}, "日期无效"),
    ({"starts_on": "1026-12-01"}, "日期无效"),
    ({"starts_on": "2026-11-26"}, "结束日期早于开始日期"),
    ({"levels": [L3, "nothing"]}, "考核方案不可用"),
    ({f"version.{L3}": "99"}, "考核方案不可用"),
    ({f"papers.{L3}": []}, "三级没有选择科目"),
    ({f"papers.{L3}": ["theory", "x"]}, "三级没有选择科目"),
]


def test_what_makes_no_batch_is_refused_and_what_was_typed_stays(day: Day) -> None:
    load(day)
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    for sent, said in REFUSED:
        answer = client.post("/office/batches", data={"name": "第五批", **BOTH, **DAYS} | sent)
        assert (answer.status_code, said in answer.text) == (422, True), sent
        assert "2026-11-25" in answer.text
    with day.read() as session:
        assert session.scalars(select(Batch.ref)).all() == [day.batch_ref]


def test_another_occupation_or_the_same_level_twice_is_another_batch(day: Day) -> None:
    load(day)
    with day.write() as session:
        source = current_version(session, L3).source
        for ref, old, new in (("other", 'name = "客户服务管理员"', 'name = "电工"'), ("twin", "", "")):
            text = source.replace(f'ref = "{L3}"', f'ref = "{ref}"').replace(old, new) if old else ""
            text = text or source.replace(f'ref = "{L3}"', f'ref = "{ref}"')
            session.add(BlueprintVersion(ref=ref, sha256=ref * 8, source=text, loaded_at=day.clock.now()))
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    page = client.get("/office/batches/new").text
    assert "电工" in page
    for ref, said in (("other", "一个批次只认定一个职业"), ("twin", "同一级别选了两个考核方案")):
        sent = {"name": "批", "levels": [L3, ref], f"papers.{L3}": "theory", f"papers.{ref}": "theory"}
        answer = client.post("/office/batches", data=sent)
        assert (answer.status_code, said in answer.text) == (422, True)


def test_what_people_are_registered_for_stays_and_sittings_stay_within_the_days(day: Day) -> None:
    load(day)
    bring(day, [row(1), row(2)])
    client, path = browser(day.app, day.clock, "zhou", Role.OFFICER), f"/office/batches/{day.batch_ref}/edit"
    assert client.post(path, data={"name": "改名", **BOTH, **DAYS}).status_code == 303
    assert shape(day, day.batch_ref)[0] == "改名"
    only = {"name": "改名", "levels": [L2], f"papers.{L2}": "theory", **DAYS}
    for sent in (only, only | {"levels": []}, {"name": "改名", **BOTH, f"papers.{L3}": "skills", **DAYS}):
        answer = client.post(path, data=sent)
        assert answer.status_code == 409
        assert "已有 2 人次报名，不能取消：三级 理论知识 2 人" in answer.text
    assert shape(day, day.batch_ref)[3] == {"2": "theory,skills", "3": "theory,skills"}
    out = client.post(path, data={"name": "改名", **BOTH, "starts_on": "2026-11-25", "ends_on": ""})
    assert (out.status_code, "已有 1 场不在这些日期之内" in out.text) == (409, True)
    with day.write() as session:
        session.execute(update(Sitting).values(state="cancelled"))
    assert client.post(path, data=only | {"starts_on": "2026-11-25"}).status_code == 303
    assert shape(day, day.batch_ref)[2:] == ("2026-11-25 2026-11-25", {"2": "theory"})
    with day.read() as session:
        acts = session.scalars(select(AuditEntry).where(AuditEntry.act == "batch.change")).all()
    assert [sorted(json.loads(one.after)) for one in acts] == [
        ["ends_on", "levels", "name", "occupation", "starts_on"], ["levels", "starts_on"],
    ]  # fmt: skip


def test_a_batch_keeps_its_version_when_another_comes_into_force(day: Day) -> None:
    load(day)
    bring(day, [row(1)])
    client, path = browser(day.app, day.clock, "zhou", Role.OFFICER), f"/office/batches/{day.batch_ref}/edit"
    client.post(path, data={"name": "批", **BOTH, **DAYS})
    with day.write() as session:
        old = current_version(session, L3)
        session.add(
            BlueprintVersion(
                ref=L3, sha256="a" * 64, source=old.source + "\n# again\n", loaded_at=day.clock.now()
            )
        )
        version = old.id
    page = client.get(path).text
    assert "第 2 版（现行）" in page
    assert re.search(rf'value="{version}"\s+selected', page)
    kept = {"name": "批", **BOTH, **DAYS, f"version.{L3}": str(version)}
    assert client.post(path, data=kept).status_code == 303
    assert client.post(path, data={"name": "批", **BOTH, **DAYS}).status_code == 409


@pytest.mark.parametrize(
    ("today", "saturday"),
    [("2026-11-24", "2026-12-19"), ("2026-11-28", "2026-12-19"), ("2026-11-29", "2026-12-26")],
)
def test_a_new_batch_is_three_weeks_away_on_a_weekend(today: str, saturday: str) -> None:
    first, last = usual_days(date.fromisoformat(today))
    assert (str(first), (last - first).days) == (saturday, 1)

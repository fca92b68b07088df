"""A batch's page says how far it is and what is next, and so does the officers' home page."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, select, update

from cbt.candidates.models import AdmissionTicket
from cbt.items.models import ItemBank
from cbt.rules.roles import Role
from cbt.runner.models import Attempt
from cbt.sittings import store
from cbt.sittings.models import RoomStaff, Sitting, SittingRoom
from cbt.sittings.service import create_batch, create_sitting
from cbt.storage.unit_of_work import unit_of_work
from tests.candidates.rosters import row
from tests.candidates.test_importing import bring
from tests.certificates.test_certificates import given, qualify, set_parts
from tests.helpers import count_queries, flat
from tests.sittings.conftest import OFFICER, PLANNED, Day
from tests.sittings.test_planning import browser
from tests.world import START, World

LINE = re.compile(
    r'<li class="step-(\w+)( step-next)?".*?<h3>(\S+?)<span.*?<p>(.*?)</p>(.*?)</li>', re.DOTALL
)
LINK = re.compile(r'href="([^"]+)"')


def steps(client: FlaskClient, batch_ref: str) -> dict[str, tuple[str, str, str]]:
    """Return the steps on a batch's page: title -> (state, `*` for the next; sentence; where its button leads)."""
    page = client.get(f"/office/batches/{batch_ref}")
    assert page.status_code == 200
    return {
        title: (state + ("*" if following else ""), flat(said), "".join(LINK.findall(rest)))
        for state, following, title, said, rest in LINE.findall(page.text)
    }


def test_a_batch_goes_from_nothing_to_its_roster(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    with day.write() as session:
        bare = create_batch(session, name="空批次", now=day.clock.now(), actor=OFFICER).ref
    assert steps(client, bare) == {
        "名册": (
            "optional",
            "还没有考生；可以先核对名册，看需要几场、几间考场",
            f"/office/batches/{bare}/roster",
        ),
        "照片": ("waits", "请先导入名册", ""),
        "场次": ("open*", "还没有场次", f"/office/batches/{bare}/sittings/new"),
        "座位": ("waits", "请先导入名册", ""),
        "组卷": ("waits", "请先导入名册", ""),
        "准考证": ("waits", "请先导入名册", ""),
        "监考": ("waits", "请先导入名册", ""),
        "发布": ("waits", "请先办完前面各项", ""),
    }
    sitting = f"/office/sittings/{day.sitting_ref}"
    roster = f"/office/batches/{day.batch_ref}/roster"
    assert steps(client, day.batch_ref)["名册"] == ("open*", "还没有考生", roster)
    bring(day, [row(number) for number in range(1, 5)])
    found = steps(client, day.batch_ref)
    assert found["名册"][:2] == ("done", "共 4 名考生")
    assert found["照片"] == ("optional", "4 人中 4 人缺照片；可以后补，不影响入场", f"{sitting}#photos")
    assert found["准考证"] == ("optional", "4 张中 4 张未打印", f"{sitting}/print")
    said = "1 间考场仍是名册顺序，请在组卷前排座"
    assert found["座位"] == ("open*", said, f"/office/batches/{day.batch_ref}/seats")
    assert found["组卷"] == ("open", "1 场共 4 人次未组卷", "")
    assert found["监考"] == ("open", "1 场共 1 间考场没有监考员", f"{sitting}#rooms")
    assert found["发布"] == ("waits", "请先办完前面各项", "")
    home = client.get("/staff").text
    assert said in home
    assert "还没有场次" in home
    client.set_cookie("locale", "en")
    for path in (f"/office/batches/{day.batch_ref}", f"/office/batches/{bare}", "/staff"):
        assert not re.search(r">\s*batches\.|[一-鿿]{2}.*未组卷", client.get(path).text), path


def test_what_goes_missing_is_the_next_step_again_and_cancelled_sittings_do_not_count(world: World) -> None:
    officer = world.staff("officer")
    sitting = f"/office/sittings/{world.sitting_ref}"
    found = steps(officer, world.batch_ref)
    assert {title: state for title, (state, _said, _url) in found.items() if state == "open"} == {}
    assert found["发布"] == ("done", "1 场均已发布", "")
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(AdmissionTicket).values(printed_at=START))
    assert steps(officer, world.batch_ref)["准考证"][0] == "done"

    def change(*statements: object) -> dict[str, tuple[str, str, str]]:
        with world.app.app_context(), unit_of_work() as session:
            for statement in statements:
                session.execute(statement)
        return steps(officer, world.batch_ref)

    drafts = (update(SittingRoom).values(state="draft"), update(Sitting).values(state="draft"))
    assert change(*drafts)["发布"][0] == "open*"
    chief = delete(RoomStaff).where(RoomStaff.duty == "chief_proctor")
    assert change(chief)["监考"] == ("open*", "1 场没有主考", f"{sitting}#rooms")
    assert change(delete(Attempt))["组卷"][0] == "open"
    found = change(update(SittingRoom).values(state="cancelled"), update(Sitting).values(state="cancelled"))
    assert found["场次"] == ("open*", "还没有场次", f"/office/batches/{world.batch_ref}/sittings/new")
    assert found["名册"][0] == "optional"
    assert world.sitting_ref in officer.get(f"/office/batches/{world.batch_ref}").text


def test_pages_ask_no_more_for_more_sittings_people_and_batches(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    bring(day, [row(1)])
    page = f"/office/batches/{day.batch_ref}"

    def asked(path: str) -> int:
        client.get(path)
        with count_queries(day.app) as seen:
            assert client.get(path).status_code == 200
        return len(seen)

    few = asked(page), asked("/staff")
    bring(day, [row(2), row(3)])
    with day.write() as session:
        batch = store.batch_by_ref(session, day.batch_ref)
        for number in range(45):
            create_sitting(
                session, batch=batch, centre=store.centre_by_ref(session, day.centre_ref), name=f"加 {number}",
                planned_start_at=PLANNED + timedelta(days=number), now=day.clock.now(), actor=OFFICER,
                rooms=[store.room_by_ref(session, day.room_ref)],
            )  # fmt: skip
        for number in range(7):
            create_batch(session, name=f"批次 {number}", now=day.clock.now(), actor=OFFICER)
    assert (asked(page), asked("/staff?page=2")) == few
    assert max(few) <= 15
    assert "加 44" not in client.get(page).text
    assert "加 44" in client.get(f"{page}?page=2").text
    assert day.batch_ref in client.get("/staff?page=2").text
    assert day.batch_ref not in client.get("/staff").text


def test_all_forms_of_a_batch_are_drawn_in_one_act_or_what_stops_it_is_told(world: World) -> None:
    officer, draw = world.staff("officer"), f"/office/batches/{world.batch_ref}/draw"
    with world.app.app_context(), unit_of_work() as session:
        session.execute(delete(Attempt))
    page = officer.get(f"/office/batches/{world.batch_ref}").text
    assert f'action="{draw}"' in page
    assert "已组卷 7 份" in officer.post(draw, follow_redirects=True).text
    assert steps(officer, world.batch_ref)["组卷"][0] == "done"
    assert "没有要组的卷" in officer.post(draw, follow_redirects=True).text
    with world.app.app_context(), unit_of_work() as session:
        session.execute(delete(Attempt))
        session.execute(update(ItemBank).values(ref=ItemBank.ref + "-gone"))
    told = officer.post(draw, follow_redirects=True).text
    assert "第 1 场：考核方案所用的题库不在系统中" in told
    assert world.staff("inspector").post(draw).status_code == 403


def test_a_sitting_out_of_time_is_moved(day: Day) -> None:
    client = browser(day.app, day.clock, "zhou", Role.OFFICER)
    move = f"/office/sittings/{day.sitting_ref}/move"
    with day.write() as session:
        store.batch_by_ref(session, day.batch_ref).starts_on = (PLANNED + timedelta(days=2)).date()
    found = steps(client, day.batch_ref)["场次"]
    assert found == ("optional", "1 场不在批次日期之内", move)
    day.clock.set(PLANNED)
    assert steps(client, day.batch_ref)["场次"][1:] == ("1 场已过计划开考时间，仍未发布", move)
    assert client.get(move).status_code == 200


def test_only_officers_have_the_steps_on_their_home_page_and_over_is_over(world: World) -> None:
    assert world.batch_ref not in world.staff("inspector").get("/staff").text
    assert {url for *_rest, url in steps(world.staff("inspector"), world.batch_ref).values()} == {""}
    officer = world.staff("officer")
    assert world.batch_ref in officer.get("/staff").text
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Sitting).values(state="scored"))
    assert world.batch_ref not in officer.get("/staff").text
    over = steps(officer, world.batch_ref)
    assert over.pop("发证") == ("waits", "成绩发布后可以发证", "")
    assert {state for state, _said, _url in over.values()} == {"done"}


@pytest.mark.once
def test_a_published_sitting_lacks_the_forms_that_are_not_drawn(world: World) -> None:
    """还缺 says nothing is missing only where nothing is."""
    officer, page = world.staff("officer"), f"/office/batches/{world.batch_ref}"

    def row() -> str:
        return (
            flat(officer.get(page).text)
            .partition(f'/office/sittings/{world.sitting_ref}">')[2]
            .partition("</tr>")[0]
        )

    assert '<span class="hint">无</span>' in row()
    with world.app.app_context(), unit_of_work() as session:
        some = session.scalars(select(Attempt.id).limit(2)).all()
        session.execute(delete(Attempt).where(Attempt.id.in_(some)))
    assert "2 人未组卷" in row()
    assert '<span class="hint">无</span>' not in row()
    with world.app.app_context(), unit_of_work() as session:
        session.execute(update(Sitting).values(state="ended"))
    assert '<span class="hint">—</span>' in row()  # nothing is asked of it any more


@pytest.mark.once
def test_the_last_step_issues_certificates_and_photos_are_told_as_the_people_have_them(world: World) -> None:
    qualify(world)
    set_parts(world)
    officer = world.staff("officer")
    found = steps(officer, world.batch_ref)
    assert found["发证"] == ("open*", "2 人可以发证，已发 0 本", "/office/certificates")
    lacking = officer.get(f"/office/batches/{world.batch_ref}/people?kind=photo").text.count(
        "照片待补</span>"
    )
    assert lacking
    assert found["照片"] == ("done", f"{lacking} 人没有照片", "")
    given(world, "theory")
    assert steps(officer, world.batch_ref)["发证"][1] == "1 人可以发证，已发 1 本"
    given(world, "extra")
    assert steps(officer, world.batch_ref)["发证"] == ("done", "已发证书 2 本", "/office/certificates")

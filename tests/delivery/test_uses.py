"""Which frozen forms hold an item, and which sittings they were drawn for."""

from __future__ import annotations

import json
import re
from collections import Counter

from sqlalchemy import select

from cbt.accounts.models import StaffRole
from cbt.assembly.models import Form
from cbt.items.models import Item, ItemBank, ItemVersion
from cbt.sittings.models import Sitting
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries, flat
from tests.world import START, World

BANK = "customer-service-l3"


def page_of(world: World, item: str) -> str:
    answer = world.staff("reviewer").get(f"/bank/{BANK}/items/{item}/forms")
    assert answer.status_code == 200
    return flat(answer.text)


def drawn(world: World) -> Counter[str]:
    """How many forms of the bank hold each of its items."""
    with world.app.app_context(), reading() as session:
        query = select(Form.content).join(ItemBank, ItemBank.id == Form.bank_id).where(ItemBank.ref == BANK)
        forms = [json.loads(text) for text in session.scalars(query)]
    return Counter(ref for form in forms for ref in {place["item"] for place in form["positions"]})


def test_the_forms_that_hold_an_item_are_counted_by_paper_day_and_version(world: World) -> None:
    held = drawn(world)
    often, count = max(held.items(), key=lambda pair: (pair[1], pair[0]))
    page = page_of(world, often)
    assert f"{count} 份试卷用到这道题（查了本题库最近的 4 份）" in page
    row = page[page.index('<th scope="row">') : page.index("</tbody>")]
    assert "2026-11-20" in row
    assert "第 1 版" in row
    assert f'<td class="n">{count}</td>' in row
    with world.app.app_context(), reading() as session:
        own = select(Form).join(ItemBank, ItemBank.id == Form.bank_id).where(ItemBank.ref == BANK)
        forms = {form.ref: json.loads(form.content) for form in session.scalars(own)}
    holding = [ref for ref, form in forms.items() if often in {place["item"] for place in form["positions"]}]
    assert [ref in row for ref in holding] == [True] * count


def test_the_sitting_is_named_and_leads_to_its_page_for_who_may_see_that(world: World) -> None:
    held = max(drawn(world))
    with world.app.app_context(), reading() as session:
        name = session.scalars(select(Sitting.name).where(Sitting.ref == world.sitting_ref)).one()
    linked = f'<a href="/office/sittings/{world.sitting_ref}">{name}</a>'
    page = page_of(world, held)
    assert re.search(
        rf'{name}\s*<span class="hint">\s*2026 年第四批\s*<span class="num nowrap">2026-11-24</span>', page
    )
    assert linked not in page
    with world.app.app_context(), unit_of_work() as session:
        session.add(StaffRole(staff_id=world.people["reviewer"].id, role="inspector"))
    assert linked in page_of(world, held)


def test_a_form_that_is_for_no_sitting_yet_says_so(world: World) -> None:
    held = max(drawn(world))
    assert "未用于场次" not in page_of(world, held)
    with world.app.app_context(), unit_of_work() as session:
        form = next(one for one in session.scalars(select(Form)) if held in one.content)
        told = {column.name: getattr(form, column.name) for column in Form.__table__.columns}
        session.add(Form(**{**told, "id": None, "ref": "fm-spare"}))
    page = page_of(world, held)
    assert "未用于场次" in page
    assert "fm-spare" in page


def test_a_version_that_no_form_holds_is_not_counted(world: World) -> None:
    held = max(drawn(world))
    with world.app.app_context(), unit_of_work() as session:
        item = session.scalars(
            select(Item).join(ItemBank).where(ItemBank.ref == BANK, Item.ref == held)
        ).one()
        told = {"number": 2, "content": "{}", "sha256": "f" * 64, "actor": "cli", "created_at": START}
        session.add(ItemVersion(item_id=item.id, **told))
        item.version = item.current = 2
    page = page_of(world, held)
    assert "第 1 版" in page
    assert "第 2 版" not in page


def test_an_item_in_no_form_says_so(world: World) -> None:
    held = drawn(world)
    with world.app.app_context(), reading() as session:
        refs = session.scalars(select(Item.ref).join(ItemBank).where(ItemBank.ref == BANK).order_by(Item.ref))
        idle = next(ref for ref in refs if ref not in held)
    assert "还没有试卷用到这道题" in page_of(world, idle)
    assert world.staff("author").get(f"/bank/{BANK}/items/none/forms").status_code == 404


def test_the_page_of_an_item_leads_there_and_it_asks_a_fixed_number_of_times(world: World) -> None:
    held = max(drawn(world))
    client = world.staff("author")
    path = f"/bank/{BANK}/items/{held}/forms"
    assert f'href="{path}"' in client.get(f"/bank/{BANK}/items/{held}").text
    client.get(path)
    with count_queries(world.app) as seen:
        assert client.get(path).status_code == 200
    assert len(seen) <= 10

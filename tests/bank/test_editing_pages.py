"""The author's way through the editor: preview, keeping, saving, parts; and what no text can bring in."""

from __future__ import annotations

import re

import pytest
from werkzeug.datastructures import MultiDict

from cbt.accounts.models import StaffRole
from cbt.bank import store
from cbt.bank.editor import item_work
from cbt.bank.editor.item_work import Typed
from cbt.items.markup import sanitised
from cbt.rules.items.content import ItemType
from cbt.rules.items.registry import parse_content
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.bank import drafts
from tests.bank.test_editing_forms import BANK, SAMPLES, Fields, sent_of
from tests.world import START, World

NEW = f"/bank/{BANK}/new/single_choice"
EDIT = f"/bank/{BANK}/items/A-A-A-001-S1/edit"
LOOK = f"/bank/{BANK}/editing/single_choice/look"
HOSTILE = "<img src=x onerror=alert(1)> **粗** <b hx-get=/bank>x</b> {{7*7}} <script>1</script>（　　）"


def test_an_item_is_looked_at_saved_changed_and_submitted(world: World) -> None:
    client = world.staff("author")
    assert "单选" in client.get(f"/bank/{BANK}/new").text
    page = client.get(NEW).text
    assert "note-error" not in page, "nobody is told off before they wrote anything"
    sent = sent_of(drafts.single("客户来访而接待员正在通话时，应当先（　　）。"))
    looked = client.post(LOOK, data=sent).get_json()
    assert looked["paper"]["items"][0]["choices"][0] == "问候客户"
    assert "A　问候客户" in looked["key"]
    faulty = client.post(NEW, data={"stem": "只有题干（　　）。", "point": "A-A-A-001"})
    assert faulty.status_code == 422
    assert "note-error" in faulty.text
    assert "只有题干" in faulty.text
    sent.add("do", "save")
    saved = client.post(NEW, data=sent)
    assert saved.status_code == 303
    assert str(saved.location).endswith("/edit")
    again = Fields(client.get(saved.location).text).sent
    again.setlist("stem", ["客户来访而接待员正在打电话时，应当先（　　）。"])
    again.add("do", "submit")
    submitted = client.post(saved.location, data=again)
    assert submitted.status_code == 303
    assert "已送审" in client.get(submitted.location).text
    assert "正在打电话时" in client.get(saved.location).text


def test_what_is_typed_is_kept_and_discarded(world: World) -> None:
    client = world.staff("author")
    fields = Fields(client.get(EDIT).text).sent
    fields.setlist("stem", ["写到一半（　　）"])
    kept = client.post(f"/bank/{BANK}/editing/single_choice/work", data=fields)
    assert kept.get_json()["seen"]
    page = client.get(EDIT).text
    assert "写到一半（　　）" in page
    assert "已恢复您" in page
    stale = client.post(
        f"/bank/{BANK}/editing/single_choice/work", data=fields, headers={"Accept": "application/json"}
    )
    assert (stale.status_code, stale.get_json()["code"]) == (409, "editing.other_tab")
    assert "写到一半" in client.get(f"/bank/{BANK}/new").text
    client.post(f"/bank/{BANK}/editing/discard", data={"item_ref": "A-A-A-001-S1", "kind": "single_choice"})
    assert "写到一半" not in client.get(EDIT).text


def test_a_part_is_added_moved_and_taken_out_without_a_script(world: World) -> None:
    client = world.staff("author")
    url, sent = f"/bank/{BANK}/new/case", sent_of(SAMPLES[ItemType.CASE])
    sent.add("part_type", "numeric")
    kinds = []
    for asked in ("part.add", "part.up.6", "part.remove.1", "part.up.99", "more"):
        page = Fields(client.post(url, data=MultiDict([*sent.items(multi=True), ("do", asked)])).text)
        kinds.append([page.sent[f"parts.{n}.type"] for n in range(1, 8) if f"parts.{n}.type" in page.sent])
    begun = ["single_choice", "multiple_choice", "fill_blank", "matching", "ordering"]
    assert kinds == [[*begun, "numeric"], begun, begun[1:], begun, begun]


def test_no_text_brings_in_an_element(world: World) -> None:
    client = world.staff("author")
    sent = sent_of(
        drafts.single(HOSTILE, choices=[HOSTILE, "乙", "丙", "丁"], explanation=HOSTILE, law=HOSTILE)
    )
    looked = client.post(LOOK, data=sent).get_json()
    sent.add("do", "more")
    for text in (str(looked), client.post(NEW, data=sent).text):
        assert "<b hx-" not in text
        assert "<img src=x" not in text
        assert "<script>1" not in text
        assert "49" not in re.sub(r"[\w-]{20,}", "", looked["key"])


@pytest.mark.parametrize("role", ["reviewer", "inspector", "officer"])
def test_only_authors_write(world: World, role: str) -> None:
    client = world.staff(role)
    for path in (NEW, EDIT, f"/bank/{BANK}/new"):
        assert client.get(path).status_code == 403
    assert client.post(EDIT).status_code == 403


def test_every_text_of_the_editor_is_there_in_english(world: World) -> None:
    client = world.staff("author")
    client.set_cookie("locale", "en")
    for kind in SAMPLES:
        page = client.get(f"/bank/{BANK}/new/{kind}").text
        assert not re.search(r"\bbank\.[a-z_]+\.[a-z_]+", page.replace("bank.editing.css", ""))


def test_who_saves_second_is_shown_both_sides_and_decides(world: World) -> None:
    client = world.staff("author")
    with world.app.app_context(), unit_of_work() as session:
        session.add(StaffRole(staff_id=world.people["reviewer"].id, role="author"))
    other = world.staff("reviewer")
    mine, theirs = Fields(client.get(EDIT).text).sent, Fields(other.get(EDIT).text).sent
    mine.setlist("stem", ["我改的题干，主要依靠（　　）。"])
    theirs.setlist("explanation", ["对方改的解析。"])
    here = f"/bank/{BANK}/items/A-A-A-001-S1/here"
    assert client.post(here, data=mine).get_json()["told"] == ""
    assert "也在编辑这道题" in other.post(here, data=theirs).get_json()["told"]
    assert other.post(EDIT, data=theirs).status_code == 303
    refused = client.post(EDIT, data=mine)
    assert str(refused.location).endswith("/compare")
    page = client.get(refused.location).text
    assert "只有对方改了" in page
    assert "只有您改了" in page
    sent = {"current": "2", "take.stem": "mine", "take.explanation": "theirs"}
    assert client.post(refused.location, data=sent).status_code == 303
    both = Fields(client.get(EDIT).text).sent
    assert (both["base"], both["stem"], both["explanation"]) == (
        "2",
        "我改的题干，主要依靠（　　）。",
        "对方改的解析。",
    )
    assert client.post(EDIT, data=both).status_code == 303
    assert "第 3 版" in client.get(EDIT).text


def test_a_picture_that_stands_in_an_item_stays_there_through_the_form(world: World) -> None:
    client = world.staff("author")
    old = Typed(BANK, "", "wk-aaaaaaaaaaaaaa", 0, drafts.hotspot())
    with world.app.app_context():
        ref = item_work.save(old, now=START, actor="staff:st-x").ref
    url = f"/bank/{BANK}/items/{ref}/edit"
    fields = Fields(client.get(url).text).sent
    assert fields["picture"].startswith("stays:")
    looked = client.post(f"/bank/{BANK}/editing/hotspot/look", data=fields).get_json()
    assert looked["paper"]["items"][0]["picture"] == drafts.hotspot()["picture"]
    client.post(f"/bank/{BANK}/editing/hotspot/work", data=fields)
    assert Fields(client.get(url).text).sent["picture"] == fields["picture"]
    fields.setlist("alt", ["一楼大厅的平面图。"])
    assert client.post(url, data=fields).status_code == 303
    with world.app.app_context(), reading() as session:
        item = item_work.item_at(session, store.bank_by_ref(session, BANK).id, ref)
        content = item_work.content_at(session, item, 2)
    assert (content["picture"], content["alt"]) == (drafts.hotspot()["picture"], "一楼大厅的平面图。")


def test_a_picture_that_is_kept_is_sent_by_its_address() -> None:
    content = parse_content(SAMPLES[ItemType.HOTSPOT])
    assert sanitised(content)["picture"] == f"/item-media/{'3f' * 16}"
    assert "regions" not in sanitised(content)


def test_what_is_empty_is_said_to_be_missing(world: World) -> None:
    part = {"parts.1.type": "true_false", "parts.1.points": "", "point": "", "unit": "1"}
    looked = world.staff("author").post(f"/bank/{BANK}/editing/case/look", data=part).get_json()
    assert "鉴定点代码没有填写" in looked["notes"]["point"]
    assert "没有填写" in looked["notes"]["parts.1.points"]

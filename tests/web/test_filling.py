"""A page's form filled with what was typed before: values only, in the right form, and nothing lost."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cbt.http.form_posts.refill import UnplacedValues, fill

PAGE = """<!doctype html>
<form method="post" action="/away"><input name="name" value="别的"></form>
<dialog id="d"><details><summary>更多</summary>
<form method="post" action="?x=1" id="mine">
  <input type="hidden" name="csrf_token" value="fresh"><input type="hidden" name="seen" value="2">
  <input name="name" value="">
  <input name="row" value="a"><input name="row" value="b">
  <textarea name="note">旧 &amp; 文</textarea>
  <select name="level"><option value="">请选</option><option value="4" selected>四级</option>
  <option>三级</option></select>
  <input type="checkbox" name="roles" value="officer" checked><input type="checkbox" name="roles" value="author">
  <input type="radio" name="mode" value="machine" checked><input type="radio" name="mode" value="paper">
  <input type="password" name="secret"><input type="file" name="file">
  <button name="do" value="add">加</button>
</form></details></dialog>
<input name="loose" form="mine" value="">
<form method="post" action="/here"><input type="hidden" name="seen" value="9"><input name="name"></form>
"""


IN_A_DIALOG = """<form method="post" action="/here">
<input type="hidden" name="csrf_token" value="fresh">
<dialog class="dialog" id="ask"><div class="dialog-head"><h2>撤回</h2></div><div class="dialog-body">
<textarea name="reason"></textarea><details><summary>更多</summary><input name="note"></details>
</div></dialog></form>
<form method="post" action="/here"><input name="other"></form>"""


class Controls(HTMLParser):
    """What a browser would send of a page's form."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said: dict[str, list[str]] = {}
        self.opened: list[str] = []
        self._area = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down what is chosen or typed."""
        given = dict(attrs)
        off = given.get("type") in ("checkbox", "radio") and "checked" not in given
        if tag == "input" and not off:
            self.said.setdefault(given["name"] or "", []).append(given.get("value") or "")
        elif tag == "option" and "selected" in given:
            self.said.setdefault("option", []).append(given.get("value") or "shown")
        elif "open" in given:
            self.opened.append(tag)
        self._area = given.get("name") or "" if tag == "textarea" else ""

    def handle_data(self, data: str) -> None:
        """Take down the text of an area."""
        if self._area:
            self.said.setdefault(self._area, []).append(data.removeprefix("\n"))
            self._area = ""


def filled(fields: list[tuple[str, str]], **given: object) -> tuple[Controls, UnplacedValues, str]:
    told: list[UnplacedValues] = []

    def head(left: UnplacedValues) -> str:
        told.append(left)
        return "<p>还在</p>"

    page = fill(PAGE, at="/here", to="/here", fields=fields, notes={"file": "<i>名册.xlsx</i>"}, head=head)
    assert page is not None
    return Controls(page), told[0], page


def test_a_form_comes_back_as_it_was_typed() -> None:
    sent = [
        ("csrf_token", "stale"), ("seen", "2"), ("name", '<b>"张"</b>'), ("row", "1"), ("row", "2"), ("row", "3"),
        ("note", "\n第一行\n</textarea><script>"), ("level", "三级"), ("roles", "author"), ("mode", "paper"),
        ("loose", "外"), ("do", "add"), ("gone", "没有这个字段"), ("secret", "泄露"),
    ]  # fmt: skip
    back, left, page = filled(sent)
    assert back.said["name"] == ["别的", '<b>"张"</b>', ""], (
        "the form that is sent to this page with these values"
    )
    assert back.said["csrf_token"] == ["fresh"]
    assert back.said["row"] == ["1", "2"]
    assert back.said["note"] == ["\n第一行\n</textarea><script>"]
    assert (back.said["roles"], back.said["mode"], back.said["option"]) == (["author"], ["paper"], ["shown"])
    assert back.said["loose"] == ["外"]
    assert back.said["secret"] == [""]
    assert back.opened == ["dialog", "details"]
    assert (left.fields, left.notes) == ([("row", "3"), ("gone", "没有这个字段")], [])
    assert '<form method="post" action="?x=1" id="mine"><p>还在</p>' in page
    assert '<input type="file" name="file"><i>名册.xlsx</i>' in page
    assert "<script>" not in page


@pytest.mark.parametrize(("at", "to"), [("/here", "/elsewhere"), ("/there", "/there/x")])
def test_a_page_without_that_form_is_left_alone(at: str, to: str) -> None:
    assert fill(PAGE, at=at, to=to, fields=[("name", "x")], notes={}, head=lambda _left: "") is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["name", "note", "level", "seen", "x"]), st.text(max_size=12)), max_size=6
    )
)
@example([("note", "&lt;"), ("note", "</form>")])
def test_whatever_was_typed_comes_back_or_is_told(fields: list[tuple[str, str]]) -> None:
    back, left, page = filled(fields)
    assert page.count("<form") == PAGE.count("<form")
    for name in ("name", "note"):
        typed = [value for field, value in fields if field == name]
        if typed and "\r" not in typed[0] and "\0" not in typed[0] and typed[0]:
            assert typed[0] in back.said[name]
        assert [value for field, value in left.fields if field == name] == typed[1:]


@pytest.mark.parametrize(
    ("typed", "opened"),
    [
        pytest.param([("reason", "台风")], ["dialog"], id="what stands in the dialog"),
        pytest.param(
            [("reason", ""), ("note", "见附件")], ["dialog", "details"], id="and in what is closed there"
        ),
        pytest.param([("other", "x")], [], id="the form beside it has none"),
    ],
)
def test_a_dialog_that_is_part_of_its_form_comes_back_open(
    typed: list[tuple[str, str]], opened: list[str]
) -> None:
    page = fill(
        IN_A_DIALOG, at="/here", to="/here", fields=typed, notes={}, head=lambda _left: "<p id='kept'></p>"
    )
    assert page is not None
    assert Controls(page).opened == opened
    in_dialog = page.index("dialog-body") < page.index("id='kept'") < page.index("</dialog>")
    assert in_dialog == bool(opened)  # what is said of it is not behind the dialog

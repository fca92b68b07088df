"""The form of every type says what its content says, and each fault is named beside the field it is in."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from cbt.bank.editor.form import MOST_PARTS, blank_item, changed_parts, drawn, read_form, says_the_same
from cbt.bank.editor.item_work import wants_pictures, with_names, with_pictures
from cbt.errors import InvalidInput
from cbt.items.preview import preview_paper
from cbt.items.types.hotspot.editor import numbers_of
from cbt.items.types.registry import AUTHORING
from cbt.rules.items.content import ItemType, Rendering
from cbt.rules.items.registry import TYPES, parse_content
from tests.bank import drafts
from tests.world import World

BANK = "customer-service-l3"
SAMPLES: dict[str, dict[str, Any]] = {
    ItemType.TRUE_FALSE: drafts.truth(answer=False, law="《消费者权益保护法》第二十条"),
    ItemType.SINGLE_CHOICE: drafts.single(fixed_order=True, enemies=["A-A-A-001-T1", "A-A-A-002-S1"]),
    ItemType.MULTIPLE_CHOICE: drafts.multiple(consistency=4),
    ItemType.FILL_BLANK: drafts.fill_blank(word_bank=["24", "20", "18"]),
    ItemType.NUMERIC: drafts.numeric(),
    ItemType.MATCHING: drafts.matching(),
    ItemType.ORDERING: drafts.ordering(),
    ItemType.CASE: drafts.case(),
    ItemType.SHORT_ANSWER: drafts.short_answer(
        rubric=[{"points": "2", "text": "及时"}, {"points": "1.5", "text": "对等"}]
    ),
    ItemType.HOTSPOT: drafts.hotspot(
        picture=f"media:{'3f' * 16}",
        regions=[
            {"rect": [0, 0, 20, 10]},
            {"circle": [60, 40, 5]},
            {"polygon": [[80, 60], [99, 60], [99, 79]]},
        ],
        answer=[1, 3],
        marks=2,
    ),
}
RENDERING = Rendering(block=str, line=str)
every_type = pytest.mark.parametrize("kind", list(SAMPLES))


class Fields(HTMLParser):
    """What a browser would send of a form, and the fields beside which findings may stand."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sent: MultiDict[str, str] = MultiDict()
        self.slots: set[str] = set()
        self._in_form = self._copies = 0
        self._area = self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        self._in_form += given.get("id") == "edit"
        self._copies += tag == "template"
        if "data-at" in given:
            self.slots.add(given["data-at"])
        if not self._in_form or self._copies:
            return
        if tag == "input" and (given.get("type") not in {"radio", "checkbox"} or "checked" in given):
            self.sent.add(name, given.get("value", ""))
        elif tag == "textarea":
            self._area = name
            self.sent.add(name, "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self.sent.add(self._select, given["value"])

    def handle_endtag(self, tag: str) -> None:
        self._in_form -= tag == "form" and self._in_form
        self._copies -= tag == "template"
        if tag == "textarea":
            self._area = ""
        elif tag == "select":
            self._select = ""

    def handle_data(self, data: str) -> None:
        if self._area and not self._copies:
            rows = self.sent.poplist(self._area)
            self.sent.setlist(self._area, [*rows[:-1], rows[-1] + data.removeprefix("\n")])


def test_every_type_can_be_written_by_hand() -> None:
    assert set(SAMPLES) == set(AUTHORING)


def test_a_form_says_what_the_content_says_and_names_every_field(world: World) -> None:
    client = world.staff("author")
    for kind, data in SAMPLES.items():
        shown = client.post(f"/bank/{BANK}/new/{kind}", data=sent_of({**data, "do": "redraw"}))
        assert shown.status_code == 200, kind
        page = Fields(shown.text)
        assert says_the_same(read_form(page.sent, kind), data), kind
        asked = TYPES[kind].fields - {"type"} | {""}
        assert asked - page.slots == set(), kind


def sent_of(data: dict[str, Any], prefix: str = "") -> MultiDict[str, str]:
    """Return the fields a browser sends for a content."""
    sent: MultiDict[str, str] = MultiDict()
    for name, value in data.items():
        _send(sent, prefix, name, value, data)
    return sent


def _send(sent: MultiDict[str, str], prefix: str, name: str, value: Any, data: dict[str, Any]) -> None:
    kind = data["type"]
    if name == "parts":
        for n, part in enumerate(value, 1):
            sent.update(sent_of(part, f"parts.{n}."))
    elif name == "pairs":
        sent.setlist(f"{prefix}lefts", [pair[0] for pair in value])
        sent.setlist(f"{prefix}rights", [pair[1] for pair in value])
    elif name == "regions":
        shapes = [numbers_of(region) for region in value]
        sent.setlist(f"{prefix}region_shape", [shape for shape, _numbers in shapes])
        sent.setlist(f"{prefix}region_numbers", [numbers for _shape, numbers in shapes])
    elif name == "spots":
        sent.setlist(f"{prefix}spot_x", [str(spot["at"][0]) for spot in value])
        sent.setlist(f"{prefix}spot_y", [str(spot["at"][1]) for spot in value])
        sent.setlist(f"{prefix}spot_name", [spot["name"] for spot in value])
    elif name == "answer" and kind == ItemType.HOTSPOT:
        sent.setlist(f"{prefix}answer", [str(number - 1) for number in value])
    elif name == "size":
        sent.add(f"{prefix}size", ",".join(map(str, value)))
    elif name == "rubric":
        sent.setlist(f"{prefix}rubric_points", [line["points"] for line in value])
        sent.setlist(f"{prefix}rubric", [line["text"] for line in value])
    elif name == "answer" and kind in {ItemType.SINGLE_CHOICE, ItemType.MULTIPLE_CHOICE}:
        sent.setlist(f"{prefix}answer", [str("ABCDEFGH".index(letter)) for letter in value])
    elif name == "answer" and kind == ItemType.FILL_BLANK:
        sent.setlist(f"{prefix}answer", ["|".join(spellings) for spellings in value])
    elif name in {"choices", "steps", "extra_options"}:
        sent.setlist(f"{prefix}{name}", value)
    elif isinstance(value, list):
        sent.add(f"{prefix}{name}", "\n".join(value))
    else:
        sent.add(f"{prefix}{name}", str(value).lower() if isinstance(value, bool) else str(value))


@every_type
def test_an_item_that_has_just_been_begun_can_be_drawn(kind: str) -> None:
    content = drawn(blank_item(kind))
    if kind in {ItemType.CASE, ItemType.HOTSPOT}:
        assert content is None, "without a part, and without a picture, there is nothing to show"
        return
    assert content is not None
    assert preview_paper(content, seed="x")["items"][0]["type"] == kind


@every_type
@pytest.mark.parametrize(
    "gone", ["stem", "answer", "choices", "pairs", "steps", "title", "limit", "regions", "spots", "alt"]
)
def test_whatever_is_missing_something_is_drawn(kind: str, gone: str) -> None:
    left = {name: value for name, value in SAMPLES[kind].items() if name != gone}
    assert drawn(left) is not None


def test_a_choice_left_empty_takes_its_letter_along() -> None:
    sent = MultiDict([("choices", text) for text in ("甲", " ", "乙", "丙")] + [("answer", "2")])
    data = read_form(sent, ItemType.SINGLE_CHOICE)
    assert (data["choices"], data["answer"]) == (["甲", "乙", "丙"], "B")


def test_a_number_that_is_none_stays_as_it_was_typed() -> None:
    data = read_form(MultiDict({"limit": "很多"}), ItemType.SHORT_ANSWER)
    assert data["limit"] == "很多"


def test_a_model_answer_and_its_rubric_are_no_candidates() -> None:
    content = parse_content(SAMPLES[ItemType.SHORT_ANSWER])
    assert set(content.public(RENDERING)) == {"limit"}
    assert content.key_lines(("对", "错"))[1:] == ["+2　及时", "+1.5　对等"]
    paper = str(preview_paper(content, seed="x"))
    assert not any(word in paper for word in ("及时", "对等", "rubric"))


def test_a_picture_that_stands_in_an_item_goes_by_a_short_name_and_is_put_back() -> None:
    base = drafts.case(parts=[drafts.truth(points="1"), drafts.hotspot(points="2")])
    named = with_names({**base, "parts": base["parts"][::-1]})
    assert wants_pictures(named)
    assert len(named["parts"][0]["picture"]) < 30
    assert with_pictures(named, base)["parts"] == base["parts"][::-1]
    assert not wants_pictures(base)
    assert with_pictures(named, {})["parts"][0]["picture"].startswith("stays:"), "lint names it"


def test_a_case_of_too_many_parts_is_refused_whole() -> None:
    sent = MultiDict({f"parts.{n}.type": "true_false" for n in range(1, MOST_PARTS + 2)})
    with pytest.raises(InvalidInput, match=r"editing\.too_much"):
        read_form(sent, ItemType.CASE)
    del sent[f"parts.{MOST_PARTS + 1}.type"]
    data = read_form(sent, ItemType.CASE)
    assert len(data["parts"]) == MOST_PARTS
    assert changed_parts(data, "part.add", "numeric")[0] == data

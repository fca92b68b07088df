"""The door to paper: everything whole, whoever's names it holds; equal data, equal bytes; text stays text."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import segno
from PIL import Image, ImageOps

from cbt.printing import pdf as door
from cbt.printing.pdf import FONTS, lacking, pdf, qr_drawing
from tests.printing.paper import squeezed, told, whole

LONG_NAME = "阿卜杜拉·买买提艾力·努尔买买提江·艾合买提"
LONGEST_NAME = "Wolfeschlegelsteinhausenbergerdorffvoralternwarengewissenhaf"
LONG_UNIT = "上海市松江区现代服务业职业技能培训与人才发展促进中心（有限合伙）客户服务部" * 3
LONG_PLACE = (
    "上海市松江区荣乐东路二千零二十七号现代服务业实训大楼东翼二楼二〇一室（靠近北门，出示准考证入内）" * 4
)
MARKUP = r'#import "x" $a_1^2$ @ref *粗* _斜_ `码` <b> \u{41} // 注 [括] = 题 - 项 ~'
RARE = "王䶮𬭎㛃𨱔"
NAMES = (RARE, LONG_NAME, MARKUP[:60], LONGEST_NAME, "李娜")
RULES = [
    f"第 {number} 条：凭准考证和有效身份证件原件入场，复印件无效；不一致的，不得参加考试。"
    for number in range(1, 8)
]
PAGE = {"page": "第 {n} 页，共 {of} 页"}


def photo() -> bytes:
    """Return a picture as it is stored."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((300, 420)).convert("RGB").save(buffer, "JPEG")
    return buffer.getvalue()


def number(place: int) -> str:
    return f"26110010{place:04d}5"


def ticket(place: int, *, papers: int = 2, last: str = "") -> dict[str, Any]:
    """Return what the ticket of one person says; `last` is what the last of its papers is held for."""
    line = {
        "paper": "专业能力", "purpose": "", "minutes": "60 分钟", "check_in": "10:20", "report": "10:30",
        "late": "10:45:30 起不得入场",
        "sign_in": "10:40", "start": "11-24 11:00", "moved": "", "former": [],
        "room": "二楼二〇一机房" * 2, "seat": "07 号机位",
    }  # fmt: skip
    return {
        "exam": "客户服务管理员（三级/高级工）职业技能等级认定", "number": number(place),
        "name": NAMES[place % len(NAMES)], "document": ["居民身份证", "310***********1234"],
        "details": [["工作单位", LONG_UNIT[:120]]] if place % 2 else [],
        "photo": "one",
        "qr": f"{number(place)}.svg", "lines": [*[line] * (papers - 1), {**line, "purpose": last}], "rules": RULES,
        "places": [{"papers": "", "name": "东区考点", "address": LONG_PLACE[:100]}],
    }  # fmt: skip


def tickets(count: int, **more: Any) -> bytes:
    words = {name: name for name in ("name", "number", "place", "glue", "former")}
    data = {
        "title": "准考证",
        "words": {
            **words,
            "title": "准考证",
            "body": "某市职业技能评价中心 · 021-60000000",
            "heads": ["科目", "签到", "报到", "登录", "开考", "考场"],
        },
        "tickets": [ticket(place, **more) for place in range(count)],
    }
    drawings = {f"{number(place)}.svg": qr_drawing(number(place)) for place in range(count)}
    return pdf("tickets", data, language="zh", photos={"one": photo()}, drawings=drawings)


def row(place: int) -> dict[str, str]:
    return {
        "seat": f"{place + 1:02d}", "name": NAMES[place % len(NAMES)], "number": number(place),
        "room": "二楼机房" * 15,
        "document": "310***********1234", "paper": "三级/高级工 · 理论知识", "sitting": LONG_UNIT[:120],
        "note": "补考；加时30分钟；照片待补" if place % 7 == 3 else "",
    }  # fmt: skip


def listed(document: str, count: int) -> bytes:
    heads = {"door": 4, "sign_in": 7}.get(document, 0)
    data = {
        "title": document, "foot": f"{LONG_UNIT[:60]} · 2026-11-24 09:00",
        "room": "二楼二〇一机房", "sub": LONG_UNIT,
        "heading": "二楼二〇一机房 签到表",
        "facts": [["开考", "2026-11-24 09:00"], *[["迟到截止", "08:45:30"]] * 4, ["应考", f"{count} 人"]],
        "rows": [row(place) for place in range(count)], "labels": [row(place) for place in range(count)],
        "words": {
            **PAGE, "title": "考场名单", "heads": [f"列{place}" for place in range(heads)], "note": "请就座。",
            "seat": "机位号", "signatures": ["监考员", "主考"],
        },
    }  # fmt: skip
    return pdf(document, data, language="zh")


def scores(count: int, groups: int) -> bytes:
    rows = [
        [str(place + 1), NAMES[place % len(NAMES)], number(place), "310***********1234", "已交卷",
         *["12.50"] * groups, "72.5", "单科合格"]
        for place in range(count)
    ]  # fmt: skip
    paper = {
        "title": "成绩册 · 三级 理论知识", "sub": LONG_UNIT, "groups": ["客户服务策划 (25)"] * groups, "rows": rows,
        "numbers": ["本场次应考 30 人。", "日志末端 0123456789abcdef" * 4],
    }  # fmt: skip
    words = {
        **PAGE, "heads": ["序号", "姓名", "准考证号", "证件号码", "状态"], "last": ["得分", "结论"],
        "signatures": ["统分人", "复核人", "考务负责人", "日期"],
    }  # fmt: skip
    return pdf(
        "scores", {"title": "成绩册", "foot": "上午", "papers": [paper], "words": words}, language="zh"
    )


def test_tickets_are_whole_two_on_a_page(tmp_path: Path) -> None:
    pages = whole(tickets(10), tmp_path)
    text = "".join(page.text for page in pages)
    for name in NAMES:
        assert text.count(squeezed(name)) == 2, name
    for rule in RULES:
        assert text.count(squeezed(rule)) == 10, rule
    assert text.count(squeezed(LONG_PLACE[:100])) == 10
    assert text.count(squeezed(LONG_UNIT[:120])) == 5
    assert len(pages) == 5


def test_a_ticket_that_needs_more_than_its_half_takes_more(tmp_path: Path) -> None:
    pages = whole(tickets(2, papers=9), tmp_path)
    assert len(pages) == 2
    assert [page.text.count("10:45:30起不得入场") for page in pages] == [9, 9]


def test_a_paper_that_is_no_examination_says_so_in_its_own_line(tmp_path: Path) -> None:
    [page, *more] = whole(tickets(2, last="试考 · 不计成绩"), tmp_path)
    assert more == []
    assert page.text.count("专业能力〔试考·不计成绩〕60分钟") == 2
    assert page.text.count("专业能力60分钟") == 2
    assert page.text.count("不计成绩") == 2


def test_the_qr_of_a_ticket_is_that_of_its_number(tmp_path: Path) -> None:
    (tmp_path / "one.pdf").write_bytes(tickets(1))
    whole(tickets(1), tmp_path)
    subprocess.run(
        ["pdftoppm", "-gray", "-r", "300", "-png", "-singlefile", tmp_path / "one.pdf", tmp_path / "one"],
        check=True,
    )
    dots = 300 / 25.4
    # Between the person and the photo, above the table of hours.
    box = tuple(round(millimetres * dots) for millimetres in (143, 24, 167, 62))
    with Image.open(tmp_path / "one.png") as page:
        place = ImageOps.invert(page.convert("L").crop(box))
    code = place.crop(place.getbbox())
    wanted = segno.make(number(0), error="m", micro=False).matrix
    side = code.width / len(wanted)
    seen = [
        [int(code.getpixel((int((x + 0.5) * side), int((y + 0.5) * side))) > 128) for x in range(len(wanted))]
        for y in range(len(wanted))
    ]
    assert seen == [[int(module) for module in line] for line in wanted]


@pytest.mark.parametrize("document", ["door", "sign_in"])
@pytest.mark.parametrize("count", [1, 30, 33, 400])
def test_a_list_is_whole_and_no_page_has_a_few_lines_only(tmp_path: Path, document: str, count: int) -> None:
    pages = whole(listed(document, count), tmp_path, ink=count < 400)
    text = "".join(page.text for page in pages)
    for place in range(count):
        assert number(place) in text
    for name in {NAMES[place % len(NAMES)] for place in range(count)}:
        assert squeezed(name) in text, name
    lines = [len(re.findall(r"26110010\d{4}5", page.text)) for page in pages]
    assert sum(lines) == count
    assert max(lines) - min(lines) <= 4, lines
    for place, page in enumerate(pages, 1):
        assert page.text.endswith(f"第{place}页，共{len(pages)}页")
        assert page.text.count("列1") == 1
        assert page.text.count("主考") == (document == "sign_in")


@pytest.mark.parametrize(("count", "groups"), [(1, 2), (30, 2), (40, 12)])
def test_a_score_sheet_is_whole_and_signed_on_each_page(tmp_path: Path, count: int, groups: int) -> None:
    pages = whole(scores(count, groups), tmp_path)
    lines = [len(re.findall(r"26110010\d{4}5", page.text)) for page in pages]
    assert sum(lines) == count
    assert len(pages) == 1 or min(lines) > 3
    assert "".join(page.text for page in pages).count("72.5") == count
    for page in pages:
        assert page.sheet.width > page.sheet.height
        assert page.text.count("考务负责人") == page.text.count("得分") == 1


def test_labels_stand_ten_on_a_page(tmp_path: Path) -> None:
    pages = whole(listed("labels", 23), tmp_path, ink=False)  # the dashes to cut along reach near the edge
    assert [len(re.findall(r"26110010\d{4}5", page.text)) for page in pages] == [10, 10, 3]
    text = "".join(page.text for page in pages)
    for name in NAMES:
        assert squeezed(name) in text, name
    assert text.count(squeezed(LONG_UNIT[:120])) == 23


def test_equal_data_make_equal_bytes_and_no_clock_is_in_them() -> None:
    first = tickets(3)
    assert first == tickets(3)
    assert b"CreationDate" not in first or re.search(rb"CreationDate\s*\(D:1970", first)
    assert listed("sign_in", 30) == listed("sign_in", 30)


def test_markup_in_a_text_stays_text(tmp_path: Path) -> None:
    data = {**{"title": MARKUP, "foot": MARKUP, "room": MARKUP, "sub": MARKUP, "facts": [["x", MARKUP[:20]]]},
            "rows": [{**row(0), "name": MARKUP, "paper": MARKUP}],
            "words": {**PAGE, "title": "x", "heads": ["a", "b", "c", "d"], "note": MARKUP}}  # fmt: skip
    assert told(pdf("door", data, language="zh"), tmp_path).count(squeezed(MARKUP)) == 6


def test_a_photo_that_cannot_be_read_leaves_its_place(tmp_path: Path) -> None:
    words = {name: name for name in ("name", "number", "place", "title", "former", "body")}
    data = {"title": "x", "words": {**words, "glue": "照片待补", "heads": ["a"] * 6}, "tickets": [ticket(0)]}
    drawings = {f"{number(0)}.svg": qr_drawing(number(0))}
    made = pdf("tickets", data, language="zh", photos={"one": photo()[:99]}, drawings=drawings)
    assert "照片待补" in told(made, tmp_path)


def test_what_the_fonts_lack_is_known_before() -> None:
    assert lacking(f"{RARE}{LONG_NAME} \n\u3000，。①㎡…—") == ""
    assert lacking("王𠮷𠮷\u200b喆") == "𠮷"


def test_the_fonts_are_those_that_are_written_down() -> None:
    said = (FONTS / "README.md").read_text("utf-8")
    for font in FONTS.glob("*.ttf"):
        assert f"{hashlib.sha256(font.read_bytes()).hexdigest()}  {font.name}" in said


def test_a_print_beyond_its_limits_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "LIMITS", door.Limits(answer=100))
    with pytest.raises(door.Conflict) as refused:
        listed("door", 1)
    assert refused.value.code == "print.too_much"

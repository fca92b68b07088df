"""Files that no reader understands are read as their author says, whatever they came as."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs

from cbt.errors import InvalidInput
from cbt.interchange.mapping import reader, source, suggestion
from cbt.interchange.mapping.definition import (
    LONGEST_SIGN,
    MAPPING,
    FileMapping,
    ItemLayout,
    KeyList,
    KeysAt,
    KeyWriting,
    faults,
    mapping_in,
    number_of,
    opened,
    pattern_of,
    plain,
    rows_said,
    written,
)
from cbt.interchange.upload import read_all
from cbt.items.draft import Reading
from cbt.spreadsheets.findings import Severity
from tests.bank.sheets import sheets
from tests.bank.test_word_documents import document, line

ROWS, LINES = ItemLayout.ROWS, ItemLayout.LINES
CODED = ["XH", "TG", "X1", "X2", "X3", "ZQ", "LB"]
CODED_ROWS = [
    [
        1,
        "首问负责制要求接待员怎样处理超出权限的诉求？",
        "请客户改日再来",
        "记录后转交并回复",
        "直接谢绝",
        "B",
        "甲类",
    ],
    [2, "下列哪些做法符合保密要求？", "离座锁屏", "当众念号码", "及时收好单据", "A C", "乙类"],
    [3, "客户的手机号可以留作私人之用。", "", "", "", "B", "丙类"],
]
CODED_MAPPING = FileMapping(
    part="表一",
    head=1,
    columns=dict(
        zip("ABCDEFG", ("number", "stem", "choice_A", "choice_B", "choice_C", "answer", "type"), strict=True)
    ),
    right=("A",),
    wrong=("B",),
    kinds={"甲类": "single_choice", "乙类": "multiple_choice", "丙类": "true_false"},
)
TEXT = (
    "1#首问负责制由谁负责到底？#首位受理者$值班经理$客户本人#A\n"
    "2#下列属于敬语的是哪些？#请$您$喂#A$B\n"
    "3#投诉要在当天答复。##错\n"
)


def keys(reading: Reading) -> list[object]:
    return [item.data["answer"] for item in reading.items]


def wrong(reading: Reading) -> list[tuple[str, int]]:
    return [(found.code, found.place.line) for found in reading.findings if found.severity is Severity.ERROR]


def read(content: bytes, name: str, mapping: FileMapping, *others: tuple[str, bytes]) -> Reading:
    return read_all([(name, content), *others], {MAPPING: written(mapping)})


def test_a_sheet_of_code_words_is_read_by_its_columns() -> None:
    content = sheets({"表一": [CODED, *CODED_ROWS], "说明": [["本表由系统导出", "勿改"]]})
    reading = read(content, "导出.xlsx", CODED_MAPPING)
    assert [item.data["type"] for item in reading.items] == ["single_choice", "multiple_choice", "true_false"]
    assert keys(reading) == ["B", "AC", False]
    assert [(found.code, found.place.sheet) for found in reading.findings] == [("part_left_out", "说明")]
    assert str(reading.items[0].place("answer")) == "导出.xlsx!表一:F2"


def test_sheets_with_the_same_headers_are_read_alike_and_their_names_name_types() -> None:
    mapping = structs.replace(CODED_MAPPING, columns={**CODED_MAPPING.columns, "G": ""}, part="单选题")
    parts = source.open_source(sheets({"单选题": [CODED, *CODED_ROWS]}), "a.xlsx", {}).parts
    mapping = structs.replace(mapping, headers=reader.headers_of(parts[0], mapping))
    two = sheets({"单选题": [CODED, CODED_ROWS[0]], "判断题": [CODED, CODED_ROWS[2]]})
    reading = read(two, "b.xlsx", mapping)
    assert [item.data["type"] for item in reading.items] == ["single_choice", "true_false"]


def test_keys_in_another_sheet_are_given_by_number() -> None:
    listed = [["编号", "正解"], [2, "AC"], [1, "B"], [3, "B"], [9, "A"]]
    content = sheets({"表一": [CODED[:5], *(row[:5] for row in CODED_ROWS)], "密": listed})
    mapping = FileMapping(
        part="表一",
        head=1,
        columns=dict(zip("ABCDE", ("number", "stem", "choice_A", "choice_B", "choice_C"), strict=True)),
        wrong=("B",),
        kinds={},
        keys=KeyList(at=KeysAt.PART, part="密", head=1, number="A", answer="B"),
    )
    reading = read(content, "a.xlsx", mapping)
    assert keys(reading) == ["B", "AC", False]
    assert [(found.code, found.place.line) for found in reading.findings] == [("key_of_nobody", 5)]


def test_keys_in_a_second_file_are_given_by_runs_of_numbers_and_none_when_these_differ() -> None:
    asking = (
        "一、甲\n1、问题一（　　）\nA.甲\nB.乙\n2、问题二（　　）\nA.甲\nB.乙\n二、乙\n1、陈述一。\n".encode()
    )
    mapping = FileMapping(
        form="lines",
        layout=LINES,
        file="试题.txt",
        labels={"number": "1、", "choices": "A.", "heading": "一、"},
        keys=KeyList(at=KeysAt.PART, file="钥匙.txt"),
    )
    reading = read(asking, "试题.txt", mapping, ("钥匙.txt", "1-2 AB\n1、对\n".encode()))
    assert keys(reading) == ["A", "B", True]
    unlike = read(asking, "试题.txt", mapping, ("钥匙.txt", b"1-2 AB\n"))
    assert (unlike.items, wrong(unlike)[0]) == ([], ("keys_runs", 0))


def test_lines_cut_at_a_sign_are_items() -> None:
    mapping = FileMapping(
        form="lines",
        cut="#",
        columns={"1": "number", "2": "stem", "3": "choices", "4": "answer"},
        split="$",
        between="$",
    )
    reading = read(TEXT.encode(), "题.txt", mapping)
    assert keys(reading) == ["A", "AB", False]
    assert reading.items[1].data["choices"] == ["请", "您", "喂"]
    bars = read("1|||陈述句一。|||对\n2|||陈述句二。|||\n".encode(), "题.txt", structs.replace(
        mapping, cut="|||", columns={"2": "stem", "3": "answer"}, split=""
    ))  # fmt: skip
    assert (keys(bars), wrong(bars)) == ([True], [("missing", 2)])


def test_a_word_paper_with_odd_numbers_is_read_by_its_labels_with_the_keys_at_its_end() -> None:
    lines = [
        "某中心练习卷", "出题人：某人", "壹、单项选择题", "【1】接到投诉时首先应（　　）。", "<a>倾听客户",
        "<b>打断客户", "【2】以下属于敬语的是", "<a>请 <b>喂", "<c>您", "出题人：某人", "贰、判断题",
        "【3】投诉当天答复。",
        "答案在此", "1-2）AC", "3、对",
    ]  # fmt: skip
    body = "".join(line(text.replace("<", "&lt;").replace(">", "&gt;")) for text in lines)
    mapping = FileMapping(
        form="lines",
        layout=LINES,
        labels={"number": "【1】", "choices": "<a>", "heading": "壹、 贰、"},
        rubbish=("出题人",),
        kinds={"贰、判断题": "true_false"},
        keys=KeyList(at=KeysAt.END, begins="答案在此"),
    )
    reading = read(document(body), "卷.docx", mapping)
    assert keys(reading) == ["A", "C", True]
    assert reading.items[1].data["choices"] == ["请", "喂", "您"]
    assert [found.code for found in reading.findings if found.severity is Severity.HINT][:2] == [
        "row_left_out",
        "row_rubbish",
    ]


def test_json_with_labels_of_its_own_is_read_by_its_fields() -> None:
    rows: list[dict[str, Any]] = [
        {"tm": "受理时限是几天？", "xx": [{"oA": "一天"}, {"oB": "三天"}], "zq": "B", "nd": 2},
        {"tm": "应当保密。", "xx": [], "zq": "T"},
        {"tm": "属于敬语的是", "xx": [{"oA": "请"}, {"oB": "您"}, {"oC": "喂"}], "zq": "AB"},
    ]
    mapping = FileMapping(
        form="records", columns={"tm": "stem", "xx[]": "choices", "zq": "answer", "nd": "difficulty"}
    )
    reading = read(json.dumps(rows).encode(), "题.json", mapping)
    assert (keys(reading), reading.items[0].data["difficulty"]) == (["B", True, "AB"], 2)


def test_json_whose_choices_say_themselves_whether_they_are_right() -> None:
    rows = {"单选": [
        {"q": "受理时限？", "os": [{"t": "一天", "ok": False}, {"t": "三天", "ok": True}]},
        {"q": "答复时限？", "os": [{"t": "一天", "ok": False}, {"t": "三天", "ok": False}]},
    ]}  # fmt: skip
    columns = {"q": "stem", "os[].t": "choices", "os[].ok": "right"}
    mapping = FileMapping(form="records", part="单选", columns=columns, writing=KeyWriting.FLAGS)
    reading = read(json.dumps(rows).encode(), "题.json", mapping)
    assert (keys(reading), wrong(reading)) == (["B"], [("key_unmatched", 2)])


@pytest.mark.parametrize(
    ("writing", "answers", "expected"),
    [
        pytest.param(KeyWriting.LETTERS, ["b", "A、C"], ["B", "AC"], id="letters"),
        pytest.param(KeyWriting.FROM_1, ["2", "13"], ["B", "AC"], id="numbers from one"),
        pytest.param(KeyWriting.FROM_0, ["1", "0,2"], ["B", "AC"], id="numbers from zero"),
        pytest.param(KeyWriting.TEXT, ["乙", "甲；丙"], ["B", "AC"], id="texts"),
    ],
)
def test_keys_are_read_as_they_are_said_to_be_written(
    writing: KeyWriting, answers: Sequence[str], expected: list[str]
) -> None:
    rows = [["问", "一", "二", "三", "钥"], *(["哪一项？", "甲", "乙", "丙", answer] for answer in answers)]
    names = ("stem", "choice_A", "choice_B", "choice_C", "answer")
    mapping = FileMapping(part="s", head=1, columns=dict(zip("ABCDE", names, strict=True)), writing=writing)
    assert keys(read(sheets({"s": rows}), "a.xlsx", mapping)) == expected
    other = structs.replace(
        mapping, writing=KeyWriting.TEXT if writing is not KeyWriting.TEXT else KeyWriting.FROM_1
    )
    assert [code for code, _line in wrong(read(sheets({"s": rows}), "a.xlsx", other))] == [
        "key_unmatched"
    ] * 2


def test_right_choices_may_carry_a_mark_and_rows_may_hold_one_choice_each() -> None:
    rows = [["1", "受理时限？", "一天"], ["", "", "*三天"], ["2", "答复时限？", "*当天"], ["", "", "次日"]]
    mapping = FileMapping(
        part="s", columns={"A": "number", "B": "stem", "C": "choices"}, several=True, writing=KeyWriting.MARK,
        mark="*",
    )  # fmt: skip
    reading = read(sheets({"s": rows}), "a.xlsx", mapping)
    assert keys(reading) == ["B", "A"]
    assert reading.items[0].data["choices"] == ["一天", "三天"]


def test_a_decimal_key_of_several_blanks_keeps_its_digits() -> None:
    rows = [["标准值为（　）和（　）。", "18.5@23.9"]]
    mapping = FileMapping(part="s", columns={"A": "stem", "B": "answer"}, between="@")
    assert keys(read(sheets({"s": rows}), "a.xlsx", mapping)) == [[["18.5"], ["23.9"]]]


# What a mapping is, and what is wrong with one.

SHEET = FileMapping(part="s", columns={"A": "stem", "B": "answer"})
LINED = FileMapping(form="lines", layout=LINES, labels={"number": "1、", "answer": "答案："})


@pytest.mark.parametrize(
    ("mapping", "code"),
    [
        pytest.param(structs.replace(SHEET, columns={"B": "answer"}), "stem", id="no stem"),
        pytest.param(structs.replace(SHEET, columns={"A": "stem", "B": "stem"}), "twice", id="two of a kind"),
        pytest.param(
            structs.replace(SHEET, columns={"A": "stem", "B": "stem_choices", "C": "answer"}),
            "two_stems",
            id="two stems",
        ),
        pytest.param(
            structs.replace(SHEET, columns={"A": "stem", "B": "answer", "C": "choice_B"}), "gap", id="a gap"
        ),
        pytest.param(
            structs.replace(SHEET, columns={"A": "stem", "B": "answer", "C": "choice_A", "D": "choices"}),
            "two_choices",
            id="choices twice",
        ),
        pytest.param(structs.replace(SHEET, columns={"A": "stem"}), "key", id="no key"),
        pytest.param(structs.replace(SHEET, writing=KeyWriting.MARK), "mark", id="no mark"),
        pytest.param(structs.replace(SHEET, writing=KeyWriting.FLAGS), "flags", id="no flags"),
        pytest.param(structs.replace(SHEET, form="lines"), "cut", id="lines without a sign"),
        pytest.param(structs.replace(SHEET, cut="#" * (LONGEST_SIGN + 1)), "long", id="a long sign"),
        pytest.param(structs.replace(SHEET, kind="riddle"), "kind", id="no such type"),
        pytest.param(
            structs.replace(SHEET, columns={"A": "stem", "B": "shell"}), "columns", id="no such field"
        ),
        pytest.param(structs.replace(SHEET, rubbish=("长" * 41,)), "words", id="a long word"),
        pytest.param(structs.replace(SHEET, right=("1",), wrong=("1",)), "verdicts", id="right and wrong"),
        pytest.param(structs.replace(SHEET, keys=KeyList(at=KeysAt.PART)), "keys_part", id="keys nowhere"),
        pytest.param(
            structs.replace(SHEET, keys=KeyList(at=KeysAt.PART, part="k", number="A")),
            "keys_columns",
            id="half a list",
        ),
        pytest.param(structs.replace(LINED, keys=KeyList(at=KeysAt.END)), "keys_begin", id="no end"),
        pytest.param(structs.replace(LINED, labels={"answer": "答案："}), "begin", id="no beginning"),
        pytest.param(structs.replace(LINED, labels={"number": "1、"}), "key_label", id="no label of keys"),
        pytest.param(
            structs.replace(LINED, labels={"number": "1" * 61, "answer": "答"}), "long", id="a long label"
        ),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused_by_its_field(mapping: FileMapping, code: str) -> None:
    assert f"bank.mapping.{code}" in {fault.code for fault in faults(mapping)}
    with pytest.raises(InvalidInput):
        reader.read(source.RawFile("a", "tables", []), mapping)


def test_sound_mappings_have_no_fault_and_come_back_as_they_were() -> None:
    for mapping in (SHEET, LINED, CODED_MAPPING):
        assert list(faults(mapping)) == []
        assert mapping_in({MAPPING: written(mapping)}) == mapping
    assert [opened(text) for text in ("", "{", '{"layout":"spiral"}', "x" * 50_000)] == [None] * 4


@pytest.mark.parametrize(
    ("sample", "text", "number"),
    [
        pytest.param("1、", "12、题", 12, id="a number"),
        pytest.param("1.", "3.14 是", None, id="no decimal"),
        pytest.param("（1）", "(7)2024年", 7, id="width does not matter"),
        pytest.param("第1题", "第 5 题 问", 5, id="blanks do not matter"),
        pytest.param("①", "③问", 3, id="in a ring"),
        pytest.param("一、", "十二、判断", 12, id="a numeral"),
        pytest.param("★", "★问", None, id="a sign alone"),
    ],
)
def test_a_sample_stands_for_what_is_written_like_it(sample: str, text: str, number: int | None) -> None:
    match = pattern_of(sample).match(plain(text))
    assert (number_of(match[1]) if match and match.groups() else None) == number
    assert (match is not None) == (sample != "1.")


def test_rows_are_said_as_people_write_them() -> None:
    assert rows_said("3-5, 9、2 至 3 行") == (2, 3, 4, 5, 9)
    assert len(rows_said("1-999999")) == 2_000


# The shape of a file, by which a mapping is offered again.


def test_a_mapping_knows_files_of_its_shape_and_no_others() -> None:
    own = source.open_source(sheets({"表一": [CODED, *CODED_ROWS]}), "a.xlsx", {})
    mapping = structs.replace(CODED_MAPPING, headers=reader.headers_of(own.parts[0], CODED_MAPPING)).kept(
        "导出"
    )
    more = source.open_source(sheets({"别名": [CODED, *reversed(CODED_ROWS)]}), "b.xlsx", {})
    other = source.open_source(sheets({"表一": [CODED[::-1], *CODED_ROWS]}), "c.xlsx", {})
    assert [reader.has_shape(each, mapping) for each in (own, more, other)] == [True, True, False]
    assert mapping.shape == structs.replace(mapping, name="改名").shape != SHEET.shape


@pytest.mark.parametrize(
    ("mapping", "same", "unlike"),
    [
        pytest.param(
            FileMapping(form="lines", cut="#", columns={"2": "stem", "3": "answer"}),
            b"1#a b c#A\n2#b c d#B\n",
            b"1. a\nA. x\nB. y\n",
            id="lines",
        ),
        pytest.param(
            FileMapping(form="lines", layout=LINES, labels={"number": "Q1", "answer": "Key="}),
            b"Q1 a\nKey=A\nQ2 b\nKey=B\n",
            b"1. a\nKey=A\n2. b\nKey=B\n",
            id="labels",
        ),
        pytest.param(
            FileMapping(form="records", columns={"tm": "stem", "zq": "answer"}),
            b'[{"tm":"abc","zq":"A"}]',
            b'[{"question":"abc","zq":"A"}]',
            id="fields",
        ),
    ],
)
def test_other_forms_have_a_shape_too(mapping: FileMapping, same: bytes, unlike: bytes) -> None:
    assert reader.has_shape(source.open_source(same, "a", {}), mapping)
    assert not reader.has_shape(source.open_source(unlike, "a", {}), mapping)
    with pytest.raises(InvalidInput) as refused:
        read(unlike, "a", mapping)
    assert refused.value.code == "bank.mapping.unfit"


def test_a_file_without_headers_is_known_by_what_stands_in_its_columns() -> None:
    rows = [[n, f"第{n}个问题问的是什么内容？", "甲", "乙", "AB"[n % 2]] for n in range(1, 9)]
    mapping = FileMapping(
        part="s", columns={"A": "number", "B": "stem", "C": "choice_A", "D": "choice_B", "E": "answer"}
    )
    part = source.open_source(sheets({"s": rows}), "a.xlsx", {}).parts[0]
    mapping = structs.replace(mapping, headers=reader.headers_of(part, mapping)).kept("无表头")
    moved = [[row[4], *row[:4]] for row in rows]
    assert mapping.headers == {"A": "0", "B": "…", "C": "…", "D": "…", "E": "A"}
    assert not reader.has_shape(source.open_source(sheets({"s": moved}), "b.xlsx", {}), mapping)


# What is suggested first, what cannot be shown.


def test_what_can_be_known_is_suggested() -> None:
    def suggested(content: bytes, name: str) -> FileMapping:
        return suggestion.suggest(source.open_source(content, name, {}).parts[0])

    coded = suggested(sheets({"表一": [CODED, *CODED_ROWS]}), "a.xlsx")
    assert (coded.head, coded.columns["B"]) == (1, "stem")
    cut = suggested(TEXT.encode(), "a.txt")
    assert (cut.layout, cut.cut, cut.columns["2"]) == (ROWS, "#", "stem")
    lined = suggested("第1题 问\nA、甲\nB、乙\n答案：A\n第2题 问\nA、甲\nB、乙\n答案：B\n".encode(), "a.txt")
    assert lined.labels == {"number": "第1题", "choices": "A、", "answer": "答案:"}
    fields = suggested(b'[{"q":"abcdef","oA":"x","oB":"y","key":"A"}]', "a.json")
    assert fields.columns == {"q": "stem", "oA": "choice_A", "oB": "choice_B", "key": "answer"}


MOODLE = b'<?xml version="1.0"?><quiz><question type="truefalse"></question></quiz>'


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        pytest.param(MOODLE, "a.xml", "bank.mapping.format", id="a format that says it itself"),
        pytest.param(b"%PDF-1.4 x", "a.pdf", "bank.pdf", id="no text"),
        pytest.param(b"\n" * 10 + b"x\n" * 60_001, "a.txt", "bank.mapping.too_long", id="too many lines"),
        pytest.param(b"[" * 2_000, "a.json", "bank.json_broken", id="deep"),
        pytest.param(sheets({"s": [[""]]}), "a.xlsx", "bank.no_items", id="empty"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_its_reason(content: bytes, name: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        source.open_source(content, name, {})
    assert refused.value.code == code

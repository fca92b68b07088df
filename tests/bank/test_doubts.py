"""A reading held against itself: what is doubtful is asked once a file, and each answer does what it says."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator

import flask
import pytest
import xlsxwriter

from cbt.bank.commands import understood
from cbt.bank.imports import bank_import
from cbt.bank.imports.checks import CheckSheet, Looked, sheet_of
from cbt.bank.imports.plan import Mode
from cbt.errors import InvalidInput
from cbt.interchange import registry
from cbt.interchange.upload import unscoped
from cbt.items.draft import Inferred, Reading
from cbt.rules.states import ItemState
from cbt.spreadsheets import intake
from cbt.spreadsheets.findings import Severity
from cbt.storage.unit_of_work import reading
from tests.bank.field.containers import Grid, Sheets, xlsx
from tests.bank.field.judging import here
from tests.bank.field_texts.direct import without_children
from tests.bank.kinds.judging import SILENT, judge
from tests.bank.kinds.making import HELD_BACK, TUNING, collection
from tests.bank.samples import ACTOR, BANK, check
from tests.file_jobs import work_on
from tests.helpers import FakeClock

LETTERS = "ABCD"


@pytest.fixture
def directly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Read in this process: a child for each file would take longer than what it reads."""
    monkeypatch.setattr(intake, "run", here)
    with without_children():
        yield


def choices(number: int) -> list[str]:
    return [f"登记{number}", f"上报{number}", f"离开{number}", f"等待{number}"]


def paper(
    count: int, *, key: str = "", title: str = "单选题", between: dict[int, list[str]] | None = None
) -> str:
    """Return a paper of 单选 as text; `between` are lines after the item of a number."""
    lines = [title]
    for number in range(1, count + 1):
        lines.append(f"{number}. 值班第{number}步首先应（　　）。")
        lines += [f"{letter}. {text}" for letter, text in zip(LETTERS, choices(number), strict=True)]
        lines.append(f"答案：{key or LETTERS[number % 4]}")
        lines += (between or {}).get(number, [])
    return "\n".join(lines)


def table(*rows: list[object], head: str = "题型 题干 选项A 选项B 选项C 选项D 答案") -> bytes:
    grid: Grid = [list(head.split()), *rows]  # type: ignore[list-item]  # cells
    return xlsx(Sheets({"Sheet1": grid}, {}))


def single(number: int, *, kind: str = "单选题") -> list[object]:
    return [kind, f"值班第{number}步首先应（　　）。", *choices(number), LETTERS[number % 4]]


NUMBERS = range(1, 9)
FILES: dict[str, tuple[str, bytes | str]] = {
    "one_key": ("a.txt", paper(12, key="A")),
    "letters_alone": ("a.txt", "填空题\n1. 每班巡检（　）次。\n答案：A\n2. 每班登记（　）次。\n答案：三\n"),
    "worded_verdicts": (
        "a.txt",
        "".join(
            f"{n}. 第{n}步应当登记。（　　）\ntrue. 正确\nfalse. 错误\n答案：{str(n % 2 == 1).lower()}\n---\n"
            for n in NUMBERS
        ),
    ),
    "choice_is_key": (
        "a.xlsx",
        table(*([*single(n)[:5], f"正确答案：{'ABC'[n % 3]}", "ABC"[n % 3]] for n in NUMBERS)),
    ),
    "repeated_choice": ("a.xlsx", table(*([*single(n)[:5], "本页到此为止", "ABC"[n % 3]] for n in NUMBERS))),
    "asking_choice": (
        "a.xlsx",
        xlsx(
            Sheets(
                {
                    "Sheet1": [
                        [
                            f"值班第{n}步先做什么？",
                            f"What is done first in step {n}?",
                            *choices(n),
                            LETTERS[n % 4],
                        ]
                        for n in NUMBERS
                    ]
                },
                {},
            )
        ),
    ),
    "signs_left": (
        "a.xlsx",
        table(
            *(["填空题", f"第{n}步先（　）后（　）再（　）。", f"甲{n}^,乙{n}^,丙{n}"] for n in NUMBERS),
            head="题型 题干 答案",
        ),
    ),
    "multiple_of_one": ("a.xlsx", table(*(single(n, kind="G") for n in NUMBERS))),
    "returning_heading": (
        "a.txt",
        paper(9, title="单选题", between={3: ["多选题"], 6: ["多选题"]}),
    ),
    "nothing_asked": (
        "a.xlsx",
        table(
            *(
                [n, topic, "判断", "√×"[n % 2]]
                for n, topic in enumerate(("岗位职责", "登记台账", "交接班", "消防"), 1)
            ),
            head="序号 内容 题型 结果",
        ),
    ),
    "lost_figures": ("a.txt", ""),
    "broken_numbering": ("a.txt", paper(9).replace("6. 值班", "5. 值班")),
    "numbers_left": ("a.txt", ""),
    "joined_lines": ("a.txt", paper(8).replace("B. 上报5", "注意保存试卷\nB. 上报5")),
    "unread_text": (
        "a.json",
        json.dumps(
            [{"question": f"第{n}步应（　）", "xuanze": choices(n), "answer": f"登记{n}"} for n in NUMBERS]
        ),
    ),
    "list_twice": (
        "a.json",
        json.dumps(
            {
                name: [
                    {"question": f"第{n}步应（　）", "options": choices(n), "answer": LETTERS[n % 4]}
                    for n in NUMBERS
                ]
                for name in ("all", "again")
            }
        ),
    ),
}


def coloured(look: dict[str, object], *, every: bool = False) -> bytes:
    """Return a workbook without a column of answers: the right choices look otherwise, or `every` one does."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    page, heading, key = book.add_worksheet(), book.add_format({"bold": True}), book.add_format(look)
    page.write_row(0, 0, ["题干", "选项A", "选项B", "选项C", "选项D"], heading)
    for n in range(1, 9):
        page.write_row(n, 0, [f"值班第{n}步首先应（　　）。", *choices(n)])
        for place, text in enumerate(choices(n)):
            if every or LETTERS[place] in ("AC" if n == 4 else LETTERS[n % 4]):
                page.write_string(n, place + 1, text, key)
    book.close()
    return buffer.getvalue()


def read(name: str, content: bytes | str, **adjust: str) -> Reading:
    return registry.read(content.encode() if isinstance(content, str) else content, name, adjust)


def asked(found: Reading) -> list[Inferred]:
    return [one for one in found.inferred if one.doubtful]


def doubt(code: str) -> tuple[str, bytes | str, Inferred]:
    """Return a file and the one question it is asked."""
    name, content = FILES[code]
    (question,) = asked(read(name, content))
    assert question.code == f"doubt_{code}"
    assert question.open
    return name, content, question


def answered(code: str, answer: str) -> list[dict[str, object]]:
    """Return the items of a file after an answer, which leaves nothing open."""
    name, content, question = doubt(code)
    found = registry.read(
        content.encode() if isinstance(content, str) else content, name, {question.name: answer}
    )
    assert not any(one.open for one in found.inferred)
    items: list[dict[str, object]] = understood(found)["items"]
    return items


@pytest.mark.usefixtures("directly")
class TestAnswers:
    """Each doubt: it is asked, kept items stay, items left out go, and its own answers mend what they say."""

    @pytest.mark.parametrize(
        "code", [code for code, (_name, content) in FILES.items() if content and code != "returning_heading"]
    )
    def test_items_in_doubt_are_kept_or_left_out(self, code: str) -> None:
        name, content, question = doubt(code)
        before = understood(read(name, content))["items"]
        assert answered(code, "keep") == before
        if question.count:
            left = answered(code, "leave_out")
            assert len(left) == len(before) - question.count
            assert all(item in before for item in left)
            assert question.params["examples"]

    def test_verdicts_in_words_become_judgements_without_their_labels(self) -> None:
        items = answered("worded_verdicts", "as_truth")
        assert [(one["type"], one["key"]) for one in items] == [("true_false", bool(n % 2)) for n in NUMBERS]
        assert items[0]["stem"] == "第1步应当登记。"

    @pytest.mark.parametrize("code", ["choice_is_key", "repeated_choice"])
    def test_what_is_no_choice_is_taken_out_and_the_keys_stay(self, code: str) -> None:
        items = answered(code, "drop_choice")
        assert [one["choices"] for one in items] == [choices(n)[:3] for n in NUMBERS]
        assert [one["key"] for one in items] == ["ABC"[n % 3] for n in NUMBERS]

    @pytest.mark.parametrize(
        ("answer", "tail"), [("drop_first", ""), ("join_first", "\nWhat is done first in step {}?")]
    )
    def test_a_stem_in_a_second_language_is_no_choice(self, answer: str, tail: str) -> None:
        items = answered("asking_choice", answer)
        assert [(one["choices"], one["key"]) for one in items] == [
            (choices(n), LETTERS[n % 4]) for n in NUMBERS
        ]
        assert items[2]["stem"] == "值班第3步先做什么？" + tail.format(3)

    def test_signs_behind_the_words_of_blanks_go(self) -> None:
        assert answered("signs_left", "strip_signs")[0]["key"] == "甲1；乙1；丙1"

    def test_multiple_choice_with_one_right_choice_each_becomes_single_choice(self) -> None:
        assert {one["type"] for one in answered("multiple_of_one", "as_single")} == {"single_choice"}

    def test_a_running_head_is_taken_out_and_the_type_goes_on(self) -> None:
        items = answered("returning_heading", "no_heading")
        assert [one["type"] for one in items] == ["single_choice"] * 9
        name, content, question = doubt("returning_heading")
        kept = read(name, content, **{question.name: "keep"})
        assert [one.code for one in asked(kept) if one.open] == ["doubt_multiple_of_one"]

    def test_a_stray_line_is_cut_out_of_its_item(self) -> None:
        assert answered("joined_lines", "drop_lines")[4]["choices"] == choices(5)

    @pytest.mark.parametrize("look", [{"font_color": "#FF0000"}, {"bg_color": "#FFFF00"}, {"bold": True}])
    def test_keys_by_colour_alone_are_asked_about_and_taken(self, look: dict[str, object]) -> None:
        content = coloured(look)
        unanswered = read("a.xlsx", content)
        (question,) = asked(unanswered)
        assert (question.code, question.open, question.count) == ("doubt_key_look", True, 8)
        assert not [one for one in unanswered.findings if one.severity is Severity.ERROR]
        items = understood(read("a.xlsx", content, **{question.name: "as_key"}))["items"]
        assert [one["key"] for one in items] == ["AC" if n == 4 else LETTERS[n % 4] for n in range(1, 9)]
        left = read("a.xlsx", content, **{question.name: "keep"})
        assert not left.items
        assert [one.code for one in left.findings if one.severity is Severity.ERROR] == ["column_missing"]

    def test_stripes_and_headings_in_colour_are_no_keys(self) -> None:
        assert asked(read("a.xlsx", coloured({"bold": True}, every=True))) == []

    def test_an_answer_is_for_what_it_was_given_about(self) -> None:
        name, content, question = doubt("one_key")
        assert isinstance(content, str)
        other = read(name, content.replace("第3步", "第三步"), **{question.name: "keep"})
        assert [one.open for one in asked(other)] == [True]

    def test_a_format_that_names_every_part_leaves_nothing_to_doubt(self) -> None:
        gift = "\n\n".join(f"第{n}步先{{=登记{n} ~上报{n} ~离开{n}}}" for n in range(20))
        assert len(read("a.gift", gift).items) == 20
        assert asked(read("a.gift", gift * 2)) == []

    def test_answers_are_not_remembered_for_the_next_file(self) -> None:
        kept = unscoped(
            {"doubt:one_key:0": "keep", "a.txt>heading:多选题": "no_heading", "header:Sheet1": "2"}
        )
        assert kept == {"header:Sheet1": "2"}


@pytest.mark.usefixtures("directly")
class TestReadings:
    """What came in wrong without a word, was lost, or misled: each file as it was brought."""

    @pytest.mark.parametrize("between", ["；", ";", "、", " ", "|", "，"])
    def test_decimals_keep_their_whole_part(self, between: str) -> None:
        found = read("a.txt", f"填空题\n1. 室温为（　）度，湿度为（　）。\n答案：18.5{between}23.9\n")
        assert understood(found)["items"][0]["key"] == "18.5；23.9"
        assert asked(found) == []

    def test_a_figure_that_lost_its_digits_is_doubted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from cbt.interchange.documents import question

        monkeypatch.setattr(question, "_blanks", lambda _written, _count: [["5"], ["23.9"]])
        (one,) = asked(read("a.txt", "填空题\n1. 室温为（　）度，湿度为（　）。\n答案：18.5；23.9\n"))
        assert (one.code, one.params["examples"]) == ("doubt_lost_figures", "“5 ← 18.5”")

    def test_an_answer_in_a_column_of_choices_beside_a_letter_is_the_key(self) -> None:
        rows: list[list[object]] = [
            ["填空题", "每（　）小时巡检一次。", "四", "", "", "", "A"],
            ["简答题", "说明交接的要求。", "当面点清，双方签字。", "", "", "", "A"],
            ["填空题", "先（　）后（　）。", "断电", "验电", "", "", "AB"],
        ]
        found = read("a.xlsx", table(*rows, single(1)))
        assert [one["key"] for one in understood(found)["items"]] == [
            "四",
            "当面点清，双方签字。",
            "断电；验电",
            "B",
        ]
        assert asked(found) == []

    @pytest.mark.parametrize("last", ["F", "C"])
    def test_a_mistyped_label_holds_its_item_and_no_other(self, last: str) -> None:
        options = '{"A": "登记", "B": "上报", "C": "离开", "D": "等待"}'
        rows = [f'{{"q": "第{n}步应（　）", "o": {options}, "a": "A"}}' for n in range(1, 4)]
        rows[1] = rows[1].replace('"D"', f'"{last}"')
        found = read("a.json", f"[{','.join(rows)}]")
        assert len(found.items) == 2
        assert [one.code for one in found.findings if one.severity is Severity.ERROR] == [
            "text_choice_labels"
        ]

    def test_choices_listed_out_of_order_stand_by_their_letters(self) -> None:
        options = [{"key": letter, "value": f"做法{place}"} for place, letter in enumerate("CABD")]
        found = read(
            "a.json", json.dumps([{"q": f"第{n}步应（　）", "o": options, "a": "C"} for n in range(3)])
        )
        assert understood(found)["items"][0]["choices"] == ["做法1", "做法2", "做法0", "做法3"]

    def test_options_with_labels_of_their_own_are_named_by_them(self) -> None:
        rows = [
            {"q": f"第{n}步应登记", "o": {"T": "正确", "F": "错误"}, "a": "FT"[n % 2]} for n in range(1, 5)
        ]
        assert [one["key"] for one in understood(read("a.json", json.dumps(rows)))["items"]] == [
            True,
            False,
        ] * 2
        more = [
            {"tm": f"第{n}步应（　）", "oA": "登记", "oB": "上报", "oC": f"离开{n}", "da": "B"}
            for n in range(1, 5)
        ]
        assert understood(read("a.json", json.dumps(more)))["items"][0]["choices"] == [
            "登记",
            "上报",
            "离开1",
        ]

    def test_a_column_called_type_that_says_something_else_is_asked_about(self) -> None:
        rows = [single(n, kind="ABC"[n % 3]) for n in range(1, 10)]
        found = read("a.xlsx", table(*rows, head="类型 题干 选项A 选项B 选项C 选项D 答案"))
        assert {one["type"] for one in understood(found)["items"]} == {"single_choice"}
        assert "type:C" in {one.name for one in found.inferred}

    def test_parts_of_a_key_lose_the_dollar_between_them(self) -> None:
        rows = [["填空题", "先（　）后（　）再（　）。", f"甲{n}$;乙{n}$;丙{n}"] for n in NUMBERS]
        found = read("a.xlsx", table(*rows, head="题型 题干 答案"))  # type: ignore[arg-type]  # cells
        assert understood(found)["items"][0]["key"] == "甲1；乙1；丙1"

    @pytest.mark.parametrize("grade", ["83.4", "45", "150"])
    def test_a_grade_that_moodle_refuses_is_neither_right_nor_wrong(self, grade: str) -> None:
        answers = "".join(
            f'<answer fraction="{share}"><text>{text}</text></answer>'
            for share, text in ((grade, "登记"), ("100", "上报"), ("0", "离开"))
        )
        body = "<single>false</single>" + answers
        stem = '<questiontext format="html"><text>第一步</text></questiontext>'
        quiz = f'<quiz><question type="multichoice">{stem}{body}</question></quiz>'
        gift = f"第一步{{~%{grade}%登记 ~%50%上报 ~离开}}\n"
        wrong = grade != "83.4"
        for name, content in (("a.xml", quiz), ("a.gift", gift)):
            found = registry.read(content.encode(), name)
            assert (
                [one.code for one in found.findings if one.severity is Severity.ERROR] == ["open_grade"]
            ) == wrong
            assert bool(found.items) != wrong

    @pytest.mark.parametrize("row", ["1-4）(√)(×)(√)(×)", "（1-4）（√）（×）（√）（×）", "1～4：√×√×"])
    def test_keys_in_brackets_of_a_range_find_their_items(self, row: str) -> None:
        lines = [f"{n}. 第{n}步应当登记。（　　）" for n in range(1, 5)]
        found = read("a.txt", "\n".join(["判断题", *lines, "参考答案", row]))
        assert [one["key"] for one in understood(found)["items"]] == [True, False, True, False]

    def test_the_words_below_an_answer_of_each_question_are_its_key(self) -> None:
        asks = "".join(
            f"{n}. 简述第{n}步的要点。\n参考答案：\n（1）断电\n（2）验电，挂牌\n" for n in range(1, 4)
        )
        for title in ("简答题", "计算题"):
            found = read("a.txt", f"一、单选题\n{paper(2)[4:]}\n二、{title}\n{asks}")
            worded = [one for one in understood(found)["items"] if one["type"] == "short_answer"]
            assert [one["key"] for one in worded] == ["（1）断电\n（2）验电，挂牌"] * 3

    @pytest.mark.parametrize(("between", "inner"), [("#", "$"), ("|||", ";"), ("@@", "|")])
    def test_fields_parted_by_signs_are_a_table(self, between: str, inner: str) -> None:
        lines = [
            between.join((str(n), f"第{n}步应（　）", inner.join(choices(n)), LETTERS[n % 4]))
            for n in NUMBERS
        ]
        found = read("a.txt", "\n".join(lines))
        assert [(one["choices"], one["key"]) for one in understood(found)["items"]] == [
            (choices(n), LETTERS[n % 4]) for n in NUMBERS
        ]
        verdicts = [between.join((str(n), f"第{n}步应当登记", "对错"[n % 2])) for n in NUMBERS]
        assert [one["key"] for one in understood(read("a.txt", "\n".join(verdicts)))["items"]] == [
            n % 2 == 0 for n in NUMBERS
        ]

    def test_who_wrote_a_paper_is_no_part_of_its_last_item(self) -> None:
        found = read("a.txt", paper(4) + "\n出题人：某甲　审核人：某乙\n")
        assert understood(found)["items"][3]["choices"] == choices(4)
        assert {one.severity for one in found.findings} == {Severity.FIXED}
        rows = [*(single(n) for n in range(1, 5)), ["", "审核人：某乙"]]
        assert len(read("a.xlsx", table(*rows)).items) == 4

    @pytest.mark.parametrize("keys", ["", "\n参考答案\n1.B 2.C 3.D 4.A"])
    def test_stems_and_keys_without_choices_are_refused_item_by_item(self, keys: str) -> None:
        own = "" if keys else "\n答案：B"
        found = read(
            "a.txt", "单选题\n" + "\n".join(f"{n}. 第{n}步应（　）。{own}" for n in range(1, 5)) + keys
        )
        assert [(one.code, one.place.line > 0) for one in found.findings] == [("text_no_choices", True)] * 4

    def test_only_a_d_is_told_what_d_may_mean(self) -> None:
        rows = [["甲类", f"第{n}步应（　）。", *choices(n), "？"] for n in range(1, 5)]
        codes = {one.code for one in read("a.xlsx", table(*rows)).findings if one.severity is Severity.ERROR}  # type: ignore[arg-type]  # cells
        assert codes == {"type_untold"}

    def test_lines_that_are_left_out_are_counted_to_the_end(self) -> None:
        prose = "\n".join(f"甲{n}、说明文字不属于任何试题。" for n in range(230))
        found = read("a.txt", f"第一章 概述\n{paper(3)}\n第二章 附录\n{prose}\n")
        left = [one for one in found.findings if one.code in {"text_line_left_out", "text_lines_left_out"}]
        assert (len(left), left[-1].params) == (201, {"count": 30})

    def test_two_tables_of_a_sheet_say_where_both_begin(self) -> None:
        head = ["题型", "题干", "选项A", "选项B", "选项C", "选项D", "答案"]
        grid = [
            ["甲"],
            head,
            *(single(n) for n in range(1, 4)),
            ["乙"],
            [*head, "解析"],
            *(single(n) for n in range(5, 8)),
        ]
        found = registry.read(xlsx(Sheets({"Sheet1": grid}, {})), "a.xlsx")  # type: ignore[dict-item]  # cells
        assert [one.value for one in found.inferred if one.code == "header"] == ["2、7"]


@pytest.mark.usefixtures("directly")
def test_no_file_of_a_kind_comes_in_wrong_without_a_word() -> None:
    made = list(collection(HELD_BACK))
    assert len(made) >= 250
    tuned = {(one.kind, one.mixture) for one in collection(TUNING)}
    assert not tuned & {(one.kind, one.mixture) for one in made}
    outcomes = [judge(one.name, one.content, one.items).outcome for one in random.Random(5).sample(made, 60)]
    assert SILENT not in outcomes
    assert sum(one in {"right", "answered"} for one in outcomes) >= 0.85 * len(outcomes)


def sheet(app: flask.Flask, ref: str) -> CheckSheet:
    with app.app_context(), reading() as session:
        return sheet_of(session, bank_ref=BANK, ref=ref, actor=ACTOR, looked=Looked())


def confirm(app: flask.Flask, clock: FakeClock, ref: str) -> None:
    with app.app_context():
        bank_import.confirm(
            bank_ref=BANK, draft_ref=ref, mode=Mode.UPDATE, state=ItemState.IN_REVIEW, partial=False, near=True,
            understood=True, now=clock.now(), actor=ACTOR,
        )  # fmt: skip


def test_nothing_doubtful_is_stored_before_its_author_answers(bank: flask.Flask, clock: FakeClock) -> None:
    ref = check(bank, clock, ("a.txt", paper(12, key="A").encode()))
    (question,) = [one for one in sheet(bank, ref).summary.inferred if one.doubtful]
    with pytest.raises(InvalidInput) as refused:
        confirm(bank, clock, ref)
    assert (refused.value.code, refused.value.params["count"]) == ("bank.doubts_open", 1)
    with bank.app_context():
        bank_import.read_again(
            bank_ref=BANK, draft_ref=ref, adjust={question.name: "keep"}, points={"a.txt": "A-001"},
            now=clock.now(), actor=ACTOR,
        )  # fmt: skip
        work_on(ref, clock=clock.now)
    found = sheet(bank, ref)
    assert (found.summary.doubts, found.summary.total("add", "near")) == (0, 12)
    assert [one.code for one in found.findings if one.code.startswith("no_explanation")] == [
        "no_explanations"
    ]
    confirm(bank, clock, ref)


def test_the_name_of_a_subject_is_no_code_of_a_point(bank: flask.Flask, clock: FakeClock) -> None:
    head = "知识点 题型 题干 选项A 选项B 选项C 选项D 答案"
    ref = check(bank, clock, ("a.xlsx", table(*(["岗位常识", *single(n)] for n in range(1, 4)), head=head)))
    found = sheet(bank, ref)
    assert [section.count for section in found.summary.sections] == [3]
    assert {one.code for one in found.findings} >= {"point_names", "point_missing"}
    assert not any(one.code.startswith("point_unknown") for one in found.findings)

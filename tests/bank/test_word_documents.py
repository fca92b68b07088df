"""What a Word document says on paper: numbers of lists, tracked changes, tables, marks; and what is refused."""

from __future__ import annotations

import io
import zipfile

import pytest

from cbt.errors import InvalidInput
from cbt.interchange.documents.items import read_lines
from cbt.interchange.word import format as word
from tests.bank.field_texts.direct import without_children

NAMESPACES = " ".join(
    f'xmlns:{prefix}="{address}"'
    for prefix, address in {
        "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "m": "http://schemas.openxmlformats.org/officeDocument/2006/math",
        "a": "http://schemas.openxmlformats.org/drawingml/2006/main",
        "o": "urn:schemas-microsoft-com:office:office",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
    }.items()
)
NUMBERING = "".join(
    f'<w:abstractNum w:abstractNumId="{ref}"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="{form}"/>'
    f'<w:lvlText w:val="{text}"/></w:lvl></w:abstractNum>'
    for ref, form, text in ((0, "chineseCounting", "%1、"), (1, "decimal", "%1."), (2, "upperLetter", "%1."))
) + "".join(
    f'<w:num w:numId="{ref}"><w:abstractNumId w:val="{abstract}"/>{again}</w:num>'
    for ref, abstract, again in (
        (1, 0, ""),
        (2, 1, ""),
        (3, 2, ""),
        (4, 2, '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'),
        (5, 1, '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="1"/></w:lvlOverride>'),
    )
)


def document(body: str, *, head: str = "", numbering: str = NUMBERING) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(
            "word/document.xml", f"{head}<w:document {NAMESPACES}><w:body>{body}</w:body></w:document>"
        )
        package.writestr("word/numbering.xml", f"<w:numbering {NAMESPACES}>{numbering}</w:numbering>")
    return made.getvalue()


def line(*pieces: str, listed: int = 0) -> str:
    numbers = (
        f'<w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="{listed}"/></w:numPr></w:pPr>' if listed else ""
    )
    runs = "".join(one if one.startswith("<") else f"<w:r><w:t>{one}</w:t></w:r>" for one in pieces)
    return f"<w:p>{numbers}{runs}</w:p>"


def table(*rows: list[str]) -> str:
    cells = ("".join(f"<w:tc>{line(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


CHOICES = line("A. 登记") + line("B. 致谢")


def read(content: bytes) -> tuple[list[tuple[str, str, list[str], object]], list[str]]:
    """Return type, stem, choices and key of each item, and the codes of the findings."""
    with without_children():
        found = read_lines(word.lines_of(content), "word", "a.docx", {})
    items = [
        (one.data["type"], one.data["stem"], list(one.data.get("choices", ())), one.data["answer"])
        for one in found.items
    ]
    return items, [one.code for one in found.findings]


def test_numbers_of_lists_are_read_as_they_stand_on_paper() -> None:
    body = (
        line("单选题（每题1分）", listed=1)
        + line("接待员应当（ B ）", listed=2)
        + line("登记", listed=3)
        + line("致谢", listed=3)
        + line("坐席应当（ A ）", listed=2)
        + line("登记", listed=4)
        + line("致谢", listed=4)
        + line("判断题", listed=1)
        + line("坐席应当如实登记。（√）", listed=5)
    )
    assert read(document(body)) == (
        [
            ("single_choice", "接待员应当（　　）", ["登记", "致谢"], "B"),
            ("single_choice", "坐席应当（　　）", ["登记", "致谢"], "A"),
            ("true_false", "坐席应当如实登记。", [], True),
        ],
        [],
    )


SAVED = "<w:r><w:rPr><w:color w:val='FF0000'/></w:rPr><w:t>B. 致谢</w:t></w:r>"
DELETED = "<w:del><w:r><w:delText>旧</w:delText></w:r></w:del><w:ins><w:r><w:t>新</w:t></w:r></w:ins>"
TICK = '<w:r><w:sym w:font="Wingdings" w:char="F0FC"/></w:r>'
FORMULA = "<m:oMath><m:r><m:t>x</m:t></m:r></m:oMath>"


@pytest.mark.parametrize(
    ("body", "item", "codes"),
    [
        pytest.param(
            line("1. 按", DELETED, "规程应当（ A ）") + CHOICES,
            ("single_choice", "按新规程应当（　　）", ["登记", "致谢"], "A"),
            [],
            id="tracked changes as accepted",
        ),
        pytest.param(
            line("1. 应当（ ）") + line("A. 登记") + line(SAVED),
            ("single_choice", "应当（ ）", ["登记", "致谢"], "B"),
            [],
            id="the key by its colour",
        ),
        pytest.param(
            line("判断题") + line("1. 应当登记。（", TICK, "）"),
            ("true_false", "应当登记。", [], True),
            [],
            id="a tick of Wingdings",
        ),
        pytest.param(
            line("1. 如图应当（ A ）", "<w:r><w:drawing><a:blip/></w:drawing></w:r>") + CHOICES,
            ("single_choice", "如图应当（　　）", ["登记", "致谢"], "A"),
            ["text_picture_not_kept"],
            id="a picture is listed",
        ),
        pytest.param(
            line("1. 求（ A ）", FORMULA) + CHOICES,
            ("single_choice", "求（　　）x", ["登记", "致谢"], "A"),
            ["text_formula_not_kept"],
            id="a formula is listed",
        ),
        pytest.param(
            table(
                ["序号", "题型", "题干", "A", "B", "答案"], ["1", "单选题", "应当（ ）", "登记", "致谢", "B"]
            ),
            ("single_choice", "应当（ ）", ["登记", "致谢"], "B"),
            [],
            id="a table that names its columns",
        ),
        pytest.param(
            line("1. 应当（ B ）") + table(["A. 登记", "B. 致谢"], ["C. 核对", "D. 签字"]),
            ("single_choice", "应当（　　）", ["登记", "致谢", "核对", "签字"], "B"),
            [],
            id="choices in a table",
        ),
    ],
)
def test_what_a_document_shows_is_what_is_read(
    body: str, item: tuple[str, str, list[str], object], codes: list[str]
) -> None:
    assert read(document(body)) == ([item], codes)


ENTITIES = '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(document(line("&x;"), head=ENTITIES), "bank.word_broken", id="entities"),
        pytest.param(b"PK\x03\x04 word/document.xml", "bank.word_broken", id="no archive"),
        pytest.param(document("<w:p>" * 3), "bank.word_broken", id="no XML"),
        pytest.param(document(line("甲" * 20_000_000)), "bank.word_too_big", id="a bomb"),
        pytest.param(b"\xd0\xcf\x11\xe0" + "WordDocument".encode("utf-16-le"), "bank.word_97", id="Word 97"),
    ],
)
def test_what_is_no_document_or_has_no_end_is_refused(content: bytes, code: str) -> None:
    with without_children(), pytest.raises(InvalidInput) as refused:
        word.lines_of(content)
    assert refused.value.code == code

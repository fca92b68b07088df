"""Texts in every charset people save them in: read right, or asked about or refused; never nonsense in silence."""

from __future__ import annotations

import codecs
import random
import re
import zipfile
from pathlib import Path

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cbt import charset
from cbt.errors import InvalidInput
from cbt.interchange import registry
from cbt.interchange.text import xml_text
from cbt.interchange.upload import read_all
from cbt.items.draft import Reading
from cbt.spreadsheets.intake import Bounds, open_list, read_csv

SIMPLIFIED = (
    "客户投诉时，首先应当做什么",
    "倾听并记录对方的诉求",
    "立即挂断电话",
    "服务质量由谁来评价",
    "客户自己",
    "企业",
)
TRADITIONAL = (
    "客戶投訴時，首先應當做什麼",
    "傾聽並記錄對方的訴求",
    "立即掛斷電話",
    "服務質量由誰來評價",
    "客戶自己",
    "企業",
)
SAVED = {
    "UTF-8": ("utf-8", b""),
    "UTF-8 with its mark": ("utf-8", codecs.BOM_UTF8),
    "UTF-16 LE with its mark": ("utf-16-le", codecs.BOM_UTF16_LE),
    "UTF-16 BE with its mark": ("utf-16-be", codecs.BOM_UTF16_BE),
    "UTF-16 LE": ("utf-16-le", b""),
    "UTF-16 BE": ("utf-16-be", b""),
    "GBK": ("gbk", b""),
    "GB 18030": ("gb18030", b""),
    "Big5": ("cp950", b""),
}


def gift(words: tuple[str, ...]) -> str:
    stem, right, wrong, other, yes, no = words
    return f"::一::{stem}？{{={right} ~{wrong}}}\n\n::二::{other}？{{={yes} ~{no}}}\n"


def aiken(words: tuple[str, ...]) -> str:
    stem, right, wrong, other, yes, no = words
    return f"{stem}？\nA. {right}\nB. {wrong}\nANSWER: A\n\n{other}？\nA. {yes}\nB. {no}\nANSWER: A\n"


def plain(words: tuple[str, ...]) -> str:
    stem, right, wrong, other, yes, no = words
    return f"1. {stem}？（A）\nA. {right}\nB. {wrong}\n\n2. {other}？（A）\nA. {yes}\nB. {no}\n"


def table(words: tuple[str, ...]) -> str:
    stem, right, wrong, other, yes, no = words
    return f"stem,option A,option B,answer\n{stem}？,{right},{wrong},A\n{other}？,{yes},{no},A\n"


def fields(words: tuple[str, ...]) -> str:
    stem, right, wrong, other, yes, no = words
    return (
        f'[{{"question": "{stem}？", "options": ["{right}", "{wrong}"], "answer": "A"}},\n'
        f' {{"question": "{other}？", "options": ["{yes}", "{no}"], "answer": "A"}}]\n'
    )


def page(words: tuple[str, ...]) -> str:
    lines = "".join(f"<p>{line}</p>\n" for line in plain(words).splitlines() if line)
    return f"<html><body>\n{lines}</body></html>\n"


FORMS = {
    "x.gift": gift,
    "x.aiken": aiken,
    "x.txt": plain,
    "x.csv": table,
    "x.json": fields,
    "x.html": page,
}


def stems(found: Reading) -> list[str]:
    return [re.sub(r"[？?（）()A\s]|<[^>]*>", "", str(item.data["stem"])) for item in found.items]


@pytest.mark.parametrize("words", [SIMPLIFIED, TRADITIONAL], ids=["simplified", "traditional"])
@pytest.mark.parametrize("saved", SAVED)
@pytest.mark.parametrize("name", FORMS)
def test_a_text_is_read_right_or_asked_about(
    app: flask.Flask, name: str, saved: str, words: tuple[str, ...]
) -> None:
    """Of what people write, all of it is sure."""
    codec, mark = SAVED[saved]
    text = FORMS[name](words)
    try:
        body = mark + text.encode(codec)
    except UnicodeEncodeError:
        assert (saved, words) == ("Big5", SIMPLIFIED), (
            "Big5 has no simplified characters, the others have all"
        )
        return
    with app.app_context():
        found = registry.read(body, name)
    assert stems(found) == [words[0], words[3]]
    assert not [one for one in found.inferred if one.name == registry.CHARSET]


def unsure() -> bytes:
    """Return a GIFT file of which two charsets make common characters alike."""
    rng = random.Random(7)
    signs = [bytes((lead, trail)) for lead in range(0xB0, 0xC7) for trail in range(0xA1, 0xFE)]
    while True:
        stem, right, wrong = (b"".join(rng.sample(signs, 3)) for _ in range(3))
        body = b"::q::" + stem + b" {=" + right + b" ~" + wrong + b"}\n"
        found = charset.decode(body)
        if found is not None and not found.sure:
            return body


@pytest.mark.parametrize("chosen", ["gb18030", "big5"])
def test_what_is_not_sure_is_asked_and_read_as_its_author_says(app: flask.Flask, chosen: str) -> None:
    body = unsure()
    with app.app_context():
        found = registry.read(body, "x.gift")
        (asked,) = [one for one in found.inferred if one.name == registry.CHARSET]
        assert {"gb18030", "big5"} <= set(asked.choices)
        assert (asked.value, asked.count) == (asked.choices[0], 1)
        said = registry.read(body, "x.gift", {registry.CHARSET: chosen})
    (told,) = [one for one in said.inferred if one.name == registry.CHARSET]
    assert told.value == chosen
    text = body.decode("cp950" if chosen == "big5" else chosen)
    assert stems(said) == [text.split("::")[2].split(" {")[0]]


def test_several_files_are_asked_about_each_and_said_of_each(app: flask.Flask) -> None:
    body = unsure()
    files = [("a.gift", body), ("b.gift", gift(SIMPLIFIED).encode("gbk"))]
    with app.app_context():
        found = read_all(files)
        said = read_all(files, {"a.gift>charset": "big5"})
    assert [one.name for one in found.inferred] == ["a.gift>charset"]
    assert [one.value for one in said.inferred] == ["big5"]


@pytest.mark.parametrize("name", ["x.gift", "x.aiken"])
def test_what_no_charset_makes_sense_of_is_refused(app: flask.Flask, name: str) -> None:
    body = FORMS[name](SIMPLIFIED).encode("euc_jp", "ignore") + bytes(range(0xE0, 0xFA)) * 9
    with app.app_context(), pytest.raises(InvalidInput) as refused:
        registry.read(body, name)
    assert refused.value.code == "bank.text_encoding"


def test_xml_says_its_charset_and_big5_is_one(app: flask.Flask) -> None:
    quiz = (
        '<?xml version="1.0" encoding="{}"?><quiz><question type="truefalse"><questiontext format="html">'
        "<text>{}</text></questiontext><answer fraction='100'><text>true</text></answer>"
        "<answer fraction='0'><text>false</text></answer></question></quiz>"
    )
    with app.app_context():
        big5 = registry.read(quiz.format("Big5", TRADITIONAL[0]).encode("cp950"), "x.xml")
        gbk = registry.read(quiz.format("gb2312", SIMPLIFIED[0]).encode("gbk"), "x.xml")
        with pytest.raises(InvalidInput) as refused:
            registry.read(quiz.format("shift_jis", "日本語").encode("shift_jis"), "x.xml")
    assert (stems(big5), stems(gbk)) == ([TRADITIONAL[0]], [SIMPLIFIED[0]])
    assert refused.value.code == "bank.text_encoding"


def test_xml_that_says_a_western_charset_is_believed_and_a_page_is_not() -> None:
    assert (
        xml_text("<?xml version='1.0' encoding='ISO-8859-1'?><a>café</a>".encode("latin-1")) == "<a>café</a>"
    )
    page = "<meta charset='iso-8859-1'><p>客户投诉时，首先应当做什么</p>".encode("gbk")
    found = charset.decode(page, "iso-8859-1")
    assert found is not None
    assert found.charset == charset.GB


@pytest.mark.parametrize(
    ("codec", "names"),
    [
        pytest.param("gbk", ["判断题.xlsx", "单选题.xlsx"], id="GBK"),
        pytest.param("gbk", ["张婷婷.jpg"], id="GBK, a rare name alone"),
        pytest.param(
            "gbk", ["310101199001011234.jpg", "龚䶮.jpg".replace("䶮", "龑")], id="GBK, rarer still"
        ),
        pytest.param("cp950", ["題庫判斷題.xlsx", "題庫單選題.xlsx"], id="Big5"),
        pytest.param("utf-8", ["題庫.xlsx", "判断.xlsx"], id="UTF-8 that does not say so"),
        pytest.param("ascii", ["a.jpg"], id="no Chinese"),
    ],
)
def test_the_entries_of_an_archive_have_the_names_people_gave_them(codec: str, names: list[str]) -> None:
    entries = []
    for name in names:
        entry = zipfile.ZipInfo(name)
        entry.orig_filename, entry.flag_bits = name.encode(codec).decode("cp437"), 0
        entries.append(entry)
    said = zipfile.ZipInfo("说.txt")
    said.flag_bits = 0x800
    assert charset.entry_names([entries[0], said, *entries[1:]]) == [names[0], "说.txt", *names[1:]]
    assert charset.entry_names([]) == []


def test_there_is_one_decoder() -> None:
    """Whatever else turns bytes into a text knows its charset: our own file, a signature, a header."""
    guesses = re.compile(r"gb18030|gbk|gb2312|big5|cp936|cp950", re.IGNORECASE)
    found = set()
    for path in Path("cbt").rglob("*.py"):
        text = path.read_text("utf-8")
        if guesses.search(text) and ".decode(" in text:
            found.add(path.as_posix())
    writes, warms = "cbt/results/column_mapping.py", "cbt/confined/child.py"
    assert found == {"cbt/charset.py", writes, warms}


@pytest.mark.parametrize(("codec", "names"), [("gbk", ("张伟", "黄鑫")), ("cp950", ("陳志明", "林淑芬"))])
def test_a_list_of_people_is_read_right(codec: str, names: tuple[str, str]) -> None:
    head = "姓名,证件号码" if codec == "gbk" else "姓名,證件號碼"
    body = f"{head}\n{names[0]},A1\n{names[1]},A2\n".encode(codec)
    bounds = Bounds(rows=10, columns=10)
    for sheet in (read_csv(body, bounds), open_list("x.csv", body, bounds)[0]):
        assert [row[0] for row in sheet.rows[1:]] == list(names)


def test_a_list_whose_charset_is_not_sure_is_refused() -> None:
    body = unsure().replace(b"{=", b",").replace(b"~", b",").replace(b"::q::", b"")
    bounds = Bounds(rows=10, columns=10)
    for read in (lambda: read_csv(body, bounds), lambda: open_list("x.csv", body, bounds)):
        with pytest.raises(InvalidInput) as refused:
            read()
        assert refused.value.code == "sheet.charset"


LINES = [
    line
    for path in sorted(Path("question_bank").rglob("*.toml"))
    for line in path.read_text("utf-8").splitlines()
    if re.search(r"[\u4e00-\u9fff]{6,}", line)
]
CODECS = ["utf-8", "gbk", "gb18030", "cp950", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-16"]


@given(lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=8), codec=st.sampled_from(CODECS))
def test_whatever_the_bank_says_in_whatever_charset_is_never_nonsense_in_silence(
    lines: list[str], codec: str
) -> None:
    text = "\n".join(lines).encode(codec, "ignore").decode(codec)
    found = charset.decode(text.encode(codec))
    assert found is None or not found.sure or found.text == text


@given(body=st.binary(max_size=300), said=st.sampled_from(["", "gbk", "big5", "nonsense"]))
def test_any_bytes_are_a_text_or_none(body: bytes, said: str) -> None:
    found = charset.decode(body, said)
    if found is not None:
        assert found.charset not in found.others
        assert found.sure or found.others

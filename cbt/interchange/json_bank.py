"""Questions in JSON as a format of banks: the names of their parts, their choices, types and keys."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from cbt.confined.runner import Exhausted, Limits, run
from cbt.errors import InvalidInput
from cbt.interchange.documents.items import read_asked
from cbt.interchange.documents.lines import Line, plain_lines
from cbt.interchange.documents.parts import FoundQuestion, FoundSection, Parts
from cbt.interchange.documents.question import WordedQuestion
from cbt.interchange.documents.structure import split_body
from cbt.interchange.documents.terms import (
    LETTERS,
    clean,
    keys_in_stem,
    label_of,
    letters,
    named_type,
    unlabelled,
)
from cbt.interchange.format import Confidence, Content, Format
from cbt.interchange.picture_marks import texts_in
from cbt.interchange.plain_text import MOST, text_of
from cbt.items.draft import Adjustments, Inferred, Reading, SourceText
from cbt.rules.items.content import ItemType
from cbt.spreadsheets.findings import Place

NAMES: Mapping[str, tuple[str, ...]] = {
    part: tuple(names.split())
    for part, names in {
        "stem": """
            q tm tg
            stem question questiontext questioncontent questionstem questiontitle ques quescontent timu tigan
            题干 题目 试题 题目内容 试题内容 问题 题目描述
            problem prompt subject topic content title body text t name
            description""",
        "kind": """
            type kind qtype questiontype quetype typename typecode
            题型 题目类型 试题类型 类型 tx t category classify""",
        "choices": """
            o options option opts choices choice 选项 selections selectlist optionlist answerlist answers items
            alternatives xuanxiang""",
        "answer": """
            a answer ans key correct correctanswer rightanswer rightkey trueanswer answerkey correctoption
            correctindex answerindex
            答案 正确答案 参考答案 标准答案 daan da solution result right standardanswer answers
            reply""",
        "explanation": """
            e explanation explain analysis analyze
            解析 答案解析 题目解析 试题解析 jiexi jx rationale hint remark desc note""",
        "difficulty": "difficulty level 难度 难度系数 nandu d diff",
        "point": "point knowledge knowledgepoint 知识点 鉴定点 考点 鉴定点代码",
    }.items()
}
_LETTERED = re.compile(r"(?:option|choice|opt|op|o|选项|answer|item|xx)?[_ -]?([A-La-l])(?:项|选项)?")
_LETTER = re.compile(r"[A-L]")
_KINDS = (
    ("multi|checkbox|多|duoxuan|mcq_multi|indefinite", ItemType.MULTIPLE_CHOICE),
    ("single|radio|单|danxuan|one|^sc$|^mcq$", ItemType.SINGLE_CHOICE),
    ("judg|true|bool|^tf$|判断|是非|panduan|yesno", ItemType.TRUE_FALSE),
    ("fill|blank|填空|cloze|tiankong", ItemType.FILL_BLANK),
    ("short|essay|qa|subjective|简答|问答|jianda|text", ItemType.SHORT_ANSWER),
)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which name stands for which part, and which names are single choices."""

    parts: Mapping[str, str]
    lettered: tuple[str, ...]


def shape_of(rows: Sequence[Mapping[str, Any]]) -> Shape:
    """Return the shape most rows have; a part that nothing names is missing."""
    counts: dict[str, int] = {}
    for row in rows:
        for name in row:
            counts[name] = counts.get(name, 0) + 1
    usual = {
        plain_name(name): name for name, count in sorted(counts.items(), key=lambda pair: pair[1]) if count
    }
    lettered = _lettered(usual)
    parts: dict[str, str] = {}
    for part, aliases in NAMES.items():
        for alias in aliases:
            name = usual.get(alias, "")
            if not name or name in parts.values() or name in lettered:
                continue
            if _fits(part, [row[name] for row in rows if name in row]):
                parts[part] = name
                break
    return Shape(parts, lettered)


def plain_name(name: str) -> str:
    return re.sub(r"[\s*_()（）-]+", "", name).casefold()


def _lettered(usual: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of single choices in order, where they go on from A without a gap."""
    choices: dict[str, str] = {}
    for plain, name in usual.items():
        match = _LETTERED.fullmatch(plain)
        if match:
            choices.setdefault(match[1].upper(), name)
    run: list[str] = []
    for letter in LETTERS:
        if letter not in choices:
            break
        run.append(choices[letter])
    return tuple(run) if len(run) > 1 else ()


def _fits(part: str, values: Sequence[Any]) -> bool:
    filled = [one for one in values if one not in (None, "", [], {})]
    if not filled:
        return False
    if part == "stem":
        texts = [one for one in filled if isinstance(one, str)]
        return (
            len(texts) * 2 > len(filled)
            and (len(set(texts)) * 2 >= len(texts))
            and any(len(one) > 3 for one in texts)
        )
    if part == "kind":
        return all(isinstance(one, str | int) and len(str(one)) <= 30 for one in filled) and len(
            set(map(str, filled))
        ) <= max(8, len(filled) // 3)
    if part == "choices":
        return any(isinstance(one, list | dict) or (isinstance(one, str) and len(one) > 4) for one in filled)
    if part == "answer":
        return not any(isinstance(one, list) and one and isinstance(one[0], dict) for one in filled)
    return any(isinstance(one, str | int | float) for one in filled)


def kind_of(value: Any) -> str:
    """Return the type a word names, "" for a number or a word that is none."""
    text = str(value or "")
    if named := named_type(text):
        return named
    word = text.strip().casefold()
    return (
        next((str(kind) for pattern, kind in _KINDS if re.search(pattern, word)), "")
        if not word.isdigit()
        else ""
    )


_TEXTS = ("text", "value", "content", "title", "name", "label", "option", "desc", "description", "body")
_OTHERS = ("optioncontent", "optiontext", "内容", "选项内容")
_LABELS = (
    "key",
    "letter",
    "label",
    "id",
    "name",
    "option",
    "code",
    "no",
    "index",
    "sort",
    "order",
    "value",
    "选项",
)
_RIGHT = (
    "correct",
    "iscorrect",
    "right",
    "isright",
    "isanswer",
    "answer",
    "istrue",
    "checked",
    "正确",
    "是否正确",
)
_TAG = re.compile(
    r"</?(?:p|br|div|span|strong|b|i|u|em|font|sub|sup|table|tbody|tr|td|th|li|ul|ol|a|h[1-6]|section|label|input)"
    r"\b[^<>]{0,400}>|<!--.{0,400}?-->",
    re.IGNORECASE,
)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr)\b[^<>]{0,100}>", re.IGNORECASE)
_PICTURE = re.compile(r"<img\b[^<>]{0,4000}>|!\[[^\]]{0,200}\]\([^)]{1,2000}\)", re.IGNORECASE)


def plain_text(value: Any) -> tuple[str, int]:
    """Return a text without tags, and how many pictures stood in it."""
    text = "" if value is None else str(value)
    pictures = len(_PICTURE.findall(text))
    if "<" in text or "![" in text:
        text = _TAG.sub("", _BREAK.sub("\n", _PICTURE.sub("", text)))
    lines = (clean(one) for one in html.unescape(text).replace("\r\n", "\n").split("\n"))
    return "\n".join(one for one in lines if one), pictures


@dataclass(frozen=True, slots=True)
class WrittenChoices:
    """The choices of a row, the letters of those that say they are right, and how many pictures stood in them.

    `labels` are those that a file gives them instead of letters, `broken` says that its letters do not count on.
    """

    texts: list[str]
    right: str = ""
    pictures: int = 0
    labels: tuple[str, ...] = ()
    broken: bool = False


def choices_of(row: Mapping[str, Any], shape: Shape) -> WrittenChoices:
    raw = row.get(shape.parts.get("choices", "\0"))
    if shape.lettered and not raw:
        raw = [row.get(name) for name in shape.lettered]
        while raw and raw[-1] in (None, ""):
            raw.pop()
    if isinstance(raw, str):
        raw = _from_text(raw)
    if isinstance(raw, dict):
        pairs = [(_label(name), _one(one)[0], _one(one)[1]) for name, one in raw.items()]
    else:
        pairs = [_labelled(one) for one in (raw if isinstance(raw, list) else [])]
    labels = [label for label, _text, _right in pairs]
    broken = False
    if "A" in labels:
        while pairs and pairs[-1][1] in (None, "") and pairs[-1][0]:
            pairs.pop()
        labels = [label for label, _text, _right in pairs]
        pairs.sort(key=lambda pair: pair[0])
        broken = sorted(labels) != list(LETTERS[: len(labels)])
        labels = []
    texts, right, pictures = [], "", 0
    for letter, (_name, text, is_right) in zip(LETTERS, pairs, strict=False):
        shown, count = plain_text(text)
        texts.append(shown)
        pictures += count
        right += letter if is_right else ""
    own = tuple(labels) if all(labels) and len(set(labels)) == len(labels) else ()
    return WrittenChoices(unlabelled(texts), right, pictures, own, broken)


def _label(name: object) -> str:
    return str(name).strip().upper()


def _labelled(raw_value: Any) -> tuple[str, Any, bool]:
    """Return a choice of a list with the letter it names itself by, "" for none."""
    text, right = _one(raw_value)
    label = ""
    if isinstance(raw_value, dict) and len(raw_value) > 1:
        names = {plain_name(name): value for name, value in raw_value.items()}
        label = next(
            (_label(names[name]) for name in _LABELS if _LETTER.fullmatch(_label(names.get(name)))), ""
        )
    return label, text, right


def _from_text(raw: str) -> list[Any] | dict[str, Any]:
    text = raw.strip()
    if text.startswith(("[", "{")):
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, list | dict):
            return parsed
    body = split_body(plain_lines(plain_text(raw)[0]))
    if body.choices and not "".join(line.text for line in body.stem):
        return ["\n".join(line.text for line in one.lines) for one in body.choices]
    for between in ("$;$", "$;", "\n", "|", ";", "；"):
        if between in text:
            return [one for one in text.split(between) if one.strip()]
    return []


def _one(raw_value: Any) -> tuple[Any, bool]:
    if isinstance(raw_value, list) and len(raw_value) == 2 and isinstance(raw_value[1], bool):
        return raw_value[0], raw_value[1]
    if isinstance(raw_value, list) and len(raw_value) == 2 and label_of(f"{raw_value[0]}.")[0]:
        return raw_value[1], False
    if not isinstance(raw_value, dict):
        return raw_value, False
    if len(raw_value) == 1 and re.fullmatch(r"[A-La-l]", str(next(iter(raw_value))).strip()):
        return next(iter(raw_value.values())), False
    names = {plain_name(name): value for name, value in raw_value.items()}
    right = next((names[name] for name in map(plain_name, _RIGHT) if name in names), False)
    labels = [name for name in _LABELS if re.fullmatch(r"[A-La-l]", str(names.get(name, "")).strip())]
    text = next(
        (
            names[name]
            for name in (*_TEXTS, *_OTHERS)
            if name in names and name not in labels and names[name] not in (None, "")
        ),
        "",
    )
    return text, right is True or right in (1, "1", "true", "True", "是", "Y")


Row = tuple[str, Mapping[str, Any]]
BASE = "key:base"


@dataclass(slots=True)
class _Base:
    """From which number places of choices count: 0 or 1, and whether a file leaves that open."""

    value: int
    said: bool
    count: int


def read_rows(rows: Sequence[Row], form: str, name: str, adjust: Adjustments) -> Reading:
    """Return the bank in rows; raise InvalidInput("bank.json_fields") where no name is known."""
    asking = [(number, path, row) for number, (path, row) in enumerate(rows, 1)]
    shape = shape_of([row for _number, _path, row in asking])
    if "stem" not in shape.parts:
        names = sorted({key for _number, _path, row in asking for key in row})[:12]
        raise InvalidInput("bank.json_fields", names="、".join(names) or "—")
    sections: dict[str, FoundSection] = {}
    base = _base([row for _number, _path, row in asking], shape, adjust)
    worded = []
    for number, path, row in asking:
        if row.get(shape.parts["stem"]) in (None, ""):
            continue
        section = sections.setdefault(path, FoundSection(path, kind_of(path)))
        question = _asked(row, shape, section, number, base)
        section.questions.append(question.source)
        worded.append(question)
    _by_code(
        worded,
        [row for _number, _path, row in asking if row.get(shape.parts["stem"]) not in (None, "")],
        shape,
    )
    inferred = []
    if base.count and not base.said:
        inferred.append(Inferred(BASE, "text_key_base", str(base.value), ("0", "1"), base.count, Place(name)))
    reading = read_asked(worded, Parts(list(sections.values()), []), [], [], form, name, adjust, inferred)
    return replace(reading, source=tuple(_source(asking, shape, name)))


def _source(
    rows: Sequence[tuple[int, str, Mapping[str, Any]]], shape: Shape, name: str
) -> Iterator[SourceText]:
    """Yield the texts of all fields with what each was read as."""
    parts = {field: part for part, field in shape.parts.items()} | dict.fromkeys(shape.lettered, "choices")
    unlisted = "" if "choices" in parts.values() else "choices"
    for number, _path, row in rows:
        for field, value in row.items():
            place = Place(name, line=number, column=field)
            usual = unlisted if isinstance(value, list | dict) else ""
            for text in texts_in(value):
                yield SourceText(place, plain_text(text)[0], parts.get(field, usual))


def _asked(
    row: Mapping[str, Any], shape: Shape, section: FoundSection, number: int, base: _Base
) -> WordedQuestion:
    stem, pictures = plain_text(row[shape.parts["stem"]])
    written = choices_of(row, shape)
    choices = written.texts
    line = Line(stem, number, pictures=pictures + written.pictures)
    source = FoundQuestion(section, line, body=[line])
    for part in ("explanation", "difficulty", "point"):
        if text := plain_text(row.get(shape.parts.get(part, "\0")))[0]:
            source.fields[part] = [Line(text, number)]
    kind = kind_of(row.get(shape.parts.get("kind", "\0"))) or section.kind
    value = row.get(shape.parts.get("answer", "\0"))
    stated = _by_labels(value, written.labels) or _key(value, choices, base, kind)
    faults = [("text_choice_empty", "")] if any(not one for one in choices) else []
    faults += [("text_choice_labels", "")] if written.broken else []
    return WordedQuestion(source, kind, stem, choices, stated, keys_in_stem(stem), written.right, {}, faults)


def _by_labels(value: Any, labels: Sequence[str]) -> str:
    """Return the letters of the choices that a key names by their own labels, "" where it does not."""
    names = [_label(one) for one in (value if isinstance(value, list) else [value])]
    return "".join(LETTERS[labels.index(one)] for one in names) if set(names) <= set(labels) else ""


def _key(value: Any, choices: Sequence[str], base: _Base, kind: str) -> str:
    """Return a key in words: places of choices as their letters."""
    if isinstance(value, bool):
        return "对" if value else "错"
    if isinstance(value, list) and any(isinstance(one, list | dict) for one in value):
        return ""
    if isinstance(value, list) and value and all(isinstance(one, bool) for one in value):
        if len(value) != len(choices):
            return "?"
        return "".join(letter for letter, right in zip(LETTERS, value, strict=False) if right)
    values = value if isinstance(value, list) else [value]
    places = [_place(one) for one in values]
    if choices and kind != ItemType.FILL_BLANK and places and all(one is not None for one in places):
        if isinstance(value, str) and value in choices:
            return value
        shifted = [one - base.value for one in places if one is not None]
        if all(0 <= one < len(LETTERS) for one in shifted):
            return "".join(LETTERS[one] for one in shifted)
        return "?"
    if not choices and kind == ItemType.TRUE_FALSE and len(places) == 1 and places[0] in (0, 1):
        return "对" if places[0] else "错"
    texts = [plain_text(one)[0] for one in values if one is not None]
    if choices and all(letters(one) for one in texts):
        return "".join(texts)
    return "\n".join(texts)


def _place(place: Any) -> int | None:
    if isinstance(place, bool):
        return None
    if isinstance(place, int):
        return place
    return int(place) if isinstance(place, str) and place.strip().isdigit() and len(place) < 3 else None


def _base(rows: Sequence[Mapping[str, Any]], shape: Shape, adjust: Adjustments) -> _Base:
    """Find from which number places count: a 0 says from 0, a place as high as the choices are many from 1."""
    lowest, beyond, count = 99, False, 0
    for row in rows:
        value = row.get(shape.parts.get("answer", "\0"))
        written = choices_of(row, shape)
        choices = [] if written.labels else written.texts
        places = [_place(one) for one in (value if isinstance(value, list) else [value])]
        numbers = [one for one in places if one is not None]
        if (
            not choices
            or not numbers
            or len(numbers) != len(places)
            or (isinstance(value, str) and value in choices)
        ):
            continue
        count += 1
        lowest = min(lowest, *numbers)
        beyond |= max(numbers) >= len(choices)
    if BASE in adjust:
        return _Base(int(adjust[BASE] == "1"), said=False, count=count)
    return _Base(int(lowest > 0 and beyond), said=lowest == 0 or beyond, count=count)


def _by_code(worded: Sequence[WordedQuestion], rows: Sequence[Mapping[str, Any]], shape: Shape) -> None:
    """Give questions whose type is a number the type of all with that number: 多选 where one has two letters."""
    name = shape.parts.get("kind")
    if name is None:
        return
    groups: dict[str, list[WordedQuestion]] = {}
    for question, row in zip(worded, rows, strict=True):
        if not question.kind and len(question.choices) > 2:
            groups.setdefault(str(row.get(name)), []).append(question)
    for group in groups.values():
        if any(len(letters(one.stated) or one.ticked) > 1 for one in group) and len(groups) > 1:
            for question in group:
                question.kind = str(ItemType.MULTIPLE_CHOICE)


NAME = "fields"
LIMITS = Limits()
_TASK = "cbt.interchange.json_reader:read_json"
AS_IT_IS = "cbt.interchange.json_reader:list_json"
_BEGIN = re.compile(
    r"\s*(?://[^\n]*\n\s*|/\*.{0,2000}?\*/\s*)?(?:export\s+default\s*|module\.exports\s*=\s*|(?:var|let|const)\s+[\w$]+\s*=\s*"
    r"|(?:window|self|globalThis)(?:\.[\w$]+|\[[^\]]{1,60}\])\s*=\s*)?[\[{]\s*(?:[\[{\"'\]}]|[A-Za-z_$][\w$]*\s*:)",
    re.DOTALL,
)


def is_json(content: bytes) -> bool:
    head = content[:4096].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe")
    return _BEGIN.match(head.decode("latin-1")) is not None


def detect(content: Content, _name: str) -> Confidence:
    return Confidence.SURE if isinstance(content, bytes) and is_json(content) else Confidence.NO


def rows_of(content: bytes, task: str = _TASK) -> list[Row]:
    """Return the objects of JSON that a `task` of the child finds, each with its path; raise as it does."""
    if len(content) > MOST:
        raise InvalidInput("bank.text_too_big", limit=MOST // (1024 * 1024))
    try:
        answer = run(task, text_of(content).encode(errors="replace"), limits=LIMITS)
    except Exhausted as error:
        raise InvalidInput("bank.text_too_big", limit=MOST // (1024 * 1024)) from error
    return msgspec.msgpack.decode(answer, type=list[Row])


def read(content: Content, name: str, adjust: Adjustments) -> Reading:
    """Read JSON as `read_rows` does; raise InvalidInput as `rows_of` does."""
    if not isinstance(content, bytes) or not is_json(content):
        raise InvalidInput("bank.json_broken", line=1)
    return read_rows(rows_of(content), NAME, name, adjust)


FIELDS = Format(NAME, detect, read, endings=(".json",))

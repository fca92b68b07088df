"""A bank as Moodle XML: Markdown stays Markdown, and a question's id is the item's ref."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import IO, Any

from cbt.bank.exports.carrying import Luggage, Porter, back
from cbt.bank.exports.markup import escaped
from cbt.bank.exports.proof import proven
from cbt.bank.foreign import questions
from cbt.bank.formats.moodle.reading import gather
from cbt.bank.formats.outgoing import Carried, Export, OutForm
from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.media.references import MARK, in_words, is_sound
from cbt.errors import InvalidInput

FACTS = ("point", "difficulty", "consistency", "law", "enemies")
_COMMON = frozenset({"stem", "explanation", *FACTS})
CARRIES: Carried = {
    "true_false": _COMMON | {"answer"},
    "single_choice": _COMMON | {"choices", "answer", "fixed_order"},
    "multiple_choice": _COMMON | {"choices", "answer", "fixed_order"},
    "fill_blank": _COMMON | {"answer"},
    "numeric": _COMMON | {"answer", "tolerance", "decimals", "compute"},
    "matching": _COMMON | {"pairs", "extra_options"},
    "ordering": _COMMON | {"steps"},
    "short_answer": _COMMON | {"answer", "limit"},
}
_TAGGED = (*FACTS, "decimals", "compute", "limit")
_KINDS = {
    "true_false": "truefalse",
    "single_choice": "multichoice",
    "multiple_choice": "multichoice",
    "numeric": "numerical",
    "matching": "matching",
    "ordering": "ordering",
    "short_answer": "essay",
}
_STEP = Decimal("0.00001")
_BLANK = re.compile(r"\{\{(\d+)\}\}")
_SHOWN = "_____"
_HELD = re.compile(r"<text>([^<]*\(media:[^<]*)</text>")
_CLOZE, _BEFORE = re.compile(r"([~#}/\\\"])"), r"\\\1"


def write(export: Export, target: IO[bytes]) -> None:
    """Write every item that Moodle can hold, under the category of its point."""
    names = {point.code: point.name for point in export.taxonomy.points}
    porter = Porter(export, _worded_options)
    target.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<quiz>\n')
    last = ""
    for draft, text in proven(
        export, CARRIES, lambda draft: _written(draft, porter.now), porter.prepared, media=True
    ):
        point = str(draft.data.get("point", ""))
        if point != last:
            name = re.sub(r"[\s/]+", " ", f"{point} {names.get(point, '')}").strip()
            head = f"<category>{_text(f'$course$/{name}')}</category>"
            target.write(f'<question type="category">{head}</question>\n'.encode())
            last = point
        target.write(f"{text}\n".encode())
    target.write(b"</quiz>\n")


def _worded_options(draft: ItemDraft) -> ItemDraft:
    """Return a 匹配 whose options have words for pictures: the list they are chosen from holds none."""
    if draft.data["type"] != "matching":
        return draft
    pairs = [[left, in_words(right)] for left, right in draft.data["pairs"]]
    extras = [in_words(one) for one in draft.data.get("extra_options", ())]
    return draft.with_data({**draft.data, "pairs": pairs, **({"extra_options": extras} if extras else {})})


def _written(draft: ItemDraft, luggage: Luggage) -> tuple[str, Mapping[str, Any] | None]:
    text = _with_files(question(draft), luggage)
    try:
        found = gather(f"<quiz>{text}</quiz>".encode()).items
    except InvalidInput:
        return text, None
    return text, back(found[0], luggage) if len(found) == 1 and found[0].ref == draft.ref else None


def _with_files(text: str, luggage: Luggage) -> str:
    """Return a question whose texts find their pictures and sounds beside them."""
    return _HELD.sub(lambda found: _held(found, luggage), text) if luggage.files else text


def _held(found: re.Match[str], luggage: Luggage) -> str:
    files: dict[str, str] = {}

    def linked(mark: re.Match[str]) -> str:
        name = luggage.files.get(mark[2])
        if name is None:
            return mark[0]
        files[name] = base64.b64encode(luggage.bodies[mark[2]]).decode()
        return f"{'' if is_sound(mark[2]) else '!'}[{mark[1]}](@@PLUGINFILE@@/{name})"

    text = MARK.sub(linked, found[1])
    beside = "".join(
        f'<file name="{name}" path="/" encoding="base64">{body}</file>' for name, body in files.items()
    )
    return f"<text>{text}</text>{beside}"


def question(draft: ItemDraft) -> str:
    """Return one item as a question."""
    data = draft.data
    kind = _KINDS.get(data["type"]) or ("shortanswer" if len(data["answer"]) == 1 else "cloze")
    head = (
        f'<question type="{kind}"><name>{_text(draft.ref)}</name>{_marked("questiontext", _stem(data, kind))}'
    )
    said = _marked("generalfeedback", str(data.get("explanation", "")))
    tags = "".join(f"<tag>{_text(tag)}</tag>" for tag in questions.tags_of(data, _TAGGED))
    about = f"<idnumber>{escaped(draft.ref)}</idnumber>" + (f"<tags>{tags}</tags>" if tags else "")
    return f"{head}{said}{about}{''.join(_answers(data, kind))}</question>"


def _stem(data: Mapping[str, Any], kind: str) -> str:
    stem = str(data["stem"])
    if kind in {"shortanswer", "numerical"}:
        return stem.replace("{{1}}", _SHOWN)
    if kind == "cloze":
        return _BLANK.sub(lambda found: _piece(data["answer"], int(found[1])), stem)
    return stem


def _piece(answer: list[list[str]], number: int) -> str:
    if not 1 <= number <= len(answer):
        return ""
    words = "~".join(
        f"={_CLOZE.sub(_BEFORE, html.escape(_starred(one), quote=False))}" for one in answer[number - 1]
    )
    return f"{{1:SHORTANSWER:{words}}}"


def _starred(word: str) -> str:
    """Return a word whose stars stand for themselves."""
    return word.replace("*", "\\*")


def _answers(data: Mapping[str, Any], kind: str) -> Iterator[str]:
    match kind:
        case "truefalse":
            for name in ("true", "false"):
                yield _answer(name, 100 if data["answer"] is (name == "true") else 0, "moodle_auto_format")
        case "multichoice":
            yield from _choices(data)
        case "shortanswer":
            yield "<usecase>0</usecase>"
            for one in data["answer"][0]:
                yield _answer(_starred(one), 100, "moodle_auto_format")
        case "numerical":
            tolerance = f"<tolerance>{data.get('tolerance', 0)}</tolerance>"
            yield _answer(str(data["answer"]), 100, "moodle_auto_format", tolerance)
        case "matching":
            yield "<shuffleanswers>1</shuffleanswers>"
            for left, right in [*data["pairs"], *(["", one] for one in data.get("extra_options", ()))]:
                inner = f"{_text(left)}<answer>{_text(right)}</answer>"
                yield f'<subquestion format="markdown">{inner}</subquestion>'
        case "ordering":
            for place, step in enumerate(data["steps"], 1):
                yield _answer(step, place, "markdown")
        case "essay":
            yield _marked("graderinfo", str(data.get("answer", "")))


def _choices(data: Mapping[str, Any]) -> Iterator[str]:
    single = data["type"] == "single_choice"
    share = (Decimal(100) / len(data["answer"])).quantize(_STEP, ROUND_DOWN).normalize()
    yield f"<single>{'true' if single else 'false'}</single>"
    yield f"<shuffleanswers>{'false' if data.get('fixed_order') else 'true'}</shuffleanswers>"
    for letter, text in zip(questions.LETTERS, data["choices"], strict=False):
        wrong = Decimal(0) if single else Decimal(-100)
        yield _answer(text, share if letter in data["answer"] else wrong, "markdown")


def _answer(text: str, fraction: Decimal | int, kind: str, more: str = "") -> str:
    return f'<answer fraction="{fraction:f}" format="{kind}">{_text(text)}{more}</answer>'


def _marked(name: str, text: str) -> str:
    return f'<{name} format="markdown">{_text(text)}</{name}>'


def _text(text: str) -> str:
    return f"<text>{escaped(text)}</text>"


FORM = OutForm("moodle", ".xml", "application/xml", write, CARRIES, media=True)

"""Items of a document: its lines read into a bank, with findings about each question and about the whole.

The national text form has lines of its own: `A-B-A-001  B  3  5`, `{A}` the stem and its choices, `{B}` the
answer.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from cbt.errors import InvalidInput
from cbt.interchange.documents.lines import Line, with_brackets, without_furniture
from cbt.interchange.documents.parts import FoundQuestion, FoundSection, Misfit, Parts, give_keys
from cbt.interchange.documents.question import (
    CHOICE,
    DrawnLine,
    Habits,
    Settled,
    WordedQuestion,
    asked,
    drawn_lines,
    lost_of,
    nowhere,
    settle,
)
from cbt.interchange.documents.segmenter import Segmenter
from cbt.interchange.documents.structure import NO_HEADING, begins_choice, heading_name, split_body
from cbt.interchange.documents.terms import BLANK, LETTERS, letters
from cbt.interchange.picture_marks import without
from cbt.items.draft import Adjustments, Inferred, ItemDraft, Reading, SourceText
from cbt.rules.items.content import ItemType
from cbt.spreadsheets.findings import Finding, Place, Severity

_FIRST = re.compile(
    r"(?P<point>[A-Za-z](?:\s*[-－—–]\s*[A-Za-z])*\s*[-－—–]\s*\d{1,3})"
    r"[\s　,，;；|]+(?P<type>[A-Za-z](?:[（(][^（()）]{1,8}[)）])?)"
    r"[\s　,，;；|]+(?P<difficulty>[1-5])(?:[\s　,，;；|]+(?P<consistency>[1-5]))?[\s　]*"
)
_MARK = re.compile(r"[{｛]\s*(?P<part>[A-Ca-c])\s*[}｝]\s*")
_CODES = {
    "B": str(ItemType.SINGLE_CHOICE),
    "C": str(ItemType.TRUE_FALSE),
    "G": str(ItemType.MULTIPLE_CHOICE),
    "T": str(ItemType.FILL_BLANK),
    "D": str(ItemType.SHORT_ANSWER),
}
_PARTS = {"A": "stem", "B": "key", "C": "explanation"}


def is_national(lines: Sequence[Line]) -> bool:
    """Say whether lines are of this form: a first line, and {A} after it."""
    return any(_FIRST.fullmatch(line.text) for line in lines) and any(
        _MARK.match(line.text) for line in lines
    )


def read_national(lines: Sequence[Line], edge: int) -> tuple[list[WordedQuestion], list[FoundSection]]:
    """Return the questions of this form, and the one section they stand in."""
    section = FoundSection("")
    made = [_asked(section, first, block, edge) for first, block in _blocks(lines)]
    section.questions += [one.source for one in made]
    return made, [section]


def _blocks(lines: Sequence[Line]) -> Iterator[tuple[Line, list[Line]]]:
    starts = [place for place, line in enumerate(lines) if _FIRST.fullmatch(line.text)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        yield lines[start], [line for line in lines[start + 1 : end] if line.text or line.pictures]


def _asked(section: FoundSection, first: Line, block: Sequence[Line], edge: int) -> WordedQuestion:
    match = _FIRST.fullmatch(first.text)
    assert match is not None
    parts: dict[str, list[Line]] = {"stem": [], "key": [], "explanation": []}
    now, loose = "", []
    for line in block:
        mark = _MARK.match(line.text)
        now = _PARTS[mark["part"].upper()] if mark else now
        rest = line.cut(mark.end()) if mark else line
        if not now:
            loose.append(rest)
        elif rest.text or rest.pictures:
            parts[now].append(rest)
    question = FoundQuestion(section, first, body=parts["stem"], absorbed=loose)
    question.fields = {name: parts[name] for name in ("key", "explanation") if parts[name]}
    for name in ("point", "difficulty", "consistency"):
        if match[name]:
            question.fields[name] = [Line(re.sub(r"\s+", "", match[name]), first.number)]
    key = " ".join(without(line.text) for line in parts["key"])
    kind = _kind(match["type"], chosen=len(split_body(parts["stem"]).choices) > 1, key=key)
    question.kind = "" if kind.startswith("type_") else kind
    made = asked(question, edge)
    if kind.startswith("type_"):
        made.faults.append((kind, match["type"]))
    return made


def _kind(word: str, *, chosen: bool, key: str) -> str:
    """Return the type a code names, or why not: D with choices and two letters is 多选, without choices 简答."""
    code = word[:1].upper()
    if code == "D" and chosen:
        return str(ItemType.MULTIPLE_CHOICE) if len(letters(key) or "") > 1 else "type_ask"
    return _CODES.get(code, "type_unsupported")


_LOST = "\ufffd"
_MOST_LEFT = 200
_GOING_ON = ("。", "；", ";", "：", ".", "！", "，")
_FIELD_INSIDE = re.compile(r"(?:解析|答案|难度)\s*[:：]")
_NUMBER_INSIDE = re.compile(r"(?<=[。）)；;\n√×])\s*(?:第\s*|[（(]\s*)?(\d{1,4})\s*(?:[.．、)）]|题)(?!\d)")
_NUMBERED = re.compile(r"\d{1,3}(?:\s|[.．、)）](?!\d)|(?=[\u4e00-\u9fff（(]))")
_INSIDE = re.compile(r"(?<![A-Za-z0-9])[B-L]\s*[.．、:：]\s*\S|[\d\u4e00-\u9fff][B-L] +\S")
"""A label within the text of a choice: two choices may have run together."""


def of_question(question: WordedQuestion, done: Settled, place: Place) -> Iterator[Finding]:
    """Yield what is wrong with a question, what of it is not kept, and what may be meant otherwise."""
    source = question.source
    label = f"{source.section.title} {source.number or ''}".strip() or str(place)
    item = f"{label} ({place})"
    number = source.number or "—"

    def finding_of(severity: Severity, code: str, value: str = "", **params: object) -> Finding:
        return Finding(severity, code, place, value, item, {"number": number, **params})

    seen = set()
    for code, _name, params in done.errors:
        if code not in seen:
            seen.add(code)
            value = question.stated if code.startswith(("answer", "text_key")) else question.stem
            yield finding_of(Severity.ERROR, code, str(value), **params)
    for code, _name, params in done.hints:
        yield finding_of(Severity.HINT, code, question.stated or question.stem, **params)
    for place_of, text in enumerate(question.choices):
        if _INSIDE.search(text) and len(text) > 4:
            letter = LETTERS[place_of] if place_of < len(LETTERS) else ""
            yield finding_of(Severity.HINT, "text_label_inside", text, letter=letter)
    if not source.number and _NUMBERED.match(question.stem):
        yield finding_of(Severity.HINT, "text_number_kept", question.stem)
    if any(_two_in_one(text, source.number) for text in (question.stem, *question.choices)):
        yield finding_of(Severity.HINT, "text_two_in_one", question.stem)
    for line in [*_trailing(question, done), *source.absorbed, *question.joined]:
        yield Finding(Severity.HINT, "text_line_joined", Place(place.file, line=line.number), line.text, item)
    if source.material:
        yield finding_of(Severity.HINT, "text_material", source.material)
    lines = [*source.body, *(line for kept in source.fields.values() for line in kept)]
    if pictures := lost_of(source, done.data):
        yield finding_of(Severity.HINT, "text_picture_not_kept", question.stem, count=pictures)
    if formulas := sum(line.formulas for line in lines):
        yield finding_of(Severity.HINT, "text_formula_not_kept", question.stem, count=formulas)
    if any(_LOST in line.text for line in lines):
        yield finding_of(Severity.HINT, "text_characters_lost", question.stem)


def _two_in_one(text: str, number: int) -> bool:
    """Say whether a text holds the number of the next question, or the name of a field."""
    if _FIELD_INSIDE.search(text):
        return True
    return number > 0 and any(int(one) == number + 1 for one in _NUMBER_INSIDE.findall(text))


def _trailing(question: WordedQuestion, done: Settled) -> list[Line]:
    """Return the lines after a key in words that may be no part of it."""
    lines = question.source.fields.get("key", [])
    if done.data.get("type") == ItemType.FILL_BLANK and len(question.source.body) == 1:
        return lines[len(done.data["answer"]) :]
    if done.data.get("type") != ItemType.SHORT_ANSWER:
        return []
    return [
        line
        for before, line in pairwise(lines)
        if before.text.endswith(("。", "）", ")")) and not line.text.endswith(_GOING_ON)
    ]


def of_document(
    parts: Parts, gone: Sequence[Line], misfits: Sequence[Misfit], name: str
) -> Iterator[Finding]:
    """Yield what holds for a whole document."""
    for misfit in misfits:
        lines = misfit.group.broken or [entry.line for entry in misfit.group.entries[:1]]
        place = Place(name, line=lines[0].number if lines else 0)
        yield Finding(
            Severity.ERROR, misfit.code, place, str(misfit.params.get("text", "")), str(place), misfit.params
        )
    if gone:
        place = Place(name, line=gone[0].number)
        yield Finding(Severity.FIXED, "text_page_lines", place, gone[0].text, params={"count": len(gone)})
    for line in parts.joined:
        yield Finding(Severity.HINT, "text_line_joined", Place(name, line=line.number), line.text)
    left_out = _left_out(parts)
    for line in left_out[:_MOST_LEFT]:
        yield Finding(Severity.HINT, "text_line_left_out", Place(name, line=line.number), line.text)
    if more := left_out[_MOST_LEFT:]:
        params = {"count": len(more)}
        yield Finding(Severity.HINT, "text_lines_left_out", Place(name, line=more[0].number), params=params)


def _left_out(parts: Parts) -> list[Line]:
    """Return lines that belong to nothing: of those before the first heading, which are a title, only choices."""
    lines = [line for line in parts.loose if not line.bare]
    return [line for line in lines if line.number >= parts.begun or begins_choice(line.text)]


BY_KEY = "by_key"
NO_MARK = "none"
_AFTER_ALL = 1_000_000
"""Keys of another document stand after all sections."""
_POINT = re.compile(r"[A-Z](?:\s*[-－—]\s*[A-Z]){1,3}\s*[-－—]\s*\d{1,3}(?!\d)")
"""The code of a knowledge point: a list of them is a 细目表."""
_BEGINS = re.compile(
    r"[\d（(【\[A-La-lＡ-Ｌ一二三四五六七八九十第√]|[Tt]rue|[-=_]{3}|.{0,4}(?:答案?|解析|难度)\s*[】:：]"
)
_LEAST = 0.2
"""Under this share of sound questions a document is no bank."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A document cut into pieces, before keys are joined."""

    parts: Parts
    edge: int
    gone: list[Line]
    drawn: list[Line]
    """Those in which pictures stand."""
    lines: Sequence[Line]


def cut(lines: Sequence[Line], adjust: Adjustments) -> Cut:
    """Return a document in pieces; what its author says is no heading is left out of them."""
    kept, gone = without_furniture(
        [line for line in lines if adjust.get(heading_name(line.text)) != NO_HEADING]
    )
    return Cut(Segmenter(with_brackets(kept)).run(), _edge(kept), gone, drawn_lines(lines), lines)


def read_lines(lines: Sequence[Line], form: str, name: str, adjust: Adjustments) -> Reading:
    """Return the bank in the lines of one document.

    Raise InvalidInput("bank.keys_only"), ("bank.no_keys"), ("bank.no_items").
    """
    if is_national(lines):
        kept, gone = without_furniture(lines)
        worded, sections = read_national(kept, _edge(kept))
        drawn = [(name, line) for line in drawn_lines(lines)]
        parts = Parts(sections, [])
        return read_asked(worded, parts, gone, [], form, name, adjust, drawn=drawn, lines=lines)
    pieces = cut(lines, adjust)
    return read_cut(pieces, give_keys(pieces.parts), form, name, adjust)


def read_cut(
    pieces: Cut,
    misfits: Sequence[Misfit],
    form: str,
    name: str,
    adjust: Adjustments,
    beside: Sequence[DrawnLine] = (),
) -> Reading:
    """Return the bank of a document whose keys are joined; raise as `read_lines` does."""
    questions = [question for section in pieces.parts.sections for question in section.questions]
    worded = [asked(question, pieces.edge) for question in questions]
    drawn = [*((name, line) for line in pieces.drawn), *beside]
    return read_asked(
        worded, pieces.parts, pieces.gone, misfits, form, name, adjust, drawn=drawn, lines=pieces.lines
    )


def read_asked(
    worded: Sequence[WordedQuestion],
    parts: Parts,
    gone: Sequence[Line],
    misfits: Sequence[Misfit],
    form: str,
    name: str,
    adjust: Adjustments,
    inferred: Sequence[Inferred] = (),
    drawn: Sequence[DrawnLine] = (),
    lines: Sequence[Line] = (),
) -> Reading:
    """Return the bank of questions in words; raise as `read_lines` does."""
    habits, marked = _habits(worded, name, adjust)
    settled = [settle(one, habits) for one in worded]
    _refuse(parts, worded, settled)
    items: list[ItemDraft] = []
    findings: list[Finding] = []
    for question, done in zip(worded, settled, strict=True):
        place = Place(name, line=question.source.line.number)
        findings += of_question(question, done, place)
        if not done.errors:
            items.append(ItemDraft("", done.data, {"": place}))
    inferences = (*inferred, *marked, *_types(worded, settled, name, adjust))
    findings += of_document(parts, gone, misfits, name)
    findings += nowhere(drawn, [one.source for one in worded], [draft.data for draft in items], name)
    source = tuple(SourceText(Place(name, line=line.number), line.text) for line in lines if line.text)
    return Reading(form, name, items, findings, inferred=inferences, layout=form, source=source)


def _edge(lines: Sequence[Line]) -> int:
    """Return how wide lines are where a text is broken at an edge, 0 where it is not.

    At an edge, lines that go on follow: ones without a number, a letter or a name of a field.
    """
    filled = [line for line in lines if line.text]
    widths = sorted(line.wide for line in filled)
    if len(widths) < 8:
        return 0
    edge = widths[-max(1, len(widths) // 50)]
    near = [place for place, line in enumerate(filled[:-1]) if edge - 8 <= line.wide <= edge + 4]
    going_on = sum(_BEGINS.match(filled[place + 1].text) is None for place in near)
    return edge if 40 <= edge <= 140 and going_on >= 3 and widths[-1] <= edge + 30 else 0


def _habits(
    worded: Sequence[WordedQuestion], name: str, adjust: Adjustments
) -> tuple[Habits, list[Inferred]]:
    inferred: list[Inferred] = []
    chosen = [one for one in worded if len(one.choices) > 1]
    inside = sum(len([found for found in one.inside if letters(found.token)]) == 1 for one in chosen)
    mark = ""
    without = [one for one in chosen if not (one.stated or one.ticked or one.inside) and one.marks]
    counts = Counter(
        mark for one in without for mark, right in one.marks.items() if len(right) < len(one.choices)
    )
    if counts:
        best = counts.most_common(1)[0][0]
        mark = adjust.get("key:mark", best)
        options = (*counts, NO_MARK)
        count = sum(mark in one.marks for one in without)
        inferred.append(Inferred("key:mark", "text_mark", mark, options, count, Place(name), {"mark": mark}))
        mark = "" if mark == NO_MARK else mark
    many = adjust.get("type:choice", BY_KEY)
    right = adjust.get("truth:letters", "A")
    leading = sum(
        one.empty_blank and len(one.inside) == 1 and one.inside[0].stem.startswith(BLANK) for one in chosen
    )
    habits = Habits(
        2 * inside > len(chosen), leading * 5 > len(chosen) * 2, mark, right, "" if many == BY_KEY else many
    )
    return habits, inferred


def _types(
    worded: Sequence[WordedQuestion], settled: Sequence[Settled], name: str, adjust: Adjustments
) -> list[Inferred]:
    """Return what was understood of types and keys, one of a kind."""
    place = Place(name)
    counts: Counter[str] = Counter()
    kinds: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for question, done in zip(worded, settled, strict=True):
        if done.errors:
            continue
        counts.update(set(done.inferred) - {"type"})
        if "type" in done.inferred:
            group = CHOICE if question.choices and done.data["type"] != ItemType.TRUE_FALSE else "text"
            kinds[group][str(done.data["type"])] += 1
    inferences = []
    if kinds[CHOICE]:
        value = adjust.get("type:choice", BY_KEY)
        options = (BY_KEY, str(ItemType.SINGLE_CHOICE), str(ItemType.MULTIPLE_CHOICE))
        inferences.append(
            Inferred(
                "type:choice",
                "text_type_key",
                value,
                options,
                kinds[CHOICE].total(),
                place,
                _said(kinds[CHOICE]),
            )
        )
    for kind, count in kinds["text"].items():
        inferences.append(
            Inferred(f"type:{kind}", "text_type_content", kind, (kind,), count, place, {"type": kind})
        )
    if counts["truth_letters"]:
        right = adjust.get("truth:letters", "A")
        inferences.append(
            Inferred("truth:letters", "text_truth_letters", right, ("A", "B"), counts["truth_letters"], place)
        )
    if counts["fill_inside"]:
        inferences.append(
            Inferred("key:fill", "text_fill_inside", "stem", ("stem",), counts["fill_inside"], place)
        )
    if counts["text_key"]:
        inferences.append(
            Inferred("key:text", "text_key_inside", "stem", ("stem",), counts["text_key"], place)
        )
    return inferences


def _said(kinds: Mapping[str, int]) -> dict[str, object]:
    return {
        "single": kinds.get(str(ItemType.SINGLE_CHOICE), 0),
        "multiple": kinds.get(str(ItemType.MULTIPLE_CHOICE), 0),
    }


def _refuse(parts: Parts, worded: Sequence[WordedQuestion], settled: Sequence[Settled]) -> None:
    groups = [one for one in parts.groups if one.entries or one.bare]
    sound = sum(not one.errors for one in settled)
    if sound and sound >= _LEAST * len(settled):
        return
    codes = Counter(code for one in settled for code, _name, _params in one.errors)
    chosen = sum(len(one.choices) > 1 for one in worded)
    without = sum(any(code == "text_no_choices" for code, _name, _params in one.errors) for one in settled)
    if 2 * without > len(worded):
        return  # stems and keys, whose choices were left behind: each says so
    if groups and not chosen and not sound:
        raise InvalidInput("bank.keys_only")
    typed = sum(one.kind == ItemType.TRUE_FALSE or len(one.choices) > 1 for one in worded)
    if typed and codes["text_no_key"] >= 0.8 * len(worded):
        raise InvalidInput("bank.no_keys", count=len(worded))
    if 2 * chosen >= len(worded) > 0 and not groups:
        return  # questions they are, and each says what is wrong with it
    if chosen >= 3 and groups:
        raise InvalidInput("bank.keys_unfit", count=len(worded))
    points = sum(bool(_POINT.match(line.text)) for line in parts.loose)
    raise InvalidInput("bank.plan_workbook" if points >= 3 else "bank.no_items")


def read_joined(
    questions: Cut, answers: Cut, keys: str, form: str, name: str, adjust: Adjustments
) -> Reading:
    """Return the bank of one document with the keys of another, the file `keys`; raise as `read_lines` does."""
    groups = [replace(group, after=_AFTER_ALL) for group in answers.parts.groups]
    questions.parts.groups += groups
    beside = [(keys, line) for line in answers.drawn]
    reading = read_cut(questions, give_keys(questions.parts), form, name, adjust, beside)
    count = sum(
        question.entry is not None for section in questions.parts.sections for question in section.questions
    )
    joined = Inferred("keys:file", "text_keys_file", keys, (keys,), count, Place(name), {"keys": keys})
    return replace(reading, inferred=(*reading.inferred, joined))


def only_keys(pieces: Cut) -> bool:
    """Say whether a document holds keys and no questions."""
    groups = [one for one in pieces.parts.groups if one.entries or one.bare]
    questions = [question for section in pieces.parts.sections for question in section.questions]
    return bool(groups) and not any(question.chosen or question.keyed for question in questions)

"""From the lines of a document to a bank: what was read, what was only understood, what is wrong, or a refusal."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cbt.bank.formats.reading.cutting.joining import Misfit, give_keys
from cbt.bank.formats.reading.cutting.parts import Parts
from cbt.bank.formats.reading.cutting.segment import Segmenter
from cbt.bank.formats.reading.findings import of_document, of_question
from cbt.bank.formats.reading.lines import Line, with_brackets, without_furniture
from cbt.bank.formats.reading.national import is_national, read_national
from cbt.bank.formats.reading.pictures import DrawnLine, drawn_lines, nowhere
from cbt.bank.formats.reading.question import WordedQuestion, asked
from cbt.bank.formats.reading.settled import Settled
from cbt.bank.formats.reading.settling import CHOICE, Habits, settle
from cbt.bank.formats.reading.words import BLANK, letters
from cbt.bank.imports.drafts import Adjustments, Inferred, ItemDraft, Reading
from cbt.errors import InvalidInput
from cbt.rules.items.values import ItemType
from cbt.sheets.findings import Finding, Place

BY_KEY = "by_key"
NO_MARK = "none"
_AFTER_ALL = 1_000_000
"""Keys of another document stand after all sections."""
_POINT = re.compile(r"[A-Z](?:\s*[-－—]\s*[A-Z]){1,3}\s*[-－—]\s*\d{1,3}(?!\d)")
"""The code of a knowledge point: a list of them is a 细目表."""
_BEGINS = re.compile(r"[\d（(【\[A-La-lＡ-Ｌ一二三四五六七八九十第√]|.{0,4}(?:答案?|解析|难度)\s*[】:：]")
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


def cut(lines: Sequence[Line]) -> Cut:
    """Cut the lines of a document."""
    kept, gone = without_furniture(lines)
    return Cut(Segmenter(with_brackets(kept)).run(), _edge(kept), gone, drawn_lines(lines))


def read_lines(lines: Sequence[Line], form: str, name: str, adjust: Adjustments) -> Reading:
    """Return the bank in the lines of one document.

    Raise InvalidInput("bank.keys_only"), ("bank.no_keys"), ("bank.no_items").
    """
    if is_national(lines):
        kept, gone = without_furniture(lines)
        worded, sections = read_national(kept, _edge(kept))
        drawn = [(name, line) for line in drawn_lines(lines)]
        return read_asked(worded, Parts(sections, []), gone, [], form, name, adjust, drawn=drawn)
    found = cut(lines)
    return read_cut(found, give_keys(found.parts), form, name, adjust)


def read_cut(
    found: Cut,
    misfits: Sequence[Misfit],
    form: str,
    name: str,
    adjust: Adjustments,
    beside: Sequence[DrawnLine] = (),
) -> Reading:
    """Return the bank of a document whose keys are joined; raise as `read_lines` does."""
    questions = [question for section in found.parts.sections for question in section.questions]
    worded = [asked(question, found.edge) for question in questions]
    drawn = [*((name, line) for line in found.drawn), *beside]
    return read_asked(worded, found.parts, found.gone, misfits, form, name, adjust, drawn=drawn)


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
) -> Reading:
    """Return the bank of questions in words; raise as `read_lines` does."""
    habits, marked = _habits(worded, name, adjust)
    settled = [settle(one, habits) for one in worded]
    _refuse(parts, worded, settled)
    items: list[ItemDraft] = []
    findings: list[Finding] = []
    for one, done in zip(worded, settled, strict=True):
        place = Place(name, line=one.source.line.number)
        findings += of_question(one, done, place)
        if not done.errors:
            items.append(ItemDraft("", done.data, {"": place}))
    said = (*inferred, *marked, *_types(worded, settled, name, adjust))
    findings += of_document(parts, gone, misfits, items, name)
    findings += nowhere(drawn, [one.source for one in worded], [draft.data for draft in items], name)
    return Reading(form, name, items, findings, inferred=said, layout=form)


def _edge(lines: Sequence[Line]) -> int:
    """Return how wide lines are where a text is broken at an edge, 0 where it is not.

    At an edge, lines that go on follow: ones without a number, a letter or a name of a field.
    """
    said = [line for line in lines if line.text]
    widths = sorted(line.wide for line in said)
    if len(widths) < 8:
        return 0
    edge = widths[-max(1, len(widths) // 50)]
    near = [place for place, line in enumerate(said[:-1]) if edge - 8 <= line.wide <= edge + 4]
    going_on = sum(_BEGINS.match(said[place + 1].text) is None for place in near)
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
    for one, done in zip(worded, settled, strict=True):
        if done.errors:
            continue
        counts.update(set(done.inferred) - {"type"})
        if "type" in done.inferred:
            group = CHOICE if one.choices and done.data["type"] != ItemType.TRUE_FALSE else "text"
            kinds[group][str(done.data["type"])] += 1
    found = []
    if kinds[CHOICE]:
        value = adjust.get("type:choice", BY_KEY)
        options = (BY_KEY, str(ItemType.SINGLE_CHOICE), str(ItemType.MULTIPLE_CHOICE))
        found.append(
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
        found.append(
            Inferred(f"type:{kind}", "text_type_content", kind, (kind,), count, place, {"type": kind})
        )
    if counts["truth_letters"]:
        right = adjust.get("truth:letters", "A")
        found.append(
            Inferred("truth:letters", "text_truth_letters", right, ("A", "B"), counts["truth_letters"], place)
        )
    if counts["fill_inside"]:
        found.append(
            Inferred("key:fill", "text_fill_inside", "stem", ("stem",), counts["fill_inside"], place)
        )
    if counts["text_key"]:
        found.append(Inferred("key:text", "text_key_inside", "stem", ("stem",), counts["text_key"], place))
    return found


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
    found = read_cut(questions, give_keys(questions.parts), form, name, adjust, beside)
    given = sum(
        question.entry is not None for section in questions.parts.sections for question in section.questions
    )
    joined = Inferred("keys:file", "text_keys_file", keys, (keys,), given, Place(name), {"keys": keys})
    return replace(found, inferred=(*found.inferred, joined))


def only_keys(found: Cut) -> bool:
    """Say whether a document holds keys and no questions."""
    groups = [one for one in found.parts.groups if one.entries or one.bare]
    questions = [question for section in found.parts.sections for question in section.questions]
    return bool(groups) and not any(question.chosen or question.keyed for question in questions)

"""Doubts about lines: what a file says and no item does, and what an item says that may be none of its own."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial

from cbt.interchange.documents.lines import Line
from cbt.interchange.documents.structure import heading_of
from cbt.interchange.documents.terms import letters, verdict
from cbt.interchange.doubts.choices import says_verdict
from cbt.interchange.doubts.doubt import Doubt, DoubtedReading, SourcePart, read_text, words_of
from cbt.items.draft import ItemDraft, SourceText
from cbt.items.exam_prose import is_signature, normal

_PARTS = ("stem", "choice", "answer", "blank")
"""Fields of which nothing may be lost."""
_LONG = 8
"""So many words of a line are more than a label."""
_FEWEST, _SHARE = 3, 0.02
_COLUMN = 0.5
_FEW_JOINED, _JOINED = 2, 0.1
_RUNNING = 3
"""A line that stands in a text so often runs over its pages."""
_FOUND = 0.6
_NO_WORDS = re.compile(r"[\da-h]|答案|解析|难度|选项|正确|错误|单选|多选|判断|填空|简答|题")
_BETWEEN = re.compile(r"[\W_]+")
_LABEL = re.compile(r"^(?:[a-l]|\d{1,3}|答案?|解析)")


def unread_text(evidence: DoubtedReading) -> Doubt | None:
    """Doubt the items in whose lines, cells or fields something stands that none of them says."""
    known = {piece for draft in evidence.items for text in words_of(draft.data) for piece in _pieces(text)}
    lost = list(_lost(evidence, known))
    surely = [one for one in lost if one[1].field.startswith(_PARTS)]
    loosely = [one for one in lost if not one[1].field]
    often = Counter(one.text for one in evidence.lines)
    lines = [one for one in loosely if not one[1].place.column and often[one[1].text] < _RUNNING]
    lines = lines if len(lines) >= max(_FEWEST, _SHARE * len(evidence.source)) else []
    doubted = [*surely, *lines, *_columns(evidence, loosely)]
    if not doubted:
        return None
    concerned = tuple(dict.fromkeys(place for stretch, _text in doubted for place in stretch.owners))
    said = [text.text for _stretch, text in doubted]
    return Doubt("unread_text", concerned, said, params={"texts": len(doubted)})


def joined_lines(evidence: DoubtedReading) -> Doubt | None:
    """Doubt the lines that few items go on with: where they end nobody said."""
    joined = [one for one in evidence.findings if one.code == "text_line_joined" and one.item]
    joined = [one for one in joined if not says_verdict(one.value)]
    lines = {(one.place.file, one.place.line): one.value for one in joined}
    held = [
        (place, lines[text.place.file, text.place.line])
        for place, stretch in evidence.beside.items()
        for text in stretch.texts
        if (text.place.file, text.place.line) in lines
    ]
    concerned = tuple(sorted({place for place, _line in held}))
    if not concerned or len(concerned) > max(_FEW_JOINED, _JOINED * len(evidence.items)):
        return None
    mends = {"drop_lines": partial(_without_lines, lines=frozenset(line for _place, line in held))}
    return Doubt("joined_lines", concerned, [line for _place, line in held], mends)


def _without_lines(draft: ItemDraft, *, lines: frozenset[str]) -> ItemDraft:
    def cut(text: str) -> str:
        first, *rest = text.split("\n")
        return "\n".join([first, *(line for line in rest if line not in lines)])

    data = dict(draft.data)
    for name in ("stem", "explanation", "answer"):
        if isinstance(data.get(name), str):
            data[name] = cut(data[name])
    if isinstance(data.get("choices"), list):
        data["choices"] = [cut(text) for text in data["choices"]]
    return draft.with_data(data)


def _columns(
    evidence: DoubtedReading, lost: list[tuple[SourcePart, SourceText]]
) -> Iterator[tuple[SourcePart, SourceText]]:
    """Yield the cells of columns, or fields, that speak beside most items and are not read."""
    by_column: defaultdict[tuple[str, str], list[tuple[SourcePart, SourceText]]] = defaultdict(list)
    for stretch, text in lost:
        if text.place.column:
            by_column[text.place.sheet, text.place.column].append((stretch, text))
    items = Counter(draft.place("").sheet for draft in evidence.items)
    for (sheet, _column), own in by_column.items():
        if len(own) >= max(_FEWEST, _COLUMN * items[sheet]):
            yield from own


def _lost(evidence: DoubtedReading, known: set[str]) -> Iterator[tuple[SourcePart, SourceText]]:
    for stretch in evidence.stretches:
        if not stretch.owners or stretch.refused:
            continue
        own = "\0".join(read_text(evidence.items[place].data) for place in stretch.owners)
        for text in stretch.texts:
            if text.field != "left_out" and not _stands_in(text, own, known):
                yield stretch, text


def _stands_in(text: SourceText, own: str, known: set[str]) -> bool:
    said = normal(text.text)
    if text.field.startswith(_PARTS):
        return (
            len(said) < 2
            or verdict(text.text) is not None
            or letters(text.text) is not None
            or said.isdigit()
            or said in own
            or _mostly(text.text, own)
        )
    if text.field or len(_NO_WORDS.sub("", said)) < _LONG or said in own:
        return True
    if is_signature(text.text) or (not text.place.column and heading_of(Line(text.text, 0)) is not None):
        return True
    return _mostly(text.text, own) or _mostly(text.text, known)


def _mostly(said: str, where: str | set[str]) -> bool:
    """Return whether most of a line stands in a text, or among pieces: labels, numbers and signs were taken off."""
    pieces = _pieces(said)
    found = sum(len(piece) for piece in pieces if _says(where, piece) or _says(where, _LABEL.sub("", piece)))
    return found >= _FOUND * sum(map(len, pieces))


def _pieces(text: str) -> list[str]:
    return [normal(piece) for piece in _BETWEEN.split(text) if piece]


def _says(where: str | set[str], piece: str) -> bool:
    return piece in where or verdict(piece) is not None

"""What the cells of a column look like, whatever its header says."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from cbt.candidates.roster.reading.wishes import mark_of
from cbt.personal import words
from cbt.rules.door.admission import valid_resident_id
from cbt.sheets.columns import plain

SAMPLE = 300
_ALIKE = 0.8
_FEW = 2
_EXTRA = re.compile(r"加时|延时|延长|\d\s*分钟|\d\s*倍|合理便利")
_NAME = re.compile(r"[\u3400-\u9fff]{2,4}|[\u3400-\u9fff]{2,}·[\u3400-\u9fff·]{2,}")
_HEADERS = {
    "theory": re.compile("理论|应知|笔试"),
    "skills": re.compile("技能|实操|操作|专业能力|应会"),
    "kind": re.compile("补考"),
}
"""What of a header that nobody knows may tell whether a paper is taken, and how."""


def likely(header: str, cells: Sequence[str]) -> str:
    """Return the field that decides about an examination and that cells look like, "" for none."""
    seen = [cell for cell in cells if cell][:SAMPLE]
    for name, looks in _LOOKS.items():
        if mostly(looks, seen):
            return name
    if any(words.kind_of(cell) == "retake" for cell in seen):
        return "kind"
    if any(_EXTRA.search(cell) for cell in seen):
        return "accommodation"
    for name, said in _HEADERS.items():
        if said.search(header) and mostly(_is_mark, seen, share=0.5):
            return name
    return ""


def settled(field: str, header: str, cells: Sequence[str]) -> str:
    """Return what a column is of whose header says either: papers, or first and retake (考核类型).

    考生类型 and the like may also say where somebody works: where several lines say something and none of them
    speaks of an examination, the column is none of the two.
    """
    seen = [cell for cell in cells if cell][:SAMPLE]
    kinds, papers = sum(map(_is_kind, seen)), sum(map(_is_paper, seen))
    if (
        field == "kind"
        and len(seen) > _FEW
        and "考" not in "".join(seen)
        and not re.search("补考|是否", header)
    ):
        return "paper" if papers else ""
    return field if kinds == papers else "kind" if kinds > papers else "paper"


def names(cells: Sequence[str]) -> bool:
    """Say whether cells look like the names of people: short, of Han characters, hardly one of them twice."""
    seen = [cell for cell in cells if cell][:SAMPLE]
    return mostly(lambda cell: _NAME.fullmatch(cell) is not None, seen) and 2 * len(set(seen)) > len(seen)


def mostly(looks: Callable[[str], bool], cells: Sequence[str], share: float = _ALIKE) -> bool:
    """Say whether nearly all of the cells look so, and there are any."""
    return bool(cells) and sum(looks(cell) for cell in cells) >= share * len(cells)


def _is_mark(cell: str) -> bool:
    return mark_of(cell) is not None or _is_kind(cell)


def _is_kind(cell: str) -> bool:
    return bool(plain(cell)) and words.kind_of(cell) is not None


def _is_paper(cell: str) -> bool:
    known = {"theory", "skills", words.ALL_PAPERS}
    return bool(found := words.papers_of(cell)) and set(found) <= known


_LOOKS: Mapping[str, Callable[[str], bool]] = {
    "document_number": lambda cell: len(cell) >= 18 and valid_resident_id(cell),
    "document_type": lambda cell: words.document_type_of(cell) is not None,
    "kind": _is_kind,
    "level": lambda cell: words.is_level(cell) and not cell.isdigit(),
    "paper": _is_paper,
}

"""匹配 in QTI: a match interaction."""

from __future__ import annotations

from collections.abc import Sequence

from cbt.interchange.export import line
from cbt.interchange.qti.response import Fields, Made, QtiWriting, Response22, stem_of


def _write(data: Fields, name: str, _picture: str) -> Made:
    """The options do not stand as the pairs do, for the same reason."""
    lefts = [left for left, _right in data["pairs"]]
    options = _mixed(sorted({right for _left, right in data["pairs"]}), data.get("extra_options", ()))
    sets = "".join(
        f"<simpleMatchSet>{''.join(_member(f'{letter}{n}', text, most) for n, text in enumerate(texts, 1))}"
        "</simpleMatchSet>"
        for letter, texts, most in (("L", lefts, 1), ("R", options, len(lefts)))
    )
    pairs = [f"L{n} R{options.index(right) + 1}" for n, (_left, right) in enumerate(data["pairs"], 1)]
    head = f'<matchInteraction responseIdentifier="{name}" shuffle="true" maxAssociations="{len(lefts)}">'
    body = f"{stem_of(data)}{head}{sets}</matchInteraction>"
    return [Response22(name, "multiple", "directedPair", pairs)], body


def _mixed(rights: Sequence[str], extras: Sequence[str]) -> list[str]:
    """Return both among each other, each in its own order."""
    first, second, mixed = list(rights), list(extras), list[str]()
    while first and second:
        mixed.append((first if first[0] <= second[0] else second).pop(0))
    return [*mixed, *first, *second]


def _member(name: str, text: str, most: int) -> str:
    head = f'<simpleAssociableChoice identifier="{name}" matchMax="{most}">'
    return f"{head}{line(text)}</simpleAssociableChoice>"


MAPPING = QtiWriting(frozenset({"pairs", "extra_options"}), _write)

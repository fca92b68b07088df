"""What happens to texts on their way: hard breaks, page heads, odd spaces and characters."""

from __future__ import annotations

import random
import unicodedata

from tests.bank.field_texts.layouts import Written

DIRT = ("none", "none", "wrapped", "pages", "spaces", "radicals", "frames", "wide", "unseen", "blank lines")
_RADICALS = {"工": "⼯", "人": "⼈", "用": "⽤", "立": "⽴", "大": "⼤", "二": "⼆"}


def soil(lines: list[Written], kind: str, rng: random.Random) -> list[Written]:
    """Return the same bank with one kind of dirt."""
    match kind:
        case "wrapped":
            return [piece for one in lines for piece in _wrapped(one)]
        case "pages":
            return _paged(lines, rng)
        case "spaces":
            return _each(lines, lambda text: text.replace(" ", "\u00a0").replace("，", "，\t") + " ")
        case "radicals":
            return _each(lines, lambda text: "".join(_RADICALS.get(one, one) for one in text))
        case "frames":
            return _each(lines, lambda text: f"║ {text}" if text else text)
        case "wide":
            return [
                one if one.heading else Written(_wide(one.text), one.right, one.heading, one.listed)
                for one in lines
            ]
        case "unseen":
            return _each(lines, lambda text: "\u200b".join((text[:3], text[3:])))
        case "blank lines":
            return [piece for one in lines for piece in (one, Written(""))]
    return lines


def _each(lines: list[Written], change: object) -> list[Written]:
    return [Written(change(one.text), one.right, one.heading, one.listed) for one in lines]  # type: ignore[operator]


def _wide(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if "A" <= one <= "E" else one for one in text)


def _wrapped(one: Written, edge: int = 56) -> list[Written]:
    pieces, now, width = [], "", 0
    for letter in one.text:
        step = 2 if unicodedata.east_asian_width(letter) in "WFA" else 1
        if width + step > edge and letter not in "，。；：、）？":
            pieces.append(now)
            now, width = "", 0
        now += letter
        width += step
    return [Written(piece, one.right, one.heading, one.listed) for piece in [*pieces, now]]


def _paged(lines: list[Written], rng: random.Random) -> list[Written]:
    made: list[Written] = []
    page = 1
    for place, one in enumerate(lines):
        made.append(one)
        if place % 9 == 8:
            made += [Written(f"第 {page} 页 共 9 页"), Written("某中心内部资料 请勿外传")]
            page += 1
    return made

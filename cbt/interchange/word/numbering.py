"""Automatic numbering of Word: what stands before a paragraph on paper and nowhere in its text.

Only the child that opens a document runs this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_DIGITS = "〇一二三四五六七八九"
_BRANCHES = "甲乙丙丁戊己庚辛壬癸"


def local(element: Any) -> str:
    """Return an element's name without its namespace; "" for a comment."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def value(element: Any, name: str = "val") -> str:
    """Return an attribute whatever its namespace, "" for none."""
    for key, found in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(found)
    return ""


def child(element: Any, name: str) -> Any:
    """Return the first child of a name, or None."""
    return next((one for one in element if local(one) == name), None)


def children(element: Any, name: str) -> Iterator[Any]:
    """Yield the children of a name."""
    return (one for one in element if local(one) == name)


def chinese(number: int) -> str:
    """Return a number below a thousand in Chinese."""
    if number < 10:
        return _DIGITS[number]
    if number < 20:
        return "十" + (_DIGITS[number - 10] if number > 10 else "")
    if number < 100:
        return _DIGITS[number // 10] + "十" + (_DIGITS[number % 10] if number % 10 else "")
    if number < 1000:
        rest = number % 100
        tail = (
            ""
            if not rest
            else chinese(rest)
            if rest >= 20
            else f"一{chinese(rest)}"
            if rest >= 10
            else f"零{_DIGITS[rest]}"
        )
        return f"{_DIGITS[number // 100]}百{tail}"
    return str(number)


def _roman(number: int) -> str:
    signs = {
        1000: "M",
        900: "CM",
        500: "D",
        400: "CD",
        100: "C",
        90: "XC",
        50: "L",
        40: "XL",
        10: "X",
        9: "IX",
    }
    signs |= {5: "V", 4: "IV", 1: "I"}
    text = ""
    for worth, sign in signs.items():
        while number >= worth:
            text, number = text + sign, number - worth
    return text


def _letter(number: int) -> str:
    return chr(ord("A") + (number - 1) % 26) * ((number - 1) // 26 + 1)


def _circled(number: int) -> str:
    return chr(0x245F + number) if 0 < number <= 20 else str(number)


_FORMATS: Mapping[str, Callable[[int], str]] = {
    "upperLetter": _letter,
    "lowerLetter": lambda number: _letter(number).lower(),
    "upperRoman": _roman,
    "lowerRoman": lambda number: _roman(number).lower(),
    "chineseCounting": chinese,
    "chineseCountingThousand": chinese,
    "japaneseCounting": chinese,
    "taiwaneseCounting": chinese,
    "taiwaneseCountingThousand": chinese,
    "ideographDigital": chinese,
    "chineseLegalSimplified": chinese,
    "ideographTraditional": lambda number: _BRANCHES[(number - 1) % 10],
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "decimalZero": lambda number: f"{number:02d}",
    "none": lambda _number: "",
}


class Numbering:
    """The lists of a document and how far each has counted."""

    def __init__(self, root: Any | None) -> None:
        self._levels: dict[str, dict[int, Any]] = {}
        self._abstract: dict[str, str] = {}
        self._overrides: dict[str, dict[int, int]] = {}
        self._own: dict[str, dict[int, Any]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[tuple[str, int]] = set()
        links: dict[str, str] = {}
        names: dict[str, str] = {}
        for one in root if root is not None else ():
            if local(one) == "abstractNum":
                ref = value(one, "abstractNumId")
                self._levels[ref] = {int(value(level, "ilvl") or 0): level for level in children(one, "lvl")}
                if (link := child(one, "numStyleLink")) is not None:
                    links[ref] = value(link)
                if (name := child(one, "styleLink")) is not None:
                    names[value(name)] = ref
            elif local(one) == "num":
                self._num(one)
        for ref, name_of in links.items():
            self._levels[ref] = self._levels[ref] or self._levels.get(names.get(name_of, ""), {})

    def _num(self, one: Any) -> None:
        ref = value(one, "numId")
        target = child(one, "abstractNumId")
        self._abstract[ref] = value(target) if target is not None else ""
        for override in children(one, "lvlOverride"):
            level = int(value(override, "ilvl") or 0)
            if (start := child(override, "startOverride")) is not None:
                self._overrides.setdefault(ref, {})[level] = int(value(start) or 1)
            if (own := child(override, "lvl")) is not None:
                self._own.setdefault(ref, {})[level] = own

    def label(self, ref: str, level: int) -> tuple[str, bool] | None:
        """Count on; return what stands before a paragraph and whether it is a bullet, None where nothing does."""
        abstract = self._abstract.get(ref)
        if ref in {"", "0"} or abstract is None:
            return None
        levels = {**self._levels.get(abstract, {}), **self._own.get(ref, {})}
        found = levels.get(level)
        if found is None:
            return None
        counts = self._counts.setdefault(abstract, {})
        override = self._overrides.get(ref, {}).get(level)
        if override is not None and (ref, level) not in self._begun:
            counts[level] = override
        else:
            counts[level] = counts[level] + 1 if level in counts else _start(found)
        self._begun.add((ref, level))
        for deeper in [one for one in counts if one > level and _restarts(levels.get(one), level)]:
            del counts[deeper]
        kind = _child_value(found, "numFmt") or "decimal"
        if kind == "bullet":
            return "", True
        text = _child_value(found, "lvlText")
        legal = child(found, "isLgl") is not None

        def shown(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            own = levels.get(place)
            number = counts.get(place, _start(own) if own is not None else 1)
            form = "decimal" if legal or own is None else _child_value(own, "numFmt") or "decimal"
            return _FORMATS.get(form, str)(number)

        label = re.sub(r"%([1-9])", shown, text)
        return (label, False) if label.strip() else None


def _start(level: Any) -> int:
    return int(_child_value(level, "start") or 1)


def _restarts(level: Any | None, above: int) -> bool:
    """Say whether a deeper level begins anew below another; `lvlRestart` 0 says it never does."""
    said = _child_value(level, "lvlRestart") if level is not None else ""
    return said == "" or (said != "0" and above < int(said))


def _child_value(element: Any, name: str) -> str:
    found = child(element, name)
    return value(found) if found is not None else ""

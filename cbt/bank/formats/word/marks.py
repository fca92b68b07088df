"""What a run of Word looks like. Only the child that opens a document runs this."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cbt.bank.formats.word.numbering import child, local, value

_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_DARK = 0x60


def value_of(element: Any, name: str) -> str:
    """Return the value of a child, "" for none."""
    found = child(element, name) if element is not None else None
    return value(found) if found is not None else ""


def is_on(properties: Any, name: str) -> bool:
    """Say whether a property is there and not switched off."""
    found = child(properties, name)
    return found is not None and value(found) not in {"0", "false", "off", "none"}


def marks_of(properties: Any) -> Iterator[str]:
    """Yield what marks a run apart from the others."""
    if is_on(properties, "b"):
        yield "bold"
    if is_on(properties, "u"):
        yield "underline"
    if is_on(properties, "highlight"):
        yield "highlight"
    color = value_of(properties, "color").upper()
    if (
        len(color) == 6
        and color != "FFFFFF"
        and any(int(color[n : n + 2], 16) > _DARK for n in (0, 2, 4) if _is_hex(color))
    ):
        yield f"color:{color}"
    shade = child(properties, "shd")
    fill = value(shade, "fill").upper() if shade is not None else ""
    if fill not in {"", "AUTO", "FFFFFF"}:
        yield f"shade:{fill}"


def _is_hex(text: str) -> bool:
    return all(one in "0123456789ABCDEF" for one in text)


def placed(text: str, raised: str) -> str:
    """Return a text with digits above or below the line as the characters for that."""
    if raised == "superscript":
        return text.translate(_RAISED)
    return text.translate(_LOWERED) if raised == "subscript" else text


_PROPERTIES = frozenset({"rPr", "fPr", "sSupPr", "sSubPr", "radPr", "ctrlPr", "naryPr", "dPr", "funcPr"})
_DEEPEST_FORMULA = 60


def math_text(element: Any, depth: int = 0) -> str:
    """Return a formula in one line: `(a+b)/c`, `x²`, `√(x)`; of any other shape the characters in their order."""
    if depth > _DEEPEST_FORMULA:
        return "".join(one.text or "" for one in element.iter() if local(one) == "t")
    name = local(element)
    if name == "t":
        return element.text or ""
    pieces = [(local(one), math_text(one, depth + 1)) for one in element if local(one) not in _PROPERTIES]
    said = dict(pieces)
    match name:
        case "f":
            return f"{_grouped(said.get('num', ''))}/{_grouped(said.get('den', ''))}"
        case "sSup" | "sSub" | "sSubSup":
            low, high = said.get("sub", ""), said.get("sup", "")
            return f"{said.get('e', '')}{_moved(low, 'subscript', '_')}{_moved(high, 'superscript', '^')}"
        case "rad":
            degree = placed(said.get("deg", ""), "superscript")
            return f"{degree}√{_grouped(said.get('e', ''), always=True)}"
        case _:
            return "".join(text for _name, text in pieces)


def _grouped(text: str, *, always: bool = False) -> str:
    plain = not text or text.replace(".", "").isalnum()
    return text if plain and not always else f"({text})"


def _moved(text: str, where: str, mark: str) -> str:
    """Return what stands high or low: by characters made for that, else behind a mark."""
    if not text:
        return ""
    done = placed(text, where)
    return done if not set(done) & set(text) else f"{mark}{_grouped(text)}"

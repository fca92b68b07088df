"""Items of every type, of any text an author may write, and a bank of them on its way out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from cbt.errors import InvalidInput
from cbt.interchange import registry
from cbt.interchange.format import Export
from cbt.items.draft import ItemDraft
from cbt.items.taxonomy import Point, Range, Taxonomy
from cbt.rules.items.registry import parse_content

TAXONOMY = Taxonomy(
    "示例（三级）", "备注", (Range("A", "甲", 100),), (Point("A-001", "一", "X"), Point("A-002", "二", "Y"))
)
WORDS = (
    "甲",
    "答案",
    "a",
    "B1",
    "3.5",
    "，",
    "。",
    "《规程》",
    "x=1",
    "#",
    "{}",
    "<b>",
    "&amp;",
    '"',
    "'",
    "%50%",
)
MARKS = (
    "*",
    "**",
    "_",
    "\\",
    "`",
    "|",
    "~",
    "->",
    ":",
    "//",
    "::",
    "$x^2$",
    "\\frac{a}{b}",
    "[id:1]",
    "￥",
    "=",
    "{",
)
BREAKS = (" ", "\n", "\n\n", "- ", "1. ")
PLAIN = st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map("".join)
"""What says nothing in Markdown."""
ANY = st.lists(st.sampled_from((*WORDS, *MARKS, *BREAKS)), min_size=1, max_size=8).map(
    lambda one: "".join(one).strip()
)
LINE = ANY.map(lambda text: " ".join(text.split()))


def some(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return texts.filter(lambda text: bool(text.strip()))


def several(texts: st.SearchStrategy[str], least: int, most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(some(texts), min_size=least, max_size=most, unique=True)


@st.composite
def contents(
    draw: st.DrawFn, kind: str, block: st.SearchStrategy[str], line: st.SearchStrategy[str]
) -> dict[str, Any]:
    """Draw the content of an item of a type, as its author writes it."""
    data: dict[str, Any] = {
        "type": kind,
        "point": draw(st.sampled_from(["A-001", "A-002"])),
        "difficulty": draw(st.integers(1, 5)),
        "consistency": draw(st.sampled_from([5, 4])),
        "stem": draw(some(block)),
    }
    if draw(st.booleans()):
        data["explanation"] = draw(some(block))
    data |= draw(_own(kind, data["stem"], line, block))
    return data


@st.composite
def _own(
    draw: st.DrawFn, kind: str, stem: str, line: st.SearchStrategy[str], block: st.SearchStrategy[str]
) -> dict[str, Any]:
    match kind:
        case "true_false":
            return {"answer": draw(st.booleans())}
        case "single_choice" | "multiple_choice":
            choices = draw(several(line, 2, 5))
            letters = "ABCDE"[: len(choices)]
            right = [draw(st.sampled_from(letters))]
            if kind == "multiple_choice":
                right = draw(st.lists(st.sampled_from(letters), min_size=1, unique=True))
            fixed = {"fixed_order": True} if draw(st.booleans()) else {}
            return {"choices": choices, "answer": "".join(sorted(right)), **fixed}
        case "fill_blank":
            blanks = draw(st.integers(1, 3))
            marks = "，".join(f"{{{{{n}}}}}" for n in range(1, blanks + 1))
            return {"stem": f"{stem}{marks}。", "answer": [draw(several(line, 1, 3)) for _ in range(blanks)]}
        case "numeric":
            places = draw(st.integers(0, 3))
            answer = draw(st.decimals(-999, 999, places=places))
            return {
                "stem": f"{stem}{{{{1}}}}",
                "answer": f"{answer:f}",
                "decimals": places,
                "tolerance": draw(st.sampled_from(["0", "0.5", "0.05"])),
            }
        case "matching":
            lefts, rights = draw(several(line, 2, 4)), draw(several(line, 2, 4))
            pairs = [[left, draw(st.sampled_from(rights))] for left in lefts]
            extras = [one for one in rights if one not in {pair[1] for pair in pairs}]
            return {"pairs": pairs, **({"extra_options": extras} if extras else {})}
        case "ordering":
            return {"steps": draw(several(line, 2, 5))}
        case "case":
            parts = [
                draw(contents(inner, block, line)) | {"points": f"{Decimal(draw(st.integers(1, 8))) / 2:f}"}
                for inner in draw(st.lists(st.sampled_from(SIMPLE), min_size=1, max_size=3))
            ]
            unit = draw(st.integers(1, 4))
            named = {"title": draw(some(line)), "stimulus": draw(some(block))}
            return {**named, "unit": unit, "stem": "", "parts": parts}
        case _:
            return {"answer": draw(block), "limit": draw(st.sampled_from([500, 300]))}


SIMPLE = ("true_false", "single_choice", "multiple_choice", "fill_blank", "numeric", "matching", "ordering",
          "short_answer")  # fmt: skip
TYPES = (*SIMPLE, "case")


def is_sound(data: dict[str, Any]) -> bool:
    """Say whether a content is one that a bank can hold."""
    try:
        parse_content(data)
    except InvalidInput:
        return False
    return True


def sent(form: str, items: Sequence[dict[str, Any]]) -> tuple[bytes, Export]:
    """Return a bank of these items in a form, and the export with what was left behind."""
    drafts = [ItemDraft(f"A-001-{number}", data, {}) for number, data in enumerate(items, 1)]
    export = Export("bank", "示例", TAXONOMY, iter(drafts))
    buffer = io.BytesIO()
    registry.out_form(form).write(export, buffer)
    return buffer.getvalue(), export

"""The two collections: each kind × variant × dirt × container is in one of them alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from tests.bank.field.containers import CONTAINERS, ONE_SHEET, Grid, Sheets
from tests.bank.field_texts import containers
from tests.bank.field_texts.dirt import DIRT, soil
from tests.bank.field_texts.layouts import Written
from tests.bank.field_texts.truth import Item
from tests.bank.kinds import sheets, texts

TUNING, HELD_BACK = "tuning", "held-back"
_ENDINGS = {"txt": "txt", "gb18030": "txt", "docx": "docx", "html": "html", "md": "md"}
_SHEET_DIRT = ("none", "spaces", "unseen", "title", "empty rows", "no-break")
_OBJECT_DIRT = ("none", "tags", "spaces", "lines")
_EACH = 5
"""So many mixtures of dirt and container a variant, of which about half fall to each collection."""


@dataclass(frozen=True)
class Made:
    """One file, what must come in of it, and what it is a mixture of."""

    name: str
    content: bytes
    items: list[Item]
    kind: str
    mixture: str


def collection(which: str) -> Iterator[Made]:
    """Yield the files of one collection."""
    for kind, (write, variants) in texts.KINDS.items():
        for variant in range(variants):
            for dirt, container in _drawn(kind, variant, DIRT[1:], tuple(_ENDINGS), which):
                yield _text(kind, write, variant, dirt, container, which)
    for kind, (fill, variants) in sheets.KINDS.items():
        for variant in range(variants):
            for dirt, container in _drawn(kind, variant, _SHEET_DIRT, tuple(CONTAINERS), which):
                yield _sheet(kind, fill, variant, dirt, container, which)
    for kind, (put, variants) in sheets.OBJECTS.items():
        for variant in range(variants):
            for dirt, container in _drawn(kind, variant, _OBJECT_DIRT, ("json",), which):
                rng = random.Random(f"{which}/{kind}/{variant}/{dirt}")
                value, items = put(rng, variant)
                content = sheets.dumped(_soiled(value, dirt))
                yield Made(f"{kind}.json", content, items, kind, f"{variant}/{dirt}/{container}")


def _drawn(
    kind: str, variant: int, dirt: tuple[str, ...], boxes: tuple[str, ...], which: str
) -> Iterator[tuple[str, str]]:
    rng = random.Random(f"{kind}/{variant}")
    mixtures = {_that_can_be(kind, rng.choice(dirt), rng.choice(boxes)) for _ in range(_EACH)}
    for one, box in sorted(mixtures):
        own = (TUNING, HELD_BACK)[crc32(f"{kind}/{variant}/{one}/{box}".encode()) % 2]
        if own == which:
            yield one, box


def _that_can_be(kind: str, dirt: str, container: str) -> tuple[str, str]:
    """Return dirt and container as they go together: a paragraph has no edge, and some signs no old charset."""
    if kind == "parted fields":
        return "none", container if container == "gb18030" else "txt"
    if kind in {"plan", "sheet twice"} and container in ONE_SHEET:
        container = "xlsx"
    if (dirt == "wrapped" and container not in {"txt", "gb18030"}) or (dirt, container) == ("frames", "md"):
        dirt = "none"
    if container == "gb18030" and dirt in {"radicals", "unseen", "frames", "spaces"}:
        container = "txt"
    return dirt, container


def _text(kind: str, write: texts.Kind, variant: int, dirt: str, container: str, which: str) -> Made:
    rng = random.Random(f"{which}/{kind}/{variant}/{dirt}/{container}")
    lines, items = write(rng, variant)
    written = soil([Written(one) for one in lines], dirt, rng)
    match container:
        case "docx":
            content = containers.word(written)
        case "html":
            content = containers.page(written)
        case "md":
            content = containers.markdown(written)
        case _:
            content = containers.text(written, "utf-8" if container == "txt" else container)
    return Made(f"{kind}.{_ENDINGS[container]}", content, items, kind, f"{variant}/{dirt}/{container}")


def _sheet(kind: str, fill: sheets.Kind, variant: int, dirt: str, container: str, which: str) -> Made:
    rng = random.Random(f"{which}/{kind}/{variant}/{dirt}/{container}")
    made, items = fill(rng, variant)
    grids = {name: _soiled_grid(grid, dirt) for name, grid in made.grids.items()}
    ending, write = CONTAINERS[container]
    return Made(f"{kind}{ending}", write(Sheets(grids, {})), items, kind, f"{variant}/{dirt}/{container}")


def _soiled_grid(grid: Grid, dirt: str) -> Grid:
    def soiled(cell: object) -> object:
        if not isinstance(cell, str) or not cell:
            return cell
        match dirt:
            case "spaces":
                return f" {cell} "
            case "unseen":
                return f"{cell[:2]}\u200b{cell[2:]}"
            case "no-break":
                return cell.replace("，", "，\u00a0")
        return cell

    body = [[soiled(cell) for cell in line] for line in grid]
    if dirt == "title":
        body = [["值班岗位理论资料"], *body]
    if dirt == "empty rows":
        body = [line for place, one in enumerate(body) for line in ([one, []] if place % 4 == 3 else [one])]
    return body  # type: ignore[return-value]  # what was a cell is one


def _soiled(value: object, dirt: str) -> object:
    if isinstance(value, dict):
        return {name: _soiled(one, dirt) for name, one in value.items()}
    if isinstance(value, list):
        return [_soiled(one, dirt) for one in value]
    if not isinstance(value, str) or len(value) < 3:
        return value
    return {"tags": f"<p>{value}</p>", "spaces": f"{value}  ", "lines": f"{value}\n"}.get(dirt, value)

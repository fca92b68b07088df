"""Which bubbles of a proved page are marked: by their darkness beside the paper and the page's other bubbles.

What lies between a clear mark and clear paper is doubtful and goes to a person.

Source: R-81.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from cbt.paper_mode.optical.registration import (
    KEPT,
    SCALE,
    FlatPage,
    Floats,
    Grey,
    PageError,
    ProvedRow,
    prove_rows,
)
from cbt.rules.paper import sheet
from cbt.rules.paper.reading import Box, FieldReading, MarkDoubt, PageProblem, RowReading

_EDGE = 1.6
"""Millimetres around a bubble that are looked at with it."""
_INSET, _LINE = 0.38, 0.3
_INK, _GREY = 0.5, 0.22
"""From these on a pixel is ink, or at least grey."""
_FILLED, _STROKES, _EVEN, _COVERED = 0.42, 0.15, 0.3, 0.6
"""Shares of a bubble: so much ink is a filled one, so much is a cross or a tick; so dark and so covered is a light
but even fill."""
_BARE, _BARE_INK = 0.06, 0.025
"""Below these nothing is in a bubble."""
_RESIDUE, _PLAIN = 0.13, 0.5
"""So much may be left in a bubble beside a plain mark in the same row: somebody rubbed it out."""
_NOISE = 7.0
_MOST_NOISE = 0.16
_OUTLINED = 0.05
_OUTLINE_OFF = 0.55
_FEW = 8
_WIDEST, _HIGHEST, _OFF = 10.0, 8.0, 2.0
"""A mark that is larger (mm), or whose middle is further from the bubble's, is a stroke from elsewhere."""
_LONG = 1.7
"""Strokes that are shorter (mm) are a dot."""
_THICK = 1.1
"""What is thicker (mm) is no stroke but a fill or a blot."""
_WRITTEN = 0.8
_FIELD_GREY = 0.3
_ROW_EDGE = 2.0


class _Look(StrEnum):
    BARE = "bare"
    MARK = "mark"
    FAINT = "faint"
    STRAY = "stray"


@dataclass(frozen=True)
class _Bubbles:
    """What was measured of all bubbles of a page, in order."""

    dark: Floats
    ink: Floats
    covered: Floats
    sizes: Floats
    """Width and height of the largest piece of ink in it, and how far its middle is from the bubble's (mm)."""
    solid: Floats
    """The same of what is thicker than a stroke."""
    sensitive: bool
    """Whether the picture shows the grey outlines, and so would show a light mark."""
    bare: float


def read_marks(
    flat: FlatPage, layout: sheet.SheetLayout, page: sheet.AnswerSheetPage
) -> tuple[tuple[RowReading, ...], tuple[FieldReading, ...], tuple[tuple[int, int, Box], ...]]:
    """Return rows, fields and the boxes of rows of a flat page; raise PageError where it is not proved."""
    proved = prove_rows(flat, layout, page)
    rows: list[RowReading] = []
    boxes = []
    if proved:
        bubbles = _measured(flat, layout.size, page, proved)
        start = 0
        for row, lies in zip(page.rows, proved, strict=True):
            places = range(start, start + len(row.signs))
            rows.append(_row_reading(row, lies, bubbles, places))
            boxes.append((row.position, row.part, _row_box(row, lies, layout.size)))
            start += len(row.signs)
    fields = tuple(_field_reading(flat, one, layout.size) for one in page.fields)
    return tuple(rows), fields, tuple(boxes)


def _measured(
    flat: FlatPage, size: sheet.SheetSize, page: sheet.AnswerSheetPage, proved: Sequence[ProvedRow]
) -> _Bubbles:
    centres = np.concatenate([row.centres for row in proved])
    patches, xs, ys = _patches(flat.dark, centres, size.bubble)
    away = _away(xs, ys, size.bubble)
    inner, line = away < -_INSET, np.abs(away) < _LINE
    dark, ink = patches[:, inner].mean(axis=1), (patches[:, inner] > _INK).mean(axis=1)
    covered = (patches[:, inner] > _GREY).mean(axis=1)
    signs = [sign for row in page.rows for sign in row.signs]
    dark, ink = dark - _printed(dark, signs), ink - _printed(ink, signs)
    sensitive = _outlined(patches, dark, line, size.bubble)
    quiet = np.sort(dark)[: max(3, len(dark) // 2)]
    spread = float(np.median(np.abs(quiet - np.median(quiet)))) * 1.5 + 0.002
    bare = max(_BARE, _NOISE * spread)
    if bare > _MOST_NOISE:
        raise PageError(PageProblem.TOO_POOR)
    inked = (flat.dark > _INK).astype(np.uint8)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(_THICK * SCALE),) * 2)
    thick = cv2.morphologyEx(cv2.morphologyEx(inked, cv2.MORPH_CLOSE, np.ones((3, 3))), cv2.MORPH_OPEN, brush)
    sizes, solid = (_pieces(picture, centres, size.bubble) for picture in (inked, thick))
    return _Bubbles(dark, ink, covered, sizes, solid, sensitive, bare)


def _patches(dark: Floats, centres: Floats, bubble: tuple[float, float]) -> tuple[Floats, Floats, Floats]:
    """Return what lies around each centre, and where (mm from it) the pixels of such a patch are."""
    wide, high = (round((side / 2 + _EDGE) * SCALE) for side in bubble)
    xs, ys = np.meshgrid(np.arange(-wide, wide + 1), np.arange(-high, high + 1))
    map_x = (centres[:, 0] * SCALE)[:, None, None] + xs
    map_y = (centres[:, 1] * SCALE)[:, None, None] + ys
    flat_shape = (-1, xs.shape[1])
    taken = cv2.remap(
        dark.astype(np.float32), map_x.reshape(flat_shape).astype(np.float32),
        map_y.reshape(flat_shape).astype(np.float32), cv2.INTER_LINEAR,
    )  # fmt: skip
    return taken.reshape(len(centres), *xs.shape), xs / SCALE, ys / SCALE


def _away(xs: Floats, ys: Floats, bubble: tuple[float, float]) -> Floats:
    """Return how far points are outside a bubble's outline, below 0 inside."""
    wide, high = bubble
    straight = np.maximum(np.abs(xs) - (wide - high) / 2, 0)
    away: Floats = np.hypot(straight, ys) - high / 2
    return away


def _printed(values: Floats, signs: Sequence[str]) -> Floats:
    """Return what the printed letter adds: the lower quarter of the bubbles that have the same, or of all."""
    places = defaultdict(list)
    for place, sign in enumerate(signs):
        places[sign].append(place)
    usual = float(np.percentile(values, 25))
    printed = np.full(len(values), usual)
    for some in places.values():
        if len(some) >= _FEW:
            printed[some] = min(float(np.percentile(values[some], 25)), usual + 0.08)
    return printed


def _outlined(patches: Floats, dark: Floats, line: Floats, bubble: tuple[float, float]) -> bool:
    """Return whether outlines show; raise PageError where they show beside their places."""
    bare = patches[dark <= np.median(dark)]
    mean = bare.mean(axis=0)
    wanted = line.astype(np.float32)
    edge = round((_EDGE - _LINE) * SCALE) - 2
    core = wanted[edge:-edge, edge:-edge]
    there = cv2.matchTemplate(mean.astype(np.float32), core, cv2.TM_CCOEFF_NORMED)
    at = np.unravel_index(np.argmax(there), there.shape)
    contrast = float(mean[line].mean() - mean[~line].mean())
    if contrast < _OUTLINED:
        return False
    if np.hypot(at[0] - edge, at[1] - edge) / SCALE > _OUTLINE_OFF:
        raise PageError(PageProblem.NOT_PROVED)
    return True


def _pieces(inked: Grey, centres: Floats, bubble: tuple[float, float]) -> Floats:
    """Return width and height of the largest piece of ink within each bubble, and how far its middle is (mm)."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(inked)
    wide, high = (round((side / 2 - 0.3) * SCALE) for side in bubble)
    sizes = np.zeros((len(centres), 3))
    for place, (x, y) in enumerate(np.rint(centres * SCALE).astype(int)):
        counts: NDArray[np.intp] = np.bincount(
            labels[y - high : y + high + 1, x - wide : x + wide + 1].ravel()
        )
        counts[0] = 0
        label = int(np.argmax(counts))
        if not counts[label]:
            continue
        width, height = stats[label, cv2.CC_STAT_WIDTH], stats[label, cv2.CC_STAT_HEIGHT]
        middle_x = stats[label, cv2.CC_STAT_LEFT] + width / 2
        middle_y = stats[label, cv2.CC_STAT_TOP] + height / 2
        sizes[place] = width / SCALE, height / SCALE, np.hypot(middle_x - x, middle_y - y) / SCALE
    return sizes


def _look(bubbles: _Bubbles, place: int) -> _Look:
    dark, ink = bubbles.dark[place], bubbles.ink[place]
    if dark <= bubbles.bare and ink <= _BARE_INK:
        return _Look.BARE
    piece, solid = bubbles.sizes[place], bubbles.solid[place]
    if ink >= _FILLED and solid[0]:
        return _Look.MARK if _is_own(solid) else _Look.STRAY
    if ink >= _STROKES and piece[:2].max() >= _LONG:
        return _Look.MARK if _is_own(piece) else _Look.STRAY
    if dark >= _EVEN and bubbles.covered[place] >= _COVERED:
        return _Look.MARK
    return _Look.FAINT


def _is_own(piece: Floats) -> bool:
    wide, high, off = piece
    return bool(wide <= _WIDEST and high <= _HIGHEST and off <= _OFF)


def _row_reading(row: sheet.BubbleRow, lies: ProvedRow, bubbles: _Bubbles, places: range) -> RowReading:
    looks = [_look(bubbles, place) for place in places]
    dark = [float(bubbles.dark[place]) for place in places]
    marked = tuple(place for place, look in enumerate(looks) if look is _Look.MARK)
    unsure = [place for place, look in enumerate(looks) if look in (_Look.FAINT, _Look.STRAY)]
    doubt = _doubt(row, looks, dark, marked, unsure, bubbles) if lies.proved else MarkDoubt.STRAY
    chosen = marked or tuple(unsure) if doubt else marked
    return RowReading(row.position, row.part, chosen, _confidence(dark, chosen, bubbles, doubt), doubt)


def _doubt(
    row: sheet.BubbleRow, looks: Sequence[_Look], dark: Sequence[float], marked: tuple[int, ...],
    unsure: Sequence[int], bubbles: _Bubbles,
) -> MarkDoubt | None:  # fmt: skip
    if _Look.STRAY in looks:
        return MarkDoubt.STRAY
    if len(marked) > 1 and not row.many:
        return MarkDoubt.DOUBLE
    if unsure:
        if not marked:
            return MarkDoubt.LIGHT
        plain = min(dark[place] for place in marked) >= _PLAIN
        rubbed = max(dark[place] for place in unsure) <= max(_RESIDUE, bubbles.bare)
        return None if plain and rubbed and not row.many else MarkDoubt.ERASED
    if not marked and not bubbles.sensitive:
        return MarkDoubt.LIGHT  # a light mark would not show on such a picture
    return None


def _confidence(
    dark: Sequence[float], chosen: Sequence[int], bubbles: _Bubbles, doubt: MarkDoubt | None
) -> float:
    """Return how far the marks and the rest of a row are apart; at most one half where a person must look."""
    least = min((dark[place] for place in chosen), default=1.0)
    most = max((value for place, value in enumerate(dark) if place not in chosen), default=0.0)
    apart = float(np.clip((least - max(most, 0.0)) / 0.5, 0.0, 1.0))
    return round(min(apart, 0.5) if doubt else max(apart, 0.5), 2)


def _row_box(row: sheet.BubbleRow, lies: ProvedRow, size: sheet.SheetSize) -> Box:
    (left, top), (right, bottom) = lies.centres.min(axis=0), lies.centres.max(axis=0)
    wide, high = size.bubble
    return _box(
        left - wide / 2 - size.label,
        top - high / 2 - _ROW_EDGE,
        right + wide / 2 + 3.5,
        bottom + high / 2 + _ROW_EDGE,
    )


def _box(left: float, top: float, right: float, bottom: float) -> Box:
    """Return a box of the flat page (mm) in pixels of the picture that is kept, within it."""
    x, y = max(0, int(left * KEPT)), max(0, int(top * KEPT))
    wide, high = round(sheet.WIDTH * KEPT), round(sheet.HEIGHT * KEPT)
    return Box(x, y, min(wide, round(right * KEPT)) - x, min(high, round(bottom * KEPT)) - y)


def _field_reading(flat: FlatPage, field: sheet.WritingField, size: sheet.SheetSize) -> FieldReading:
    left, top = field.left, field.top
    corners = flat.places(
        np.array(
            [
                (left, top),
                (left + field.width, top),
                (left + field.width, top + field.height),
                (left, top + field.height),
            ]
        )
    )
    (x, y), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    box = _box(x - 1.0, y - 1.0, right + 1.0, bottom + 1.0)
    inside = flat.dark[
        round((y + 0.9) * SCALE) : round((bottom - 0.9) * SCALE),
        round((x + 0.9) * SCALE) : round((right - 0.9) * SCALE),
    ]
    inside = cv2.medianBlur((inside > _FIELD_GREY).astype(np.uint8), 3)
    inside[: round(3.2 * SCALE), : round((1.2 + 1.8 * len(field.label)) * SCALE)] = 0  # its number
    for line in range(1, field.lines):
        middle = 0.1 + line * size.line
        inside[round((middle - 0.5) * SCALE) : round((middle + 0.5) * SCALE)] = 0
    return FieldReading(field.position, field.part, box, float(inside.sum()) / SCALE**2 > _WRITTEN)

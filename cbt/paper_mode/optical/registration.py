"""Where an answer sheet lies on a picture: found by its marks, corrected by its ticks, proved by its rows.

Everything is measured in millimetres of the upright sheet. Two stages, each of which refuses: the first finds the
corner marks and the ticks of all four edges, the second must find the marks of the rows and the outlines of the
bubbles where the first says that they are. A page that slipped by a row passes neither.

Source: R-81.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

from cbt.rules.paper import sheet
from cbt.rules.paper.reading import PageProblem

Grey = NDArray[np.uint8]
Floats = NDArray[Any]
_QR = zxingcpp.barcode_formats_from_str("QRCode")

SCALE = 8
"""Pixels a millimetre of the flattened page: 203 dots an inch."""
WIDE, HIGH = round(sheet.WIDTH * SCALE), round(sheet.HEIGHT * SCALE)
KEPT = 6
"""Pixels a millimetre of the picture of a page that is kept, in which boxes are given."""
_LOOK = 4.0
"""Pixels a millimetre at which corner marks are looked for."""
_FEW, _FEWEST_PIXELS = 5, 3.2
"""The nearest candidates of a corner that are tried; fewer pixels a millimetre than this tell no marks apart."""
_CODE_OFF, _TICK_OFF, _ROW_OFF = 4.0, 3.2, 1.3
"""How far something may lie from where it is looked for: the code and ticks by the corners, rows by the ticks."""
_TICK_LIKE, _ROW_LIKE = 0.62, 0.55
"""How like a mark something must look (a correlation)."""
_TICKS_NEEDED, _ROWS_NEEDED, _JUMP = 0.72, 0.9, 0.9
_CLEAR = 0.35
_INK = 1.2


class PageError(Exception):
    """A page cannot be read as a whole."""

    def __init__(self, problem: PageProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


@dataclass(frozen=True)
class FoundCode:
    """A code on a picture: its text, and its four corners, clockwise from the upper left of the upright sheet."""

    text: str
    corners: Floats

    @property
    def pixels(self) -> float:
        """How many pixels a millimetre has there."""
        sides = np.linalg.norm(self.corners - np.roll(self.corners, -1, axis=0), axis=1)
        return float(sides.mean()) / sheet.CODE_SIDE


@dataclass(frozen=True)
class FlatPage:
    """A page laid flat and upright, and by how much what is printed lies beside its place, as the ticks say."""

    grey: Grey
    dark: Floats
    """0 for the paper around, 1 for printed black."""
    edges: dict[str, tuple[Floats, Floats]]
    """Of each edge: places along it, and (x, y) by which its ticks are off there."""

    def places(self, points: Floats) -> Floats:
        """Return where points of the sheet lie on the flat page: what the four edges say, carried inwards."""
        first_x, first_y = sheet.CORNERS[0]
        last_x, last_y = sheet.CORNERS[2]
        x, y = points[:, 0], points[:, 1]
        u, v = (x - first_x) / (last_x - first_x), (y - first_y) / (last_y - first_y)
        u, v = u[:, None], v[:, None]
        top, bottom = self._along("top", x), self._along("bottom", x)
        left, right = self._along("left", y), self._along("right", y)
        ends = [self._along(edge, np.array([at]))[0] for edge, at in _ENDS]
        corners = (
            (1 - u) * (1 - v) * ends[0] + u * (1 - v) * ends[1] + u * v * ends[2] + (1 - u) * v * ends[3]
        )
        moved: Floats = points + (1 - v) * top + v * bottom + (1 - u) * left + u * right - corners
        return moved

    def _along(self, edge: str, at: Floats) -> Floats:
        known, off = self.edges[edge]
        return np.stack([np.interp(at, known, off[:, axis]) for axis in (0, 1)], axis=1)


_ENDS = (
    ("top", sheet.CORNERS[0][0]), ("top", sheet.CORNERS[1][0]),
    ("bottom", sheet.CORNERS[2][0]), ("bottom", sheet.CORNERS[3][0]),
)  # fmt: skip


# The code


def find_code(grey: Grey) -> FoundCode | None:
    """Return the code of ours that a picture shows, if it shows one; any other QR is passed by."""
    for factor, picture in _tries(grey):
        for barcode in zxingcpp.read_barcodes(picture, formats=_QR):
            if barcode.text.startswith("CBT1."):
                place = barcode.position
                points = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
                corners = np.array([(point.x, point.y) for point in points], dtype=np.float64) / factor
                return FoundCode(barcode.text, corners)
    return None


def _tries(grey: Grey) -> Iterable[tuple[float, Grey]]:
    yield 1.0, grey
    yield 0.6, _resized(grey, 0.6)
    soft = cv2.GaussianBlur(grey, (0, 0), 1.2)
    yield 1.0, soft
    yield 1.0, cv2.adaptiveThreshold(soft, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, 51, 8)
    yield 1.6, _resized(soft, 1.6)
    yield 1.0, cv2.medianBlur(grey, 5)
    yield 1.0, cv2.erode(grey, np.ones((3, 3), np.uint8))
    yield 1.0, cv2.dilate(grey, np.ones((3, 3), np.uint8))


def _resized(grey: Grey, factor: float) -> Grey:
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    sized: Grey = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=way)
    return sized


# The first stage: corner marks, then ticks


def lay_flat(grey: Grey, code: FoundCode) -> FlatPage:
    """Return a picture laid flat by its corner marks and corrected by its ticks; raise PageError."""
    if code.pixels < _FEWEST_PIXELS:
        raise PageError(PageProblem.TOO_POOR)
    onto = find_corners(grey, code)
    if onto is None:
        raise PageError(PageProblem.NOT_REGISTERED)
    return flattened(grey, onto)


def find_corners(grey: Grey, code: FoundCode) -> Floats | None:
    """Return the matrix from millimetres of the sheet to pixels of the picture, None where no marks fit."""
    factor = _LOOK / code.pixels
    small = _resized(grey, factor)
    dark = darkness(small, _LOOK)
    corners = code.corners * factor
    solid = cv2.morphologyEx(
        (dark > 0.5).astype(np.uint8), cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    )
    _, _, stats, centres = cv2.connectedComponentsWithStats(solid)
    area = (sheet.CORNER * _LOOK) ** 2
    sizes = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    square = (
        (stats[:, cv2.CC_STAT_AREA] > 0.3 * area)
        & (stats[:, cv2.CC_STAT_AREA] < 2.4 * area)
        & (sizes.max(axis=1) < 2.2 * sheet.CORNER * _LOOK)
        & (sizes.min(axis=1) > 0.5 * sheet.CORNER * _LOOK)
    )
    square[0] = False
    marks = centres[square]
    if len(marks) < len(sheet.CORNERS):
        return None
    near = cv2.getPerspectiveTransform(np.float32(_code_corners()), np.float32(corners))
    flat, _ = cv2.estimateAffine2D(np.float32(_code_corners()), np.float32(corners))
    near = np.vstack([flat, (0, 0, 1)]) if flat is not None else near
    options = []
    for corner in sheet.CORNERS:
        expected = _mapped(near, np.array([corner]))[0]
        far = 0.3 * float(np.hypot(corner[0] - 180, corner[1] - 28)) + 8.0
        distances = np.linalg.norm(marks - expected, axis=1)
        order = [place for place in np.argsort(distances)[:_FEW] if distances[place] < far * _LOOK]
        options.append(order)
    best, onto = 0.0, None
    soft = cv2.GaussianBlur(dark, (0, 0), 1.0)
    for chosen in product(*options):
        if len(set(chosen)) < len(chosen):
            continue
        quad = marks[list(chosen)].astype(np.float32)
        if not cv2.isContourConvex(quad.reshape(-1, 1, 2)):
            continue
        matrix = cv2.getPerspectiveTransform(np.array(sheet.CORNERS, np.float32), quad)
        off: Floats = np.linalg.norm(_mapped(matrix, _code_corners()) - corners, axis=1)
        if off.max() > _CODE_OFF * _LOOK:
            continue
        likeness = _likeness(soft, matrix)
        if likeness > best:
            best, onto = likeness, matrix
    if onto is None or best < _CLEAR:
        return None
    whole: Floats = np.diag([1 / factor, 1 / factor, 1.0]) @ onto
    return whole


def _code_corners() -> Floats:
    x, y = sheet.CODE_AT
    side = sheet.CODE_SIDE
    return np.array([(x, y), (x + side, y), (x + side, y + side), (x, y + side)])


def _likeness(dark: Floats, matrix: Floats) -> float:
    """Return how much darker ticks and the fifth mark are than the paper between them, by such a matrix."""
    there = _sampled(dark, _mapped(matrix, _TICKS))
    between = _sampled(dark, _mapped(matrix, _BETWEEN))
    fifth = _sampled(dark, _mapped(matrix, np.array([sheet.UPRIGHT])))[0]
    return float(there.mean() - between.mean()) if fifth > 0.5 else 0.0


def _edge_ticks() -> dict[str, Floats]:
    (left, top), _, (right, bottom), _ = sheet.CORNERS
    return {
        "top": np.array([(x, top) for x in sheet.TICKS_ACROSS]),
        "bottom": np.array([(x, bottom) for x in sheet.TICKS_ACROSS]),
        "left": np.array([(left, y) for y in sheet.TICKS_DOWN]),
        "right": np.array([(right, y) for y in sheet.TICKS_DOWN]),
    }


_EDGES = _edge_ticks()
_TICKS = np.concatenate(list(_EDGES.values()))
_BETWEEN = np.concatenate([(ticks[1:] + ticks[:-1]) / 2 for ticks in _EDGES.values()])


def flattened(grey: Grey, onto: Floats) -> FlatPage:
    """Return the page that lies as `onto` says, with the ticks of its edges found; raise PageError."""
    pixels = (
        np.linalg.norm(_mapped(onto, np.array([(198.0, 285.0)])) - _mapped(onto, np.array([(12.0, 12.0)])))
        / 330
    )
    if pixels > 1.4 * SCALE:  # else thin strokes fall between the pixels that are taken
        grey, onto = _resized(grey, SCALE / pixels), np.diag([SCALE / pixels, SCALE / pixels, 1.0]) @ onto
    back = onto @ np.diag([1 / SCALE, 1 / SCALE, 1.0])
    flat = cv2.warpPerspective(
        grey,
        back,
        (WIDE, HIGH),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    dark = darkness(flat, SCALE)
    black = float(np.median(_sampled(cv2.blur(dark, (5, 5)), np.array(sheet.CORNERS) * SCALE)))
    if black < 0.12:
        raise PageError(PageProblem.TOO_POOR)
    dark = np.minimum(dark / black, _INK)
    return FlatPage(flat, dark, _edges(dark))


def _edges(dark: Floats) -> dict[str, tuple[Floats, Floats]]:
    corner, _ = _offsets(dark, np.array(sheet.CORNERS), (sheet.CORNER, sheet.CORNER), _TICK_OFF)
    ends = {"top": (0, 1), "bottom": (3, 2), "left": (0, 3), "right": (1, 2)}
    found = {}
    for edge, ticks in _EDGES.items():
        across = edge in ("top", "bottom")
        size = (sheet.TICK_SHORT, sheet.TICK_LONG) if across else (sheet.TICK_LONG, sheet.TICK_SHORT)
        off, like = _offsets(dark, ticks, size, _TICK_OFF)
        sure = (like >= _TICK_LIKE) & (np.abs(off).max(axis=1) < _TICK_OFF - 0.2)
        # One that jumps away from its neighbours is something else that looks like a tick.
        calm = np.array([_median(off, sure, place) for place in range(len(off))])
        sure &= np.linalg.norm(off - calm, axis=1) < _JUMP
        if sure.mean() < _TICKS_NEEDED:
            raise PageError(PageProblem.NOT_REGISTERED)
        first, last = ends[edge]
        axis = 0 if across else 1
        at = np.concatenate([[sheet.CORNERS[first][axis]], ticks[sure, axis], [sheet.CORNERS[last][axis]]])
        found[edge] = (at, np.concatenate([corner[[first]], off[sure], corner[[last]]]))
    return found


def _median(off: Floats, sure: NDArray[np.bool_], place: int) -> Floats:
    near = slice(max(0, place - 2), place + 3)
    some = off[near][sure[near]]
    return np.median(some, axis=0) if len(some) else off[place]


def _offsets(dark: Floats, points: Floats, size: tuple[float, float], most: float) -> tuple[Floats, Floats]:
    """Return by how much (mm) black boxes of a size lie beside points, and how like such boxes they look."""
    edge = 0.7
    wide, high = (round((side + 2 * edge) * SCALE) for side in size)
    pattern = np.zeros((high, wide), np.float32)
    inset = round(edge * SCALE)
    pattern[inset : high - inset, inset : wide - inset] = 1.0
    pattern = cv2.blur(pattern, (3, 3))
    reach = round(most * SCALE)
    off = np.zeros((len(points), 2))
    like = np.zeros(len(points))
    for place, (x, y) in enumerate(points * SCALE):
        left, top = round(x - (wide - 1) / 2) - reach, round(y - (high - 1) / 2) - reach
        window = dark[max(top, 0) : top + high + 2 * reach, max(left, 0) : left + wide + 2 * reach]
        if top < 0 or left < 0 or window.shape[0] < high or window.shape[1] < wide or np.ptp(window) < 0.15:
            continue
        there = cv2.matchTemplate(window, pattern, cv2.TM_CCOEFF_NORMED)
        # Of several that look alike the nearest counts.
        ys, xs = np.mgrid[: there.shape[0], : there.shape[1]]
        away = np.hypot(xs + left - (x - (wide - 1) / 2), ys + top - (y - (high - 1) / 2)) / SCALE
        at = np.unravel_index(np.argmax(there - 0.06 * away), there.shape)
        like[place] = there[at]
        off[place] = (
            (left + at[1] + (wide - 1) / 2 - x) / SCALE,
            (top + at[0] + (high - 1) / 2 - y) / SCALE,
        )
    return off, like


# The second stage: the marks of the rows


@dataclass(frozen=True)
class ProvedRow:
    """Where the bubbles of a row lie on the flat page; `proved` says whether its own marks were found."""

    centres: Floats
    proved: bool


def prove_rows(flat: FlatPage, layout: sheet.SheetLayout, page: sheet.AnswerSheetPage) -> list[ProvedRow]:
    """Return where each row of a page lies; raise PageError where the rows are not where they should be."""
    if not page.rows:
        return []
    ends = np.array([sheet.row_marks(row, layout.size) for row in page.rows]).reshape(-1, 2)
    expected = flat.places(ends)
    off, like = _offsets(flat.dark, expected, sheet.ROW_MARK, _ROW_OFF)
    sure = (like >= _ROW_LIKE) & (np.hypot(*off.T) < _ROW_OFF - 0.1)
    if sure.mean() < _ROWS_NEEDED:
        raise PageError(PageProblem.NOT_PROVED)
    lies = expected + off
    rows = []
    for place, row in enumerate(page.rows):
        first, last = 2 * place, 2 * place + 1
        centres = flat.places(np.array([(x, row.y) for x in row.xs]))
        span = ends[last, 0] - ends[first, 0]
        share = ((np.array(row.xs) - ends[first, 0]) / span)[:, None]
        if sure[first] and sure[last]:
            moved = (1 - share) * (lies - expected)[first] + share * (lies - expected)[last]
        elif sure[first] or sure[last]:
            moved = np.tile((lies - expected)[first if sure[first] else last], (len(row.xs), 1))
        else:
            moved = np.zeros((len(row.xs), 2))
        rows.append(ProvedRow(centres + moved, bool(sure[first] or sure[last])))
    return rows


# Pictures


def darkness(grey: Grey, pixels: float) -> Floats:
    """Return how dark each pixel is beside the paper around it: 0 is paper, 1 is black; shadows are no ink."""
    factor = 1.0 / pixels  # the paper is looked at with a pixel a millimetre
    small = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    small = cv2.medianBlur(small, 3)
    paper = cv2.dilate(small, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    paper = cv2.erode(paper, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    paper = cv2.GaussianBlur(paper, (0, 0), 2.0)
    ground = cv2.resize(paper, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR)
    light = cv2.divide(grey, np.maximum(ground, 8), scale=1.0, dtype=cv2.CV_32F)
    dark: Floats = np.clip(1.0 - light, 0.0, 1.0)
    return dark


def _mapped(matrix: Floats, points: Sequence[Any] | Floats) -> Floats:
    mapped: Floats = cv2.perspectiveTransform(
        np.asarray(points, np.float64).reshape(-1, 1, 2), matrix
    ).reshape(-1, 2)
    return mapped


def _sampled(picture: Floats, points: Floats) -> Floats:
    where = np.rint(points).astype(int)
    inside = (where >= 0).all(axis=1) & (where[:, 0] < picture.shape[1]) & (where[:, 1] < picture.shape[0])
    values = np.zeros(len(points))
    values[inside] = picture[where[inside, 1], where[inside, 0]]
    return values

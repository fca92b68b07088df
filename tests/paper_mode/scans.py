"""Answer sheets as people fill them in and as scanners, telephones and fax machines bring them.

Everything is drawn by chance from a seed: what was marked is known, so what is read can be held to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pypdfium2 as pdfium

from cbt.rules.paper import sheet

DPI = 300
PX = DPI / 25.4
Grey = np.ndarray[Any, np.dtype[np.uint8]]
HONEST = ("full", "pencil", "sloppy", "cross", "tick", "none")
"""What an instruction asks for or everybody understands, and rows that are left empty."""
ASKED = ("dot",)
"""Nobody knows what it means: a person must be asked."""


@dataclass
class Filled:
    """One page that somebody filled in: what it looks like and what they meant."""

    paper: Grey
    layout: sheet.SheetLayout
    page: int
    truth: dict[tuple[int, int], tuple[int, ...]] = field(default_factory=dict)
    kinds: dict[tuple[int, int], str] = field(default_factory=dict)
    written: dict[tuple[int, int], bool] = field(default_factory=dict)


def printed(content: bytes) -> list[Grey]:
    """Return the pages of a PDF as a printer puts them on paper, 300 dots an inch."""
    document = pdfium.PdfDocument(content)
    return [
        page.render(scale=DPI / 72, grayscale=True)
        .to_numpy()
        .reshape(round(page.get_height() * DPI / 72 + 0.49), -1)
        .copy()
        for page in document
    ]


# Marks


def fill_in(
    paper: Grey, layout: sheet.SheetLayout, page: int, rng: np.random.Generator, *, odd: float = 0.06
) -> Filled:
    """Return a page (from 0) filled in by one person; `odd` is the share of rows that are not marked as asked."""
    done = Filled(paper.copy(), layout, page)
    pencil = rng.random() < 0.5
    habit = rng.choice(["full", "sloppy", "cross", "tick"], p=[0.66, 0.2, 0.08, 0.06])
    ink = float(rng.uniform(0.45, 0.8) if pencil else rng.uniform(0.75, 1.0))
    for row in layout.pages[page].rows:
        if rng.random() < odd:
            kinds = ["light", "partial", "dot", "erased", "rubbed", "double", "stray", "outside", "none"]
            kind = str(rng.choice(kinds, p=[0.18, 0.14, 0.06, 0.16, 0.08, 0.1, 0.1, 0.08, 0.1]))
        else:
            kind = "pencil" if habit == "full" and pencil else str(habit)
        _row(done, row, kind, ink, rng)
    rows = {(row.position, row.part): row for row in layout.pages[page].rows}
    for place in [place for place, kind in done.kinds.items() if kind == "stray"]:
        crossed = _stroke(done.paper, rows[place], rows.values(), rng)
        # Whoever is crossed by it is no longer as somebody meant it to look.
        done.kinds.update({one: "stray" for one in crossed if done.kinds[one] in HONEST})
    for one in layout.pages[page].fields:
        done.written[one.position, one.part] = bool(rng.random() < 0.8)
        if done.written[one.position, one.part]:
            _writing(done.paper, one, ink, rng)
    return done


def _row(done: Filled, row: sheet.BubbleRow, kind: str, ink: float, rng: np.random.Generator) -> None:
    count = len(row.signs)
    some = 1 + (int(rng.integers(0, count)) if row.many and rng.random() < 0.7 else 0)
    chosen = sorted(int(one) for one in rng.choice(count, size=min(some, count), replace=False))
    others = [place for place in range(count) if place not in chosen]
    if kind in ("erased", "double", "outside") and not others:
        kind = "full"
    draw = {"erased": "full", "double": "full", "stray": "full", "outside": "full"}.get(kind, kind)
    if kind == "none":
        chosen = []
    for place in chosen if kind != "rubbed" else []:
        _mark(done.paper, row.xs[place], row.y, done.layout.size.bubble, draw, ink, rng)
    if kind == "double":
        extra = int(rng.choice(others))
        _mark(done.paper, row.xs[extra], row.y, done.layout.size.bubble, "full", ink, rng)
        chosen = sorted([*chosen, extra])
    if kind in ("erased", "rubbed"):
        place = int(rng.choice(others)) if kind == "erased" else chosen[0]
        _rubbed(done.paper, row.xs[place], row.y, done.layout.size.bubble, rng)
        chosen = chosen if kind == "erased" else []
    if kind == "outside":
        _outside(done.paper, row, rng)
    done.truth[row.position, row.part] = tuple(chosen)
    done.kinds[row.position, row.part] = kind


def _mark(
    paper: Grey,
    x: float,
    y: float,
    bubble: tuple[float, float],
    kind: str,
    ink: float,
    rng: np.random.Generator,
) -> None:
    wide, high = bubble
    reach = 2.0
    size = (round((high + 2 * reach) * PX), round((wide + 2 * reach) * PX))
    ink_on = np.zeros(size, np.uint8)
    centre = np.array([size[1] / 2, size[0] / 2])

    def stroke(points: Sequence[tuple[float, float]], width: float) -> None:
        there = np.rint((np.array(points) * PX + centre) * 8).astype(np.int32)
        cv2.polylines(
            ink_on, [there.reshape(-1, 1, 2)], False, 255, max(1, round(width * PX)), cv2.LINE_AA, 3
        )

    grain = 0.1
    if kind in ("full", "pencil", "sloppy", "light", "partial"):
        share = {"full": 1.0, "pencil": 0.97, "sloppy": 0.85, "light": 0.95, "partial": 0.6}[kind]
        across = wide * share * rng.uniform(0.92, 1.06)
        down = high * (0.86 if kind == "sloppy" else 0.95) * rng.uniform(0.9, 1.08)
        off = rng.normal(0, 0.3 if kind == "sloppy" else 0.12, 2) + (
            (rng.choice([-1, 1]) * wide * 0.15, 0) if kind == "partial" else 0
        )
        width = float(rng.uniform(0.45, 0.75))
        turns = max(4, int(across / (width * rng.uniform(0.65, 0.95 if kind != "sloppy" else 1.2))))
        xs = np.linspace(-across / 2 + width / 2, across / 2 - width / 2, turns)
        slant = rng.uniform(-0.2, 0.5)
        points = []
        for place, at in enumerate(xs):
            squeeze = np.sqrt(max(0.25, 1 - (abs(at) / (wide / 2)) ** 4))
            for side in (-1, 1) if place % 2 else (1, -1):
                half = (down / 2 - width / 2) * squeeze
                points.append(
                    (
                        at + side * slant * half * 0.4 + off[0] + rng.normal(0, 0.06),
                        side * half + off[1] + rng.normal(0, 0.06),
                    )
                )
        stroke(points, width)
        if kind in ("pencil", "light"):
            grain = 0.3
        if kind == "light":
            ink = float(rng.uniform(0.18, 0.42))
    elif kind in ("cross", "tick"):
        width = float(rng.uniform(0.4, 0.75))
        ink = max(ink, 0.7)
        j = lambda: rng.normal(0, 0.2)  # noqa: E731
        if kind == "cross":
            a, b = wide * rng.uniform(0.32, 0.5), high * rng.uniform(0.4, 0.65)
            stroke([(-a + j(), -b + j()), (a + j(), b + j())], width)
            stroke([(-a + j(), b + j()), (a + j(), -b + j())], width)
        else:
            stroke([(-1.5 + j(), -0.1 + j()), (-0.5 + j(), 1.0 + j() / 2), (1.9 + j(), -1.5 + j())], width)
    elif kind == "dot":
        radius = rng.uniform(0.4, 0.6)
        at = np.rint(centre + rng.normal(0, 0.3, 2) * PX).astype(int)
        cv2.circle(ink_on, (int(at[0]), int(at[1])), round(radius * PX), 255, -1, cv2.LINE_AA)
        ink = max(ink, 0.7)
    _put(paper, x, y, ink_on, ink, grain, rng)


def _put(
    paper: Grey, x: float, y: float, ink_on: Grey, ink: float, grain: float, rng: np.random.Generator
) -> None:
    high, wide = ink_on.shape
    left, top = round(x * PX - wide / 2), round(y * PX - high / 2)
    x0, y0, x1, y1 = (
        max(left, 0),
        max(top, 0),
        min(left + wide, paper.shape[1]),
        min(top + high, paper.shape[0]),
    )
    part = paper[y0:y1, x0:x1].astype(np.float32)
    noise = cv2.GaussianBlur(rng.normal(0, 1, ink_on.shape).astype(np.float32), (0, 0), 0.9) * 2.2
    alpha = np.clip(ink_on / 255 * ink * (1 + grain * noise), 0, 1)[
        y0 - top : y1 - top, x0 - left : x1 - left
    ]
    paper[y0:y1, x0:x1] = np.clip(
        part * (1 - alpha) + 25 * alpha * (ink > 0.7) + part * 0.12 * alpha * (ink <= 0.7), 0, 255
    ).astype(np.uint8)


def _rubbed(paper: Grey, x: float, y: float, bubble: tuple[float, float], rng: np.random.Generator) -> None:
    """What is left where a pencil mark was rubbed out: a smear, and some of what is printed gone."""
    wide, high = bubble
    size = (round((high + 2.4) * PX), round((wide + 3.0) * PX))
    smear = np.zeros(size, np.uint8)
    cv2.ellipse(
        smear,
        (size[1] // 2, size[0] // 2),
        (round(wide * 0.5 * PX), round(high * 0.5 * PX)),
        rng.uniform(-15, 15),
        0,
        360,
        255,
        -1,
    )
    smear = cv2.GaussianBlur(smear, (0, 0), 4)
    _put(paper, x, y, smear, float(rng.uniform(0.03, 0.22)), 0.35, rng)


def _stroke(
    paper: Grey, row: sheet.BubbleRow, rows: Iterable[sheet.BubbleRow], rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Draw a long stroke that went over a row; return which rows it touches."""
    x = float(rng.uniform(row.xs[0] - 4, row.xs[-1] + 4))
    angle = rng.uniform(0, np.pi)
    along = np.array([np.cos(angle), np.sin(angle)])
    half = rng.uniform(8, 22)
    middle = np.array([x, row.y])
    start, end = (tuple(int(one) for one in np.rint((middle + side * half * along) * PX)) for side in (-1, 1))
    grey = int(rng.integers(20, 90))
    cv2.line(paper, start, end, grey, round(rng.uniform(0.3, 0.6) * PX), cv2.LINE_AA)
    touched = []
    for one in rows:
        off = np.array([(at, one.y) for at in one.xs]) - middle
        along_it = np.clip(off @ along, -half, half)
        if (np.linalg.norm(off - along_it[:, None] * along, axis=1) < 4.5).any():
            touched.append((one.position, one.part))
    return touched


def _outside(paper: Grey, row: sheet.BubbleRow, rng: np.random.Generator) -> None:
    """A short scribble between rows or bubbles, that touches none by more than its edge."""
    place = int(rng.integers(0, len(row.xs) - 1)) if len(row.xs) > 1 else 0
    x, y = row.xs[place] + 3.5, row.y
    points = np.array([(x + rng.normal(0, 0.25), y + rng.uniform(-1.8, 1.8)) for _ in range(4)])
    cv2.polylines(
        paper,
        [np.rint(points * PX).astype(np.int32).reshape(-1, 1, 2)],
        False,
        int(rng.integers(30, 90)),
        5,
        cv2.LINE_AA,
    )


def _writing(paper: Grey, one: sheet.WritingField, ink: float, rng: np.random.Generator) -> None:
    count = int(rng.integers(2, 12))
    for place in range(count):
        x = one.left + 9 + place * 5
        if x > one.left + one.width - 6:
            break
        y = one.top + min(one.height, 9.0) / 2
        points = np.array([(x + rng.uniform(-1.8, 1.8), y + rng.uniform(-2, 2)) for _ in range(6)])
        grey = round(235 * (1 - ink))
        cv2.polylines(
            paper, [np.rint(points * PX).astype(np.int32).reshape(-1, 1, 2)], False, grey, 5, cv2.LINE_AA
        )


# What becomes of the paper on its way

WAYS = ("scan", "colour", "low", "fax", "photo", "folded", "stained", "stretched")
_SHARES = (0.26, 0.12, 0.12, 0.1, 0.16, 0.08, 0.08, 0.08)


def some_way(rng: np.random.Generator) -> str:
    return str(rng.choice(WAYS, p=_SHARES))


def brought(paper: Grey, way: str, rng: np.random.Generator) -> bytes:
    """Return the file that comes of a page: JPEG, or PNG from a fax."""
    if way == "folded" or (way == "photo" and rng.random() < 0.3):
        paper = _folded(paper, rng)
    if way == "stained":
        paper = _stained(paper, rng)
    dpi = {"fax": 200, "low": 150}.get(way, int(rng.choice([200, 240, 300])))
    image = _photographed(paper, rng) if way == "photo" else _scanned(paper, dpi, way, rng)
    soft = rng.uniform(0.3, 0.8) if way != "photo" else rng.uniform(0.6, 1.2)
    image = cv2.GaussianBlur(image, (0, 0), soft)
    if way == "fax":
        return _faxed(image, rng)
    dark, light = rng.uniform(0, 50), rng.uniform(205, 255)
    if rng.random() < 0.15:
        dark, light = rng.uniform(60, 100), rng.uniform(170, 215)  # a worn lamp
    noise = np.empty(image.shape, np.int16)
    cv2.randn(noise, 0, rng.uniform(1, 7))
    image = np.clip(image * ((light - dark) / 255) + dark + noise, 0, 255).astype(np.uint8)
    if way == "colour":
        tint = rng.uniform(0.86, 1.0, 3)
        image = np.clip(image[..., None] * tint, 0, 255).astype(np.uint8)
    quality = int(rng.integers(45, 92))
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def _scanned(paper: Grey, dpi: int, way: str, rng: np.random.Generator) -> Grey:
    high, wide = paper.shape
    scale = dpi / DPI
    angle = rng.choice([0, 0, 0, 180, 180, 90, 270]) + (
        rng.uniform(-10, 10) if rng.random() < 0.3 else rng.normal(0, 1.2)
    )
    stretch = rng.uniform(0.96, 1.04, 2) if way == "stretched" else rng.uniform(0.997, 1.003, 2)
    shear = rng.uniform(-0.02, 0.02) if way == "stretched" else 0.0
    turn = np.radians(angle)
    linear = (
        np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        @ np.array([[stretch[0], shear], [0, stretch[1]]])
        * scale
    )
    corners = np.array([(0, 0), (wide, 0), (wide, high), (0, high)]) @ linear.T
    low, top = corners.min(axis=0), corners.max(axis=0)
    size = np.ceil(top - low).astype(int) + 1
    matrix = np.hstack([linear, -low[:, None]])
    ground = int(rng.choice([255, 250, 30]))
    source = cv2.GaussianBlur(paper, (0, 0), 0.45 / scale)
    return cv2.warpAffine(
        source, matrix, (int(size[0]), int(size[1])), flags=cv2.INTER_LINEAR, borderValue=ground
    )


def _photographed(paper: Grey, rng: np.random.Generator) -> Grey:
    """A telephone's picture from above: perspective, a desk around, light from one side."""
    high, wide = paper.shape
    tall = int(rng.integers(2300, 3600))
    out = (round(tall * rng.uniform(0.72, 0.8)), tall)
    room = rng.uniform(0.03, 0.09, (4, 2)) * (out[0], out[0])
    quad = np.array([(0, 0), (out[0], 0), out, (0, out[1])]) + room * ((1, 1), (-1, 1), (-1, -1), (1, -1))
    matrix = cv2.getPerspectiveTransform(
        np.float32([(0, 0), (wide, 0), (wide, high), (0, high)]), np.float32(quad)
    )
    desk = int(rng.integers(30, 170))
    source = cv2.GaussianBlur(paper, (0, 0), max(0.3, 0.4 * high / tall))
    image = cv2.warpPerspective(source, matrix, out, flags=cv2.INTER_LINEAR, borderValue=desk)
    x = np.linspace(-1, 1, out[0], dtype=np.float32)[None]
    y = np.linspace(-1, 1, out[1], dtype=np.float32)[:, None]
    turn = rng.uniform(0, 2 * np.pi)
    shade = (
        1
        - rng.uniform(0.05, 0.25) * (1 + x * np.cos(turn) + y * np.sin(turn)) / 2
        - rng.uniform(0, 0.15) * (x**2 + y**2) / 2
    )
    if rng.random() < 0.4:  # somebody's shadow
        edge = x * np.cos(turn + 1) + y * np.sin(turn + 1) - rng.uniform(-0.5, 0.7)
        shade = shade * (1 - rng.uniform(0.15, 0.4) / (1 + np.exp(-edge * rng.uniform(8, 40))))
    image = np.clip(image * shade, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.rot90(image, int(rng.choice([0, 0, 1, 2, 3]))))


def _folded(paper: Grey, rng: np.random.Generator) -> Grey:
    """A sheet folded once or twice: it is shorter across the fold, and the fold is a dark or a light line."""
    high, wide = paper.shape
    ys = np.arange(high, dtype=np.float32)
    xs = np.arange(wide, dtype=np.float32)
    shade = np.ones(high, np.float32)
    for at in rng.uniform(0.25, 0.75, int(rng.integers(1, 3))) * high:
        near = np.exp(-np.abs(ys - at) / (rng.uniform(15, 45) * PX))
        ys = ys + np.sign(ys - at) * near * rng.uniform(0.2, 0.8) * PX
        shade *= 1 - rng.uniform(-0.06, 0.25) * np.exp(
            -(((np.arange(high) - at) / (rng.uniform(0.2, 0.6) * PX)) ** 2)
        )
        shade *= 1 - 0.08 * (np.arange(high) > at) * rng.uniform(0, 1)
    map_x, map_y = np.meshgrid(xs, ys.astype(np.float32))
    bent = cv2.remap(paper, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=255)
    return np.clip(bent * shade[:, None], 0, 255).astype(np.uint8)


def _stained(paper: Grey, rng: np.random.Generator) -> Grey:
    """Coffee, water, a thumb: large pale shapes with a darker rim."""
    high, wide = paper.shape
    through = np.ones((high // 4, wide // 4), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        blot = np.zeros(through.shape, np.uint8)
        at = (int(rng.integers(0, blot.shape[1])), int(rng.integers(0, blot.shape[0])))
        axes = tuple(int(one) for one in rng.uniform(6, 28, 2) * PX / 4)
        cv2.ellipse(blot, at, axes, rng.uniform(0, 180), 0, 360, 255, -1)
        soft = cv2.GaussianBlur(blot, (0, 0), rng.uniform(3, 9)).astype(np.float32) / 255
        rim = np.clip(4 * soft * (1 - soft), 0, 1)
        through *= 1 - rng.uniform(0.08, 0.3) * soft - rng.uniform(0, 0.2) * rim
    whole = cv2.resize(through, (wide, high), interpolation=cv2.INTER_LINEAR)
    return np.clip(paper * whole, 0, 255).astype(np.uint8)


def _faxed(image: Grey, rng: np.random.Generator) -> bytes:
    """One bit a pixel, with dust and a line that dropped out."""
    noise = np.empty(image.shape, np.int16)
    cv2.randn(noise, 0, rng.uniform(4, 14))
    bits = (image + noise > rng.uniform(130, 190)).astype(np.uint8) * 255
    dust = rng.random(image.shape, dtype=np.float32)
    rate = rng.uniform(0, 0.004)
    bits[dust < rate] = 0
    bits[dust > 1 - rate] = 255
    if rng.random() < 0.3:
        bits[int(rng.integers(0, len(bits)))] = 0
    return cv2.imencode(".png", bits, [cv2.IMWRITE_PNG_BILEVEL, 1])[1].tobytes()

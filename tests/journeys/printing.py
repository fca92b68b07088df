"""Printed pages as paper: the PDF that Chromium makes of a page, its words with their places, its ink."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest

from tests.journeys.browsers import SHOTS, Browser

TOOLS = ("pdftotext", "pdftoppm")
DOTS_PER_INCH = 50
PALE = 200
"""A grey lighter than this is no ink: a rounded edge, not a stroke."""

_PAGE = re.compile(r'<page width="([\d.]+)" height="([\d.]+)">(.*?)</page>', re.DOTALL)
_WORD = re.compile(
    r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">([^<]*)</word>'
)

# What the paper cannot show: a box whose content is larger than itself and cut off, or that leaves its parent.
_CUT_OFF = """() => {
    const found = [];
    for (const box of document.querySelectorAll("main *")) {
        const style = getComputedStyle(box);
        if (style.display === "inline" || !box.getClientRects().length || box.closest(".sr-only")) continue;
        const cuts = style.overflowX !== "visible" || style.overflowY !== "visible";
        if (cuts && (box.scrollHeight > box.clientHeight + 1 || box.scrollWidth > box.clientWidth + 1))
            found.push(`${box.tagName}.${box.className} of .${box.parentElement.className} cuts off `
                + `${box.scrollWidth}×${box.scrollHeight} at ${box.clientWidth}×${box.clientHeight}`);
        if (box.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
            found.push(`${box.tagName}.${box.className} leaves the paper`);
    }
    return found;
}"""


@dataclass(frozen=True)
class Word:
    """A word on paper and its place, in points from the upper left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def covers(self, other: Word) -> bool:
        """Return whether the two lie on each other by more than the air around their letters."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        lower = min(self.bottom - self.top, other.bottom - other.top)
        return wide > 1 and high > lower / 2


@dataclass(frozen=True)
class Sheet:
    """One printed page: its size in points, its words."""

    width: float
    height: float
    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        """All of its words without spaces, in the order they were laid out."""
        return "".join("".join(word.text.split()) for word in self.words)

    def overlaps(self) -> list[str]:
        """Return the pairs of words that lie on each other."""
        ordered = sorted(self.words, key=lambda word: word.top)
        return [
            f"{one.text} / {other.text}"
            for index, one in enumerate(ordered)
            for other in ordered[index + 1 : index + 60]
            if one.covers(other)
        ]


def need_tools() -> None:
    """Fail in CI and skip aloud elsewhere without poppler's tools."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"{', '.join(missing)} missing: install poppler-utils")
    if missing:
        pytest.skip(f"{', '.join(missing)} missing: nothing printed was looked at (poppler-utils)")


def cut_off(browser: Browser, *, width_mm: float) -> list[str]:
    """Return what would be cut off, with the page laid out as wide as the paper's printable area."""
    page = browser.page
    size = page.viewport_size
    page.emulate_media(media="print")
    page.set_viewport_size({"width": round(width_mm / 25.4 * 96), "height": 1000})
    found: list[str] = page.evaluate(_CUT_OFF)
    page.emulate_media(media="null")
    if size is not None:
        page.set_viewport_size(size)
    return found


def print_page(browser: Browser, name: str, folder: Path) -> Path:
    """Print what the browser shows to a file; it is kept among the pictures when CBT_TEST_SHOTS is set."""
    file = folder / f"{name}.pdf"
    # A journey's fixed viewport is no part of printing: the width of the paper decides, as it does for people.
    session = browser.context.new_cdp_session(browser.page)
    session.send("Emulation.clearDeviceMetricsOverride")
    browser.page.pdf(path=file, prefer_css_page_size=True)
    if os.environ.get(SHOTS):
        Path(os.environ[SHOTS]).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, os.environ[SHOTS])
    return file


def sheets(file: Path) -> list[Sheet]:
    """Return the pages of a PDF with their words."""
    command = ["pdftotext", "-bbox", str(file), "-"]
    told = subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout
    return [
        Sheet(
            float(width),
            float(height),
            tuple(
                Word(unescape(text), *(float(edge) for edge in edges))
                for *edges, text in _WORD.findall(inside)
            ),
        )
        for width, height, inside in _PAGE.findall(told)
    ]


def bare_edges(file: Path, folder: Path, *, millimetres: float) -> bool:
    """Return whether a strip along all four edges of every page is free of ink."""
    root = folder / file.stem
    command = ["pdftoppm", "-gray", "-r", str(DOTS_PER_INCH), str(file), str(root)]
    subprocess.run(command, check=True, capture_output=True)
    strip = int(millimetres / 25.4 * DOTS_PER_INCH)
    return all(_bare(path.read_bytes(), strip) for path in sorted(folder.glob(f"{file.stem}-*.pgm")))


def _bare(picture: bytes, strip: int) -> bool:
    """Look at a binary PGM: magic, width, height, depth, then a byte per dot."""
    _, size, _, dots = picture.split(b"\n", 3)
    width, height = (int(number) for number in size.split())
    rows = [dots[row * width : (row + 1) * width] for row in range(height)]
    edges = [*rows[:strip], *rows[-strip:], *(row[:strip] + row[-strip:] for row in rows)]
    return all(min(edge) > PALE for edge in edges)

"""A PDF as paper: what its pages say, held to what every page must keep."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from werkzeug.test import TestResponse

from tests.journeys.browsers import SHOTS
from tests.journeys.printing import Sheet, bare_edges, need_tools, sheets

MARGIN_POINTS = 20
EDGE_MM = 7


@dataclass(frozen=True)
class Paper:
    """One page: what it says without spaces, cell by cell, and where the words stand."""

    text: str
    sheet: Sheet


def squeezed(text: str) -> str:
    """Return a text as the words of a page are compared: without spaces and places to break at."""
    return "".join(text.split()).replace("\u200b", "").replace("\u2060", "")


def papers_of(content: bytes | TestResponse, folder: Path, name: str = "paper") -> list[Paper]:
    """Return the pages of a PDF, or of an answer that is one; it is kept when CBT_TEST_SHOTS is set."""
    need_tools()
    if isinstance(content, TestResponse):
        assert (content.status_code, content.mimetype) == (200, "application/pdf"), content.text
        content = content.data
    file = folder / f"{name}.pdf"
    file.write_bytes(content)
    if os.environ.get(SHOTS):
        Path(os.environ[SHOTS]).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, os.environ[SHOTS])
    said = subprocess.run(
        ["pdftotext", "-raw", str(file), "-"], check=True, capture_output=True, encoding="utf-8"
    ).stdout
    texts = said.split("\f")[:-1]
    return [Paper(squeezed(text), sheet) for text, sheet in zip(texts, sheets(file), strict=True)]


def told(content: bytes | TestResponse, folder: Path) -> str:
    """Return all words of a PDF without spaces."""
    return "".join(paper.text for paper in papers_of(content, folder))


def whole(
    content: bytes | TestResponse, folder: Path, name: str = "paper", *, ink: bool = True
) -> list[Paper]:
    """Return the pages of a PDF in which no word lies on another or leaves the page, and no ink is at the edges."""
    papers = papers_of(content, folder, name)
    for page in (paper.sheet for paper in papers):
        assert page.overlaps() == []
        for word in page.words:
            assert MARGIN_POINTS < word.left < word.right < page.width - MARGIN_POINTS, word
            assert MARGIN_POINTS < word.top < word.bottom < page.height - MARGIN_POINTS, word
    if ink:
        assert bare_edges(folder / f"{name}.pdf", folder, millimetres=EDGE_MM)
    return papers

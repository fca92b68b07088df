"""What a reader says of one page of an answer sheet, and what is doubtful about it.

A page is read only where its registration is proved twice; else it has a problem and no marks, and a person looks.

Source: R-81.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PageProblem(StrEnum):
    """Why a page as a whole was not read."""

    BLANK = "blank"
    NO_CODE = "no_code"
    BAD_CODE = "bad_code"
    NOT_REGISTERED = "not_registered"
    NOT_PROVED = "not_proved"
    TOO_POOR = "too_poor"


class MarkDoubt(StrEnum):
    """Why a person must look at one row of a page."""

    LIGHT = "light"
    DOUBLE = "double"
    ERASED = "erased"
    STRAY = "stray"


@dataclass(frozen=True, slots=True)
class RowReading:
    """What was read in one row of bubbles: the choices that are marked, from 0, and how sure that is (0 to 1)."""

    position: int
    part: int
    """Which row of the position, from 0: an item with pairs or places has one for each."""
    chosen: tuple[int, ...]
    confidence: float
    doubt: MarkDoubt | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """Where something lies on the upright page image, in pixels: left, top, width, height."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class FieldReading:
    """A field for handwriting: where it lies, and whether anything was written in it."""

    position: int
    part: int
    box: Box
    written: bool


@dataclass(frozen=True, slots=True)
class PageReading:
    """A page: what its code says, and its rows and fields; with a problem it has neither."""

    code: str
    problem: PageProblem | None
    rows: tuple[RowReading, ...] = ()
    fields: tuple[FieldReading, ...] = ()
    boxes: tuple[tuple[int, int, Box], ...] = ()
    """Of each row of bubbles (position, part, box): what is enlarged where a person must look."""

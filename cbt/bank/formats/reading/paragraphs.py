"""What a child that opened a document says of it: paragraphs in reading order, each a row of runs."""

from __future__ import annotations

import msgspec


class Paragraph(msgspec.Struct, array_like=True):
    """One paragraph or line; `runs` are (text, marks), marks such as `bold`, `underline`, `color:FF0000`.

    A picture that was handed on stands in a run as one character (`foreign.marks`). `pictures` and `formulas` count
    what stands in it and could not be handed on; `heading` says that its author made it one; `cells` are those of
    a row of a table.
    """

    number: int
    runs: list[tuple[str, list[str]]]
    heading: bool = False
    bullet: bool = False
    pictures: int = 0
    formulas: int = 0
    cells: list[str] = []


class DocumentText(msgspec.Struct, array_like=True):
    """The paragraphs of a document; `notes` are codes of what in it could not be read as text.

    `marks` are what stands for its pictures, in their order, `bodies` these by their keys.
    """

    paragraphs: list[Paragraph]
    notes: list[str] = []
    marks: list[str] = []
    bodies: dict[str, bytes] = {}

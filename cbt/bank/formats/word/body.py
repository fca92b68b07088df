"""The text of a Word document in reading order, with what marks it.

Only the child that opens a document runs this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cbt.bank.formats.reading.paragraphs import Paragraph
from cbt.bank.formats.word.drawings import Drawings, settle
from cbt.bank.formats.word.marks import is_on, marks_of, math_text, placed, value_of
from cbt.bank.formats.word.numbering import Numbering, child, local, value

_SKIPPED = {
    "del",
    "moveFrom",
    "rPr",
    "pPr",
    "instrText",
    "delText",
    "sectPr",
    "tblPr",
    "trPr",
    "tcPr",
    "rt",
    "Fallback",
    "footnote",
}
_BREAKS = {"br": "\n", "cr": "\n", "tab": "\t", "noBreakHyphen": "-", "softHyphen": ""}
_SYMBOLS = {
    "F0FC": "√",
    "F0FB": "×",
    "F050": "√",
    "F04F": "×",
    "F0FE": "√",
    "F0D6": "√",
    "F0B4": "×",
    "F052": "√",
    "F054": "×",
}
_DEEPEST = 40


class WordBody:
    """One walk over a document."""

    def __init__(self, numbering: Numbering, styles: Any | None, drawings: Drawings) -> None:
        self.paragraphs: list[Paragraph] = []
        self.notes: set[str] = set()
        self._numbering = numbering
        self._styles = (
            {value(one, "styleId"): one for one in styles if local(one) == "style"}
            if styles is not None
            else {}
        )
        self._boxes: list[Any] = []
        self._drawings = drawings
        self._floating = ""

    def read(self, root: Any) -> None:
        """Take all paragraphs."""
        body = child(root, "body")
        self._blocks(body if body is not None else root)

    def _blocks(self, parent: Any) -> None:
        for one in parent:
            match local(one):
                case "p":
                    self._keep(self._paragraph(one))
                case "tbl":
                    self._table(one)
                case "del" | "moveFrom" | "sectPr" | "Fallback":
                    pass
                case (
                    "sdt"
                    | "sdtContent"
                    | "ins"
                    | "moveTo"
                    | "customXml"
                    | "smartTag"
                    | "sect"
                    | "sub-section"
                    | "AlternateContent"
                    | "Choice"
                ):
                    self._blocks(one)

    def _keep(self, made: Paragraph) -> None:
        made.number = len(self.paragraphs) + 1
        self.paragraphs.append(made)
        boxes, self._boxes = self._boxes, []
        for box in boxes:
            self.notes.add("text_box")
            self._blocks(box)

    def _table(self, table: Any) -> None:
        for row in self._under(table, "tr"):
            cells: list[list[Paragraph] | None] = []
            for cell in self._under(row, "tc"):
                if any(local(one) == "tbl" for one in cell):
                    cells.append(None)
                    continue
                made = [self._paragraph(one) for one in self._under(cell, "p")]
                cells.append([one for one in made if _says(one)])
            if None in cells:
                for cell in self._under(row, "tc"):
                    self._blocks(cell)
            elif len(cells) > 1 and all(len(cell or ()) <= 1 for cell in cells):
                self._keep(_row([cell[0] if cell else Paragraph(0, []) for cell in cells]))
            else:
                for one in (one for cell in cells for one in cell or ()):
                    self._keep(one)

    def _under(self, parent: Any, name: str) -> Iterator[Any]:
        for one in parent:
            if local(one) == name:
                yield one
            elif local(one) in {"sdt", "sdtContent", "ins", "moveTo", "customXml"}:
                yield from self._under(one, name)

    def _paragraph(self, element: Any) -> Paragraph:
        properties = child(element, "pPr")
        style = value_of(properties, "pStyle")
        made = Paragraph(0, [], heading=self._is_heading(style, properties))
        label = self._label(properties, style)
        if label is not None:
            text, made.bullet = label
            if text:
                made.runs.append((f"{text} ", []))
        before, self._floating = self._floating, ""
        self._runs(element, made, 0)
        settle(made, self._floating)
        self._floating = before
        return made

    def _label(self, properties: Any, style: str) -> tuple[str, bool] | None:
        listed = child(properties, "listPr") if properties is not None else None
        if listed is not None:  # Word 2003 says what it shows
            shown = child(listed, "t")
            text = value(shown) if shown is not None else ""
            return (text, False) if any(one.isalnum() for one in text) else ("", True)
        found = child(properties, "numPr") if properties is not None else None
        if found is None:
            found = self._style_numbers(style)
        if found is None:
            return None
        ref, level = value_of(found, "numId"), value_of(found, "ilvl")
        if not ref and (own := self._style_numbers(style)) is not None:
            ref = value_of(own, "numId")
        return self._numbering.label(ref, int(level or 0) if (level or "0").isdigit() else 0)

    def _style_numbers(self, style: str) -> Any:
        for _step in range(10):
            found = self._styles.get(style)
            if found is None:
                return None
            properties = child(found, "pPr")
            if properties is not None and (numbers := child(properties, "numPr")) is not None:
                return numbers
            style = value_of(found, "basedOn")
        return None

    def _is_heading(self, style: str, properties: Any) -> bool:
        if properties is not None and child(properties, "outlineLvl") is not None:
            return value_of(properties, "outlineLvl") != "9"
        found = self._styles.get(style)
        name = value_of(found, "name").casefold() if found is not None else ""
        return name.startswith(("heading", "标题"))

    def _runs(self, parent: Any, made: Paragraph, depth: int) -> None:
        for one in parent if depth < _DEEPEST else ():
            name = local(one)
            if name in _SKIPPED:
                continue
            if name == "r":
                self._run(one, made)
            elif name in {"oMath", "oMathPara"}:
                made.formulas += 1
                made.runs.append((math_text(one), []))
            else:
                self._runs(one, made, depth + 1)

    def _run(self, run: Any, made: Paragraph) -> None:
        properties = child(run, "rPr")
        if properties is not None and is_on(properties, "vanish"):
            self.notes.add("hidden")
            return
        marks = list(marks_of(properties)) if properties is not None else []
        raised = value_of(properties, "vertAlign") if properties is not None else ""
        text = ""
        for one in _flat(run):
            name = local(one)
            if name == "t":
                text += placed(one.text or "", raised)
            elif name in _BREAKS:
                text += _BREAKS[name] if not (name == "br" and value(one, "type") == "page") else ""
            elif name == "sym":
                text += _SYMBOLS.get(value(one, "char").upper(), "\ufffd")
            elif name == "ptab":
                text += "\t"
            elif name == "instrText" and (one.text or "").strip().upper().startswith("EQ"):
                made.formulas += 1
            elif name in {"drawing", "pict", "object"}:
                text += self._drawn(one, made)
        if "underline" in marks and len(text) > 1 and not text.strip():
            text = "____"
            marks = [one for one in marks if one != "underline"]
        if text:
            made.runs.append((text, marks))

    def _drawn(self, element: Any, made: Paragraph) -> str:
        """Return the pictures that stand in the line; those that float are put beside it afterwards."""
        found = self._drawings.of(element)
        made.pictures += found.lost
        made.formulas += found.formulas
        self._boxes += found.boxes
        if not found.floats:
            return found.kept
        self._floating += found.kept
        return ""


def _flat(run: Any) -> Iterator[Any]:
    for one in run:
        name = local(one)
        if name in {"AlternateContent", "Choice", "ruby", "rubyBase", "r"}:
            yield from _flat(one)
        elif name not in {"Fallback", "rPr", "rt"}:
            yield one


def _says(made: Paragraph) -> bool:
    return bool(made.pictures or made.formulas or any(text.strip() for text, _marks_of in made.runs))


def _row(cells: list[Paragraph]) -> Paragraph:
    made = Paragraph(0, [], cells=["".join(text for text, _marks in one.runs).strip() for one in cells])
    for place, cell in enumerate(cells):
        made.runs += [("  ", [])] if place else []
        made.runs += cell.runs
        made.pictures += cell.pictures
        made.formulas += cell.formulas
    return made

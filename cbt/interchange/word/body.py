"""The body of a Word document: its text in reading order, with automatic numbers, formulas and pictures.

Only the child that opens a document runs this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cbt.interchange import picture_marks
from cbt.interchange.documents.paragraphs import Paragraph
from cbt.interchange.raw_items import Gleaning

_DIGITS = "〇一二三四五六七八九"
_BRANCHES = "甲乙丙丁戊己庚辛壬癸"


def local(element: Any) -> str:
    """Return an element's name without its namespace; "" for a comment."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def value(element: Any, name: str = "val") -> str:
    """Return an attribute whatever its namespace, "" for none."""
    for key, content in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(content)
    return ""


def child(element: Any, name: str) -> Any:
    return next((one for one in element if local(one) == name), None)


def children(element: Any, name: str) -> Iterator[Any]:
    return (one for one in element if local(one) == name)


def chinese(number: int) -> str:
    """Return a number below a thousand in Chinese."""
    if number < 10:
        return _DIGITS[number]
    if number < 20:
        return "十" + (_DIGITS[number - 10] if number > 10 else "")
    if number < 100:
        return _DIGITS[number // 10] + "十" + (_DIGITS[number % 10] if number % 10 else "")
    if number < 1000:
        rest = number % 100
        tail = (
            ""
            if not rest
            else chinese(rest)
            if rest >= 20
            else f"一{chinese(rest)}"
            if rest >= 10
            else f"零{_DIGITS[rest]}"
        )
        return f"{_DIGITS[number // 100]}百{tail}"
    return str(number)


def _roman(number: int) -> str:
    signs = {
        1000: "M",
        900: "CM",
        500: "D",
        400: "CD",
        100: "C",
        90: "XC",
        50: "L",
        40: "XL",
        10: "X",
        9: "IX",
    }
    signs |= {5: "V", 4: "IV", 1: "I"}
    text = ""
    for worth, sign in signs.items():
        while number >= worth:
            text, number = text + sign, number - worth
    return text


def _letter(number: int) -> str:
    return chr(ord("A") + (number - 1) % 26) * ((number - 1) // 26 + 1)


def _circled(number: int) -> str:
    return chr(0x245F + number) if 0 < number <= 20 else str(number)


_FORMATS: Mapping[str, Callable[[int], str]] = {
    "upperLetter": _letter,
    "lowerLetter": lambda number: _letter(number).lower(),
    "upperRoman": _roman,
    "lowerRoman": lambda number: _roman(number).lower(),
    "chineseCounting": chinese,
    "chineseCountingThousand": chinese,
    "japaneseCounting": chinese,
    "taiwaneseCounting": chinese,
    "taiwaneseCountingThousand": chinese,
    "ideographDigital": chinese,
    "chineseLegalSimplified": chinese,
    "ideographTraditional": lambda number: _BRANCHES[(number - 1) % 10],
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "decimalZero": lambda number: f"{number:02d}",
    "none": lambda _number: "",
}


class Numbering:
    """The lists of a document and how far each has counted."""

    def __init__(self, root: Any | None) -> None:
        self._levels: dict[str, dict[int, Any]] = {}
        self._abstract: dict[str, str] = {}
        self._overrides: dict[str, dict[int, int]] = {}
        self._own: dict[str, dict[int, Any]] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[tuple[str, int]] = set()
        links: dict[str, str] = {}
        names: dict[str, str] = {}
        for node in root if root is not None else ():
            if local(node) == "abstractNum":
                ref = value(node, "abstractNumId")
                self._levels[ref] = {int(value(level, "ilvl") or 0): level for level in children(node, "lvl")}
                if (link := child(node, "numStyleLink")) is not None:
                    links[ref] = value(link)
                if (name := child(node, "styleLink")) is not None:
                    names[value(name)] = ref
            elif local(node) == "num":
                self._num(node)
        for ref, name_of in links.items():
            self._levels[ref] = self._levels[ref] or self._levels.get(names.get(name_of, ""), {})

    def _num(self, node: Any) -> None:
        ref = value(node, "numId")
        target = child(node, "abstractNumId")
        self._abstract[ref] = value(target) if target is not None else ""
        for override in children(node, "lvlOverride"):
            level = int(value(override, "ilvl") or 0)
            if (start := child(override, "startOverride")) is not None:
                self._overrides.setdefault(ref, {})[level] = int(value(start) or 1)
            if (own := child(override, "lvl")) is not None:
                self._own.setdefault(ref, {})[level] = own

    def label(self, ref: str, level: int) -> tuple[str, bool] | None:
        """Count on; return what stands before a paragraph and whether it is a bullet, None where nothing does."""
        abstract = self._abstract.get(ref)
        if ref in {"", "0"} or abstract is None:
            return None
        levels = {**self._levels.get(abstract, {}), **self._own.get(ref, {})}
        level_node = levels.get(level)
        if level_node is None:
            return None
        counts = self._counts.setdefault(abstract, {})
        override = self._overrides.get(ref, {}).get(level)
        if override is not None and (ref, level) not in self._begun:
            counts[level] = override
        else:
            counts[level] = counts[level] + 1 if level in counts else _start(level_node)
        self._begun.add((ref, level))
        for deeper in [one for one in counts if one > level and _restarts(levels.get(one), level)]:
            del counts[deeper]
        kind = _child_value(level_node, "numFmt") or "decimal"
        if kind == "bullet":
            return "", True
        text = _child_value(level_node, "lvlText")
        legal = child(level_node, "isLgl") is not None

        def shown(match: re.Match[str]) -> str:
            place = int(match[1]) - 1
            own = levels.get(place)
            number = counts.get(place, _start(own) if own is not None else 1)
            form = "decimal" if legal or own is None else _child_value(own, "numFmt") or "decimal"
            return _FORMATS.get(form, str)(number)

        label = re.sub(r"%([1-9])", shown, text)
        return (label, False) if label.strip() else None


def _start(level: Any) -> int:
    return int(_child_value(level, "start") or 1)


def _restarts(level: Any | None, above: int) -> bool:
    """Say whether a deeper level begins anew below another; `lvlRestart` 0 says it never does."""
    restart = _child_value(level, "lvlRestart") if level is not None else ""
    return restart == "" or (restart != "0" and above < int(restart))


def _child_value(element: Any, name: str) -> str:
    node = child(element, name)
    return value(node) if node is not None else ""


# The body of a Word document: its text in reading order, with marks of runs, formulas and pictures.
#
# Only the child that opens a document runs this.

_RAISED = str.maketrans("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")
_DARK = 0x60


def value_of(element: Any, name: str) -> str:
    """Return the value of a child, "" for none."""
    node = child(element, name) if element is not None else None
    return value(node) if node is not None else ""


def is_on(properties: Any, name: str) -> bool:
    """Say whether a property is there and not switched off."""
    node = child(properties, name)
    return node is not None and value(node) not in {"0", "false", "off", "none"}


def marks_of(properties: Any) -> Iterator[str]:
    """Yield what marks a run apart from the others."""
    if is_on(properties, "b"):
        yield "bold"
    if is_on(properties, "u"):
        yield "underline"
    if is_on(properties, "highlight"):
        yield "highlight"
    color = value_of(properties, "color").upper()
    if (
        len(color) == 6
        and color != "FFFFFF"
        and any(int(color[n : n + 2], 16) > _DARK for n in (0, 2, 4) if _is_hex(color))
    ):
        yield f"color:{color}"
    shade = child(properties, "shd")
    fill = value(shade, "fill").upper() if shade is not None else ""
    if fill not in {"", "AUTO", "FFFFFF"}:
        yield f"shade:{fill}"


def _is_hex(text: str) -> bool:
    return all(one in "0123456789ABCDEF" for one in text)


def placed(text: str, raised: str) -> str:
    if raised == "superscript":
        return text.translate(_RAISED)
    return text.translate(_LOWERED) if raised == "subscript" else text


_PROPERTIES = frozenset({"rPr", "fPr", "sSupPr", "sSubPr", "radPr", "ctrlPr", "naryPr", "dPr", "funcPr"})
_DEEPEST_FORMULA = 60


def math_text(element: Any, depth: int = 0) -> str:
    """Return a formula in one line: `(a+b)/c`, `x²`, `√(x)`; of any other shape the characters in their order."""
    if depth > _DEEPEST_FORMULA:
        return "".join(one.text or "" for one in element.iter() if local(one) == "t")
    name = local(element)
    if name == "t":
        return element.text or ""
    pieces = [(local(one), math_text(one, depth + 1)) for one in element if local(one) not in _PROPERTIES]
    texts = dict(pieces)
    match name:
        case "f":
            return f"{_grouped(texts.get('num', ''))}/{_grouped(texts.get('den', ''))}"
        case "sSup" | "sSub" | "sSubSup":
            low, high = texts.get("sub", ""), texts.get("sup", "")
            return f"{texts.get('e', '')}{_moved(low, 'subscript', '_')}{_moved(high, 'superscript', '^')}"
        case "rad":
            degree = placed(texts.get("deg", ""), "superscript")
            return f"{degree}√{_grouped(texts.get('e', ''), always=True)}"
        case _:
            return "".join(text for _name, text in pieces)


def _grouped(text: str, *, always: bool = False) -> str:
    plain = not text or text.replace(".", "").isalnum()
    return text if plain and not always else f"({text})"


def _moved(text: str, where: str, mark: str) -> str:
    """Return what stands high or low: by characters made for that, else behind a mark."""
    if not text:
        return ""
    done = placed(text, where)
    return done if not set(done) & set(text) else f"{mark}{_grouped(text)}"


_BOXES = frozenset({"txbxContent", "Fallback"})
_FLOATS = re.compile(r"position\s*:\s*absolute", re.IGNORECASE)
_CHOICE = re.compile(r"(?:^|[\s\u3000])[（(]?[A-LＡ-Ｌ]\s*[)）.．、:：]")
_DEEPEST = 40


@dataclass(slots=True)
class DrawingParts:
    """What one drawing holds: the characters of its pictures, how many are lost, whether it is a formula."""

    kept: str = ""
    floats: bool = False
    lost: int = 0
    formulas: int = 0
    boxes: list[Any] = field(default_factory=list)


class Drawings:
    """The pictures of one document; `targets` are the parts that its relations name."""

    def __init__(self, look: Callable[[str], bytes | None], targets: Mapping[str, str]) -> None:
        self._found, self._targets = Gleaning(), targets
        self._found.look = look
        self.marks: list[str] = []

    @property
    def bodies(self) -> dict[str, bytes]:
        return self._found.pictures

    def of(self, element: Any) -> DrawingParts:
        """Return what stands in a drawing, an older picture or an embedded object."""
        names = {local(one) for one in element.iter() if isinstance(one.tag, str)}
        done = DrawingParts(boxes=list(_boxes(element, 0)))
        done.floats = "anchor" in names or any(_FLOATS.search(value(one, "style")) for one in element.iter())
        count = 0
        for drawing, words in _named(element, "", 0):
            count += 1
            done.kept += (kept := self._kept(drawing, words))
            done.lost += not kept
        if "OLEObject" in names:
            done.formulas, done.lost = int(not done.kept), 0
        elif not count and not done.boxes:
            done.lost = int("graphic" in names)
        return done

    def _kept(self, element: Any, words: str) -> str:
        """Return the character of a picture that is handed on, "" for one that cannot be."""
        name = self._name(element)
        body = self._found.look(name) if name else None
        mark = picture_marks.mark(len(self.marks))
        if body is None or not body.startswith(picture_marks.HEADS) or not mark:
            return ""
        medium = self._found.medium(name, picture_marks.worded(words))
        if medium is None:
            return ""
        self.marks.append(medium)
        return mark

    def _name(self, element: Any) -> str:
        """Return the part a picture lies in; one that is only linked to has none."""
        for name in ("embed", "id", "relid"):
            if (part := self._targets.get(value(element, name))) is not None:
                return part
        source = value(element, "src")
        return source if source.startswith("wordml:") else ""


def _named(element: Any, words: str, depth: int) -> Iterator[tuple[Any, str]]:
    """Yield what names a picture, with the words for it; what stands in a box of text is read with the box."""
    for inner in element if depth < _DEEPEST else ():
        name = local(inner)
        if name in _BOXES:
            continue
        description = words
        if name in {"anchor", "inline", "pic", "shape", "rect"}:
            description = next(filter(None, _described(inner)), words)
        if name in {"blip", "imagedata"}:
            yield inner, value(inner, "title") or description
        else:
            yield from _named(inner, description, depth + 1)


def _described(element: Any) -> Iterator[str]:
    yield value(element, "alt")
    for holder in element:
        if local(holder) == "docPr":
            yield value(holder, "descr") or value(holder, "title")
        elif local(holder) == "nvPicPr":
            yield from (value(inner, "descr") for inner in holder if local(inner) == "cNvPr")


def _boxes(element: Any, depth: int) -> Iterator[Any]:
    for inner in element if depth < _DEEPEST else ():
        if local(inner) == "txbxContent":
            yield inner
        elif local(inner) != "Fallback":
            yield from _boxes(inner, depth + 1)


def settle(made: Paragraph, floating: str) -> None:
    """Put pictures that stand before the words of a paragraph, or float beside them, behind these.

    Where a paragraph holds several choices, they stand in a line before it.
    """
    while made.runs and picture_marks.only_marks(made.runs[0][0]):
        floating = made.runs.pop(0)[0] + floating
    if not floating:
        return
    text = "".join(text for text, _marks in made.runs)
    if not picture_marks.without(text).strip():
        made.runs.append((floating, []))
    elif len(_CHOICE.findall(text)) > 1:
        made.runs.insert(0, (f"{floating}\n", []))
    else:
        made.runs.append((floating, []))


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
        body = child(root, "body")
        self._blocks(body if body is not None else root)

    def _blocks(self, parent: Any) -> None:
        for inner in parent:
            match local(inner):
                case "p":
                    self._keep(self._paragraph(inner))
                case "tbl":
                    self._table(inner)
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
                    self._blocks(inner)

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
                for paragraph in (one for cell in cells for one in cell or ()):
                    self._keep(paragraph)

    def _under(self, parent: Any, name: str) -> Iterator[Any]:
        for inner in parent:
            if local(inner) == name:
                yield inner
            elif local(inner) in {"sdt", "sdtContent", "ins", "moveTo", "customXml"}:
                yield from self._under(inner, name)

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
        numbering = child(properties, "numPr") if properties is not None else None
        if numbering is None:
            numbering = self._style_numbers(style)
        if numbering is None:
            return None
        ref, level = value_of(numbering, "numId"), value_of(numbering, "ilvl")
        if not ref and (own := self._style_numbers(style)) is not None:
            ref = value_of(own, "numId")
        return self._numbering.label(ref, int(level or 0) if (level or "0").isdigit() else 0)

    def _style_numbers(self, style: str) -> Any:
        for _step in range(10):
            style_node = self._styles.get(style)
            if style_node is None:
                return None
            properties = child(style_node, "pPr")
            if properties is not None and (numbers := child(properties, "numPr")) is not None:
                return numbers
            style = value_of(style_node, "basedOn")
        return None

    def _is_heading(self, style: str, properties: Any) -> bool:
        if properties is not None and child(properties, "outlineLvl") is not None:
            return value_of(properties, "outlineLvl") != "9"
        style_node = self._styles.get(style)
        name = value_of(style_node, "name").casefold() if style_node is not None else ""
        return name.startswith(("heading", "标题"))

    def _runs(self, parent: Any, made: Paragraph, depth: int) -> None:
        for inner in parent if depth < _DEEPEST else ():
            name = local(inner)
            if name in _SKIPPED:
                continue
            if name == "r":
                self._run(inner, made)
            elif name in {"oMath", "oMathPara"}:
                made.formulas += 1
                made.runs.append((math_text(inner), []))
            else:
                self._runs(inner, made, depth + 1)

    def _run(self, run: Any, made: Paragraph) -> None:
        properties = child(run, "rPr")
        if properties is not None and is_on(properties, "vanish"):
            self.notes.add("hidden")
            return
        marks = list(marks_of(properties)) if properties is not None else []
        raised = value_of(properties, "vertAlign") if properties is not None else ""
        text = ""
        for inner in _flat(run):
            name = local(inner)
            if name == "t":
                text += placed(inner.text or "", raised)
            elif name in _BREAKS:
                text += _BREAKS[name] if not (name == "br" and value(inner, "type") == "page") else ""
            elif name == "sym":
                text += _SYMBOLS.get(value(inner, "char").upper(), "\ufffd")
            elif name == "ptab":
                text += "\t"
            elif name == "instrText" and (inner.text or "").strip().upper().startswith("EQ"):
                made.formulas += 1
            elif name in {"drawing", "pict", "object"}:
                text += self._drawn(inner, made)
        if "underline" in marks and len(text) > 1 and not text.strip():
            text = "____"
            marks = [one for one in marks if one != "underline"]
        if text:
            made.runs.append((text, marks))

    def _drawn(self, element: Any, made: Paragraph) -> str:
        """Return the pictures that stand in the line; those that float are put beside it afterwards."""
        parts = self._drawings.of(element)
        made.pictures += parts.lost
        made.formulas += parts.formulas
        self._boxes += parts.boxes
        if not parts.floats:
            return parts.kept
        self._floating += parts.kept
        return ""


def _flat(run: Any) -> Iterator[Any]:
    for inner in run:
        name = local(inner)
        if name in {"AlternateContent", "Choice", "ruby", "rubyBase", "r"}:
            yield from _flat(inner)
        elif name not in {"Fallback", "rPr", "rt"}:
            yield inner


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

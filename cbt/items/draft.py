"""What a format makes of a file: items as their author wrote them, each value with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cbt.items.media import NewMedium
from cbt.items.taxonomy import Taxonomy
from cbt.spreadsheets.columns import ColumnUse
from cbt.spreadsheets.findings import Finding, Place, Severity


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """One item before it is stored.

    `ref` is empty where a format has none; `data` is the content in the author's words, a case's parts under
    `parts`; `places` gives the place of a field (`stem`, `parts.2.answer`), and of the item itself under "".
    """

    ref: str
    data: Mapping[str, Any]
    places: Mapping[str, Place]

    @property
    def label(self) -> str:
        """Return what a person can find the item by."""
        return self.ref or str(self.place(""))

    @property
    def known_as(self) -> str | Place:
        """Return what a sentence about another item calls this one: its ref, or where it stands."""
        return self.ref or self.place("")

    def place(self, name: str) -> Place:
        """Return where a field stands, or the nearest thing around it."""
        while name and name not in self.places:
            name = name.rpartition(".")[0]
        return self.places.get(name, Place())

    def find(
        self, severity: Severity, code: str, name: str = "", value: object = "", **params: object
    ) -> Finding:
        return Finding(severity, code, self.place(name), str(value), self.label, {"field": name, **params})

    def with_data(self, data: Mapping[str, Any]) -> ItemDraft:
        return replace(self, data=data)

    def parts(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Return each thing that asks something, with the prefix of its fields."""
        inner = self.data.get("parts")
        if not isinstance(inner, list):
            return [("", self.data)]
        return [(f"parts.{n}.", part) for n, part in enumerate(inner, 1) if isinstance(part, Mapping)]


Adjustments = Mapping[str, str]
"""What an author says of a file instead of what was inferred: the name of an `Inferred` → its value."""
AS_INFERRED: Adjustments = {}
DOUBT = "doubt_"
"""The code of a question that speaks against a reading begins so."""


@dataclass(frozen=True, slots=True)
class Inferred:
    """Something a file does not say, as it was understood: its author confirms or changes it, once per file.

    `name` is what an adjustment of it is called (`header:Sheet1`, `column:Sheet1:C`, `type:判断题`), `code` names
    its catalogue entry `bank.inferred.<code>`, which takes `params`. `value` is what was taken, `choices` what
    else it could be (none: any text), `count` how many items hang on it.
    """

    name: str
    code: str
    value: str
    choices: tuple[str, ...] = ()
    count: int = 0
    place: Place = field(default_factory=Place)
    params: Mapping[str, object] = field(default_factory=dict)

    @property
    def doubtful(self) -> bool:
        """Whether this is a doubt: its author answers it, no value of it was taken."""
        return self.code.startswith(DOUBT)

    @property
    def open(self) -> bool:
        """Whether nothing of the file may be stored before its author has answered."""
        return self.doubtful and not self.value


@dataclass(frozen=True, slots=True)
class SourceText:
    """A line or a cell of a file as it stands there; `field` is what a cell was read as, "" for nothing."""

    place: Place
    text: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A whole file or folder as read; `taxonomy` only where the format carries one.

    `layout` is the same for files that are laid out alike, "" where a format has only one layout: under it the
    adjustments of a bank are kept. `media` are the pictures and sounds that its texts name, by their names.
    `came` gives what a picture to be marked was before it was drawn anew, by what it is now. `source` is what the
    file itself says, in its order; none for formats that name every part of an item.
    """

    form: str
    file_name: str
    items: list[ItemDraft]
    findings: list[Finding]
    columns: tuple[ColumnUse, ...] = ()
    taxonomy: Taxonomy | None = None
    inferred: tuple[Inferred, ...] = ()
    layout: str = ""
    media: Mapping[str, NewMedium] = field(default_factory=dict)
    came: Mapping[str, str] = field(default_factory=dict)
    source: tuple[SourceText, ...] = ()

"""An item as its cells say it, for the types of items to read, and how its table writes keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from cbt.bank.formats.tables.ready import ReadyItem
from cbt.sheets.findings import Finding, Place, Severity


@dataclass(slots=True)
class Sense:
    """How a table writes its keys: the number of the first choice, what is right among 1, 2, A and B."""

    base: int = 1
    prefer: str = ""
    right: dict[str, bool] = field(default_factory=dict)
    scaled: bool = True
    bracketed: bool = False
    used: dict[str, int] = field(default_factory=dict)

    def use(self, name: str) -> None:
        """Count one item that hangs on something the file does not say."""
        self.used[name] = self.used.get(name, 0) + 1


class ItemRow:
    """An item as the types of items read a row of a sheet: each field in its plainest writing."""

    def __init__(self, one: ReadyItem) -> None:
        self.one = one
        self.label = str(one.raw.place())
        self._texts: dict[str, str] = {}

    def put(self, name: str, text: str) -> None:
        """Have a field read so from here on."""
        self._texts[name] = text

    def text(self, name: str) -> str:
        """Return what a field says."""
        return self._texts.get(name, "")

    def error(self, code: str, name: str, **params: object) -> Finding:
        """Return an error at the cell of a field."""
        return self.find(Severity.ERROR, code, name, **params)

    def find(self, severity: Severity, code: str, name: str, **params: object) -> Finding:
        """Return a finding at the cell of a field."""
        raw = self.one.raw
        value = {"answer": raw.answer, "type": raw.type, "stem": raw.stem, "difficulty": raw.difficulty}.get(
            name
        )
        if value is None and name.startswith("choice_"):
            value = raw.table.text(raw.row, name)
        if value is None:
            value = raw.consistency if name == "consistency" else ""
        return Finding(severity, code, self.place(name), value, self.label, {"field": name, **params})

    def place(self, name: str) -> Place:
        """Return where a field stands."""
        raw = self.one.raw
        if name == "choice_A" and not raw.table.has("choice_A") and raw.table.has("choices"):
            name = "choices"
        return raw.place(name)

    def places(self) -> dict[str, Place]:
        """Return the place of every field."""
        raw, table = self.one.raw, self.one.raw.table
        found = {
            name: raw.place(name)
            for name in table.columns
            if not name.startswith(("choice", "blank", "right"))
        }
        cells = [name for name in table.of("choice_") if table.text(raw.row, name)]
        for n in range(1, len(self.one.choices) + 1):
            if n <= len(cells):
                found[f"choices.{n}"] = raw.place(cells[n - 1])
        if table.has("choice_A", "choices"):
            found["choices"] = raw.place("choice_A" if table.has("choice_A") else "choices")
        return {**found, "": raw.place()}

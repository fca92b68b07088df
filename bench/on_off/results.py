"""What a run came to: figures with and without each mechanism, on the screen, as JSON and in docs/decisions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from textwrap import wrap
from typing import Any

from bench.on_off.mechanisms import MECHANISMS, Mechanism
from bench.on_off.traffic import ROWS, Row
from bench.published.report import aligned, machine_line

RESULTS = Path(__file__).parents[1] / "on_off.json"
RECORDS = Path(__file__).parents[2] / "docs" / "decisions"
INDEX = RECORDS / "README.md"
MARKS = "<!-- on-off:begin -->", "<!-- on-off:end -->"
WIDTH = 132
ON = ""
"""In place of a mechanism's name: the product as it is."""


@dataclass(slots=True)
class Measured:
    """The figures of a run: by mechanism (ON: none is out) and row, one for each pair."""

    figures: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    def pairs(self, mechanism: Mechanism) -> dict[str, dict[str, Any]]:
        """Return of each row of a mechanism what bench/on_off.json holds of it."""
        return {
            name: self._pair(ROWS[name], mechanism.name)
            for name in mechanism.rows
            if (mechanism.name, name) in self.figures
        }

    def _pair(self, row: Row, name: str) -> dict[str, Any]:
        on, off = self.figures[ON, row.name], self.figures[name, row.name]
        return {
            "on": [_rounded(value) for value in on],
            "off": [_rounded(value) for value in off],
            "gain": [round(gain(row, *pair), 2) for pair in zip(on, off, strict=True)],
            "refused": [self.refused[ON, row.name], self.refused[name, row.name]],
        }


def gain(row: Row, on: float, off: float) -> float:
    """Return how many times better it is with the mechanism than without."""
    better, worse = (on, off) if row.more else (off, on)
    return better / worse if worse > 0 else float(better > 0)


def _rounded(value: float) -> float:
    return round(value, 1 if value >= 10 else 3)


def spread(values: Sequence[float], digits: str = "") -> str:
    """Return the median of values, and between what they lie."""
    return f"{_shown(median(values), digits)} ({_shown(min(values), digits)} … {_shown(max(values), digits)})"


def _shown(value: float, digits: str = "") -> str:
    return f"{value:{digits or (',.0f' if value >= 100 else '.1f' if value >= 10 else '.2f')}}"


def table(found: Mapping[str, Any]) -> str:
    """Return figures by mechanism, as bench/on_off.json holds them, as an aligned table."""
    rows = [("", "", "on", "off", "times better with it", "refused on, off")]
    for mechanism in MECHANISMS:
        for name, pair in found.get(mechanism.name, {}).get("rows", {}).items():
            row = ROWS[name]
            rows.append(
                (
                    mechanism.name,
                    f"{row.label}, {row.unit}",
                    spread(pair["on"]),
                    spread(pair["off"]),
                    spread(pair["gain"], ".2f"),
                    ", ".join(str(one) if one else "-" for one in pair["refused"]),
                )
            )
    return aligned(rows)


def line_of(mechanism: Mechanism, found: Mapping[str, Any]) -> str:
    """Return a mechanism's measured gain as an item of Markdown for its record."""
    measured = found.get(mechanism.name)
    if not measured or not measured["rows"]:
        return f"- {mechanism.title}: not measured on against off yet."
    said = [_sentence(ROWS[name], pair) for name, pair in measured["rows"].items()]
    return f"- {mechanism.title} on against off ({measured['on']}; off: {mechanism.off}): {'; '.join(said)}."


def _sentence(row: Row, pair: Mapping[str, Any]) -> str:
    on, off = (_shown(median(pair[name])) for name in ("on", "off"))
    return f"{row.label} {on} {row.unit} against {off} ({_times(pair)})"


def _times(pair: Mapping[str, Any]) -> str:
    low, middle, high = min(pair["gain"]), median(pair["gain"]), max(pair["gain"])
    return f"× {middle:.2f}, pairs {low:.2f} to {high:.2f}"


def index(results: Mapping[str, Any]) -> str:
    """Return the records of mechanisms as a table of Markdown, with what was measured."""
    found = results.get("mechanisms", {})
    lines = [
        "| record | mechanism | lines | its switch: what is there while it is off | gain |",
        "|---|---|---:|---|---|",
    ]
    for mechanism in MECHANISMS:
        switch = f"`{mechanism.name}`: {mechanism.off}" if mechanism.off else f"none: {mechanism.why_not}"
        cells = [
            f"[{mechanism.record:03}]({path_of(mechanism.record).name})",
            mechanism.title,
            f"{mechanism.lines:,}" if mechanism.lines else "–",
            switch,
            _gains(found.get(mechanism.name)) if mechanism.off else "–",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if "machine" in results:
        lines += ["", f"Measured on {machine_line(results['machine'])}."]
    return "\n".join(lines)


def _gains(measured: Mapping[str, Any] | None) -> str:
    if not measured or not measured["rows"]:
        return "not measured yet"
    return "; ".join(f"{ROWS[name].label} {_times(pair)}" for name, pair in measured["rows"].items())


def in_record(record: int, results: Mapping[str, Any]) -> str:
    """Return what stands in a record of what was measured of it."""
    found = results.get("mechanisms", {})
    own = [line_of(one, found) for one in MECHANISMS if one.record == record and one.off]
    return "\n".join(line for one in own for line in wrap(one, WIDTH, subsequent_indent="  "))


def pages(results: Mapping[str, Any]) -> dict[Path, str]:
    """Return the index, and the records of mechanisms that have a switch, as they are to be."""
    records = {one.record for one in MECHANISMS if one.off}
    blocks = {path_of(record): in_record(record, results) for record in sorted(records)}
    return {path: _with(path, block) for path, block in {INDEX: index(results), **blocks}.items()}


def path_of(record: int) -> Path:
    """Return the file of a record."""
    [path] = RECORDS.glob(f"{record:03}-*.md")
    return path


def _with(path: Path, block: str) -> str:
    before, begin, rest = path.read_text("utf-8").partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise ValueError(f"{path} has no place for what was measured")
    return f"{before}{begin}\n{block}\n{end}{after}"


def write_pages(results: Mapping[str, Any]) -> None:
    """Write what was measured into docs/decisions."""
    for path, text in pages(results).items():
        path.write_text(text, "utf-8")


def read_results(path: Path = RESULTS) -> dict[str, Any]:
    """Return what was measured; nothing where nothing was yet."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found

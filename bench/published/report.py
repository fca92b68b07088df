"""The measured figures as a table on the screen and as Markdown, with the machine named."""

from __future__ import annotations

import os
import platform
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2

from bench.measured.declaring import Target
from bench.measured.registry import TARGETS
from bench.published.comparing import Compared
from bench.published.words import HEADS, NONE, row

Results = Mapping[str, Any]


def machine() -> dict[str, Any]:
    """Return what the figures were taken on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlcipher3.dbapi2.sqlite_version,
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def machine_line(of: Mapping[str, Any], language: str = "en") -> str:
    """Return the machine in one line."""
    if language == "zh":
        return (
            f"{of['cpu']}，{of['cores']} 核（压测客户端也在其中），{of['system']}，"
            f"Python {of['python']}，加密的 SQLite {of['sqlite']}"
        )
    return (
        f"{of['cpu']}, {of['cores']} cores (the client on the same), {of['system']}, "
        f"Python {of['python']}, SQLite {of['sqlite']} encrypted"
    )


def all_figures(results: Results) -> list[tuple[Target, Mapping[str, Any]]]:
    """Return every figure that was measured, in the order of the table of targets."""
    figures = {**results["figures"], **results.get("growth", {}).get("figures", {})}
    return [(target, figures[target.name]) for target in TARGETS if target.name in figures]


def _rows(results: Results, language: str) -> list[Sequence[str]]:
    found: list[Sequence[str]] = [row(*one, language) for one in all_figures(results)]
    if (per_s := results["ref_per_s"]) is None:
        return found
    ref = ["REF", f"{per_s:,.0f}/s", *[NONE] * 3, f"{per_s:,.0f}", *[NONE] * 3, "1", NONE]
    return [ref, *found]


def table(results: Results) -> str:
    """Return the figures as an aligned table."""
    return aligned([HEADS["en"], *(_plain(cells) for cells in _rows(results, "en"))])


def _plain(cells: Sequence[str]) -> list[str]:
    return [cell.replace("*", "") for cell in cells]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as text, the first column to the left, the others to the right."""
    widths = [max(_width(cells[column]) for cells in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell + " " * (width - _width(cell)) if index == 0 else " " * (width - _width(cell)) + cell
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()
        for cells in rows
    )


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def markdown(results: Results, language: str = "en") -> str:
    """Return the figures as a Markdown table."""
    heads = HEADS[language]
    rule = ["---", "---", "---", "---", "---", *["---:"] * (len(heads) - 5)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *_rows(results, language)))


def check_table(pairs: Sequence[Compared]) -> str:
    """Return the comparison with the committed ratios as an aligned table."""
    rows = [("figure", "committed × REF", "now × REF", "change", "")]
    rows += [
        (
            one.name,
            f"{one.committed:.4f}",
            f"{one.measured:.4f}",
            f"{one.measured / one.committed - 1:+.0%}",
            "ok" if one.ok else "TOO SLOW",
        )
        for one in pairs
    ]
    return aligned(rows)

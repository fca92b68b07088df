"""The measured figures as a table, as Markdown for README, and as bench/results.json."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlcipher3.dbapi2

HEADS = ("figure", "per second", "p50 ms", "p99 ms", "× REF", "refused", "lost")
COLUMNS = ("per_s", "p50_ms", "p99_ms", "ratio", "refused", "lost")


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


def machine_line(of: Mapping[str, Any]) -> str:
    """Return the machine in one line."""
    return (
        f"{of['cpu']}, {of['cores']} cores (the client on the same), {of['system']}, "
        f"Python {of['python']}, SQLite {of['sqlite']} encrypted"
    )


def table(results: Mapping[str, Any]) -> str:
    """Return the figures as an aligned table."""
    rows = [HEADS, *_rows(results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def markdown(results: Mapping[str, Any]) -> str:
    """Return the figures as a Markdown table."""
    rule = ["---", *["---:"] * (len(HEADS) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (HEADS, rule, *_rows(results)))


def _rows(results: Mapping[str, Any]) -> list[Sequence[str]]:
    ref = ["REF", f"{results['ref_per_s']:,.0f}", "–", "–", "1.00", "–", "–"]
    return [ref] + [
        [name, *(_cell(column, figure[column]) for column in COLUMNS)]
        for name, figure in results["figures"].items()
    ]


def _cell(column: str, value: float | None) -> str:
    if value is None:
        return "–"
    match column:
        case "per_s":
            return f"{value:,.0f}"
        case "p50_ms" | "p99_ms":
            return f"{value:.1f}"
        case "ratio":
            return f"{value:.2f}"
        case _:
            return str(value)

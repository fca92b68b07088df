"""The report of a run: one JSON file, and one page that needs nothing else."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import flask
from markupsafe import Markup

from cbt.clock import SystemClock
from cbt.paths import product_dir, write_whole
from torture.judging.verdict import INVARIANTS
from torture.trial import Result
from torture.words import texts

PAGE = "report.html"


def as_data(results: Sequence[Result], *, long: bool, seed: int) -> dict[str, Any]:
    """Return everything a report says, as JSON takes it."""
    at: datetime = SystemClock().now()
    return {
        "product": version("cbt-engine"),
        "at": at.isoformat(timespec="seconds"),
        "run": "long" if long else "short",
        "seed": seed,
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
        },
        "seconds": round(sum(one.seconds for one in results), 1),
        "injections": sum(one.injections for one in results),
        "acknowledged": sum(one.acknowledged for one in results),
        "broken": sum(len(found) for one in results for found in one.broken.values()),
        "looked_at": {name: sum(one.looked_at.get(name, 0) for one in results) for name in INVARIANTS},
        "faults": [_row(one) for one in results],
    }


def _row(result: Result) -> dict[str, Any]:
    return {
        "fault": result.fault,
        "database": result.kind,
        "skipped": list(result.skipped),
        "seconds": result.seconds,
        "injections": result.injections,
        "acknowledged": result.acknowledged,
        "looked_at": {name: result.looked_at[name] for name in INVARIANTS if name in result.looked_at},
        "broken": result.broken,
        "figures": {
            name: {"times": len(values), "median": round(median(values), 3), "most": round(max(values), 3)}
            for name, values in result.figures.items()
            if values
        },
    }


def write_report(folder: Path, data: Mapping[str, Any]) -> Path:
    """Write report.json and report.html into `folder` and return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(data, ensure_ascii=False, indent=2)
    shown = page_of(data)  # before either is written, so that they tell of the same run
    write_whole(folder / "report.json", text + "\n")
    page = folder / PAGE
    write_whole(page, shown)
    return page


def page_of(data: Mapping[str, Any]) -> str:
    """Return the page of a report: Chinese with English beside it, its style inside, no script."""
    app = flask.Flask("torture", template_folder=str(Path(__file__).parent))
    tokens = (product_dir("static") / "ui" / "tokens.css").read_text("utf-8")
    with app.app_context():
        return flask.render_template(
            PAGE,
            data=data,
            invariants=[name for name in INVARIANTS if name != "X"],
            zh=texts("zh"),
            en=texts("en"),
            tokens=Markup(tokens),
        )

"""`python -m bench`: build an installation, serve it as production does, measure, print, write the results."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.measured import registry
from bench.measuring import run_bench
from bench.published.comparing import compared
from bench.published.pages import write_pages
from bench.published.report import check_table, machine, machine_line, table
from bench.servers.views import VIEWS_VARIABLE
from bench.sizes import FULL, QUICK
from cbt.paths import write_whole
from tests.browser import find_chromium
from tests.databases import find_binaries

RESULTS = Path(__file__).with_name("results.json")


def read_results(path: Path = RESULTS) -> dict[str, Any]:
    """Return the committed results."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def missing_tools() -> list[str]:
    """Return what this machine lacks for a whole run, each with the way to get it."""
    missing = []
    if find_chromium() is None:
        missing.append("Chromium is missing (the answer page): python -m tests.browser")
    if find_binaries() is None and not os.environ.get("CBT_TEST_POSTGRES_URL"):
        missing.append(
            "PostgreSQL is missing (postgres_save): apt install postgresql, or set CBT_TEST_PG_BIN"
        )
    return missing


def write_results(results: dict[str, Any], path: Path) -> None:
    """Write the results; what was measured on the grown database stays, it is measured by itself."""
    if path.exists() and "growth" in (former := read_results(path)):
        results = {"growth": former["growth"], **results}
    write_whole(path, json.dumps(results, ensure_ascii=False, indent=2) + "\n")


def with_again(
    former: dict[str, Any], measured: dict[str, Any], names: Sequence[str], *, on: str
) -> dict[str, Any]:
    """Return results in which rows are those that were measured again, each with its day and the REF of then."""
    anew = {name: measured["figures"][name] for name in names}
    said = {name: {"on": on, "ref_per_s": measured["ref_per_s"]} for name in names}
    return {
        **former,
        "figures": {**former["figures"], **anew},
        "again": {**former.get("again", {}), **said},
    }


def lacking(results: dict[str, Any]) -> list[str]:
    """Return the figures a run should have measured and did not; those of the grown database are not its own."""
    return [name for name in registry.names_of() if name not in results["figures"]]


def check(committed: dict[str, Any], measured: dict[str, Any]) -> int:
    """Print the steady ratios beside the committed ones; return 1 when one is over 15 % under its own."""
    pairs = compared(committed, measured)
    print(check_table(pairs))
    return 0 if pairs and all(one.ok for one in pairs) else 1


def main(argv: list[str] | None = None) -> int:
    """Run the bench; the exit code is 1 when anything was lost or refused or, with --check, became slow."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, to see that it works")
    parser.add_argument(
        "--check", action="store_true", help="compare the steady ratios with the committed ones"
    )
    parser.add_argument(
        "--write-pages",
        action="store_true",
        help="write the table, READMEs, plan and pictures from the results; no run",
    )
    parser.add_argument(
        "--only", type=_names, default=[], help="measure these rows alone, by name (a,b); write nothing"
    )
    parser.add_argument(
        "--again",
        type=_names,
        default=[],
        help="measure these rows again, or a new one; write them into the results, each with its day and its REF",
    )
    parser.add_argument(
        "--views",
        default="",
        help="leave these hot addresses to their views: endpoints (a,b), or `all`; with --only",
    )
    parser.add_argument("--candidates", type=int, default=0, help="so many in exam_day")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the results file (bench/results.json)")
    options = parser.parse_args(argv)
    if options.write_pages:
        results = read_results(options.results)
        if absent := lacking(results):
            print(f"nothing written: {options.results} has no {', '.join(absent)}", file=sys.stderr)
            return 2
        for path in write_pages(results):
            print(path)
        return 0
    if options.views:
        if not options.only:
            parser.error(
                "--views changes what is measured, so nothing of it is written: name rows with --only"
            )
        os.environ[VIEWS_VARIABLE] = options.views
    if options.again:
        return _measure_again(options)
    written = not options.check and not options.only and (not options.quick or options.results != RESULTS)
    if written and (missing := missing_tools()):
        # Said before ten minutes of measuring: what is published is a whole run or the former one.
        print("\n".join(missing), file=sys.stderr)
        return 2
    size = replace(QUICK if options.quick else FULL, candidates=options.candidates)
    results = run_bench(size, only_steady=options.check, only=options.only, tell=_tell)
    print(machine_line(results["machine"]))
    print(table(results))
    if options.check:
        return check(read_results(options.results), results)
    if written and (absent := lacking(results)):
        print(f"not written, {options.results} stays as it was: no {', '.join(absent)}", file=sys.stderr)
        return 2
    if written:
        write_results(results, options.results)
    return 1 if any(figure["lost"] or figure["refused"] for figure in results["figures"].values()) else 0


def _measure_again(options: argparse.Namespace) -> int:
    """Measure rows of a whole run's results again, or what was declared since, on the machine they are of."""
    former = read_results(options.results)
    if former["machine"] != machine():
        print(f"nothing measured: {options.results} is of another machine", file=sys.stderr)
        return 2
    measured = run_bench(QUICK if options.quick else FULL, only=options.again, tell=_tell)
    print(table(measured))
    found = [measured["figures"].get(name) for name in options.again]
    if not all(figure is not None and not figure["lost"] and not figure["refused"] for figure in found):
        print(f"not written, {options.results} stays as it was", file=sys.stderr)
        return 1
    today = datetime.now(UTC).date().isoformat()
    write_results(with_again(former, measured, options.again, on=today), options.results)
    return 0


def _names(text: str) -> list[str]:
    names = text.split(",")
    if unknown := sorted(set(names) - set(registry.names_of())):
        raise argparse.ArgumentTypeError(f"no row is named {', '.join(unknown)}")
    return names


def _tell(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench`: build an installation, serve it as production does, measure, print, write the results."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bench.measuring import FULL, QUICK, run_bench
from bench.pages import write_pages
from bench.report import check_table, machine_line, table
from bench.targets import compared

RESULTS = Path(__file__).with_name("results.json")


def read_results(path: Path = RESULTS) -> dict[str, Any]:
    """Return the committed results."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def write_results(results: dict[str, Any], path: Path) -> None:
    """Write the results; what was measured on the grown database stays, it is measured by itself."""
    if path.exists() and "growth" in (former := read_results(path)):
        results = {"growth": former["growth"], **results}
    path.write_text(json.dumps(results, ensure_ascii=False, indent=2) + "\n", "utf-8")


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
        "--write-readme",
        action="store_true",
        help="write READMEs, plan and pictures from the results; no run",
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="the results file (bench/results.json)")
    options = parser.parse_args(argv)
    if options.write_readme:
        for path in write_pages(read_results(options.results)):
            print(path)
        return 0
    results = run_bench(QUICK if options.quick else FULL, only_steady=options.check, tell=_tell)
    print(machine_line(results["machine"]))
    print(table(results))
    if options.check:
        return check(read_results(options.results), results)
    if not options.quick or options.results != RESULTS:
        write_results(results, options.results)
    return 1 if any(figure["lost"] or figure["refused"] for figure in results["figures"].values()) else 0


def _tell(text: str) -> None:
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

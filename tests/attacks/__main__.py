"""`python -m tests.attacks`: how many cases each kind of attack has; `--write` puts it into docs/security.md.

What a file shows is the first sentence of its own docstring. The page never says more than there is
(tests/packaging/test_security_page.py); it is written anew before a release, not with every new case.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
PAGE = ROOT / "docs" / "security.md"
BEGIN, END = "<!-- attacks: python -m tests.attacks --write -->", "<!-- /attacks -->"


def files() -> list[Path]:
    """Return the files of cases."""
    return sorted(FOLDER.glob("test_*.py"))


def kind(path: Path) -> str:
    """Return what a file's kind of attack is called."""
    return path.stem.removeprefix("test_").replace("_", " ")


def shows(path: Path) -> str:
    """Return the first sentence of a file."""
    said = " ".join((ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").split())
    return said.split(". ")[0].rstrip(".").replace("|", "/")


def counted() -> Counter[str]:
    """Return the number of collected cases by file name."""
    only = ["--collect-only", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *only, str(FOLDER)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if "::" in line]
    if not found:
        raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])
    return Counter(Path(line.split("::")[0]).name for line in found)


def table(numbers: Counter[str]) -> str:
    """Return the table of the page."""
    lines = ["| Kind | File | Cases | What they show |", "|---|---|---:|---|"]
    for path in files():
        lines.append(f"| {kind(path)} | `tests/attacks/{path.name}` | {numbers[path.name]} | {shows(path)} |")
    total = sum(numbers[path.name] for path in files())
    return "\n".join([*lines, f"| **all** | | **{total}** | |"])


def main() -> None:
    """Print the table, or put it into the page."""
    made = table(counted())
    if "--write" not in sys.argv[1:]:
        print(made)
        return
    text = PAGE.read_text("utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{made}\n{END}{tail}", "utf-8")


if __name__ == "__main__":
    main()

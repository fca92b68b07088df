"""`python -m tests.attacks`: how many cases each kind of attack has; `--write` puts it into both pages of security.

What a file shows is the first sentence of its own docstring; `tests/attacks/in_chinese.py` says it for the Chinese
page. A page never says more than there is (tests/packaging/test_security_page.py); both are written anew before a
release, not with every new case.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.attacks.in_chinese import TOLD

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
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


def told(path: Path) -> tuple[str, str]:
    """Return what a file is called and shows in Chinese."""
    return TOLD[path.stem.removeprefix("test_")]


@dataclass(frozen=True)
class Page:
    """A page of security and what its table is headed and summed up with."""

    path: Path
    head: str
    total: str
    row: Callable[[Path], tuple[str, str]]
    """What a file of attacks is called and shows."""

    def table(self, numbers: Counter[str]) -> str:
        """Return the table of the page."""
        lines = [self.head, "|---|---|---:|---|"]
        for path in files():
            name, words = self.row(path)
            lines.append(f"| {name} | `tests/attacks/{path.name}` | {numbers[path.name]} | {words} |")
        total = sum(numbers[path.name] for path in files())
        return "\n".join([*lines, f"| **{self.total}** | | **{total}** | |"])

    def write(self, numbers: Counter[str]) -> None:
        """Put the table into the page."""
        text = self.path.read_text("utf-8")
        head, _, rest = text.partition(BEGIN)
        _, _, tail = rest.partition(END)
        self.path.write_text(f"{head}{BEGIN}\n{self.table(numbers)}\n{END}{tail}", "utf-8")


PAGES = (
    Page(
        ROOT / "docs" / "security.md",
        "| Kind | File | Cases | What they show |",
        "all",
        lambda path: (kind(path), shows(path)),
    ),
    Page(ROOT / "docs" / "security.zh-CN.md", "| 类别 | 文件 | 用例 | 试的是什么 |", "合计", told),
)


def main() -> None:
    """Print the table, or put it into both pages."""
    numbers = counted()
    if "--write" not in sys.argv[1:]:
        print(PAGES[0].table(numbers))
        return
    for page in PAGES:
        page.write(numbers)


if __name__ == "__main__":
    main()

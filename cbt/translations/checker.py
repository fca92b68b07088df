"""Finds texts that a catalogue lacks: every id used in code and templates, in every language.

`python -m cbt.translations.checker` prints what is missing and exits 1; `make check` runs it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from cbt.translations.compiler import LANGUAGES, texts_of

PACKAGE = Path(__file__).resolve().parent.parent
TEMPLATES = PACKAGE.parent / "templates"
_ID = r"[a-z][a-z0-9_]*(?:\.[a-z0-9_-]+)+"
_TEXT = re.compile(
    rf"""(?:\b_|\b(?:get)?text|\blazy_gettext|\bt|\bCommand)\(\s*["']({_ID})["']\s*[,)]|\b(?:help|alone)=["']({_ID})["']"""
)
_ERROR = re.compile(
    r"(?:\b(?:InvalidInput|NotAllowed|NotFound|Conflict|TooEarly|TooMany|TooLarge|Gone|Locked|Unavailable)\("
    # What something that is not there, or a sheet that is refused, is to be called.
    r"""|\b(?:unknown|gone)=|"sheet\.\w+": )\s*["']([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*)["']"""
)
_PLACEHOLDER = re.compile(r"%\((\w+)\)")


def used_ids() -> dict[str, str]:
    """Return every id used, with the first file that uses it; an error code stands for its two sentences."""
    ids: dict[str, str] = {}
    for path, text in _sources():
        for match in _TEXT.finditer(text):
            ids.setdefault(match.group(1) or match.group(2), path.name)
        if path.suffix == ".py":
            for match in _ERROR.finditer(text):
                for half in ("what", "fix"):
                    ids.setdefault(f"error.{match.group(1)}.{half}", path.name)
    return ids


def _sources() -> Iterator[tuple[Path, str]]:
    for path in sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.html"), *TEMPLATES.rglob("*.html")]):
        if "translations" not in path.parts:
            yield path, path.read_text("utf-8")


def problems() -> list[str]:
    """Return one line per missing, empty or one-sided text and per placeholder only one language has."""
    messages = {language: texts_of(language) for language in LANGUAGES}
    lines = []
    for name, where in sorted(used_ids().items()):
        lines += [
            f"{language}: {name} ({where})" for language in LANGUAGES if not messages[language].get(name)
        ]
    first, second = LANGUAGES
    for name in sorted(messages[first].keys() ^ messages[second].keys()):
        lines.append(f"{name} stands in one language only")
    for name in sorted(messages[first].keys() & messages[second].keys()):
        if set(_PLACEHOLDER.findall(messages[first][name])) != set(
            _PLACEHOLDER.findall(messages[second][name])
        ):
            lines.append(f"{name}: the placeholders differ")
    return lines


if __name__ == "__main__":
    missing = problems()
    print("\n".join(missing) or "catalogues complete")
    sys.exit(1 if missing else 0)

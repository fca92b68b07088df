"""Whether the catalogues have to be compiled before tests: each process of a run would do again what `make` did."""

from __future__ import annotations

from pathlib import Path

from cbt.translations import compiler


def compiled_since(folder: Path = compiler.HERE) -> bool:
    """Return whether what is compiled is later than every text of a room, and than any that came or went."""
    texts = [folder / language for language in compiler.LANGUAGES]
    texts += [path for one in texts for path in one.glob("*.po")]
    compiled = [folder / language / "LC_MESSAGES" / "messages.mo" for language in compiler.LANGUAGES]
    if not all(path.exists() for path in compiled):
        return False
    changed = max(path.stat().st_mtime_ns for path in (*texts, Path(compiler.__file__)))
    return changed < min(path.stat().st_mtime_ns for path in compiled)

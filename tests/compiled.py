"""Whether the catalogues have to be compiled before tests: each process of a run would do again what `make` did."""

from __future__ import annotations

from pathlib import Path

from cbt.translations import compiling


def compiled_since(folder: Path = compiling.HERE) -> bool:
    """Return whether what is compiled is later than every text of a room, and than any that came or went."""
    texts = [folder / language for language in compiling.LANGUAGES]
    texts += [path for one in texts for path in one.glob("*.po")]
    compiled = [folder / language / "LC_MESSAGES" / "messages.mo" for language in compiling.LANGUAGES]
    if not all(path.exists() for path in compiled):
        return False
    changed = max(path.stat().st_mtime_ns for path in (*texts, Path(compiling.__file__)))
    return changed < min(path.stat().st_mtime_ns for path in compiled)

"""Compiles the catalogues: the .po files of all rooms and item types become one messages.mo per language.

Used by `make install`, by the tests and by the wheel's build hook, so it imports nothing of the product.
"""

from __future__ import annotations

import os
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

HERE = Path(__file__).resolve().parent
LANGUAGES = ("zh", "en")


def read_catalogue(language: str, folder: Path = HERE) -> Catalog:
    """Return all messages of one language, of rooms and item types; raise ValueError for an id defined twice."""
    whole = Catalog(locale=language, domain="messages")
    owners: dict[str, Path] = {}
    for path in sorted(
        [*(folder / language).glob("*.po"), *folder.parent.glob(f"items/types/*/{language}.po")]
    ):
        with path.open("rb") as handle:
            room = read_po(handle, locale=language, abort_invalid=True)
        for message in room:
            if not message.id:
                continue
            name = str(message.id)
            if name in owners:
                raise ValueError(f"{name} stands in {owners[name]} and in {path}")
            owners[name] = path
            whole.add(message.id, message.string)
    return whole


def texts_of(language: str, folder: Path = HERE) -> dict[str, str]:
    """Return every text of one language by its id; raise like `read_catalogue`."""
    return {str(one.id): str(one.string) for one in read_catalogue(language, folder) if one.id}


def compile_catalogues(folder: Path = HERE) -> None:
    """Write `<language>/LC_MESSAGES/messages.mo` of every language."""
    for language in LANGUAGES:
        target = folder / language / "LC_MESSAGES"
        target.mkdir(parents=True, exist_ok=True)
        fresh = target / f"messages.mo.{os.getpid()}"
        with fresh.open("wb") as handle:
            write_mo(handle, read_catalogue(language, folder))
        fresh.replace(target / "messages.mo")


if __name__ == "__main__":
    compile_catalogues()

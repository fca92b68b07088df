"""A bank as its text files say it, ready to be drawn from, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cbt.bank.formats.text.reading import read_folder
from cbt.bank.taxonomy import parent_of
from cbt.errors import InvalidInput
from cbt.rules.assembly.form import Drawable, drawable_of
from cbt.rules.canonical import canonical_json, digest
from cbt.rules.items.reading import parse_content


@dataclass(frozen=True, slots=True)
class TextBank:
    """What a draw needs of a bank."""

    name: str
    drawables: list[Drawable]
    weights: Mapping[str, int]
    importances: Mapping[str, str]


def read_text_bank(folder: Path) -> TextBank:
    """Return the bank of `folder`.

    Raises NotFound("bank.no_folder") when it has no taxonomy.toml, and InvalidInput("bank.text_unreadable")
    with `path` and `place`, the first thing in it that cannot be read; `cbt bank lint` lists everything.
    """
    found = read_folder(folder)
    for wrong in found.findings:
        raise InvalidInput("bank.text_unreadable", path=str(folder), place=str(wrong.place))
    assert found.taxonomy is not None
    weights, importances = found.taxonomy.weights, found.taxonomy.importances
    drawables = []
    for draft in found.items:
        try:
            content = parse_content(draft.data)
        except InvalidInput as error:
            place = str(draft.place(str(error.params["field"])))
            raise InvalidInput("bank.text_unreadable", path=str(folder), place=place) from error
        drawables.append(
            drawable_of(
                content,
                ref=draft.ref,
                version=1,
                sha=digest(canonical_json(draft.data)),
                range_code=parent_of(content.point, weights),
                importance=importances.get(content.point, ""),
            )
        )
    return TextBank(folder.name, drawables, weights, importances)

"""Pictures and sounds that go out with the texts that name them, as files beside these."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from cbt.bank.foreign.pictures import MARKED
from cbt.bank.foreign.raw import RawItem
from cbt.bank.formats.outgoing import Export
from cbt.bank.imports.drafts import ItemDraft
from cbt.bank.media.references import MARK, SCHEME, in_words, is_sound, names_in, replaced
from cbt.bank.media.taken import digest_of

_PICTURES: Mapping[str, str] = {"image/png": ".png", "image/jpeg": ".jpg"}
_NAMED = re.compile(r"[0-9a-f]{32}")


class Luggage:
    """The files that one item takes along, by the names its texts call them."""

    def __init__(self, export: Export, draft: ItemDraft) -> None:
        """Look for everything the texts of an item name."""
        self.files: dict[str, str] = {}
        self.bodies: dict[str, bytes] = {}
        for _field, name in names_in(draft.data):
            self._take(export, name)

    def _take(self, export: Export, name: str) -> None:
        found = export.medium(name) if name not in self.files else None
        if found is not None:
            kind, self.bodies[name] = found
            self.files[name] = name if is_sound(name) else f"{name}{_PICTURES.get(kind, '')}"

    def picture(self, draft: ItemDraft) -> str:
        """Return the file of the picture that an item asks to be marked, "" where it takes none along."""
        said = str(draft.data.get("picture", ""))
        return self.files.get(said.removeprefix(SCHEME), "") if said.startswith(SCHEME) else ""


def at_hand(luggage: Luggage, draft: ItemDraft) -> ItemDraft:
    """Return an item with the words for what is not there in its place."""
    return draft.with_data(
        replaced(
            draft.data, MARK, lambda found: found[0] if found[2] in luggage.files else in_words(found[0])
        )
    )


class Porter:
    """Has each item of an export be prepared with its luggage; `now` is that of the one which is being written."""

    def __init__(self, export: Export, first: Callable[[ItemDraft], ItemDraft] = lambda draft: draft) -> None:
        """Begin without any; `first` says what a form leaves out of an item."""
        self._export, self._first = export, first
        self.now = Luggage(export, ItemDraft("", {}, {}))

    def prepared(self, draft: ItemDraft) -> ItemDraft:
        """Return an item as it can be written."""
        kept = self._first(draft)
        self.now = Luggage(self._export, kept)
        return at_hand(self.now, kept)


def back(item: RawItem, luggage: Luggage) -> dict[str, Any]:
    """Return what a reader made of an item, its pictures and sounds by the names they are kept under."""
    names = {name[:32]: name for name in luggage.files}

    def named(found: re.Match[str]) -> str:
        name = names.get(digest_of(item.pictures.get(found[1], b"")), "")
        return f"![{found[2]}]({SCHEME}{name})"

    done: dict[str, Any] = replaced(item.data, MARKED, named)
    return done


def addressed(text: str, prefix: str, files: Mapping[str, str], address: Callable[[str], str]) -> str:
    """Return a text in which what is sent from `prefix` and a name is found at the address of its file instead."""
    pattern = re.compile(rf'"{re.escape(prefix)}({_NAMED.pattern}(?:\.(?:mp3|ogg|wav))?)"')
    return pattern.sub(lambda found: f'"{address(files[found[1]])}"' if found[1] in files else found[0], text)

"""The pictures of 识图 items in a form: those that stand in the item itself go by a short name, and are put back.

A page that says what is typed every second does not send a picture each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cbt.bank.media.references import SCHEME, address
from cbt.rules.canonical import digest

STAYS = "stays:"
_DATA = "data:"


def picture_name(picture: object) -> str:
    """Return what a form calls a picture."""
    text = picture if isinstance(picture, str) else ""
    return f"{STAYS}{digest(text)[:16]}" if text.startswith(_DATA) else text


def picture_source(picture: object) -> str:
    """Return where a page finds a picture, "" for none."""
    text = picture if isinstance(picture, str) else ""
    if text.startswith(SCHEME):
        return address(text.removeprefix(SCHEME))
    return text if text.startswith(_DATA) else ""


def wants_pictures(data: Mapping[str, Any]) -> bool:
    """Return whether a content names a picture that stays as it was."""
    return any(str(one.get("picture", "")).startswith(STAYS) for one in _holders(data))


def with_pictures(data: Mapping[str, Any], *bases: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content with the pictures of others in the place of their short names."""
    held = {
        picture_name(one["picture"]): one["picture"]
        for base in bases
        for one in _holders(base)
        if str(one.get("picture", "")).startswith(_DATA)
    }

    def put_back(one: Mapping[str, Any]) -> dict[str, Any]:
        name = one.get("picture")
        return {**one, "picture": held.get(name, name)} if name else dict(one)

    done = put_back(data)
    if isinstance(data.get("parts"), list):
        done["parts"] = [put_back(part) for part in data["parts"]]
    return done


def with_names(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a content with short names in the place of pictures that stand in it."""

    def shorten(one: Mapping[str, Any]) -> dict[str, Any]:
        return {**one, "picture": picture_name(one["picture"])} if "picture" in one else dict(one)

    done = shorten(data)
    if isinstance(data.get("parts"), list):
        done["parts"] = [shorten(part) for part in data["parts"]]
    return done


def _holders(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield data
    parts = data.get("parts")
    yield from (part for part in parts if isinstance(part, Mapping)) if isinstance(parts, list) else ()

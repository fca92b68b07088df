"""An item that comes in again keeps what the form it went out in had no place for: enemies, law, rubric.

Its pictures are the ones that went out, where they are kept here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from cbt.bank.exports.proof import differing, is_usual
from cbt.bank.formats import registry
from cbt.bank.formats.outgoing import Carried
from cbt.bank.formats.together import SEVERAL
from cbt.bank.imports.drafts import ItemDraft, Reading
from cbt.bank.media.keeping import held
from cbt.bank.media.references import MARK, SCHEME, replaced
from cbt.bank.media.taken import digest_of
from cbt.bank.models import Item, ItemVersion
from cbt.rules.items.hotspot import PICTURE

CHUNK = 500


def completed(session: Session, bank_id: int, found: Reading) -> Reading:
    """Return a reading in which known items have what their form cannot hold from their present version.

    One that says nothing else than that is given its very words, so that it is no change.
    """
    carries = _carried(found.form)
    if not carries or not any(draft.ref for draft in found.items):
        return found
    items: list[ItemDraft] = []
    for start in range(0, len(found.items), CHUNK):
        some = found.items[start : start + CHUNK]
        present = dict(_present(session, bank_id, [draft.ref for draft in some if draft.ref]))
        for draft in some:
            before = present.get(draft.ref)
            data = (
                draft.data
                if before is None
                else _whole(_pictured(draft.data, before, found), before, carries)
            )
            items.append(draft.with_data(data))
    return replace(found, items=items)


def recognised(session: Session, found: Reading) -> Reading:
    """Return a reading whose pictures are called as they are kept where they are here already.

    What went out is drawn anew when it comes in again, and a JPEG would be another picture by its content. Only the
    very bytes that are kept here are taken for them.
    """
    came = {taken.came: name for name, taken in found.media.items() if taken.came not in {"", name}}
    known = held(session, [*came, *found.came.values()]) if came or found.came else {}
    there = {name: was for was, name in came.items() if was in known}
    marked = {picture: f"{SCHEME}{was}" for picture, was in found.came.items() if was in known}
    if not there and not marked:
        return found

    def renamed(mark: re.Match[str]) -> str:
        return f"![{mark[1]}]({SCHEME}{there.get(mark[2], mark[2])})"

    def as_kept(data: Mapping[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = replaced(data, MARK, renamed)
        picture = done.get("picture")
        return {**done, "picture": marked[picture]} if picture in marked else done

    items = [draft.with_data(as_kept(draft.data)) for draft in found.items]
    media = {name: taken for name, taken in found.media.items() if name not in there}
    return replace(found, items=items, media=media)


def _carried(form: str) -> Carried:
    """Return what the forms of a format hold, of several formats what all of them do.

    Nothing for the text bank, which holds everything, and for a format that does not go out.
    """
    chosen = [
        one for one in registry.FORMATS if one.writes and one.name != "text" and form in {one.name, SEVERAL}
    ]
    held = [one.writes[0].carries for one in chosen]
    common = set.intersection(*(set(one) for one in held)) if held else set()
    return {kind: frozenset.intersection(*(one[kind] for one in held)) for kind in common}


def _present(session: Session, bank_id: int, refs: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = session.execute(
        select(Item.ref, ItemVersion.content)
        .join(ItemVersion, and_(ItemVersion.item_id == Item.id, ItemVersion.number == Item.current))
        .where(Item.bank_id == bank_id, Item.ref.in_(refs))
    )
    for ref, content in rows:
        yield ref, json.loads(content)


def _pictured(data: Mapping[str, Any], before: Mapping[str, Any], found: Reading) -> Mapping[str, Any]:
    """Return a content with the picture it has at present where the very same came."""
    said, has = str(data.get("picture", "")), before.get("picture")
    was = found.came.get(said, said.removeprefix(SCHEME))
    if not was or not isinstance(has, str) or not has.startswith(PICTURE):
        return data
    try:
        body = base64.b64decode(has.removeprefix(PICTURE), validate=True)
    except binascii.Error:
        return data
    return {**data, "picture": has} if digest_of(body) == was else data


def _whole(data: Mapping[str, Any], before: Mapping[str, Any], carries: Carried) -> dict[str, Any]:
    whole = _kept(data, before, carries)
    parts, former = whole.get("parts"), before.get("parts")
    if isinstance(parts, list) and isinstance(former, list) and len(parts) == len(former):
        pairs = zip(parts, former, strict=True)
        whole["parts"] = [_kept(part, was, carries, always={"points"}) for part, was in pairs]
    return dict(before) if differing(before, whole) == [] else whole


def _kept(
    data: Mapping[str, Any], before: Mapping[str, Any], carries: Carried, always: set[str] | None = None
) -> dict[str, Any]:
    """Return a content with the fields its form cannot hold, and without what says no more than silence did."""
    kind = str(data.get("type"))
    if kind != before.get("type") or kind not in carries:
        return dict(data)
    held = carries[kind] | {"type", "parts"} | (always or set())
    kept = {name: value for name, value in before.items() if name not in held and name not in data}
    said = {name: value for name, value in data.items() if name in before or not is_usual(name, value)}
    return {**kept, **said}

"""Use cases of a bank: import files, hold a reading against the bank, undo an import, view keys, keep media.

An item that comes in again keeps what the form it went out in had no place for: enemies, law, rubric. Its
pictures are the ones that went out, where they are kept here.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from cbt.audit import chain, flood_limit
from cbt.bank import store
from cbt.bank.imports.execution import Bringing, Undone, claim_undo, end_undo, store_run, undo_all
from cbt.bank.imports.plan import (
    NO_POINTS,
    PLAINLY,
    Action,
    ImportedItem,
    ImportTerms,
    Mode,
    Review,
    chosen,
    review,
    with_entries,
)
from cbt.bank.imports.plan import tally as counted
from cbt.bank.lint.check import untold
from cbt.bank.store import bank_by_ref
from cbt.errors import InvalidInput, NotFound
from cbt.interchange import registry
from cbt.interchange.export import differing, is_usual
from cbt.interchange.format import Carried
from cbt.interchange.upload import SEVERAL, read_paths
from cbt.items import media_store
from cbt.items.draft import ItemDraft, Reading
from cbt.items.media import MARK, SCHEME, NewMedium, digest_of, replaced
from cbt.items.media_store import held
from cbt.items.models import RENAMING, ImportRun, Item, ItemBank, ItemVersion
from cbt.rules.items.hotspot import PICTURE
from cbt.storage.unit_of_work import DIRECTLY, LongWork, reading, unit_of_work
from cbt.storage.write_queue.change_set import put_down_in

CHUNK = 500


def completed(session: Session, bank_id: int, parsed: Reading) -> Reading:
    """Return a reading in which known items have what their form cannot hold from their present version.

    One that says nothing else than that is given its very words, so that it is no change.
    """
    carries = _carried(parsed.form)
    if not (carries or parsed.came) or not any(draft.ref for draft in parsed.items):
        return parsed
    items: list[ItemDraft] = []
    for start in range(0, len(parsed.items), CHUNK):
        some = parsed.items[start : start + CHUNK]
        present = dict(_present(session, bank_id, [draft.ref for draft in some if draft.ref]))
        for draft in some:
            before = present.get(draft.ref)
            if before is not None:
                data = _pictured(draft.data, before, parsed)
                draft = draft.with_data(_whole(data, before, carries) if carries else data)
            items.append(draft)
    return replace(parsed, items=items)


def recognised(session: Session, parsed: Reading) -> Reading:
    """Return a reading whose pictures are called as they are kept where they are here already.

    What went out is drawn anew when it comes in again, and a JPEG would be another picture by its content. Only the
    very bytes that are kept here are taken for them.
    """
    came = {taken.came: name for name, taken in parsed.media.items() if taken.came not in {"", name}}
    kinds = held(session, [*came, *parsed.came.values()]) if came or parsed.came else {}
    there = {name: was for was, name in came.items() if was in kinds}
    marked = {picture: f"{SCHEME}{was}" for picture, was in parsed.came.items() if was in kinds}
    if not there and not marked:
        return parsed

    def renamed(mark: re.Match[str]) -> str:
        return f"![{mark[1]}]({SCHEME}{there.get(mark[2], mark[2])})"

    def as_kept(data: Mapping[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = replaced(data, MARK, renamed)
        picture = done.get("picture")
        return {**done, "picture": marked[picture]} if picture in marked else done

    items = [draft.with_data(as_kept(draft.data)) for draft in parsed.items]
    media = {name: taken for name, taken in parsed.media.items() if name not in there}
    return replace(parsed, items=items, media=media)


def _carried(form: str) -> Carried:
    """Return what the forms of a format hold, of several formats what all of them do.

    Nothing for the text bank, which holds everything, for Word, where no item says its ref, and for a format that
    does not go out.
    """
    chosen = [
        one
        for one in registry.FORMATS
        if one.writes and one.name not in {"text", "word"} and form in {one.name, SEVERAL}
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


def _pictured(data: Mapping[str, Any], before: Mapping[str, Any], parsed: Reading) -> Mapping[str, Any]:
    """Return a content with the picture it has at present where the very same came."""
    picture, has = str(data.get("picture", "")), before.get("picture")
    was = parsed.came.get(picture, picture.removeprefix(SCHEME))
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
    fields = {name: value for name, value in data.items() if name in before or not is_usual(name, value)}
    return {**kept, **fields}


def import_bank(
    *paths: Path,
    now: datetime,
    actor: str,
    bank_ref: str = "",
    dry_run: bool = False,
    terms: ImportTerms = PLAINLY,
    understood: bool = True,
    tell: Callable[[str, int, int], None] = untold,
) -> Review:
    """Bring files, folders and archives into a bank; where they carry a 细目表, a bank that is new is made.

    A folder's name is its bank's ref unless another is given; files without one are refused with
    InvalidInput("bank.ref_needed"). Nothing is stored on a dry run, nor while there is an error unless that is
    among the `terms`, nor before what is only inferred was `understood`: then InvalidInput("bank.import_refused")
    or ("bank.inferred") carries `review`, as ("bank.doubts_open") does while a doubt is not answered. `tell`
    hears what is done, and how many of how many.
    """
    if not bank_ref and not (len(paths) == 1 and paths[0].is_dir()):
        raise InvalidInput("bank.ref_needed", path=paths[0].name)
    bank_ref = bank_ref or paths[0].resolve().name
    tell("reading", 0, 0)
    parsed = read_paths(paths, terms.adjust)
    count = len(parsed.items)
    with reading() as session:
        made = review_for(
            session,
            parsed,
            bank_ref,
            points=terms.points,
            keeps_table=not paths[0].is_dir(),
            tell=lambda done: tell("checking", done, count),
        )
        taken = store.refs_of(session, bank_ref) if terms.mode is Mode.ADD else []
    entries = chosen(made.entries, terms.mode, taken, near=terms.near)
    if not dry_run:
        _store(made, entries, bank_ref, terms, understood, now=now, actor=actor, tell=tell)
    same = [entry for entry in made.entries if entry.action is Action.SKIP and terms.mode is not Mode.ADD]
    return with_entries(made, [*entries, *same])


def _store(
    made: Review,
    entries: list[ImportedItem],
    bank_ref: str,
    terms: ImportTerms,
    understood: bool,
    *,
    now: datetime,
    actor: str,
    tell: Callable[[str, int, int], None],
) -> None:
    parsed = made.reading
    if made.errors and not terms.partial:
        raise InvalidInput("bank.import_refused", name=parsed.file_name, count=made.blocked, review=made)
    if doubts := sum(one.open for one in parsed.inferred):
        raise InvalidInput("bank.doubts_open", count=doubts, review=made)
    taken = [one for one in parsed.inferred if not one.doubtful]
    if taken and not understood:
        raise InvalidInput("bank.inferred", count=len(taken), review=made)
    what = Bringing(
        bank_ref=bank_ref,
        file_name=parsed.file_name,
        form=parsed.form,
        revision=made.revision,
        counts={**counted(entries), Action.SKIP: len(made.entries) - len(entries)},
        actor=actor,
        state=terms.state,
        taxonomy=parsed.taxonomy,
        media=parsed.media,
    )
    store_run(what, entries, now=now, tell=lambda done, total: tell("importing", done, total))


def review_for(
    session: Session,
    parsed: Reading,
    bank_ref: str,
    *,
    points: Mapping[str, str] = NO_POINTS,
    keeps_table: bool = False,
    tell: Callable[[int], None] = untold,
) -> Review:
    """Return the dry run of a reading against a bank; a reading with its own 细目表 may bring a new one.

    With `keeps_table` a bank that has a 细目表 keeps it.
    """
    parsed = recognised(session, parsed)
    bank = session.scalar(select(ItemBank).where(ItemBank.ref == bank_ref))
    if bank is None:
        if parsed.taxonomy is None:
            raise NotFound("bank.unknown", ref=bank_ref)
        return review(parsed, taxonomy=parsed.taxonomy, bank_items=[], revision="", points=points, tell=tell)
    own = store.taxonomy_of(session, bank)
    if keeps_table and own.points:
        parsed = replace(parsed, taxonomy=None)
    parsed = completed(session, bank.id, parsed)
    return review(
        parsed,
        taxonomy=parsed.taxonomy or own,
        bank_items=store.known_items(session, bank.id),
        revision=store.desk_revision(session, bank.id),
        points=points,
        tell=tell,
    )


def undo(*, bank_ref: str, run_ref: str, now: datetime, actor: str, work: LongWork = DIRECTLY) -> Undone:
    """Take one import back; raise NotFound("bank.run_unknown") or Conflict("bank.already_undone")."""

    def claim() -> int:
        with unit_of_work() as session:
            bank = store.bank_by_ref(session, bank_ref)
            of_bank = select(ImportRun).where(ImportRun.bank_id == bank.id, ImportRun.form != RENAMING)
            run = session.scalar(of_bank.where(ImportRun.ref == run_ref))
            if run is None:
                raise NotFound("bank.run_unknown")
            claim_undo(run)
            return run.id

    def end() -> None:
        with unit_of_work() as session:
            end_undo(session, bank_ref, session.get_one(ImportRun, run_id), done, now=now, actor=actor)
            put_down_in(session, *work.keeping(**asdict(done), is_over=True))

    run_id = work.in_front(claim)
    done = undo_all(run_id, now=now, actor=actor, work=work)
    work.in_front(end)
    return done


def key_view(*, act: str, subject: str, actor: str, now: datetime) -> None:
    """Put a view of answer keys on record, in a unit of work of its own; the keys are shown only after it.

    Source: R-44, R-64.
    """
    with unit_of_work() as session:
        flood_limit.count(session, at=now, actor=actor, act=act, subject=subject)


def bring(body: bytes, *, bank_ref: str, now: datetime, actor: str) -> NewMedium:
    """Keep a picture or a sound for the items of a bank, and return it as it is kept.

    Raise InvalidInput as `keeping.take_in` does, NotFound("bank.unknown").
    """
    medium = media_store.take_in(body)
    with unit_of_work() as session:
        bank = bank_by_ref(session, bank_ref)
        name = media_store.store(session, medium, now=now, actor=actor)
        chain.record(
            session,
            at=now,
            actor=actor,
            act="media.bring",
            subject=f"item_bank:{bank.ref}",
            after={"media": name, "bytes": len(medium.body)},
        )
    return medium

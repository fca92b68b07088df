"""The execution of an import: a run stored in parcels, drawn only whole, gone on with, broken off, undone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import islice

from sqlalchemy import ColumnElement, and_, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from cbt.audit import chain
from cbt.bank import changes, store
from cbt.bank.imports.plan import Action, ImportedItem
from cbt.bank.search import words_of
from cbt.errors import Conflict, Unavailable
from cbt.items import media_store
from cbt.items.media import NewMedium
from cbt.items.models import ImportRun, Item, ItemBank, ItemComment, ItemStep, ItemVersion, ItemWork, RunState
from cbt.items.taxonomy import Taxonomy
from cbt.rules.states import ItemState
from cbt.storage.types import new_ref
from cbt.storage.unit_of_work import DIRECTLY, LongWork, pieces_of, put_down_joined, reading, unit_of_work
from cbt.storage.write_queue.change_set import Rows, put_down_in

AT_ONCE = 20
"""So many are deleted together."""
_NO_VERSIONS = "DELETE FROM item_version WHERE item_id = ?"
_NO_ITEM = "DELETE FROM item WHERE id = ? AND current = 1"


@dataclass(frozen=True, slots=True)
class Bringing:
    """What is stored: where from, into which bank as it was (`revision`), how many, in which state it arrives."""

    bank_ref: str
    file_name: str
    form: str
    revision: str
    counts: Mapping[Action, int]
    actor: str
    state: ItemState = ItemState.REVIEWED
    taxonomy: Taxonomy | None = None
    media: Mapping[str, NewMedium] = field(default_factory=dict)


def begin_run(session: Session, what: Bringing, *, now: datetime, goes_on: bool = False) -> ImportRun:
    """Record a run that is under way; a bank that is new is made. Who begins one has looked by `check_revision`.

    What is written after that look is seen item by item: each parcel repeats what its items were held against. With
    `goes_on`, a run of the same file that its process did not bring to its end is taken up.

    Raises Conflict("bank.changed_meanwhile") for a bank that is new and is there by now, ("bank.import_under_way")
    while another run is being stored in it.
    """
    bank = session.scalar(select(ItemBank).where(ItemBank.ref == what.bank_ref))
    if (bank is None) != (what.revision == ""):
        raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)
    if bank is None:
        assert what.taxonomy is not None
        without = replace(
            what.taxonomy, points=()
        )  # they follow in pieces, at the latest when the run is whole
        bank = changes.save_taxonomy(session, what.bank_ref, without, now=now, actor=what.actor)
    under_way = session.scalar(
        select(ImportRun).where(ImportRun.bank_id == bank.id, ImportRun.state == RunState.STORING).limit(1)
    )
    if under_way is not None:
        file = (under_way.actor, under_way.file_name, under_way.form)
        if goes_on and file == (what.actor, what.file_name[:200], what.form):
            return under_way
        raise Conflict("bank.import_under_way", ref=what.bank_ref)
    run = ImportRun(
        ref=new_ref("im"),
        bank_id=bank.id,
        state=RunState.STORING,
        file_name=what.file_name[:200],
        form=what.form,
        added=what.counts[Action.ADD],
        changed=what.counts[Action.CHANGE],
        skipped=what.counts[Action.SKIP],
        actor=what.actor,
        at=now,
    )
    session.add(run)
    session.flush()
    return run


def keep_media(media: Mapping[str, NewMedium], *, now: datetime, actor: str) -> None:
    """Keep the pictures and sounds that items of a file name, one after the other; a repeat keeps none twice."""
    for taken in media.values():
        with unit_of_work() as session:
            media_store.store(session, taken, now=now, actor=actor)


def check_revision(what: Bringing) -> None:
    """Raise Conflict("bank.changed_meanwhile") when a bank is not as it was; nothing is written meanwhile."""
    with reading() as session:
        bank = session.scalar(select(ItemBank).where(ItemBank.ref == what.bank_ref))
        if (store.desk_revision(session, bank.id) if bank else "") != what.revision:
            raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)


def still_to_release(session: Session, run_id: int) -> Sequence[int]:
    """Return the items that a run brought as reviewed and that do not name its version as theirs yet."""
    return session.scalars(select(Item.id).where(*_not_released(run_id)).order_by(Item.id)).all()


def release_some(session: Session, run_id: int, ids: Sequence[int]) -> None:
    """Have items name what a run brought as reviewed as the version that is drawn: it is, once the run is whole.

    What somebody works on already is no longer what came in.
    """
    whole = update(Item).where(Item.id.in_(ids), *_not_released(run_id)).values(version=Item.current)
    session.execute(whole.execution_options(synchronize_session=False))


def _not_released(run_id: int) -> tuple[ColumnElement[bool], ...]:
    of_run = exists().where(
        ItemVersion.item_id == Item.id,
        ItemVersion.number == Item.current,
        ItemVersion.import_run_id == run_id,
    )
    bank_id = select(ImportRun.bank_id).where(ImportRun.id == run_id, ImportRun.state == RunState.STORING)
    return (
        Item.bank_id == bank_id.scalar_subquery(),
        Item.state == ItemState.REVIEWED,
        Item.version != Item.current,
        of_run,
    )


def finish_run(session: Session, run: ImportRun, what: Bringing, *, now: datetime) -> None:
    """Have a run be whole: what it brought as reviewed is drawn from now on, all of it at once (store.published).

    Raises Conflict("bank.point_in_use") when the 细目表 that came with it lacks a point that is asked about.
    """
    if what.taxonomy is not None:
        changes.save_taxonomy(session, what.bank_ref, what.taxonomy, now=now, actor=what.actor)
    run.state = RunState.STORED
    chain.record(
        session,
        at=now,
        actor=what.actor,
        act="bank.import",
        subject=f"item_bank:{what.bank_ref}",
        after={
            "run": run.ref,
            "file": run.file_name,
            "added": run.added,
            "changed": run.changed,
            "skipped": run.skipped,
        },
    )


def forget_some(session: Session, run_id: int) -> list[Rows]:
    """Return what deletes some of what an unfinished run brought and nobody has touched, nothing when it is gone.

    Nothing of such a run was ever drawn, so no form points there: a run that is whole is left to its undo.
    """
    touched = [exists().where(kind.item_id == Item.id) for kind in (ItemStep, ItemComment, ItemWork)]
    fresh = (
        select(Item.id)
        .join(ItemVersion, ItemVersion.item_id == Item.id)
        .where(
            ItemVersion.import_run_id == run_id,
            ItemVersion.number == 1,
            ItemVersion.import_run_id == ImportRun.id,
            ImportRun.state == RunState.STORING,
            Item.current == 1,
            *(~one for one in touched),
        )
        .limit(AT_ONCE)
    )
    ids = [(one,) for one in session.scalars(fresh)]
    return [Rows(_NO_VERSIONS, ids), Rows(_NO_ITEM, ids, len(ids))] if ids else []


CHUNK = 10
"""So many items make a parcel: saves that come along with one hardly notice."""
NEW_ITEM = (
    "INSERT INTO item (bank_id, ref, type, point, unit, difficulty, version, current, state, reviewer, author) "
    "VALUES (?, ?, ?, ?, ?, ?, 0, 1, ?, '', ?) ON CONFLICT DO NOTHING"
)
FIRST_VERSION = (
    "INSERT INTO item_version "
    "(item_id, number, replaces, content, sha256, was, actor, created_at, import_run_id) "
    "SELECT i.id, 1, 0, ?, ?, '', ?, ?, r.id FROM import_run r JOIN item i ON i.bank_id = r.bank_id "
    "WHERE r.id = ? AND r.state = 'storing' AND i.ref = ? ON CONFLICT DO NOTHING"
)
NEXT_ITEM = (
    "UPDATE item SET type = ?, point = ?, unit = ?, difficulty = ?, current = ?, state = ?, author = ? "
    "WHERE id = ? AND current = ? AND version = ? AND state = ?"
)
NEXT_VERSION = (
    "INSERT INTO item_version "
    "(item_id, number, replaces, content, sha256, was, actor, created_at, import_run_id) "
    "SELECT ?, ?, ?, ?, ?, ?, ?, ?, r.id FROM import_run r WHERE r.id = ? AND r.state = 'storing' "
    "ON CONFLICT DO NOTHING"
)
NO_WORDS = "DELETE FROM item_search WHERE item_id = ?"
NEW_WORDS = (
    "INSERT INTO item_search (item_id, words) SELECT id, ? FROM item WHERE bank_id = ? AND ref = ? "
    "ON CONFLICT DO NOTHING"
)
"""Each repeats what was read before, so what was written meanwhile is never written over."""
Words = Mapping[str, str]
"""By ref, what an item is found by."""


def words_for(entries: Sequence[ImportedItem]) -> Words:
    """Return what items are found by: worked out before anything is written, nobody waits for it."""
    return {entry.ref: words_of(entry.ref, entry.data) for entry in entries}


def chunks(entries: Iterable[ImportedItem]) -> Iterator[list[ImportedItem]]:
    """Yield the entries, a parcel's worth at a time."""
    rest = iter(entries)
    while some := list(islice(rest, CHUNK)):
        yield some


def parcel_of(
    session: Session,
    run_id: int,
    entries: Sequence[ImportedItem],
    what: Bringing,
    *,
    words: Words,
    now: datetime,
) -> list[Rows]:
    """Return the rows by which some items of a run are stored, as they are read now; none when all of them are.

    Those that the run stored already are passed over, so one that stopped can go on. Nothing is written, and
    nobody waits: what is read here is repeated by each statement. Raises Conflict("bank.changed_meanwhile") when
    somebody wrote one of them meanwhile.

    Source: R-43.
    """
    run = session.get_one(ImportRun, run_id)
    refs = [entry.ref for entry in entries]
    there = {
        item.ref: item
        for item in session.scalars(select(Item).where(Item.bank_id == run.bank_id, Item.ref.in_(refs)))
    }
    stored = _stored_by(session, run, [item.id for item in there.values()])
    open_ = [entry for entry in entries if entry.ref not in there or there[entry.ref].id not in stored]
    if any((there[entry.ref].current if entry.ref in there else 0) != entry.base for entry in open_):
        raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)
    fresh = [entry for entry in open_ if entry.ref not in there]
    changed = [(there[entry.ref], entry) for entry in open_ if entry.ref in there]
    last = _last_numbers(session, [item.id for item, _entry in changed])
    head = (what.actor, now)
    parcel_rows = [
        Rows(NEW_ITEM, [_new_item(entry, run, what) for entry in fresh], len(fresh)),
        Rows(
            FIRST_VERSION,
            [(entry.text, entry.sha, *head, run.id, entry.ref) for entry in fresh],
            len(fresh),
        ),
        Rows(NEW_WORDS, [(words[one.ref], run.bank_id, one.ref) for one in fresh if words[one.ref]]),
        Rows(
            NEXT_ITEM,
            [_next_item(item, entry, last[item.id] + 1, what) for item, entry in changed],
            len(changed),
        ),
        Rows(
            NEXT_VERSION,
            [
                (item.id, last[item.id] + 1, item.version, entry.text, entry.sha, item.state, *head, run.id)
                for item, entry in changed
            ],
            len(changed),
        ),
        Rows(NO_WORDS, [(item.id,) for item, _entry in changed]),
        Rows(NEW_WORDS, [(words[one.ref], run.bank_id, one.ref) for _item, one in changed if words[one.ref]]),
    ]
    return [rows for rows in parcel_rows if rows.values]


def _new_item(entry: ImportedItem, run: ImportRun, what: Bringing) -> tuple[object, ...]:
    head = (run.bank_id, entry.ref, entry.type, entry.point, entry.unit, entry.difficulty)
    return (*head, what.state, what.actor)


def _next_item(item: Item, entry: ImportedItem, number: int, what: Bringing) -> tuple[object, ...]:
    values = (entry.type, entry.point, entry.unit, entry.difficulty, number, what.state, what.actor)
    return (*values, item.id, item.current, item.version, item.state)


def _stored_by(session: Session, run: ImportRun, ids: Sequence[int]) -> set[int]:
    query = select(ItemVersion.item_id).where(
        ItemVersion.import_run_id == run.id, ItemVersion.item_id.in_(ids)
    )
    return set(session.scalars(query)) if ids else set()


def _last_numbers(session: Session, ids: Sequence[int]) -> dict[int, int]:
    query = (
        select(ItemVersion.item_id, func.max(ItemVersion.number))
        .where(ItemVersion.item_id.in_(ids))
        .group_by(ItemVersion.item_id)
    )
    return dict(session.execute(query).all()) if ids else {}


# The execution of an import: store its items in parcels, go on after a stop, break it off, undo it.
#
# An undo takes an import back as a whole and leaves alone what was changed after it.

_READ = "WHERE id = ? AND current = ? AND version = ? AND state = ?"
_WITHDRAW = f"UPDATE item SET version = 0, state = 'retired' {_READ}"
_RETURN = (
    "UPDATE item SET type = ?, point = ?, unit = ?, difficulty = ?, version = ?, current = ?, state = ?, "
    f"author = ? {_READ}"
)
_BACK = (
    "INSERT INTO item_version (item_id, number, replaces, content, sha256, was, actor, created_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did: items withdrawn, returned to their former content, left for a later change."""

    withdrawn: int
    returned: int
    kept: int

    @property
    def looked_at(self) -> int:
        return self.withdrawn + self.returned + self.kept

    def __add__(self, more: Undone) -> Undone:
        return Undone(self.withdrawn + more.withdrawn, self.returned + more.returned, self.kept + more.kept)


def claim_undo(run: ImportRun) -> None:
    """Mark a run as being undone; one whose undo stopped half-way may be claimed again.

    Raise Conflict("bank.already_undone"), or ("bank.import_under_way") before the run is whole.
    """
    if run.undone_at is not None:
        raise Conflict("bank.already_undone")
    if run.state == RunState.STORING:
        raise Conflict("bank.import_under_way", ref=run.ref)
    run.state = RunState.UNDOING


@dataclass(frozen=True, slots=True)
class RunUndo:
    """What takes some items of a run back: its rows, what they do, and the last item looked at (0 for none)."""

    rows: list[Rows]
    does: Undone
    last: int


def undo_some(
    session: Session, run: ImportRun, *, after: int, now: datetime, actor: str, most: int = AT_ONCE
) -> RunUndo:
    """Return what takes back some items of a run, from number `after` on.

    What it added is withdrawn; what it changed returns, by a new version, to what it said before and to the
    state it was in. An item that was changed again after the run stays as it is. Versions are never deleted,
    so forms drawn meanwhile keep theirs. Nothing is written here, and what is read is repeated by each statement.

    Source: R-43.
    """
    versions = session.execute(
        select(Item, ItemVersion.number, ItemVersion.replaces, ItemVersion.was)
        .join(ItemVersion, ItemVersion.item_id == Item.id)
        .where(ItemVersion.import_run_id == run.id, Item.id > after)
        .order_by(Item.id)
        .limit(most)
    ).all()
    current = [
        (item, replaces, was)
        for item, number, replaces, was in versions
        if item.current == number and item.state != ItemState.RETIRED
    ]
    added = [item for item, _replaces, was in current if was in ("", ItemState.RETIRED)]
    changed = [(item, replaces, ItemState(was)) for item, replaces, was in current if item not in added]
    rows = [Rows(_WITHDRAW, [_as_read(item) for item in added], len(added))]
    rows += _returning(session, changed, run=run, now=now, actor=actor)
    does = Undone(len(added), len(changed), len(versions) - len(current))
    return RunUndo([one for one in rows if one.values], does, versions[-1][0].id if versions else 0)


def end_undo(
    session: Session, bank_ref: str, run: ImportRun, done: Undone, *, now: datetime, actor: str
) -> None:
    """Have a run be undone, and put that on record.

    Raise Conflict("bank.already_undone") for the second of two.
    """
    marked = session.execute(
        update(ImportRun)
        .where(ImportRun.id == run.id, ImportRun.undone_at.is_(None))
        .values(undone_at=now, state=RunState.STORED)
        .returning(ImportRun.id)
    ).all()
    if not marked:
        raise Conflict("bank.already_undone")
    chain.record(
        session,
        at=now,
        actor=actor,
        act="bank.import_undo",
        subject=f"item_bank:{bank_ref}",
        after={"run": run.ref, "withdrawn": done.withdrawn, "returned": done.returned, "kept": done.kept},
    )


def _returning(
    session: Session,
    items: list[tuple[Item, int, ItemState]],
    *,
    run: ImportRun,
    now: datetime,
    actor: str,
) -> list[Rows]:
    ids = [item.id for item, _replaces, _was in items]
    former = {version.item_id: version for version in _former_versions(session, run, ids)}
    heads, versions = [], []
    for item, replaces, was in items:
        back, number = former[item.id], item.current + 1
        content = json.loads(back.content)
        shape = (content["type"], content["point"], content.get("unit"), content.get("difficulty", 3))
        drawn = number if was is ItemState.REVIEWED else replaces
        heads.append((*shape, drawn, number, was, actor, *_as_read(item)))
        versions.append((item.id, number, replaces, back.content, back.sha256, item.state, actor, now))
    return [
        Rows(_RETURN, heads, len(heads)),
        Rows(_BACK, versions, len(versions)),
        Rows(NO_WORDS, [(one,) for one in ids]),
    ]


def _as_read(item: Item) -> tuple[object, ...]:
    return item.id, item.current, item.version, item.state


def _former_versions(session: Session, run: ImportRun, ids: list[int]) -> list[ItemVersion]:
    """Return what was the last version of each item before the one that a run made."""
    made, earlier = aliased(ItemVersion), aliased(ItemVersion)
    before = (
        select(func.max(earlier.number))
        .where(earlier.item_id == made.item_id, earlier.number < made.number)
        .correlate(made)
        .scalar_subquery()
    )
    query = select(ItemVersion).join(
        made, and_(made.item_id == ItemVersion.item_id, ItemVersion.number == before)
    )
    return list(session.scalars(query.where(made.import_run_id == run.id, ItemVersion.item_id.in_(ids))))


TOGETHER = 30
"""Up to so many items are stored in one unit of work."""
TRIES = 5
"""A parcel that was not put down, or of which nobody knows, is worked out so often."""
NONE_UNDONE = Undone(0, 0, 0)


def store_run(
    what: Bringing,
    entries: Sequence[ImportedItem],
    *,
    now: datetime,
    tell: Callable[[int, int], None],
) -> str:
    """Store `entries` as one run and return its ref, "" when there is nothing to store.

    A large one is stored a few items at a time, so that others write between; one that fails is taken back
    whole, and nothing of it was drawn. Raises as `check_revision`, `begin_run`, `parcel_of` and `finish_run` do.
    """
    check_revision(what)
    keep_media(what.media, now=now, actor=what.actor)
    laid = [] if what.taxonomy is None else changes.lay_points(what.bank_ref, what.taxonomy.points)
    try:
        return _store_all(what, entries, now=now, tell=tell)
    except BaseException:
        changes.take_up_points(what.bank_ref, laid)
        raise


def _store_all(
    what: Bringing, entries: Sequence[ImportedItem], *, now: datetime, tell: Callable[[int, int], None]
) -> str:
    if len(entries) <= TOGETHER:
        words = words_for(entries)
        with unit_of_work() as session:
            if not entries:
                return _save_table(session, what, now=now)
            return _store_together(session, what, entries, words=words, now=now)
    with unit_of_work() as session:
        run = begin_run(session, what, now=now, goes_on=True)
        run_id, ref = run.id, run.ref
    if what.taxonomy is not None:
        changes.lay_points(what.bank_ref, what.taxonomy.points)  # of a bank that was new
    go_on(run_id, what, entries, now=now, tell=tell)
    return ref


def _store_together(
    session: Session, what: Bringing, entries: Sequence[ImportedItem], *, words: Words, now: datetime
) -> str:
    run = begin_run(session, what, now=now)
    for some in chunks(entries):
        if not put_down_in(session, *parcel_of(session, run.id, some, what, words=words, now=now)):
            raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)
    if what.state is ItemState.REVIEWED:
        release_some(session, run.id, still_to_release(session, run.id))
    finish_run(session, run, what, now=now)
    return run.ref


def _save_table(session: Session, what: Bringing, *, now: datetime) -> str:
    if what.taxonomy is not None:
        changes.save_taxonomy(session, what.bank_ref, what.taxonomy, now=now, actor=what.actor)
    return ""


def at_once(work: Callable[[], None]) -> None:
    work()


def go_on(
    run_id: int,
    what: Bringing,
    entries: Sequence[ImportedItem],
    *,
    now: datetime,
    tell: Callable[[int, int], None],
    words: Callable[[Sequence[ImportedItem]], Words] = words_for,
    in_front: Callable[[Callable[[], None]], None] = at_once,
) -> None:
    """Store what a run lacks yet, and finish it; take it back whole when that fails.

    `words` says what items are found by, "" for what is worked out later; `in_front` does a unit of work.
    """
    try:
        done = 0
        for some in chunks(entries):
            tell(done, len(entries))
            store_some(run_id, some, what, words=words(some), now=now)
            done += len(some)
        tell(done, len(entries))
        if what.state is ItemState.REVIEWED:
            _release_all(run_id, in_front)
        in_front(lambda: _finish(run_id, what, now=now))
    except BaseException as error:
        because = type(error).__name__
        in_front(lambda: break_off(run_id, what.bank_ref, because=because, now=now, actor=what.actor))
        raise


def _release_all(run_id: int, in_front: Callable[[Callable[[], None]], None]) -> None:
    def release(some: Sequence[int]) -> None:
        with unit_of_work() as session:
            release_some(session, run_id, some)

    with reading() as session:
        waiting = still_to_release(session, run_id)
    for piece in pieces_of(waiting):
        in_front(partial(release, piece))


def _finish(run_id: int, what: Bringing, *, now: datetime) -> None:
    with unit_of_work() as session:
        finish_run(session, session.get_one(ImportRun, run_id), what, now=now)


def store_some(
    run_id: int, entries: Sequence[ImportedItem], what: Bringing, *, words: Words, now: datetime
) -> None:
    """Store some items of a run, or find that they are.

    Raises Conflict("bank.changed_meanwhile") when somebody else writes them, Unavailable("db.write") when nothing
    can be written.
    """
    for attempt in range(1, TRIES + 1):
        with reading() as session:
            rows = parcel_of(session, run_id, entries, what, words=words, now=now)
        try:
            if not rows or put_down_joined(*rows):
                return
        except Unavailable:  # it is there, or it is not: what is read next says so
            if attempt == TRIES:
                raise
    raise Conflict("bank.changed_meanwhile", ref=what.bank_ref)


def break_off(run_id: int, bank_ref: str, *, because: str, now: datetime, actor: str) -> None:
    """Take back all that an unfinished run has stored; nothing of it was ever drawn."""
    while _forget_some(run_id):
        pass
    done = undo_all(run_id, now=now, actor=actor)
    with unit_of_work() as session:
        run = session.get_one(ImportRun, run_id)
        run.state, run.undone_at = RunState.BROKEN, now
        chain.record(
            session,
            at=now,
            actor=actor,
            act="bank.import_broken",
            subject=f"item_bank:{bank_ref}",
            after={"run": run.ref, "error": because, "withdrawn": done.withdrawn, "returned": done.returned},
        )


def _forget_some(run_id: int) -> bool:
    with reading() as session:
        rows = forget_some(session, run_id)
    if rows:
        put_down_joined(*rows, tries=TRIES)
    return bool(rows)


def undo_all(run_id: int, *, now: datetime, actor: str, work: LongWork = DIRECTLY) -> Undone:
    """Take back what a run brought, some items after the other; what was changed meanwhile is looked at again."""
    before = dict(work.so_far)
    after = before.pop("after", 0)
    done = Undone(**before) if before else NONE_UNDONE
    with reading() as session:
        brought = session.get_one(ImportRun, run_id)
        total = brought.added + brought.changed
    while some := _undo_some(run_id, after, done, now=now, actor=actor, work=work):
        done += some.does
        after = some.last
        work.tell(min(done.looked_at, total), total)
    return done


def _undo_some(
    run_id: int, after: int, done: Undone, *, now: datetime, actor: str, work: LongWork
) -> RunUndo | None:
    for _ in range(TRIES):
        with reading() as session:
            run = session.get_one(ImportRun, run_id)
            some = undo_some(session, run, after=after, now=now, actor=actor)
        keeping = work.keeping(**asdict(done + some.does), after=some.last)
        if not some.rows or work.in_front(partial(put_down_joined, *some.rows, *keeping)):
            return some if some.last else None
    raise Conflict("bank.changed_meanwhile", ref=run.ref)

"""Use cases of the bank room: bring a bank or a sheet in, store what was looked at, take it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from cbt.audit import tally
from cbt.bank import store
from cbt.bank.exports.completing import completed, recognised
from cbt.bank.imports.bringing import read_paths
from cbt.bank.imports.drafts import Reading
from cbt.bank.imports.outcome import Action, ImportedItem, Mode, chosen
from cbt.bank.imports.outcome import tally as counted
from cbt.bank.imports.review import NO_POINTS, Review, review, with_entries
from cbt.bank.imports.running import store_run, undo_all
from cbt.bank.imports.storing import Bringing
from cbt.bank.imports.terms import PLAINLY, ImportTerms
from cbt.bank.imports.undo import Undone, claim_undo, end_undo
from cbt.bank.lint.check import untold
from cbt.bank.models import RENAMING, ImportRun, ItemBank
from cbt.db.unit_of_work import reading, unit_of_work
from cbt.errors import InvalidInput, NotFound


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
    or ("bank.inferred") carries `review`. `tell` hears what is done, and how many of how many.
    """
    if not bank_ref and not (len(paths) == 1 and paths[0].is_dir()):
        raise InvalidInput("bank.ref_needed", path=paths[0].name)
    bank_ref = bank_ref or paths[0].resolve().name
    tell("reading", 0, 0)
    found = read_paths(paths, terms.adjust)
    count = len(found.items)
    with reading() as session:
        made = review_for(
            session, found, bank_ref, points=terms.points, tell=lambda done: tell("checking", done, count)
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
    found = made.reading
    if made.errors and not terms.partial:
        raise InvalidInput("bank.import_refused", name=found.file_name, count=made.blocked, review=made)
    if found.inferred and not understood:
        raise InvalidInput("bank.inferred", count=len(found.inferred), review=made)
    what = Bringing(
        bank_ref=bank_ref,
        file_name=found.file_name,
        form=found.form,
        revision=made.revision,
        counts={**counted(entries), Action.SKIP: len(made.entries) - len(entries)},
        actor=actor,
        state=terms.state,
        taxonomy=found.taxonomy,
        media=found.media,
    )
    store_run(what, entries, now=now, tell=lambda done, total: tell("importing", done, total))


def review_for(
    session: Session,
    found: Reading,
    bank_ref: str,
    *,
    points: Mapping[str, str] = NO_POINTS,
    tell: Callable[[int], None] = untold,
) -> Review:
    """Return the dry run of a reading against a bank; a reading with its own 细目表 may bring a new one."""
    found = recognised(session, found)
    bank = session.scalar(select(ItemBank).where(ItemBank.ref == bank_ref))
    if bank is None:
        if found.taxonomy is None:
            raise NotFound("bank.unknown", ref=bank_ref)
        return review(found, taxonomy=found.taxonomy, known=[], revision="", points=points, tell=tell)
    found = completed(session, bank.id, found)
    return review(
        found,
        taxonomy=found.taxonomy or store.taxonomy_of(session, bank),
        known=store.known_items(session, bank.id),
        revision=store.desk_revision(session, bank.id),
        points=points,
        tell=tell,
    )


def undo(*, bank_ref: str, run_ref: str, now: datetime, actor: str) -> Undone:
    """Take one import back; raise NotFound("bank.run_unknown") or Conflict("bank.already_undone")."""
    with unit_of_work() as session:
        bank = store.bank_by_ref(session, bank_ref)
        of_bank = select(ImportRun).where(ImportRun.bank_id == bank.id, ImportRun.form != RENAMING)
        run = session.scalar(of_bank.where(ImportRun.ref == run_ref))
        if run is None:
            raise NotFound("bank.run_unknown")
        claim_undo(run)
        run_id = run.id
    done = undo_all(run_id, now=now, actor=actor)
    with unit_of_work() as session:
        end_undo(session, bank_ref, session.get_one(ImportRun, run_id), done, now=now, actor=actor)
    return done


def key_view(*, act: str, subject: str, actor: str, now: datetime) -> None:
    """Put a view of answer keys on record, in a unit of work of its own; the keys are shown only after it.

    Source: R-44, R-64.
    """
    with unit_of_work() as session:
        tally.count(session, at=now, actor=actor, act=act, subject=subject)

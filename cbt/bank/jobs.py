"""What is done to many items of a bank, and what files are made of it, as jobs."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import PurePath
from typing import Any

from flask_babel import gettext as _

from cbt.audit import flood_limit
from cbt.bank import exports
from cbt.bank.imports.checks import marked_copy
from cbt.bank.review.bulk import BY, CHANGED, BulkAct, BulkScope, change_many
from cbt.bank.search import Search
from cbt.bank.service import undo
from cbt.errors import NotAllowed
from cbt.interchange import registry
from cbt.jobs.registry import JobFile, JobKind, JobResult, Work, file_kind
from cbt.rules.roles import Role
from cbt.spreadsheets.writer import XLSX
from cbt.storage.unit_of_work import reading


def _export(work: Work) -> JobResult:
    ref, form = work.asked["bank"], work.asked["form"]
    chosen, target = registry.out_form(form), io.BytesIO()
    exports.export_bank(
        target,
        bank_ref=ref,
        form=form,
        now=work.now,
        actor=work.actor,
        drawn=work.asked["drawn"],
        told=work.tell,
        write=work.in_front,
    )
    return JobResult(file=JobFile(f"{ref}-{form}{chosen.ending}", chosen.mime, target.getvalue()))


def _marked_file(work: Work) -> JobResult:
    ref, draft = work.asked["bank"], work.asked["draft"]
    with reading() as session:
        name, book = marked_copy(
            session, bank_ref=ref, ref=draft, actor=work.actor, number=work.asked["file"]
        )
    subject = f"item_bank:{ref}"
    note = partial(flood_limit.count, at=work.now, actor=work.actor, act="bank.view_keys", subject=subject)
    name = _("bank.marked.file", name=PurePath(name).stem)
    return JobResult(file=JobFile(name, XLSX, book), record=note)


EXPORT = file_kind("bank.export", (Role.AUTHOR,), _export, is_lasting=True)
MARKED_FILE = file_kind("bank.marked_file", (Role.AUTHOR,), _marked_file)


AUTHORS = frozenset({Role.AUTHOR})


def _change(work: Work) -> JobResult:
    asked, scope = work.asked, work.asked["scope"]
    act, search = BulkAct(asked["act"]), scope["search"]
    if not work.principal.has(*BY.get(act, AUTHORS)):
        raise NotAllowed("jobs.no_right")
    plan = change_many(
        bank_ref=asked["bank"],
        scope=BulkScope(tuple(scope["refs"]), Search(**search) if search else None, scope["run_ref"]),
        act=act,
        value=asked["value"],
        note=asked["note"],
        sha=asked["sha"],
        now=work.now,
        actor=work.actor,
        work=work,
    )
    left = len(plan.lines) - len(plan.able)
    return JobResult({"count": len(plan.able), "left": left, "changed": plan.problems[CHANGED]})


def _changed(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    sentences = [(str(_("bank.bulk.done", count=outcome["count"], left=outcome["left"])), "ok")]
    if outcome["changed"]:
        why = _(f"bank.bulk.problem.{CHANGED}")
        sentences.append((str(_("bank.bulk.problem_count", count=outcome["changed"], why=why)), "warn"))
    return sentences


CHANGE_ITEMS = JobKind("bank.change_items", AUTHORS | {Role.REVIEWER}, _change, said=_changed)


def _undo(work: Work) -> JobResult:
    if work.so_far.get("is_over"):
        return JobResult(work.so_far)
    bank_ref, run_ref = work.asked["bank"], work.asked["run"]
    done = undo(bank_ref=bank_ref, run_ref=run_ref, now=work.now, actor=work.actor, work=work)
    return JobResult(asdict(done))


def _undone(outcome: Mapping[str, Any]) -> list[tuple[str, str]]:
    counts = {name: outcome[name] for name in ("withdrawn", "returned", "kept")}
    return [(str(_("bank.import.undone", **counts)), "ok")]


UNDO_IMPORT = JobKind("bank.undo_import", AUTHORS, _undo, is_shared=True, said=_undone)

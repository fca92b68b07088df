"""The export of a bank and the marked copy of a file that was brought for it, as jobs."""

from __future__ import annotations

import io
from functools import partial
from pathlib import PurePath

from flask_babel import gettext as _

from cbt.audit import flood_limit
from cbt.bank import exports
from cbt.bank.imports.checks import marked_copy
from cbt.interchange import registry
from cbt.jobs.registry import JobFile, JobResult, Work, file_kind
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

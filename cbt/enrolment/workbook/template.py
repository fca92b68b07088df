"""The empty list of people: Annex 2's roster, then what Annex 1 and the conditions ask, text throughout."""

from __future__ import annotations

import io

from flask_babel import gettext as _

from cbt.enrolment.workbook.columns import COLUMNS, OFFERED, TEMPLATE
from cbt.personal.fields import DETAILS
from cbt.rules.exam.blueprint import ExamBlueprint
from cbt.sheets import writing

_LINES = 500


def people_template(blueprint: ExamBlueprint) -> bytes:
    """Return an empty list for a level: the headers, what can be chosen, and a sheet that explains each column."""
    papers = [paper.name for paper in blueprint.papers.values()]
    offered = {**OFFERED, "papers": (*papers, "、".join(papers))}
    buffer = io.BytesIO()
    with writing.new_workbook(buffer) as book:
        sheet = book.add_worksheet(_("enrolment.workbook.sheet"))
        columns = [COLUMNS.by_name[name] for name in TEMPLATE]
        heads = [(_header(one.name), one.width, one.required) for one in columns]
        writing.write_head(book, sheet, heads, writing.text_format(book))
        sheet.freeze_panes(1, 3)
        for place, name in enumerate(TEMPLATE):
            if name in offered:
                choice = {"validate": "list", "source": list(offered[name]), "error_type": "warning"}
                sheet.data_validation(1, place, _LINES, place, choice)
        lines = [(_header(name), explained(name)) for name in TEMPLATE]
        writing.write_notes(book, _("enrolment.workbook.notes"), lines)
    return buffer.getvalue()


def explained(name: str) -> str:
    """Return what a column takes: in words, and the words that can be chosen."""
    applied = name in DETAILS and DETAILS[name].applied
    told = str(_(f"{'candidates.template' if applied else 'enrolment.workbook'}.column.{name}"))
    return f"{told}{'、'.join(OFFERED[name])}" if name in OFFERED else told


def _header(name: str) -> str:
    return COLUMNS.title(name) + ("*" if COLUMNS.by_name[name].required else "")

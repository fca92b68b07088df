"""The 国标 11 columns in a workbook, as one of the formats."""

from __future__ import annotations

from cbt.bank.formats.kind import Confidence, Content, Format
from cbt.bank.formats.national.marked import marked_workbook
from cbt.bank.formats.national.reading import NAME, read_national
from cbt.bank.formats.national.template import template_workbook
from cbt.bank.formats.workbook import is_workbook
from cbt.bank.imports.drafts import Reading
from cbt.errors import InvalidInput


def detect(content: Content, _name: str) -> Confidence:
    """Say that a workbook may be one: its columns show when it is read, and an archive may be another's."""
    return Confidence.MAYBE if isinstance(content, bytes) and is_workbook(content) else Confidence.NO


def read(content: Content, name: str) -> Reading:
    """Read a workbook as `read_national` does; a folder is none."""
    if not isinstance(content, bytes):
        raise InvalidInput("bank.not_workbook")
    return read_national(content, name)


NATIONAL = Format(
    NAME,
    detect,
    read,
    endings=(".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    mark=marked_workbook,
    template=template_workbook,
)

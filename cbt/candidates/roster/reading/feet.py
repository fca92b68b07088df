"""Lines of a roster that are no person: sums, who filled it in, remarks, headers again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from cbt.candidates.roster.reading.columns import meaning
from cbt.candidates.roster.reading.numbers import looks_like_person
from cbt.candidates.roster.reading.tables import RosterTable
from cbt.sheets.columns import plain

_SUM = re.compile(
    r"(?:本页|本单位|以上|本表|人数)?(?:合计|小计|总计|共计|总人数|总数|合共)(?:人数)?\d*人?名?|共\d+[人名]"
)
_SIGNER = re.compile(
    r"(?:报送|申报|推荐|所在|用人)?(?:单位|机构)?(?:经办人?|填表人?|填报人?|制表人?|审核人?|审批人?|复核人?|负责人|联系人|报送人|"
    r"经手人|制单人?|核对人|盖章|公章|意见|填表日期|填报日期|制表日期|报送日期|日期|签字|签章|审核意见|联系电话|电话|传真)"
    r"(?:签字|签名|签章|盖章|及?联系?电话)?.{0,4}"
)
_REMARK = re.compile(
    r"(?:注|备注|说明|填表说明|填写说明|注意|注意事项|特别说明|提示|要求|示例)(?:\d|$|[一二三四])?"
)
_COLON = re.compile("[：:]")


class Foot(StrEnum):
    """What a line is that is no person's; its value names the note that tells of it."""

    NONE = ""
    SILENT = "silent"
    SUM = "line_sum"
    SIGNER = "line_signer"
    REMARK = "line_remark"


def foot_of(row: int, cells: Sequence[str], table: RosterTable) -> Foot:
    """Return what kind of line a row (from 0) is; NONE for a person's, whatever else is wrong with that.

    A line with what can be a person's number is always a person's.
    """
    places = table.heading.places
    filled = [(place, cell) for place, cell in enumerate(cells) if cell.strip()]
    number, name = (_at(cells, places.get(column)) for column in ("document_number", "name"))
    if number and looks_like_person(number):
        return Foot.NONE
    if _is_number_alone(filled, table):
        return Foot.SILENT
    if name and meaning(name)[0] == "name" and meaning(number)[0] == "document_number":
        return Foot.SILENT  # the headers again, as on every printed page
    first = [cell for _place, cell in filled[:1]] + ([name] if name else [])
    if not name:
        first = [cell for _place, cell in filled]
    if any(_SUM.fullmatch(plain(cell)) or _SUM.fullmatch(_label(cell)) for cell in first):
        return Foot.SUM
    if any(_SIGNER.fullmatch(_label(cell)) for cell in first):
        return Foot.SIGNER
    alone = len(filled) == 1 and not number
    if alone and (filled[0][0] != places.get("name") or (row, filled[0][0] + 1) in table.merged.across):
        return Foot.REMARK
    return Foot.REMARK if alone and _REMARK.match(_label(first[0])) else Foot.NONE


def _at(cells: Sequence[str], place: int | None) -> str:
    return cells[place].strip() if place is not None and place < len(cells) else ""


def _label(cell: str) -> str:
    return plain(_COLON.split(cell, maxsplit=1)[0][:40])


def _is_number_alone(filled: Sequence[tuple[int, str]], table: RosterTable) -> bool:
    ""
    "Return whether nothing but the number of a line stands in it, as in a form that was not filled to its end."
    ""
    return len(filled) == 1 and filled[0][0] in table.left and filled[0][1].isdigit()

"""计算 in QTI: a text entry for a number."""

from __future__ import annotations

from cbt.bank.exports.markup import block
from cbt.bank.formats.qti.mapping import Fields, Made, QtiWriting, entry
from cbt.bank.formats.qti.scoring import Response22


def _write(data: Fields, name: str, _picture: str) -> Made:
    response = Response22(
        name, "single", "float", [str(data["answer"])], tolerance=str(data.get("tolerance", "0"))
    )
    return [response], block(str(data["stem"]), lambda _number: entry(name))


MAPPING = QtiWriting(frozenset({"answer", "tolerance", "decimals", "compute"}), _write)

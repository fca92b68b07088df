"""计算 in QTI: a text entry for a number."""

from __future__ import annotations

from cbt.interchange.export import block
from cbt.interchange.qti.response import Fields, Made, QtiWriting, Response22, entry


def _write(data: Fields, name: str, _picture: str) -> Made:
    response = Response22(
        name, "single", "float", [str(data["answer"])], tolerance=str(data.get("tolerance", "0"))
    )
    return [response], block(str(data["stem"]), lambda _number: entry(name))


MAPPING = QtiWriting(frozenset({"answer", "tolerance", "decimals", "compute"}), _write)

"""识图 in QTI: its picture in a file of the package, a place for each region and each spot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cbt.errors import InvalidInput
from cbt.interchange.markdown import escaped
from cbt.interchange.qti.response import Fields, Made, QtiWriting, Response22, stem_of
from cbt.items.types.hotspot.qti_reader import SPOT
from cbt.rules.items.hotspot import Region, read_region

_SMALLEST, _SHARE = 2, 60


def _write(data: Fields, name: str, file: str) -> Made:
    width, height = data["size"]
    places = "".join(_place(*one) for one in _places(data))
    kind = "image/png" if file.endswith(".png") else "image/jpeg"
    picture = (
        f'<object type="{kind}" data="{escaped(file)}" width="{width}" height="{height}">'
        f"{escaped(str(data['alt']))}</object>"
    )
    head = f'<hotspotInteraction responseIdentifier="{name}" maxChoices="{data.get("marks", 1)}">'
    right = [f"region-{number}" for number in data["answer"]]
    kind = "single" if data.get("marks", 1) == 1 else "multiple"
    body = f"{stem_of(data)}{head}{picture}{places}</hotspotInteraction>"
    return [Response22(name, kind, "identifier", right)], body


def _places(data: Mapping[str, Any]) -> Iterator[tuple[str, str, list[int], str]]:
    """Yield name, shape, coordinates and label: of the regions, then of the spots that lie in none."""
    within = (data["size"][0], data["size"][1])
    regions: list[Region] = []
    for number, shape in enumerate(data["regions"], 1):
        try:
            region = read_region(shape, within, "regions")
        except InvalidInput:
            continue
        regions.append(region)
        inside = [spot["name"] for spot in data["spots"] if region.holds((spot["at"][0], spot["at"][1]))]
        yield f"region-{number}", *_shape(shape), inside[0] if inside else str(number)
    radius = max(_SMALLEST, min(within) // _SHARE)
    outside = [spot for spot in data["spots"] if not any(one.holds(tuple(spot["at"])) for one in regions)]
    for number, spot in enumerate(outside, 1):
        yield f"{SPOT}{number}", "circle", [*spot["at"], radius], spot["name"]


def _shape(region: Mapping[str, Any]) -> tuple[str, list[int]]:
    if "rect" in region:
        x, y, width, height = region["rect"]
        return "rect", [x, y, x + width, y + height]
    if "circle" in region:
        return "circle", list(region["circle"])
    return "poly", [value for corner in region["polygon"] for value in corner]


def _place(name: str, shape: str, coords: list[int], label: str) -> str:
    where = ",".join(map(str, coords))
    return f'<hotspotChoice identifier="{name}" shape="{shape}" coords="{where}" hotspotLabel="{escaped(label)}"/>'


MAPPING = QtiWriting(
    frozenset({"answer", "picture", "size", "alt", "regions", "spots", "marks"}), _write, pictured=True
)

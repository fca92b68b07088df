"""The child's side of a panel: what judges said in, the recommended cut out.

Source: R-100.
"""

from __future__ import annotations

import math

import msgspec

from cbt.results.panels.panel import PanelCut, PanelMethod, PanelVotes
from cbt.statistics.cut_scores import angoff, bookmark


def recommend(body: bytes) -> bytes:
    """Return the PanelCut, as JSON, of the PanelVotes in MessagePack."""
    return msgspec.json.encode(cut_of(msgspec.msgpack.decode(body, type=PanelVotes)))


def cut_of(votes: PanelVotes) -> PanelCut:
    if votes.method == PanelMethod.ANGOFF:
        cut = angoff([[chance / 100 for chance in own] for own in votes.said], votes.worths)
    else:
        cut = bookmark([own[0] for own in votes.said], votes.difficulties, votes.worths)
    error = None if math.isnan(cut.error) else cut.error
    spread = None if math.isnan(cut.spread) else cut.spread
    return PanelCut(cut.value, spread, error, cut.judges.tolist())

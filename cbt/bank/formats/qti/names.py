"""One set of names for all versions: 3.0 writes `qti-choice-interaction` for what 2.x calls `choiceInteraction`."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(r"-([a-z0-9])")
_KEPT = ("data-", "aria-")
INTERACTION = "Interaction"
NO_ANSWER = frozenset({"endAttemptInteraction"})
"""Buttons among the answers."""


def unified(root: Any) -> Any:
    """Rename what a tree of 3.0 has to the names of 2.x and return it; other elements stay as they are."""
    for node in root.iter():
        if not isinstance(node.tag, str):
            continue
        space, brace, name = node.tag.rpartition("}")
        if name.startswith("qti-"):
            node.tag = f"{space}{brace}{_camel(name[4:])}"
            for key in list(node.attrib):
                if "-" in key and not key.startswith(_KEPT):
                    node.set(_camel(key), node.get(key))
    return root


def _camel(name: str) -> str:
    return _STEP.sub(lambda found: found[1].upper(), name)

"""Reads the image description and the compose file of docs/deploy/container, as a builder would."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from cbt.paths import product_dir

FOLDER = product_dir("docs") / "deploy" / "container"
Instruction = tuple[str, str]


def instructions(path: Path = FOLDER / "Containerfile") -> list[Instruction]:
    """Return each instruction as its word and the rest, comments left out and lines joined."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in whole.splitlines() if line.strip()]
    return [(word, re.sub(r"\s+", " ", rest)) for word, rest in found]


def last_stage() -> list[Instruction]:
    """Return the instructions of the image itself."""
    every = instructions()
    begins = max(number for number, (word, _) in enumerate(every) if word == "FROM")
    return every[begins:]


def only(word: str) -> str:
    """Return the rest of the one instruction of that word in the image itself."""
    [rest] = [rest for name, rest in last_stage() if name == word]
    return rest


def words(text: str) -> list[str]:
    """Return the command of an instruction in exec form."""
    found: list[str] = json.loads(text)
    return found


def environment() -> dict[str, str]:
    """Return what ENV sets."""
    return dict(part.split("=", 1) for part in only("ENV").split())


def health_command() -> list[str]:
    """Return the command of the health check."""
    return words(only("HEALTHCHECK").partition(" CMD ")[2])


def compose(**given: str) -> dict[str, Any]:
    """Return the compose file with its variables filled in; one that is not given is a KeyError."""
    text = re.sub(
        r"\$\{(\w+):\?[^}]*\}", lambda found: given[found[1]], (FOLDER / "compose.yaml").read_text("utf-8")
    )
    read: dict[str, Any] = yaml.safe_load(text)
    return read

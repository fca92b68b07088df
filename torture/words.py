"""What torture says, in both languages: its own catalogues, beside it and not in the product's."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from cbt.translations import compiler

_FOLDER = Path(__file__).with_name("texts")


@cache
def texts(language: str) -> Mapping[str, str]:
    """Return every text of one language by its id."""
    return compiler.texts_of(language, _FOLDER)


def said(name: str, **params: object) -> str:
    """Return a text for the terminal, in Chinese as the product's own commands speak."""
    text = texts("zh")[name]
    return text % params if params else text

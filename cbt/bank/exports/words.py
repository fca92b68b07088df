"""What is left behind, as sentences."""

from __future__ import annotations

from collections.abc import Iterable

from flask_babel import gettext as _

from cbt.bank.exports.proof import MARKUP, MEDIA
from cbt.bank.formats.outgoing import LeftBehind
from cbt.bank.imports.texts import field_label


def left_lines(left: Iterable[LeftBehind]) -> list[str]:
    """Return a line for each item of which something is left behind."""
    return [left_line(one) for one in left]


def left_line(one: LeftBehind) -> str:
    """Return what of an item is left behind."""
    kind = _(f"bank.type.{one.type}")
    if not one.fields:
        return str(_("bank.export.left_whole", ref=one.ref, type=kind))
    return str(_("bank.export.left_fields", ref=one.ref, type=kind, fields=field_names(one.fields)))


def field_names(fields: Iterable[str]) -> str:
    """Return fields as people call them."""
    return str(_("ui.and")).join(field_name(name) for name in fields)


def field_name(name: str) -> str:
    """Return one field as people call it."""
    return str(_(f"bank.export.{name}")) if name in {MARKUP, MEDIA} else field_label(name)

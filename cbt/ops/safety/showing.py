"""What a verification says, to people and to programs."""

from __future__ import annotations

from dataclasses import asdict

from cbt.console.columns import align
from cbt.console.saying import tone
from cbt.console.texts import text as _
from cbt.ops.safety.checking import StoredCheck

SHOWN = 20


def checks_as_data(checks: list[StoredCheck]) -> list[dict[str, object]]:
    return [{**asdict(check), "ok": check.ok} for check in checks]


def check_lines(checks: list[StoredCheck]) -> list[str]:
    """Return a line a check, what it found below it, and the sum."""
    heads = align([_line(check) for check in checks], frozenset({1}))
    lines = []
    for check, line in zip(checks, heads, strict=True):
        lines.append(line if check.ok else tone(line, "red"))
        lines += [
            " " * 6 + _(f"safety.found.{finding.what}", where=finding.where)
            for finding in check.findings[:SHOWN]
        ]
        if len(check.findings) > SHOWN:
            lines.append(" " * 6 + _("safety.more", count=len(check.findings) - SHOWN))
    wrong = sum(len(check.findings) for check in checks)
    if wrong:
        return [*lines, tone(_("safety.wrong", count=wrong), "red")]
    waits = any(check.waits for check in checks)
    return [*lines, _("safety.intact_so_far") if waits else _("safety.intact")]


def _line(check: StoredCheck) -> tuple[str, str, str]:
    name = _(f"safety.check.{check.name}")
    if check.looked_at is None:
        return "  -", "-", name + (_("safety.waits") if check.waits else _("safety.not_here"))
    return " ok" if check.ok else " !!", str(check.looked_at), name

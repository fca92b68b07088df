"""The checks, in the order in which an administrator would look: what stands on what comes first."""

from collections.abc import Mapping

from cbt.ops.doctor.checks import (
    backups,
    belonging,
    blueprints,
    certificate,
    clock,
    copy,
    hands,
    limits,
    pages,
    port,
    proxy,
    settings,
    space,
    speed,
)
from cbt.ops.doctor.findings import Check

CHECKS: Mapping[str, Check] = {
    "settings": settings,
    "hands": hands,
    "belonging": belonging,
    "clock": clock,
    "limits": limits,
    "space": space,
    "speed": speed,
    "copy": copy,
    "backups": backups,
    "blueprints": blueprints,
    "port": port,
    "proxy": proxy,
    "certificate": certificate,
    "pages": pages,
}

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
    "settings": Check(settings.CODES, settings.examine),
    "hands": Check(hands.CODES, hands.examine),
    "belonging": Check(belonging.CODES, belonging.examine),
    "clock": Check(clock.CODES, clock.examine),
    "limits": Check(limits.CODES, limits.examine),
    "space": Check(space.CODES, space.examine),
    "speed": Check(speed.CODES, speed.examine),
    "copy": Check(copy.CODES, copy.examine),
    "backups": Check(backups.CODES, backups.examine),
    "blueprints": Check(blueprints.CODES, blueprints.examine),
    "port": Check(port.CODES, port.examine),
    "proxy": Check(proxy.CODES, proxy.examine),
    "certificate": Check(certificate.CODES, certificate.examine),
    "pages": Check(pages.CODES, pages.examine),
}

"""What `cbt upgrade` says, to people and to programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from math import ceil
from zoneinfo import ZoneInfo

from cbt.config import Settings
from cbt.console.texts import text as _
from cbt.ops.safety.showing import check_lines, checks_as_data
from cbt.ops.upgrade.carrying import Upgraded
from cbt.ops.upgrade.facts import UpgradeFacts, place_of
from cbt.ops.upgrade.plan import Hindrance, UpgradePlan
from cbt.releases import newest_revision, product_version, version_of

DOUBT = 3
"""Slower disks than those that were measured take so many times as long."""


def named(revision: str) -> str:
    """Return a revision with the version that left it, for people."""
    return f"{version_of(revision)} ({revision})".strip()


def span(seconds: float) -> str:
    """Return how long something takes, roughly: from what was measured to a slow machine's."""
    low, high = max(ceil(seconds), 1), max(ceil(seconds * DOUBT), 1)
    if low == high:
        return _("upgrade.second")
    if high <= 120:
        return _("upgrade.seconds", low=low, high=high)
    return _("upgrade.minutes", low=max(round(low / 60), 1), high=ceil(high / 60))


def plan_lines(
    settings: Settings, facts: UpgradeFacts, plan: UpgradePlan, *, zone: ZoneInfo
) -> Iterator[str]:
    """Yield what is there, what an upgrade would do, and whether it can be done now."""
    yield _("upgrade.there", found=named(facts.revision), place=place_of(settings))
    if not plan.steps:
        yield _("upgrade.current")
        return
    yield _("upgrade.comes", wanted=f"{product_version()} ({newest_revision()})")
    rows = facts.rows
    size = f"{facts.bytes / 2**20:.1f}"
    yield _("upgrade.holds", attempts=rows["attempt"], journal=rows["journal"], size=size)
    yield ""
    yield _("upgrade.part.backup", span=span(plan.backup_seconds))
    steps = sum(step.seconds for step in plan.steps)
    yield _("upgrade.part.steps", count=len(plan.steps), span=span(steps))
    for step in plan.steps:
        yield f"     {step.revision}  {_(f'upgrade.step.{step.revision}')}"
    yield _("upgrade.part.verify", span=span(plan.verify_seconds))
    yield _("upgrade.whole", span=span(plan.seconds))
    yield ""
    yield from before_lines(plan, zone=zone, all_rooms=True)
    yield _("upgrade.not_now") if plan.blocked else _("upgrade.ready")


def before_lines(plan: UpgradePlan, *, zone: ZoneInfo, all_rooms: bool = False) -> Iterator[str]:
    """Yield what stands in the way, or is worth knowing before it."""
    for room in plan.rooms:
        if all_rooms or not room.enough:
            mark = " ok " if room.enough else " !! "
            sizes = {"needed": ceil(room.needed / 2**20), "free": room.free // 2**20}
            yield mark + _("upgrade.room", folder=room.folder, **sizes)
    for one in plan.hindrances:
        yield (" !! " if one.blocks else "  ! ") + _hindrance(one, zone)


def _hindrance(one: Hindrance, zone: ZoneInfo) -> str:
    params = {
        name: value.astimezone(zone).strftime("%H:%M") if isinstance(value, datetime) else value
        for name, value in one.params.items()
    }
    return _(f"upgrade.hindrance.{one.what}", **params)


def progress(what: str, done: Upgraded, plan: UpgradePlan) -> str:
    """Return the line that says what has just been done."""
    if what == "backup":
        return _("safety.made", folder=done.backup)
    if what == "verify":
        return _("upgrade.verified")
    sizes = {"number": len(done.steps), "count": len(plan.steps), "seconds": f"{done.steps[what]:.1f}"}
    name = _(f"upgrade.step.{what}")
    return _("upgrade.step_done", revision=what, what=name, **sizes)


def done_lines(settings: Settings, done: Upgraded) -> Iterator[str]:
    """Yield what was done, what to do now and how to go back."""
    if done.backup is not None:
        yield _("safety.made", folder=done.backup)
    yield _("upgrade.steps_done", count=len(done.steps), seconds=f"{sum(done.steps.values()):.1f}")
    yield from check_lines(done.checks)
    found, wanted = named(done.found), f"{product_version()} ({newest_revision()})"
    yield _("upgrade.done", found=found, wanted=wanted) if done.ok else _("upgrade.done_wrong")
    if done.made_log_key:
        yield _("upgrade.log_key", path=settings.keys / "audit.key")
    if done.former_log_key is not None:
        yield _("upgrade.former_log_key", path=done.former_log_key)
    if done.backup is not None:
        yield _("upgrade.back", found=found)
        yield from (f"  {line}" for line in way_back(settings, done))


def way_back(settings: Settings, done: Upgraded) -> list[str]:
    """Return the steps that lead back to the state before the upgrade; nothing is deleted in any of them."""
    former = version_of(done.found) or done.found
    if settings.embedded:
        first = f"mv {settings.data_dir.absolute()} {settings.data_dir.absolute()}.upgraded"
    else:
        first = _("upgrade.back.empty")
    steps = [_("upgrade.back.stop"), first]
    if settings.journal_copy_dir is not None:
        folder = settings.journal_copy_dir.absolute()
        steps.append(f"mv {folder} {folder}.upgraded")
    return [*steps, f"cbt restore {done.backup}", _("upgrade.back.former", version=former)]


def plan_as_data(facts: UpgradeFacts, plan: UpgradePlan) -> dict[str, object]:
    """Return what is there and what an upgrade would do."""
    return {
        **_both(facts.revision),
        "bytes": facts.bytes,
        "rows": facts.rows,
        **asdict(plan),
        "seconds": plan.seconds,
        "ready": bool(plan.steps) and not plan.blocked,
    }


def done_as_data(settings: Settings, done: Upgraded) -> dict[str, object]:
    """Return what was done and how to go back."""
    return {
        **_both(done.found),
        "backup": done.backup,
        "steps": done.steps,
        "made_log_key": done.made_log_key,
        "former_log_key": done.former_log_key,
        "checks": checks_as_data(done.checks),
        "ok": done.ok,
        "way_back": way_back(settings, done) if done.backup is not None else [],
    }


def _both(found: str) -> dict[str, object]:
    return {
        "found": {"version": version_of(found), "revision": found},
        "wanted": {"version": product_version(), "revision": newest_revision()},
    }

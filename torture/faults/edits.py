"""Items are edited while the exam runs: what was frozen stays (R-43), and so does every score (I6)."""

from __future__ import annotations

import random
import re
import shutil
from pathlib import Path

from cbt.bank.service import import_bank
from torture.browsers.local import LocalBrowser
from torture.sites.people import LEVEL
from torture.sites.site import Site
from torture.trial import Trial

SAVES_BETWEEN = 60


def item_edited(trial: Trial) -> None:
    """Import the bank with other stems and other keys under load; papers and scores do not move."""
    site = trial.site()
    with site.serving() as server, site.load(trial.seed, lambda: server.port) as load:
        for number in range(trial.times):
            load.wait_for_saves(SAVES_BETWEEN)
            before = _shown(site)
            edited = _edited_bank(site, number)
            with site.app() as app:
                import_bank(edited, now=app.extensions["cbt_clock"].now(), actor="cli")
            trial.injected()
            # Somebody may have gone on to the next unit meanwhile, so what is shown both times is compared.
            after = _shown(site)
            both = before.keys() & after.keys()
            changed = [place for place in both if before[place] != after[place]]
            trial.expect(
                bool(both) and changed == [], "I6", f"what is shown changed with the bank: {changed[:5]}"
            )
        load.wait_for_saves(SAVES_BETWEEN)
        trial.drain(load)
    trial.judge(site)


def _shown(site: Site) -> dict[tuple[str, int], str]:
    """Return what two candidates see at each position when they open their paper; each takes a new lease."""
    shown: dict[tuple[str, int], str] = {}
    with site.app() as app:
        for person in (site.people[0], site.people[-1]):
            browser = LocalBrowser(person, app, site.ledger, random.Random(0))
            browser.open()
            shown |= {(person.attempt_ref, item["position"]): repr(item) for item in browser.items}
    return shown


def _edited_bank(site: Site, number: int) -> Path:
    """Copy the bank with every stem marked and the keys of single choices moved on."""
    source = site.settings.bank_dir / LEVEL
    folder = site.folder / f"edited-{number}" / LEVEL
    shutil.copytree(source, folder)
    following = str.maketrans("ABCD", "BCDA")
    for path in folder.rglob("*.toml"):
        text = path.read_text("utf-8")
        text = re.sub(r'^(stem = ")', rf"\g<1>（修订 {number + 1}）", text, flags=re.MULTILINE)
        text = re.sub(
            r'^answer = "([ABCD])"$',
            lambda found: f'answer = "{found[1].translate(following)}"',
            text,
            flags=re.MULTILINE,
        )
        path.write_text(text, "utf-8")
    return folder

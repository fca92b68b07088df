"""`python -m bench.rosters --people 10000`: one roster of a batch, and the pages of the batch with everybody in it.

Printed are the seconds of each stage of the roster, from the file to the last registration, and the milliseconds of
each page of the office.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import flask
from sqlalchemy import select

from cbt.application.app import create_app
from cbt.batches.roster import roster_import
from cbt.blueprints.versions import load_folder, look
from cbt.candidates.models import Registration
from cbt.config import Settings
from cbt.demo.world import ACTOR, Hall, Premises, Signer, add_staff, build_premises, plan_sitting
from cbt.jobs.worker import run_due
from cbt.paths import product_dir
from cbt.rules.roles import Role
from cbt.sittings.models import Sitting
from cbt.spreadsheets import writer
from cbt.storage.engine import begin_installation
from cbt.storage.migrate import migrate
from cbt.storage.unit_of_work import reading, unit_of_work
from cbt.translations.compiler import compile_catalogues

HEADERS = ("序号", "姓名", "身份证号码", "性别", "联系电话", "工作单位", "申报等级", "考试科目", "备注")
ROOMS, SEATS, SPARES = 10, 42, 2
LEVELS = ("三级", "二级")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
LOOKS = 5
"""Each page is opened so often; the median counts."""


def resident(number: int) -> str:
    """Return a resident number that holds: so many of them differ."""
    digits = f"310101{1970 + number % 40}{1 + number // 40 % 12:02d}{1 + number // 480 % 28:02d}{number % 1000:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True))
    return digits + "10X98765432"[total % 11]


def roster_of(people: int) -> bytes:
    """Return a workbook with a line for each person, both papers, units of thirty."""
    buffer = io.BytesIO()
    with writer.new_workbook(buffer) as book:
        sheet = book.add_worksheet("名册")
        for place, header in enumerate(HEADERS):
            sheet.write_string(0, place, header)
        for number in range(people):
            cells = (
                str(number + 1), f"考生{number:05d}", resident(number), "", f"138{number:08d}",
                f"第{number // 30:03d}公司", LEVELS[number % 2], "两科", "",
            )  # fmt: skip
            for place, cell in enumerate(cells):
                sheet.write_string(number + 1, place, cell)
    return buffer.getvalue()


def plan_days(people: int, now: datetime) -> str:
    """Plan two sittings a day in ten rooms until there are seats for both papers of everybody; return the batch."""
    halls = [Hall(f"{number:02d} 号机房", SEATS, SPARES) for number in range(1, ROOMS + 1)]
    start = now.replace(hour=1, minute=0, second=0, microsecond=0) + timedelta(days=30)
    with unit_of_work() as session:
        premises: Premises = build_premises(session, halls, now=now, centre="考点", batch="万人批次")
        for number in range(-(-2 * people // (ROOMS * (SEATS - SPARES))) + 2):
            at = start + timedelta(days=number // 2, hours=5 * (number % 2))
            plan_sitting(session, premises, at=at, now=now, name=f"第 {number + 1} 场", published=False)
        return premises.batch.ref


@contextmanager
def told(what: str) -> Iterator[None]:
    """Print how long something takes."""
    begun, busy = time.perf_counter(), time.process_time()
    yield
    took, busy = time.perf_counter() - begun, time.process_time() - busy
    print(f"{what:<28}{took:8.2f} s  ({busy:.2f} s of one processor)", flush=True)


def bring(app: flask.Flask, batch: str, body: bytes, *, officer: str) -> tuple[str, str]:
    """Bring a roster as the office does, each stage timed; return the refs of two rosters: one is looked at."""
    now = app.extensions["cbt_clock"].now

    def kept() -> str:
        return roster_import.keep(
            batch_ref=batch, file_name="名册.xlsx", body=body, locale="zh", now=now(), actor=officer
        )

    with told("keep"):
        ref = kept()
    with told("check"):
        assert run_due(now=now()) == 1
    with told("confirm"):
        roster_import.confirm(batch_ref=batch, ref=ref, partial=False, now=now(), actor=officer)
    with told("store"):
        assert run_due(now=now()) == 1
    again = kept()
    with told("check again"):
        assert run_due(now=now()) == 1
    return ref, again


def pages_of(app: flask.Flask, batch: str, ref: str) -> dict[str, str]:
    """Return the pages of a batch that are looked at, by what they are called."""
    with app.app_context(), reading() as session:
        sitting = session.scalars(select(Sitting).order_by(Sitting.planned_start_at).limit(1)).one()
        one = session.scalars(select(Registration.ref).limit(1)).one()
    return {
        "home": "/",
        "batch": f"/office/batches/{batch}",
        "batch, roster": f"/office/batches/{batch}/roster",
        "batch, roster looked at": f"/office/batches/{batch}/roster/{ref}",
        "sitting": f"/office/sittings/{sitting.ref}",
        "batch, people": f"/office/batches/{batch}/people",
        "batch, people searched": f"/office/batches/{batch}/people?q=09876",
        "batch, seats": f"/office/batches/{batch}/seats",
        "batch, publishing": f"/office/batches/{batch}/publish",
        "batch, prints again": f"/office/batches/{batch}/print/again",
        "sitting, publishing": f"/office/sittings/{sitting.ref}/publish",
        "sitting, prints": f"/office/sittings/{sitting.ref}/print",
        "registration": f"/office/registrations/{one}",
    }


def look_at(app: flask.Flask, pages: dict[str, str], open_page: Callable[[str], int]) -> None:
    """Open each page some times and print the median."""
    for name, address in pages.items():
        times, busy = [], []
        for _ in range(LOOKS):
            begun, worked = time.perf_counter(), time.process_time()
            status = open_page(address)
            times.append(1000 * (time.perf_counter() - begun))
            busy.append(1000 * (time.process_time() - worked))
        print(
            f"{name:<28}{median(times):8.0f} ms  ({median(busy):.0f} of one processor)  {status}", flush=True
        )


def main() -> None:
    """Build, bring, look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    people: int = parser.parse_args().people
    compile_catalogues()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        settings = Settings(
            data_dir=root / "data", key_dir=root / "keys", blueprint_dir=product_dir("blueprints")
        )
        begin_installation(settings)
        app = create_app(settings)
        with app.app_context():
            migrate()
            now: datetime = app.extensions["cbt_clock"].now()
            with unit_of_work() as session:
                found = look(product_dir("blueprints"))
                load_folder(session, product_dir("blueprints"), found, now=now, actor=ACTOR)
                officer = add_staff(session, Role.OFFICER, login="office", name="考务", now=now).ref
            batch = plan_days(people, now)
            with told("write the workbook"):
                body = roster_of(people)
            print(f"{len(body) / 1e6:.1f} MB", flush=True)
            _first, again = bring(app, batch, body, officer=f"staff:{officer}")
            with unit_of_work() as session:
                cookie = Signer(app).sign_in(
                    session, kind="staff", subject_ref=officer, machine="office", now=now
                )
        client = app.test_client(use_cookies=False)

        def open_page(address: str) -> int:
            return client.get(address, headers={"Cookie": cookie}).status_code

        look_at(app, pages_of(app, batch, again), open_page)


if __name__ == "__main__":
    main()

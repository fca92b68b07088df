"""Pages of staff in a sitting of 3,000 with a bank of 100,000 items, and candidates who sign in beside saves."""

from __future__ import annotations

from bench.figures import Figure
from bench.measured.declaring import NONE_REFUSED, Ground, Group, Stage, Stand, Target, most
from bench.office_pages import measure_files, measure_office, office_of_years
from bench.staff_pages import measure_pages
from bench.traffic.sign_in import SignIns, bind_seats, run_sign_ins

RATES = {"sign_in_500": 500, "sign_in_2000": 2000}
"""So many sign in in a minute."""


def pages(ground: Ground) -> list[Figure]:
    """Ask for every page of staff, in one process and without a network between; the slowest is the figure."""
    ground.tell("every page of staff")
    found = measure_pages(ground.folder, items=ground.size.of(100_000, 2_000), times=ground.size.of(5, 1))
    slowest = max(found, key=lambda name: found[name])
    ground.tell(f"the slowest is {slowest}")
    figure = Figure("staff_pages", latencies=[taken / 1000 for taken in found.values()])
    figure.facts["slowest_ms"] = round(found[slowest], 1)
    return [figure]


def office(ground: Ground) -> list[Figure]:
    """Ask for every page of an office of years, likewise; then for a long statement, and publish certificates."""
    ground.tell("every page of the office")
    many = {"applications": ground.size.of(5_000, 100), "certificates": ground.size.of(20_000, 100)}
    with office_of_years(ground.folder / "office", **many) as (app, clients):
        found = measure_office(app, clients, times=ground.size.of(5, 1))
        files = measure_files(app, clients, ground.folder, people=ground.size.of(500, 10))
    slowest = max(found, key=lambda name: found[name])
    ground.tell(f"the slowest is {slowest}")
    pages = Figure("office_pages", latencies=[taken / 1000 for taken in found.values()])
    pages.facts["slowest_ms"] = round(found[slowest], 1)
    statement, site = Figure("office_statement"), Figure("office_publish")
    statement.facts["slowest_s"] = round(max(files["statement_pdf_s"], files["statement_xlsx_s"]), 2)
    site.facts |= {"last_s": round(files["publish_s"], 1), "again_s": round(files["publish_again_s"], 1)}
    return [pages, statement, site]


def sign_ins(stand: Stand) -> list[Figure]:
    """Let people sign in at their seats while others save 500 answers a second."""
    sitters = stand.bench.built.sitters
    bind_seats(stand.bench.built)
    seconds = stand.size.of(30.0, 3.0)
    found = []
    for name, per_minute in RATES.items():
        stand.tell(f"{per_minute} sign in in a minute")
        half = len(sitters) // 2
        load = run_sign_ins(
            stand.port,
            sitters[:half],
            sitters[half:],
            stand.bench.ledger,
            per_minute=per_minute,
            seconds=seconds,
        )
        found.append(_figure(name, load))
    return found


def _figure(name: str, load: SignIns) -> Figure:
    figure = Figure(name, latencies=load.latencies, refused=load.refused)
    figure.rates.append(len(load.latencies) / load.seconds)
    return figure


GROUPS = (
    Group(
        (
            Target(
                "sign_in_500",
                "500 sign in in a minute beside 500 saves/s",
                "每分钟 500 人登录，同时每秒 500 次保存",
                (most("max_ms", 1000, 500), NONE_REFUSED),
                paced=True,
            ),
            Target(
                "sign_in_2000",
                "2,000 sign in in a minute beside 500 saves/s",
                "每分钟 2000 人登录，同时每秒 500 次保存",
                (most("p99_ms", None, 1000), NONE_REFUSED),
                paced=True,
            ),
        ),
        Stage.OPEN,
        sign_ins,
        people=lambda size: size.of(1000, 100),
    ),
    Group(
        (
            Target(
                "staff_pages",
                "slowest page of staff, 3,000 candidates, bank of 100,000",
                "最慢的工作人员页面，3000 名考生、题库 10 万题",
                (most("slowest_ms", 150, 60, ("slowest {:.0f} ms", "最慢 {:.0f} 毫秒")),),
                paced=True,
            ),
        ),
        Stage.OWN,
        pages,
    ),
    Group(
        (
            Target(
                "office_pages",
                "slowest page of the office, 5,000 applications, 20,000 certificates",
                "最慢的考务页面，5000 份评价申请、2 万张证书",
                (most("slowest_ms", 200, 60, ("slowest {:.0f} ms", "最慢 {:.0f} 毫秒")),),
                paced=True,
            ),
            Target(
                "office_statement",
                "statement of 500 people, PDF or workbook",
                "500 人的对账单，PDF 或表格",
                (most("slowest_s", 2.0, 1.0, ("{:.1f} s", "{:.1f} 秒")),),
                paced=True,
            ),
            Target(
                "office_publish",
                "look-up site of 20,000 certificates",
                "2 万张证书的查询网站",
                (most("last_s", 60.0, 15.0, ("{:.1f} s", "{:.1f} 秒")),),
                paced=True,
            ),
        ),
        Stage.OWN,
        office,
    ),
)

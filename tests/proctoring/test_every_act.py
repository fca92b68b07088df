"""Every act of the registry: refused to the wrong role, room and state, done once by two at once, undone exactly.

Two rooms are lived through in the order of an exam, one at its door and one with papers under way. What is refused
leaves every row as it was; what is undone does so but for the rows that are only ever added to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import flask
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from cbt.proctoring.act import ActScope
from cbt.proctoring.acts.registry import ACTS
from cbt.proctoring.board.live import OVER, Board, load_board
from cbt.proctoring.board.open_rooms import OpenRooms, SeatsRead
from cbt.proctoring.board.parts import BoardWay, Drawing, DrawKinds, DrawnKinds, Kind, Pen, Tile
from cbt.proctoring.models import Incident, IncidentReport, RaisedHand, UndoableAct
from cbt.rules.roles import ROOM_STAFF, Role
from cbt.rules.states import SittingState
from cbt.runner.attempt_changes import refresh_clocks
from cbt.runner.models import Attempt, AttemptLive, Gap
from cbt.sittings.models import Centre, Room, Seat, SittingRoom
from cbt.sittings.places import create_room
from cbt.sittings.store import RoomView, rooms_of_sitting
from cbt.storage.types import db, new_ref
from cbt.storage.unit_of_work import raw_reading, reading, unit_of_work
from tests.proctoring.desk import Desk, change, done, running
from tests.world import PASSWORD, PLANNED, World

MINUTE = timedelta(minutes=1)
TIME = {"kind": "site_fault", "minutes": "3", "reason_code": "network"}
JSON = {"Accept": "application/json"}
SIGNED = {"second_login": "officer", "second_password": PASSWORD}
RUNNING, HELD = {SittingState.RUNNING}, {SittingState.HELD}
OPEN, BEFORE = RUNNING | HELD, {SittingState.PUBLISHED, SittingState.ADMITTING}
ANY = set(SittingState)
BESIDE = re.compile(
    "audit_|throttle|login_session|sent_form|kept_|known_machine|server_heartbeat|approval|item|bank|score|form|blueprint"
)
"""What is no part of the exam: who asked, and what is counted of it."""
ADDED_TO = {
    "incident", "undoable_act", "room_hold", "room_adjustment", "attempt_adjustment", "attempt_suspension",
    "granted_time", "message", "leave_record", "incident_report", "report_addition",
}  # fmt: skip
"""What is only ever added to, and marked as taken back."""
WEIGHTY = {"layout", "content"}
Dump = Mapping[tuple[Any, ...], Mapping[str, Any]]
Fields = Mapping[str, str]


def nothing(_world: World) -> None:
    """Leave the room as the acts before have left it."""


@dataclass(frozen=True)
class Case:
    """How one act is done when its turn comes."""

    code: str
    who: str = ""
    fields: Fields | Callable[[World], Fields] = field(default_factory=dict)
    signed: bool = False
    chief: bool = False
    asks_chief: bool = False
    """Whether whoever is no chief asks one to approve, and is not refused."""
    states: set[SittingState] = field(default_factory=lambda: ANY - OVER)
    """The states of the room in which it is not refused for them."""
    prepare: Callable[[World], None] = nothing


class EachAlone(DrawnKinds):
    """Draws each place as it is, whoever sits there, and each part anew."""

    def drawn(self, kinds: Sequence[Kind], way: Hashable, draw: DrawKinds[Kind]) -> list[str]:
        return list(draw(kinds))

    def tiles(self, tiles: Sequence[Tile], way: Hashable, draw: DrawKinds[Tile]) -> dict[str, str]:
        return dict(zip((tile.part for tile in tiles), draw(tiles), strict=True))


def first(world: World) -> Desk:
    return Desk(world, "chief_proctor")


def setting(name: str, **values: object) -> Callable[[World], None]:
    return lambda world: change(world, name, **values)


def arrived(world: World) -> None:
    done(Desk(world).act("arrive", "theory"))


def last_undo(world: World) -> Fields:
    with world.app.app_context(), reading() as session:
        query = select(UndoableAct.ref).order_by(UndoableAct.id.desc()).limit(1)
        return {"undo": session.scalars(query).one()}


def last_report(world: World) -> Fields:
    with world.app.app_context(), reading() as session:
        query = select(IncidentReport.ref).where(IncidentReport.withdrawn_at.is_(None))
        ref = session.scalars(query.order_by(IncidentReport.id.desc()).limit(1)).one()
    return {"report": ref, "part": "statement", "text": "已说明", "reason": "登记错误"}


def reported(world: World) -> None:
    done(first(world).act("incident", "theory", reason_code="device", reason="鼠标失灵"))


def blurred(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        of = AttemptLive.attempt_id == world.sitters["theory"].attempt_id
        session.execute(update(AttemptLive).where(of).values(blurs=9))


def claimed(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        of = (Seat.room_id == world.room_id) & (Seat.number == world.sitters["theory"].seat)
        asked = {"claim_alert_at": world.clock.now(), "claim_hash": "f" * 64, "claim_address": "10.0.0.9"}
        session.execute(update(Seat).where(of).values(**asked))


def gap_of_late(world: World) -> Fields:
    with world.app.app_context(), reading() as session:
        query = select(Gap.id).where(Gap.attempt_id == world.sitters["late"].attempt_id)
        gap = session.scalars(query.limit(1)).one()
    return {"gap": str(gap), "amount": "02:00", "reason_code": "network"}


def gaps_of_late(world: World) -> Fields:
    return {"gaps": gap_of_late(world)["gap"], "amount": "02:00", "reason_code": "network"}


def all_decided(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        now = world.clock.now()
        session.execute(update(Gap).where(Gap.decided_at.is_(None)).values(decided_at=now, decided_by="x"))


def hand_raised(world: World) -> None:
    with world.app.app_context(), unit_of_work() as session:
        paper = session.get_one(Attempt, world.sitters["theory"].attempt_id)
        hand = {
            "attempt_id": paper.id,
            "sitting_room_id": paper.sitting_room_id,
            "reason": "other",
            "place": "",
        }
        session.add(RaisedHand(ref=new_ref("hd"), at=world.clock.now(), **hand))


def another_room(world: World) -> None:
    """A room of the same centre that nobody uses: 02 is missing there."""
    with world.app.app_context(), unit_of_work() as session:
        here = session.get_one(Room, world.room_id)
        centre = session.get_one(Centre, here.centre_id)
        room = create_room(session, centre, name="机房 C", seats=8, now=world.clock.now(), actor="cli")
        session.flush()
        session.execute(delete(Seat).where(Seat.room_id == room.id, Seat.number == 2))


def that_room(world: World) -> Fields:
    with world.app.app_context(), reading() as session:
        return {"to_room": session.scalars(select(Room.ref).where(Room.name == "机房 C")).one(), **WHY}


def held(world: World) -> None:
    done(first(world).act("hold", since="now", reason_code="power"))


WHY = {"reason": "考场需要"}
AT_THE_DOOR = (
    Case("arrive", "theory"),
    Case("check_in", "skills", {"document_type": "passport", "last_four": "E123"}),
    Case("allow_sign_in", "theory", WHY),
    Case("code", "late"),
    Case("clear_query", "extra", WHY),
    Case("absent", "skills", {"cause": "gave_up"}),
    Case("undo_absent", "factor", WHY, chief=True),
    Case("undo", "", last_undo, prepare=arrived),
    Case("start", states=BEFORE),
    Case("abort", "", WHY, signed=True, chief=True, states=OPEN),
)
WITH_PAPERS = (
    Case("remind", "theory", {"text": "请保持安静"}),
    Case("answer_hand", "theory", {"text": "马上过来"}, prepare=hand_raised),
    Case("adjust", "theory", TIME),
    Case("adjust_room", "", TIME, states=OPEN),
    Case("suspend", "theory", WHY),
    Case("resume", "skills", WHY),
    Case("move", "theory", {"to_seat": "7", **WHY}),
    Case("leave", "late", {"escort": "李敏"}),
    Case("return", "second"),
    Case("violation", "theory", {"code": "noise", **WHY}, states=ANY),
    Case("incident", "theory", {"reason_code": "device", **WHY}, states=ANY),
    Case("incident_room", "", {"reason_code": "power", **WHY}, states=ANY),
    Case("report_add", "", last_report, states=ANY, prepare=reported),
    Case("report_withdraw", "", last_report, states=ANY - {SittingState.RELEASED}),
    Case("seen", "theory", {"alert": "blurs"}, states=ANY, prepare=blurred),
    Case("rebind", "theory", prepare=claimed),
    Case("decide_many", "late", gaps_of_late, states=OPEN),
    Case("decide", "late", gap_of_late, states=OPEN),
    Case("force", "late", WHY, signed=True),
    Case("reopen", "extra", WHY, signed=True, chief=True),
)
OF_THE_ROOM = (
    Case("relocate", "", that_room, states=OPEN | BEFORE, prepare=another_room),
    Case("hold", "", {"since": "now", "reason_code": "power"}, states=RUNNING),
    Case("resume_room", "", WHY, states=HELD, prepare=held),
    Case("evacuate"),
    Case("countersign", "", WHY, chief=True, asks_chief=True, states=ANY),
    Case("evacuate_close", "", WHY, signed=True),
    Case("end", states=OPEN, prepare=all_decided),
)


def test_every_act_has_its_case() -> None:
    assert {case.code for case in (*AT_THE_DOOR, *WITH_PAPERS, *OF_THE_ROOM)} == set(ACTS)


STOPS = {
    "abort", "end", "evacuate", "evacuate_close", "force", "hold", "reopen", "report_withdraw", "start",
    "violation",
}  # fmt: skip
"""What stops people or cannot be taken back (of 开考: while somebody is not ready, as here): 取消
is its main button, and no Enter in a field carries it out."""


def refused_in_words(reply: TestResponse, *codes: int) -> None:
    """Insist that something was refused, and that what happened and what to do now are said."""
    assert reply.status_code in codes, (reply.status_code, reply.text[:400])
    said = reply.get_json()
    assert said["message"], said
    assert said["fix"], said


class Trial:
    """One world in which acts are tried one after another; a failure names the act it is about."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.wrong = [world.staff(role) for role in Role if role not in ROOM_STAFF]
        assert len(self.wrong) == 7
        self.elsewhere = world.staff("proctor_elsewhere")
        self.desks = (Desk(world), Desk(world, "chief_proctor"))
        self.again = Desk(world, "chief_proctor")
        with world.app.app_context():
            self.rooms, self.looking = OpenRooms(db.engine), OpenRooms(db.engine)
        self.kinds = DrawnKinds()
        self.looked = 0

    def live(self, cases: tuple[Case, ...]) -> None:
        for case in cases:
            case.prepare(self.world)
            try:
                before = self.dump()
                if self.world.app.extensions["cbt_settings"].embedded:  # who may what does not depend on it
                    self._refused(case, before)
                self._once(case, before)
            except AssertionError as failure:
                raise AssertionError(f"{case.code}: {failure}") from failure

    def _refused(self, case: Case, before: Dump) -> None:
        act, sent = ACTS[case.code], self.sent(case)
        url = f"{self.desks[0].url}/acts/{case.code}"
        for client in self.wrong:
            refused_in_words(client.post(url, data=sent, headers=JSON), 403)
        refused_in_words(self.elsewhere.post(url, data=sent, headers=JSON), 404)
        if case.chief:
            code = 422 if case.asks_chief else 403
            refused_in_words(self.desks[0].client.post(url, data=sent, headers=JSON), code)
        shut = sorted(ANY - case.states)
        for state in shut if act.scope is ActScope.ROOM else shut[:1]:
            was = self._state(state)
            reply = self.desks[1].client.post(url, data=sent, headers=JSON)
            self._state(was)
            refused_in_words(reply, 404, 409)
        for ref in self._refs_refused(case) if act.scope is not ActScope.ROOM and act.whom is None else ():
            refused_in_words(
                self.desks[1].client.post(url, data={**sent, "seat": ref}, headers=JSON), 404, 409
            )
        assert changed(before, self.dump()) == []

    def _once(self, case: Case, before: Dump) -> None:
        act, lines = ACTS[case.code], self._lines()
        desks = (self.desks[1], self.again) if case.chief else self.desks
        asked = [self._as_of(desk, case) for desk in desks]
        sent = [self.sent(case) | {"as_of": as_of} for as_of in asked]
        url = f"{desks[0].url}/acts/{case.code}"
        with ThreadPoolExecutor(2) as both:
            replies = list(
                both.map(lambda one: one[0].client.post(url, data=one[1]), zip(desks, sent, strict=True))
            )
        codes = sorted(reply.status_code for reply in replies)
        assert codes[0] in {200, 303}, [one.text[:400] for one in replies]
        assert codes[1] == 409, "two at once did it twice"
        assert self._lines() == lines + 1
        self._open_board_follows()
        if act.undoable:
            done(self.desks[1].act("undo", **last_undo(self.world)))
            self._open_board_follows()
            assert [one for one in changed(before, self.dump()) if one[0][0] not in ADDED_TO] == []

    def sent(self, case: Case) -> dict[str, str]:
        said = case.fields(self.world) if callable(case.fields) else case.fields
        seat = {"seat": self.world.sitters[case.who].registration_ref} if case.who else {}
        return {**seat, **said, **(SIGNED if case.signed else {})}

    def _as_of(self, desk: Desk, case: Case) -> str:
        names = (case.who,) if case.who else ()
        said = case.fields(self.world) if callable(case.fields) else {}
        page = desk.ask(case.code, *names, **said).text
        dialog = page[page.index('id="act"') :]
        first = re.search(r'<button(?![^>]*type="button")[^>]*>', dialog)
        cancel = re.search(r'<a class="btn([^"]*)"[^>]*>\s*取消', dialog)
        assert first is not None, page
        assert cancel is not None, page
        safe = {"btn-main" in cancel[1], "disabled" in first[0]}
        assert safe == {case.code in STOPS}, "what 取消 and Enter do"
        found = re.search(r'name="as_of" value="(\d+)"', page)
        assert found is not None, page
        return found[1]

    def _lines(self) -> int:
        with self.world.app.app_context(), reading() as session:
            return session.scalar(select(func.count()).select_from(Incident)) or 0

    def _refs_refused(self, case: Case) -> list[str]:
        """One seat for every reason for which the act is refused at a seat now."""
        with self.world.app.app_context(), reading() as session:
            board = load_board(session, self._view(session), now=self.world.clock.now())
        found = {ACTS[case.code].refuses(seat, board): seat.ref for seat in board.seats}
        return [ref for why, ref in found.items() if why]

    def _open_board_follows(self) -> None:
        """What a process keeps of a room is let go by an act's entry of the log: its board is the one read anew.

        And so it is drawn: what was drawn of a kind, with name and number written in, is what each place would be.
        """
        now = self.world.clock.now()
        with self.world.app.app_context(), reading() as session:
            view = self._view(session)
            read = load_board(session, view, now=now)
            kept = self.rooms.board(session, view, now=now)
            assert (kept, kept.numbers) == (read, read.numbers)
            self._looked_at_before(session, view, read)
            with raw_reading(db.engine) as cursor:
                number = self.rooms.reader.last_number(cursor)
                glanced = self.rooms.glance(cursor, view, since=number, now=now)
            assert glanced == (number, read)
            assert isinstance(glanced[1], Board)
            assert glanced[1].numbers == read.numbers
        named = tuple(replace(seat, name=f"{seat.name} <b>&\"'") for seat in read.seats)
        for shown in "map", "list":
            way = BoardWay(self.world.room_ref, shown, "expected", can_act=True, locale="zh")
            self._drawn_alike(replace(read, seats=named), way)

    def _looked_at_before(self, session: Session, view: RoomView, read: Board) -> None:
        """A board whose seats the short way has read is the one read anew, once what stands around them is."""
        now = self.world.clock.now()
        with raw_reading(db.engine) as cursor:
            number = self.looking.reader.last_number(cursor)
            _, found = self.looking.glance(cursor, view, since=number, now=now)
        if isinstance(found, SeatsRead):
            found = self.looking.board(session, view, now=now, looked=found)
            self.looked += 1
        assert isinstance(found, Board)
        assert (found, found.numbers) == (read, read.numbers)

    def _drawn_alike(self, board: Board, way: BoardWay) -> None:
        now = self.world.clock.now()
        with self.world.app.test_request_context():
            drawing = Drawing(board, way, lost=None)
            by_kind, alone = (
                drawing.draw(drawing.wanted, pen=Pen(flask.render_template, kinds, now))
                for kinds in (self.kinds, EachAlone())
            )
            assert by_kind == alone

    def _view(self, session: Session) -> RoomView:
        sitting_id = session.scalars(select(SittingRoom.sitting_id)).first() or 0
        return next(
            one
            for one in rooms_of_sitting(session, sitting_id)
            if one.sitting_room.ref == self.world.room_ref
        )

    def _state(self, state: str) -> str:
        with self.world.app.app_context(), unit_of_work() as session:
            room = session.scalars(select(SittingRoom).where(SittingRoom.ref == self.world.room_ref)).one()
            was, room.state = room.state, state
        return was

    def dump(self) -> Dump:
        """Return every row of the exam as it is stored: (table, key) -> its columns."""
        found = {}
        with self.world.app.app_context(), raw_reading(db.engine) as cursor:
            for table in db.metadata.tables.values():
                if BESIDE.match(table.name):
                    continue
                cursor.execute(f'SELECT * FROM "{table.name}"')
                names = [one[0] for one in cursor.description]
                for values in cursor.fetchall():
                    row = dict(zip(names, values, strict=True))
                    key = table.name, *(row[column.name] for column in table.primary_key.columns)
                    found[key] = {name: value for name, value in row.items() if name not in WEIGHTY}
        return found


def changed(before: Dump, after: Dump) -> list[tuple[Any, ...]]:
    """Return what differs: rows by table and key, with the columns that do."""
    return [
        (
            key,
            {name: (was.get(name), now.get(name)) for name in {*was, *now} if was.get(name) != now.get(name)},
        )
        for key in {*before, *after}
        for was, now in ((before.get(key, {}), after.get(key, {})),)
        if was != now
    ]


def test_at_the_door(world: World) -> None:
    world.clock.set(PLANNED - 35 * MINUTE)
    now = world.clock.now()
    desk = first(world)
    done(desk.act("arrive", "skills", "late", "extra"))
    done(desk.act("check_in", "late", document_type="passport", last_four="E123"))
    change(world, "extra", query_at=now)
    change(world, "factor", absent_at=now, absent_cause="not_arrived")
    Trial(world).live(AT_THE_DOOR)


def under_way(world: World) -> Trial:
    """Two answer, one is paused, one is outside, one has handed in, one is still in the waiting room."""
    pages = running(world, "theory", "skills", "second", "late", "extra")
    desk = first(world)
    world.clock.advance(31 * MINUTE)
    assert pages["extra"].submit().status_code == 200
    for name in ("theory", "late", "second", "skills"):
        assert pages[name].send().status_code == 200
    done(desk.act("suspend", "skills", reason="核对身份"))
    done(desk.act("leave", "second", escort="李敏"))
    with world.app.app_context(), unit_of_work() as session:
        refresh_clocks(session, now=world.clock.now(), sitting_room_id=world.sitting_room_id)
    return Trial(world)


def test_with_papers_under_way(world: World) -> None:
    under_way(world).live(WITH_PAPERS)


def test_of_a_whole_room(world: World) -> None:
    under_way(world).live(OF_THE_ROOM)

"""成绩包: it shows by itself what happened; whatever was changed in it, or by another key, is refused."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cbt.audit.models import AuditEntry
from cbt.cli import main as cbt
from cbt.config import Settings
from cbt.errors import Conflict, InvalidInput, Unavailable
from cbt.ops.keys import key_files
from cbt.results.package import signature
from cbt.results.package.commands import Verdict, verify
from cbt.results.package.container import (
    MANIFEST,
    MOST_BYTES,
    SIGNATURE,
    ResultPackage,
    listed,
    pack,
    public_key,
    read_manifest,
    signed_text,
    text_of,
    unpack,
    write_package,
)
from cbt.rules.canonical import canonical_json
from cbt.scoring.service import score_closed
from cbt.sittings.models import SittingRoom
from cbt.sittings.room_clock import end_room
from cbt.storage.crypto import load_key
from cbt.storage.unit_of_work import reading, unit_of_work
from tests.helpers import count_queries
from tests.proctoring.test_record import LONG_NAME, RARE, a_day, over
from tests.world import World

Changed = Callable[[dict[str, bytes]], None]


def ended(world: World) -> None:
    over(world, a_day(world))
    now = world.clock.now()
    with world.app.app_context(), unit_of_work() as session:
        other = session.scalars(select(SittingRoom).where(SittingRoom.ref == world.other_room_ref)).one()
        end_room(session, other, now=now, actor="staff:test")
    with world.app.app_context():
        score_closed(now=now)


def written(world: World) -> ResultPackage:
    with world.app.app_context():
        return write_package(world.sitting_ref, actor="cli", now=world.clock.now())


def failed(found: Verdict) -> list[str]:
    return [one.code for one in found.findings if not one.holds]


def audit_key(world: World) -> bytes:
    kept: Settings = world.app.extensions["cbt_settings"]
    return (kept.keys / "audit.key").read_bytes()


def forged(body: bytes, change: Changed) -> bytes:
    """Return a package in which somebody changed members and signed it again, with a key of their own."""
    members = unpack(body)
    before = read_manifest(members.pop(MANIFEST))
    del members[SIGNATURE]
    change(members)
    key = Ed25519PrivateKey.generate()
    fields = {name: getattr(before, name) for name in before.__struct_fields__}
    fields |= {"members": listed(members), "key": key.public_key().public_bytes_raw().hex()}
    text = text_of(type(before)(**fields))
    signature = key.sign(signed_text(text)).hex().encode()
    return pack({MANIFEST: text, SIGNATURE: signature, **members})


def test_the_key_is_made_and_read_while_everybody_else_may_write(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def write() -> bool:
        with world.app.app_context(), unit_of_work():
            return True

    def load(*arguments: Any, **named: Any) -> bytes:
        seen.append(ThreadPoolExecutor(1).submit(write).result(timeout=60))
        return load_key(*arguments, **named)

    monkeypatch.setattr(signature, "load_key", load)
    with world.app.app_context():
        keys = {public_key(actor="cli", now=world.clock.now()) for _ in range(2)}
    assert len(keys) == 1
    assert seen == [True, True]


def test_a_package_shows_by_itself_what_happened(world: World) -> None:
    ended(world)
    made = written(world)
    found = verify(made.body, trusted=made.manifest.key, audit_key=audit_key(world))
    assert failed(found) == []
    assert {one.code for one in found.findings} == {
        "container", "signature", "key", "members", "chain", "proved", "journals", "sealed", "answers", "forms",
        "scores", "figures",
    }  # fmt: skip
    again = written(world)
    assert again.body == made.body, "the same until something changes"
    with zipfile.ZipFile(io.BytesIO(made.body)) as opened:
        assert opened.testzip() is None
        said = {name: opened.read(name).decode() for name in opened.namelist()}
    people = json.loads(said["people.json"])
    assert {RARE, LONG_NAME} <= {one["name"] for one in people}
    assert json.loads(said["sitting.json"])["figures"]["present"] == 6
    assert len([name for name in said if name.endswith(".journal")]) == 7
    everything = "\n".join(said.values())
    for sitter in world.sitters.values():
        assert sitter.document not in everything
        assert sitter.document[-6:] not in everything
    assert '"answer_key"' not in everything
    assert '"correct"' not in everything
    with world.app.app_context(), reading() as session:
        acts = session.scalars(select(AuditEntry.act)).all()
    assert acts.count("package.write") == 2
    assert acts.count("key.signing") == 1
    assert failed(verify(made.body, trusted="0" * 64)) == ["key"]
    assert failed(verify(made.body, audit_key=b"0" * 32)) == ["proved"]


@pytest.mark.once
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_whatever_was_changed_is_refused(world: World) -> None:
    ended(world)
    made = written(world)
    body, trusted = made.body, made.manifest.key
    members = unpack(body)

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, len(body) - 1), st.integers(1, 255))
    def any_byte(place: int, turned: int) -> None:
        other = bytearray(body)
        other[place] ^= turned
        assert not verify(bytes(other)).holds

    any_byte()
    names = list(members)
    for name in names:
        assert not verify(pack({one: members[one] for one in names if one != name})).holds
        turned = {**members, name: members[name][:-1] + bytes([members[name][-1] ^ 1])}
        assert not verify(pack(turned)).holds
    assert not verify(pack({one: members[one] for one in reversed(names)})).holds
    assert not verify(pack({**members, "more.json": b"{}"})).holds
    assert not verify(body + b"\0").holds
    assert not verify(body[:-1]).holds

    # Signed again with another key: without the known one nothing says who signed, but what does not follow shows.
    paper = next(
        one for one in names if one.endswith(".json") and b'"1":' in members[one] and "papers/" in one
    )
    told = json.loads(members[paper])
    scores, people = json.loads(members["scores.json"]), json.loads(members["people.json"])
    cases: dict[str, tuple[Changed, set[str]]] = {
        "another answer": (
            lambda all_: all_.update({paper: said({**told, "answers": {**told["answers"], "1": '"C"'}})}),
            {"answers"},
        ),
        "another journal": (
            lambda all_: all_.update(
                {
                    paper: said({**told, "journal": hashlib.sha256(b"0").hexdigest(), "answers": {}}),
                    paper.replace(".json", ".journal"): b"0",
                }
            ),
            {"answers", "scores"},
        ),
        "another seal": (
            lambda all_: all_.update({paper: said({**told, "sealed": "0" * 64})}), {"sealed", "answers"}
        ),
        "a form": (lambda all_: all_.pop(f"forms/{told['form']}.json") and None, {"forms"}),
        "a score": (
            lambda all_: all_.update({"scores.json": said([{**scores[0], "journal": "x"}, *scores[1:]])}),
            {"scores"},
        ),
        "a person": (lambda all_: all_.update({"people.json": said(people[1:])}), {"figures"}),
        "an entry": (
            lambda all_: all_.update({"audit.jsonl": b"".join(all_["audit.jsonl"].splitlines(True)[:-1])}),
            {"chain"},
        ),
        "no reading": (lambda all_: all_.update({"rooms.json": b"[" * 100_000}), {"readable"}),
        "no text": (lambda all_: all_.update({paper.replace(".json", ".journal"): b"\xff"}), {"readable"}),
    }  # fmt: skip
    for case, (change, wrong) in cases.items():
        other = forged(body, change)
        assert set(failed(verify(other))) == wrong, case
        assert "key" in failed(verify(other, trusted=trusted)), case


def said(value: object) -> bytes:
    return canonical_json(value).encode()


def test_tricks_of_zip_files_are_no_package() -> None:
    fine = {"a.json": b"{}", "b/c.json": b"[]"}
    assert list(unpack(pack(fine)).items()) == list(fine.items())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("a.json", b"\0" * 10_000_000)
    with zipfile.ZipFile(twice := io.BytesIO(), "w") as doubled:
        doubled.writestr("a.json", b"{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            doubled.writestr("a.json", b"[]")
    tricks = [
        packed.getvalue(), twice.getvalue(), b"", b"PK", pack({}), pack({"../a.json": b""}), pack({"/a.json": b""}),
        pack({"a/b/c.json": b""}), pack({"A.json": b""}), pack({"a" * 130 + ".json": b""}), pack({"a..json": b""}),
        pack(fine)[:-22], b"x" + pack(fine), pack(fine).replace(b"a.json", b"b.json", 1),
    ]  # fmt: skip
    for trick in tricks:
        with pytest.raises(InvalidInput):
            unpack(trick)
        assert not verify(trick).holds

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=200))
    def anything(body: bytes) -> None:
        assert not verify(body).holds
        assert not verify(b"PK\3\4" + body).holds

    anything()
    assert not verify(bytes(MOST_BYTES + 1)).holds


@pytest.mark.once
def test_the_page_gives_the_package_to_whom_it_is_for(world: World) -> None:
    page = f"/results/{world.sitting_ref}/package"
    assert world.staff("officer").get(page).status_code == 409
    ended(world)
    officer = world.staff("officer")
    with count_queries(world.app) as asked:
        assert "成绩尚未发布" in officer.get(page).text
    assert len(asked) <= 20
    assert world.staff("proctor").get(page).status_code == 403
    inspector = world.staff("inspector")
    assert "生成并下载" not in inspector.get(page).text
    assert inspector.post(page).status_code == 403
    key = officer.post(f"{page}/key")
    sent = officer.post(page)
    assert sent.mimetype == "application/zip"
    assert verify(sent.data, trusted=key.text.strip().removeprefix("ed25519:")).holds
    assert hashlib.sha256(sent.data).hexdigest() in officer.get(page).text


@pytest.mark.once
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_package_is_checked_by_the_command_without_a_database(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(world)
    made = written(world)
    file, public = tmp_path / "package.zip", tmp_path / "public.txt"
    file.write_bytes(made.body)
    public.write_text(f"ed25519:{made.manifest.key}\n")
    monkeypatch.setenv("CBT_DATA_DIR", str(tmp_path / "nothing"))
    assert run("package", "verify", str(file), "--key", str(public)) == 0
    assert "核验通过" in capsys.readouterr().out
    assert run("package", "verify", str(file)) == 3
    said = capsys.readouterr().out
    assert "未证明出处" in said
    assert "核验通过" not in said
    assert run("package", "verify", str(file), "--json") == 3
    shown = json.loads(capsys.readouterr().out)
    assert (shown["verdict"], shown["holds"], shown["compared"]) == ("not_proved", False, False)
    assert run("package", "verify", str(file), "--key", str(public), "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["verdict"], shown["holds"], shown["compared"]) == ("holds", True, True)
    assert run("package", "verify", str(file), "--key", "00") == 2
    file.write_bytes(made.body[:-1])
    capsys.readouterr()
    assert run("package", "verify", str(file), "--json") == 2
    shown = json.loads(capsys.readouterr().out)
    assert (shown["verdict"], shown["holds"]) == ("fails", False)
    assert not (tmp_path / "nothing").exists()


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        cbt(list(words))
    return int(end.value.code or 0)


def test_the_key_that_signs_is_never_exchanged_unseen(world: World) -> None:
    kept: Settings = world.app.extensions["cbt_settings"]
    path, now = kept.keys / "signing.key", world.clock.now()
    with world.app.app_context():
        first = public_key(actor="cli", now=now)
        assert public_key(actor="cli", now=now) == first
        with pytest.raises(Conflict):
            public_key(actor="cli", now=now, anew=True)
        mine = path.read_bytes()
        for there_now, code in ((b"1" * 32, "package.key_other"), (None, "package.key_missing")):
            path.unlink()
            if there_now is not None:
                path.write_bytes(there_now)
            with pytest.raises(Unavailable) as refused:
                public_key(actor="cli", now=now)
            assert refused.value.code == code
        second = public_key(actor="cli", now=now, anew=True)
        assert second != first
        assert path.stat().st_mode & 0o777 == 0o600
        path.write_bytes(mine)  # a copy of the data from before comes with the former key
        with pytest.raises(Unavailable):
            public_key(actor="cli", now=now)
    assert {one.name for one in key_files(kept)} >= {"signing", "personal"}

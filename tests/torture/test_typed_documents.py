"""docs/operations.md and recovery.md, typed: every block of commands as it stands, on a fresh machine, to its end.

What a reader fills in is filled in (an instant, a name); nothing else is changed. A block that stands in a page
and in none of these days fails the last test. The Chinese pages have the same commands.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundle.wheelhouse import own_wheel, wheels_of
from cbt.paths import product_dir
from cbt.releases import RELEASES
from tests.conftest import IN_CI
from tests.databases import find_binaries
from tests.safety.released import lay_out
from tests.torture.balancer import program
from tests.torture.bare import CAN_BE_MADE, PATH, BareMachine, bare_machine
from tests.torture.wheels import wheels_at_hand

pytestmark = pytest.mark.skipif(not CAN_BE_MADE, reason="needs root and namespaces")
CHECKOUT = product_dir("templates").parent
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_BLOCK = re.compile(r"^```sh\n(.*?)^```$|^#{2,3} (.+?)$", re.DOTALL | re.MULTILINE)
_INSTANT = "cbt-20261124T090000Z"
_DOCTOR = "系统检查 / Is everything as it should be 1"
_NEWEST = "$(ls -d /mnt/backup/cbt-* | tail -n 1)"
_SERVED = """setsid cbt serve > serve.log 2>&1 < /dev/null &
for tried in $(seq 300); do curl -fs http://127.0.0.1:8000/healthz && break || sleep 0.2; done
curl -fs http://127.0.0.1:8000/healthz || { cat serve.log; exit 1; }"""
TRIED_ELSEWHERE = {
    "Without a network / 离线安装 1": "tests/torture/test_bundle.py",
    "备份与恢复 / Backup and restore 2": "tests/safety/test_backup_hook.py",
    "第二份副本 / A second copy, nothing lost 1": "tests/safety/test_moments.py",
    "A second copy on PostgreSQL, nothing lost 1": "tests/safety/test_postgres_copy.py",
    "A second copy on PostgreSQL, nothing lost 2": "tests/safety/test_postgres_copy.py",
    "成绩包 / The signed result package 1": "tests/results/test_package.py",
    "证书核验 / Checking certificates without a network 1": "tests/certificates/test_certificates.py",
    "证书查询网站 / A look-up site elsewhere 1": "tests/certificates/test_publishing.py",
    "模拟演练 / A rehearsal on this hardware 1": "tests/rehearsal/test_rehearsing.py",
    **{
        f"{one} 1": "tests/safety/test_recovery_page.py"
        for one in (
            "1. The server does not start",
            "5. A key file is gone",
            "6. A disk is full",
            "7. The clock is wrong",
            "8. The second copy cannot be written",
            "9. Yesterday's backup",
            "10. An upgrade failed, or another version's data",
        )
    },
}


def blocks() -> dict[str, str]:
    """Return the blocks of commands by the heading they stand under and their number there."""
    found: dict[str, str] = {}
    heading, number = "", 0
    pages = ((CHECKOUT / "docs" / name).read_text("utf-8") for name in ("operations.md", "recovery.md"))
    for block, title in _BLOCK.findall("".join(pages)):
        if title:
            heading, number = title, 0
        else:
            number += 1
            found[f"{heading} {number}"] = block
    return found


BLOCKS = blocks()
TYPED: set[str] = set()


class Administrator:
    """Somebody who types the page at a fresh machine."""

    def __init__(self, machine: BareMachine, *, user: str = "root") -> None:
        self.machine = machine
        self._user = user

    def block(self, name: str) -> str:
        """Return a block that is about to be typed. A doctor who has something to remark is content."""
        TYPED.add(name)
        return re.sub(r"^(cbt doctor\b[^#\n]*)", r"\1|| [ $? = 1 ] ", BLOCKS[name], flags=re.MULTILINE)

    def types(self, name: str, **filled_in: str) -> str:
        """Type the block `name`; return what was said. What is exported in it stays so."""
        text = self.block(name)
        text = re.sub(rf"\S*{_INSTANT}", _NEWEST, text)
        for word, meant in filled_in.items():
            assert word in text, (name, word)
            text = text.replace(word, meant)
        text = re.sub(r"^cbt serve$", _SERVED, text, flags=re.MULTILINE)
        said = self.says(text)
        for variable, value in re.findall(r"^export (\w+)=(\S+)$", text, re.MULTILINE):
            self.machine.environment[variable] = value
        return said

    def says(self, text: str) -> str:
        """Type what no block holds; return what was said."""
        typed = (
            text
            if self._user == "root"
            else f"sudo -u {self._user} bash -euo pipefail -c {shlex.quote(text)}"
        )
        done = self.machine.type(typed, within="/srv" if self._user == "root" else f"/srv/{self._user}")
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{self._log()}"
        return done.stdout

    def _log(self) -> str:
        return self.machine.type("tail -n 20 /run/bare/journal || true").stdout


@pytest.fixture(scope="module")
def stick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the administrator has with them: the lock, the wheel, and what pip fetches from a network."""
    folder = tmp_path_factory.mktemp("stick")
    folder.chmod(0o755)
    (folder / "requirements").mkdir()
    shutil.copy(CHECKOUT / "requirements" / "run.txt", folder / "requirements")
    (folder / "network").mkdir()
    with wheels_at_hand(tmp_path_factory) as wheels:
        own_wheel(CHECKOUT, folder)
        for wheel in wheels_of(CHECKOUT / "requirements" / "run.txt", [PYTHON], wheels):
            shutil.copy(wheel, folder / "network")
    return folder


@pytest.fixture(scope="module")
def fresh(stick: Path) -> Iterator[BareMachine]:
    """A machine with nothing of the product on it."""
    with bare_machine() as machine:
        machine.put(stick, "/srv")
        machine.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/srv/network"}
        yield machine


def test_a_fresh_machine_becomes_a_running_service_that_is_kept_well(
    fresh: BareMachine, tmp_path: Path
) -> None:
    admin = Administrator(fresh)
    admin.types("Install 1")
    admin.types("Install 2")
    admin.types("Install 3")
    assert re.search(r"admin .*[：:] ?\S{10,}", admin.types("Install 4"))
    assert "admin" in admin.types("Install 5")
    assert '"ok":true' in admin.types("Install 6")
    assert admin.says("stat -c '%U %a' /var/lib/cbt/data/cbt.db /var/lib/cbt-keys/personal.key").split() == [
        "cbt", "600", "cbt", "600",
    ]  # fmt: skip
    admin.types("The documents at hand / 文档 1")
    _upgraded_from_the_first_release(admin, tmp_path)
    _backed_up_and_rebuilt(admin)
    _everything_is_gone(admin)
    _served_over_https(admin)


def _upgraded_from_the_first_release(admin: Administrator, folder: Path) -> None:
    """The installation becomes one of 0.1.0, with a finished sitting in it, and goes through the page's upgrade."""
    first = RELEASES[0].version
    left = lay_out(first, "sqlite", folder / first, None)
    admin.says("systemctl stop cbt; rm -r /var/lib/cbt/data/* /var/lib/cbt-keys/*; mkdir -p /mnt/backup")
    admin.says("chown cbt:cbt /mnt/backup")
    admin.machine.put(left.data_dir, "/var/lib/cbt/data")
    admin.machine.put(left.keys, "/var/lib/cbt-keys")
    admin.says("chown -R cbt:cbt /var/lib/cbt/data /var/lib/cbt-keys")
    admin.types("Upgrade 1")
    admin.types("Upgrade 2")
    assert '"ok": true' in admin.says("sudo -u cbt cbt verify --json")
    admin.types("Upgrade 3")
    admin.says(
        "rm -r /var/lib/cbt/data && mv /var/lib/cbt/data.upgraded /var/lib/cbt/data && systemctl start cbt"
    )


def _backed_up_and_rebuilt(admin: Administrator) -> None:
    admin.says("rm -r /mnt/backup/*; mkdir -p /srv/try && cp -r /var/lib/cbt-keys /srv/try/data.keys")
    said = admin.machine.environment
    said["CBT_KEY_DIR"] = "/srv/try/data.keys"
    admin.types("备份与恢复 / Backup and restore 1")
    del said["CBT_KEY_DIR"]
    sitting = admin.says(
        'sudo -u cbt cbt sitting list --json | grep -o \'"ref": "[^"]*\' | head -n 1 | cut -c 9-'
    )
    admin.types("Afterwards 1", SITTING=sitting.strip())
    admin.says(
        "rm /var/lib/cbt/data/cbt.db*; for tried in $(seq 150); do"
        " grep -q 'secured and verified' /run/bare/journal && exit || sleep 0.2; done; exit 1"
    )
    admin.types("4. The database was moved away under the server 1")
    head = admin.says("cbt audit head").strip()
    admin.says("mkdir -p /media/stick && CBT_AUDIT_ANCHOR=/media/stick cbt staff reset admin")
    admin.types("日志锚点 / The head of the log 1", HEAD=head)
    admin.says("systemctl stop cbt")
    admin.types("密钥 / Keys 1")
    admin.says("systemctl start cbt && systemctl stop cbt && rm /var/lib/cbt-keys/personal.key")
    admin.types("密钥 / Keys 2")


def _everything_is_gone(admin: Administrator) -> None:
    """A second copy and the keys on a stick are all that is left of the machine but its program."""
    admin.says(
        "install -d -o cbt -g cbt -m 700 /mnt/second/copy"
        " && echo CBT_JOURNAL_COPY_DIR=/mnt/second/copy >> /etc/cbt.env && cbt service install"
        " && systemctl start cbt && sudo -u cbt cbt staff reset admin && systemctl stop cbt"
        " && mkdir -p /media/stick/cbt-keys && cp /var/lib/cbt-keys/*.key /media/stick/cbt-keys"
        " && rm -r /var/lib/cbt /var/lib/cbt-keys"
    )
    admin.types("2. The machine is dead 1")
    assert '"ok":true' in admin.says("curl -fs http://127.0.0.1:8000/healthz")
    admin.says("systemctl stop cbt && rm /var/lib/cbt/data/cbt.db*")
    admin.types("3. The database is gone, damaged or another 1")
    assert '"ok":true' in admin.says("curl -fs http://127.0.0.1:8000/healthz")


def _served_over_https(admin: Administrator) -> None:
    said = admin.types("With the product's own certificate 1")
    lines = re.findall(r"CBT_TLS_\w+=\S+", said)
    assert len(lines) == 2
    admin.says(
        "systemctl stop cbt; printf '%s\\n' " + " ".join(lines) + " >> /etc/cbt.env; systemctl start cbt"
    )
    authority = "--cacert /var/lib/cbt-keys/tls/authority.crt"
    assert '"ok":true' in admin.says(f"curl -fs {authority} https://exam.example.org:8000/healthz")


@pytest.fixture(scope="module")
def database(fresh: BareMachine) -> Iterator[Administrator]:
    """PostgreSQL on that machine, at its usual port."""
    binaries = find_binaries()
    assert binaries is not None
    admin = Administrator(fresh)
    admin.says(
        "install -d -o postgres -g postgres /var/lib/pg /run/postgresql;"
        f" cd /; sudo -u postgres {binaries}/initdb -D /var/lib/pg -A trust -U postgres -E UTF8 > /dev/null;"
        f" sudo -u postgres {binaries}/pg_ctl -D /var/lib/pg -o '-k /run/postgresql' -l /var/lib/pg/log -w start;"
        " psql -h /run/postgresql -U postgres -c \"CREATE ROLE cbt LOGIN CREATEDB PASSWORD 'secret'\""
    )
    fresh.environment |= {"PGHOST": "/run/postgresql", "PGUSER": "cbt", "PATH": f"{PATH}:{binaries}"}
    yield admin
    admin.says(f"sudo -u postgres {binaries}/pg_ctl -D /var/lib/pg -m immediate stop")


def test_what_one_machine_has_moves_to_postgresql_and_back(database: Administrator) -> None:
    admin = database
    before = admin.says("sudo -u cbt cbt audit head").split()[0]
    admin.types("From one machine to many 1")
    admin.types("From one machine to many 2")
    admin.says(
        "sed -i '/^CBT_JOURNAL_COPY_DIR/d' /etc/cbt.env"
        " && echo CBT_DATABASE_URL=postgresql+psycopg://cbt:secret@db.example.org/exam >> /etc/cbt.env"
    )
    admin.types("From one machine to many 3")
    assert int(admin.says("sudo -u cbt cbt audit head").split()[0]) > int(before)
    admin.says("systemctl stop cbt")
    admin.types("From one machine to many 4")
    admin.says(
        "sed -i '/^CBT_DATABASE_URL/d; s!^CBT_DATA_DIR=.*!CBT_DATA_DIR=/var/lib/cbt/again!' /etc/cbt.env"
    )
    assert '"ok": true' in admin.says("sudo -u cbt cbt verify --json")
    admin.says("dropdb exam; rm /etc/cbt.env")


@pytest.mark.parametrize("proxy", ["haproxy", "nginx"])
def test_two_nodes_of_an_ordinary_user_stand_behind_the_shipped_proxies(
    database: Administrator, proxy: str
) -> None:
    if program(proxy) is None:
        assert not IN_CI, proxy
        pytest.skip(f"needs {proxy}")
    database.says(
        "id exam > /dev/null 2>&1 || useradd --system exam; rm -rf /srv/exam; dropdb --if-exists cbt;"
        " install -d -o exam /srv/exam /srv/exam/one /srv/exam/two;"
        " for number in 1 2 3; do ip address replace 10.0.0.1$number/32 dev lo; done"
    )
    exam = Administrator(database.machine, user="exam")
    exam.types("PostgreSQL and several nodes 1")
    exam.says(
        "pkill -o -u exam -f cbt.serve; while pgrep -u exam -f cbt.serve$ > /dev/null; do sleep 0.1; done"
    )
    exam.says("cp -r data.keys one/data.keys; cp -r data.keys two/data.keys")
    exam.says(
        "cbt tls make exam.example.org; cat data.keys/tls/server.crt data.keys/tls/server.key > exam.pem"
    )
    behind = "CBT_SECURE_COOKIES=on CBT_TRUSTED_PROXIES=127.0.0.1"
    for number, name in enumerate(("one", "two"), 1):
        exam.says(f"cd {name}; CBT_HOST=10.0.0.1{number} {behind} setsid cbt serve > log 2>&1 < /dev/null &")
    database.says(_PROXIES[proxy])
    told = database.says(
        "for tried in $(seq 150); do curl -fs --cacert /srv/exam/data.keys/tls/authority.crt"
        " https://exam.example.org/healthz && break || sleep 0.2; done"
    )
    assert '"ok":true' in told
    database.says(  # the proxy may have asked the other one
        "for tried in $(seq 150); do curl -fs http://10.0.0.11:8000/healthz && exit || sleep 0.2; done; exit 1"
    )
    trusting = "export SSL_CERT_FILE=/srv/exam/data.keys/tls/authority.crt"
    exam.says(
        f"{trusting} CBT_DATA_DIR=/srv/exam/one/data CBT_HOST=10.0.0.11 {behind}\n{exam.block(_DOCTOR)}"
    )
    database.says(f"pkill {proxy}; pkill -u exam; sleep 1; true")
    database.machine.environment.pop("CBT_DATABASE_URL")


_PROXIES = {
    "haproxy": "mkdir -p /var/lib/haproxy /etc/haproxy; cp /srv/exam/exam.pem /etc/haproxy/exam.pem;"
    " cbt docs --copy /srv/docs; haproxy -D -f /srv/docs/docs/deploy/haproxy.cfg",
    "nginx": "mkdir -p /etc/nginx /var/lib/nginx /var/log/nginx; cp /srv/exam/exam.pem /etc/nginx/exam.crt;"
    " cp /etc/nginx/exam.crt /etc/nginx/exam.key; cbt docs --copy /srv/docs;"
    " nginx -c /srv/docs/docs/deploy/nginx.conf > /srv/nginx.log 2>&1",
}


def test_every_block_of_the_page_is_typed_somewhere() -> None:
    assert sorted(set(BLOCKS) - TYPED - set(TRIED_ELSEWHERE)) == []
    for file in TRIED_ELSEWHERE.values():
        assert (CHECKOUT / file).is_file()

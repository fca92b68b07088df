"""The proxies of docs/deploy, started with the addresses of a test."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cbt.paths import product_dir
from torture.sites.waiting import free_port, wait_for

CONFIGURATIONS = product_dir("templates").parent / "docs" / "deploy"
BALANCERS = ("haproxy", "nginx")
_NODE = re.compile(r"10\.0\.0\.1[123]:8000")


def program(name: str) -> str | None:
    """Return where the proxy is installed, or None."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True, slots=True)
class Front:
    """Where a proxy is to listen: in clear, and with `certificate` (chain and key in one file) over TLS."""

    clear: int
    tls: int = 0
    certificate: Path | None = None


def configured(name: str, ports: Sequence[int], front: Front, *, outer: str = "192.0.2.1") -> str:
    """Return the documented configuration with the ports of a test; every address of it has to be replaced.

    Without a certificate, as the documents say how: the lines for TLS are taken out, and those that only root can
    obey. `outer` is the proxy in front of this one.
    """
    file = CONFIGURATIONS / {"haproxy": "haproxy.cfg", "nginx": "nginx.conf"}[name]
    marks = "root" if front.certificate else "tls|root"
    text = re.sub(rf"^.*  # (?:{marks})\n", "", file.read_text("utf-8"), flags=re.MULTILINE)
    nodes = iter(ports)
    text, count = _NODE.subn(lambda _found: f"127.0.0.1:{next(nodes)}", text)
    assert count == len(ports)
    for port, own in ((80, front.clear), (443, front.tls)):
        text, count = re.subn(rf"0\.0\.0\.0:{port}\b", f"127.0.0.1:{own}", text)
        assert count == (1 if own else 0)
    assert text.count("192.0.2.1") == 1
    text = text.replace("192.0.2.1", outer)
    return re.sub(r"/etc/(?:haproxy|nginx)/exam\.(?:pem|crt|key)", str(front.certificate), text)


@contextmanager
def balancing(name: str, ports: Sequence[int], folder: Path) -> Iterator[int]:
    """Put a proxy in front of the nodes for the length of the block; yield its port once it passes requests on."""
    front = Front(free_port())
    with running(name, configured(name, ports, front), folder):
        assert wait_for(lambda: passes_on(front.clear), 20)
        yield front.clear


@contextmanager
def running(
    name: str, text: str, folder: Path, *, before: Callable[[], None] | None = None
) -> Iterator[Path]:
    """Start a proxy with the configuration `text` for the length of the block; yield its log.

    `before` is called in the new process, where it can give up rights.
    """
    found = program(name)
    assert found is not None
    file = folder / f"{name}.conf"
    if name == "nginx":
        text = f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log stderr;\n{text}"
        command = [found, "-p", str(folder), "-c", str(file)]
    else:
        command = [found, "-db", "-f", str(file)]
    file.write_text(text, "utf-8")
    said = folder / f"{name}.log"
    with said.open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, preexec_fn=before)
    try:
        yield said
        assert process.poll() is None, said.read_text("utf-8")
    finally:
        process.terminate()
        process.wait(20)


def passes_on(port: int, path: str = "/healthz") -> bool:
    """Return whether a request through the proxy is answered by 200."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", path)
        return line.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()


def answers_anything(port: int) -> bool:
    """Return whether something listens there and answers at all."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", "/")
        return line.getresponse().status > 0
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()

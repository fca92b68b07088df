"""The proxies of docs/deploy, started with the addresses of a test."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cbt.paths import product_dir
from torture.sites.waiting import free_port, wait_for

CONFIGURATIONS = product_dir("templates").parent / "docs" / "deploy"
BALANCERS = ("haproxy", "nginx")
_NODE = re.compile(r"10\.0\.0\.1[123]:8000")


def program(name: str) -> str | None:
    """Return where the proxy is installed, or None."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def configured(name: str, ports: Sequence[int], *, listen: int) -> str:
    """Return the documented configuration with the ports of a test; every address of it has to be replaced."""
    file = CONFIGURATIONS / {"haproxy": "haproxy.cfg", "nginx": "nginx.conf"}[name]
    text = file.read_text("utf-8")
    nodes = iter(ports)
    text, count = _NODE.subn(lambda _found: f"127.0.0.1:{next(nodes)}", text)
    assert count == len(ports)
    assert text.count("0.0.0.0:8080") == 1
    text = text.replace("maxconn 60000", "maxconn 2000")  # a test may open fewer files
    return text.replace("0.0.0.0:8080", f"127.0.0.1:{listen}")


@contextmanager
def balancing(name: str, ports: Sequence[int], folder: Path) -> Iterator[int]:
    """Put a proxy in front of the nodes for the length of the block; yield its port once it passes requests on."""
    found, listen = program(name), free_port()
    assert found is not None
    text = configured(name, ports, listen=listen)
    file = folder / f"{name}.conf"
    if name == "nginx":
        text = f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log stderr;\n{text}"
        command = [found, "-p", str(folder), "-c", str(file)]
    else:
        command = [found, "-db", "-f", str(file)]
    file.write_text(text, "utf-8")
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        assert wait_for(lambda: passes_on(listen) or process.poll() is not None, 20)
        assert process.poll() is None, (folder / f"{name}.log").read_text("utf-8")
        yield listen
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

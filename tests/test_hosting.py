"""What a server asks of its machine."""

from __future__ import annotations

import subprocess
import sys

import pytest

RAISED = """
import resource
from cbt.ops.hosting import allow_connections
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
allow_connections()
print(resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_server_may_open_as_many_files_as_the_system_allows() -> None:
    """In a process of its own: the limit holds for all of one."""
    done = subprocess.run([sys.executable, "-c", RAISED], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "True"

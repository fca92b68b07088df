"""What the fork server does once for all servers of the journeys that it forks.

Most of the work of a server that lives for one journey is its beginning: mappers, rules of addresses, the static
tree. Here an app is made and let go; what it has compiled those to come find. Nothing that is loaded by then is
ever searched for garbage again.
"""

from __future__ import annotations

import gc
import tempfile
import threading
from pathlib import Path

from sqlalchemy.orm import configure_mappers

from cbt.application.app import create_app
from cbt.config import Settings
from cbt.storage.engine import begin_installation
from tests.app_cache import share_compiled


def _warm() -> None:
    share_compiled()
    configure_mappers()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder) / "data", key_dir=Path(folder) / "keys", database_url="")
        begin_installation(settings)
        create_app(settings)
    assert threading.active_count() == 1, "a process with threads cannot be forked"
    gc.collect()
    gc.freeze()


_warm()

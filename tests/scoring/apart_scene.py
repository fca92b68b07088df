"""A command that has each attempt looked at in a chunk of its own, by two processes: what `cbt score verify` does.

Called in a process of its own, for one whose threads answer requests is not to be copied.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from cbt.application.app import create_app
from cbt.errors import NotFound
from cbt.scoring import service
from cbt.scoring.score_sheets import Scorers


def main() -> None:
    """Print the check of each attempt, which processes looked at them, and what one raises that finds nothing."""
    sitting, log = sys.argv[1:]
    compared = service.compared

    def noted(session: Session, attempt_ids: Any, scorers: Scorers) -> Any:
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {gc.get_freeze_count()}\n")
        return compared(session, attempt_ids, scorers)

    def nothing(session: Session, attempt_ids: Any, scorers: Scorers) -> Any:
        raise NotFound("attempt.unknown")

    service.CHUNK = 1
    with create_app().app_context():
        service.compared = noted
        checked = service.verify_sitting(sitting, processes=2)
        service.compared = nothing
        try:
            service.verify_sitting(sitting, processes=2)
            raised = ""
        except NotFound as error:
            raised = error.code
    told = {"checked": [(one.attempt_ref, one.ok) for one in checked], "own": os.getpid(), "raised": raised}
    print(json.dumps(told | {"left_out": gc.get_freeze_count()}))

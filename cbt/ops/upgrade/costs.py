"""How long the parts of an upgrade take: seconds a row, measured on 14,000 attempts with 670,000 journal rows.

The machine had two cores and was busy with other things. A step that goes through many rows gets a line here.
"""

from __future__ import annotations

TABLES = ("attempt", "journal", "registration", "score", "audit_entry")
"""Tables that grow with the sittings; what an upgrade does to the others takes no time worth telling."""

STEP_SECONDS = 0.05
"""What a step takes in an empty database."""

STEPS: dict[str, dict[str, float]] = {
    "0010": {"attempt": 4e-4},
    "0012": {"journal": 7e-7},
    "0015": {"registration": 1e-4},
    "0017": {"score": 2e-4},
    "0031": {"registration": 6e-6},
    "0060": {"registration": 6e-6},
}
"""By revision, what a step takes for each row of a table. A step that is not here goes through none of them."""

VERIFY = {"journal": 1.5e-5, "score": 8e-4, "audit_entry": 5e-5}
"""What `cbt verify` takes for each row."""

BACKUP_SECONDS_PER_BYTE = 2e-8

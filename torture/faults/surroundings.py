"""The faults of what surrounds a server: time, power, the network, the database, slow clients."""

from __future__ import annotations

from torture.faults import clocks, database, moments, network, slow
from torture.trial import Fault

SQLITE = ("sqlite",)
POSTGRES = ("postgresql",)
FAKETIME = ("linux", "faketime")

SURROUNDINGS: tuple[Fault, ...] = (
    Fault("deadlines", moments.deadlines, short=100, long=10_000, in_short=SQLITE),
    Fault(
        "power-cut",
        moments.power_cut,
        short=24,
        long=520,
        needs=("linux", "strace"),
        databases=SQLITE,
        in_short=SQLITE,
    ),
    Fault("clock-jumps", clocks.clock_jumps, short=1, long=9, needs=FAKETIME, in_short=SQLITE),
    # On PostgreSQL the database's time counts, whatever the clock of a node says: nothing of these would show.
    Fault(
        "long-outage",
        clocks.long_outage,
        short=1,
        long=3,
        needs=FAKETIME,
        databases=SQLITE,
        in_short=SQLITE,
    ),
    Fault("clock-reset", clocks.clock_reset, short=1, long=3, needs=FAKETIME, databases=SQLITE),
    Fault("bad-network", network.bad_network, short=50, long=1_000, in_short=SQLITE),
    Fault("network-gone", network.network_gone, short=1, long=3),
    # The server alone is moved to the far end of the cable, where it could not reach a PostgreSQL of this machine.
    Fault(
        "cable-pulled",
        network.cable_pulled,
        short=1,
        long=5,
        needs=("linux", "cable"),
        databases=SQLITE,
    ),
    Fault("postgres-crash", database.crash, short=1, long=8, databases=POSTGRES, in_short=POSTGRES),
    Fault("backend-ended", database.end_backends, short=2, long=60, databases=POSTGRES, in_short=POSTGRES),
    Fault("commit-killed", database.kill_in_commit, short=1, long=12, databases=POSTGRES),
    Fault("slow-clients", slow.slow_clients, short=100, long=500, in_short=SQLITE),
    Fault("half-sent-bodies", slow.half_sent, short=600, long=2000, in_short=SQLITE),
)

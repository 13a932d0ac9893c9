"""The rows of the matrix about runs that are killed: the points at which SIGKILL comes."""

from __future__ import annotations

from typing import Final

from tests.faults.matrix import Fault

_JOBS: Final = {
    "contacts": "there are no jobs",
    "endpoint": "there are no jobs",
}

READING: Final = Fault("kill_reading", "while it reads, half of the rows written", "kills")
STAGED: Final = Fault("kill_staged", "while it reads, thousands of rows staged", "kills")
SEALED: Final = Fault("kill_sealed", "cohorts sealed, nothing planned yet", "kills")
STATE: Final = Fault("kill_state", "cohorts sealed, STATE not written: nobody reads it", "kills")
DELIVERING: Final = Fault(
    "kill_delivering", "while it delivers, a change on its way that never arrives", "kills"
)
ANSWERED: Final = Fault("kill_answered", "a change carried out, its answer never heard", "kills")
JOB_SENT: Final = Fault(
    "kill_job_sent", "a job started, its id never heard", "kills", not_applicable=_JOBS
)
JOB_RUNS: Final = Fault(
    "kill_job_runs",
    "while it follows a job, which outlasts the next run",
    "kills",
    not_applicable=_JOBS,
)
JOB_LATE: Final = Fault(
    "kill_job_late",
    "while it follows a job that has yet to begin",
    "kills",
    not_applicable=_JOBS,
)
READING_BACK: Final = Fault("kill_reading_back", "while it reads back what it wrote", "kills")

ROWS: Final = (
    READING,
    STAGED,
    SEALED,
    STATE,
    DELIVERING,
    ANSWERED,
    JOB_SENT,
    JOB_RUNS,
    JOB_LATE,
    READING_BACK,
)

"""The rows of the matrix about runs that are killed: the points at which SIGKILL comes."""

from __future__ import annotations

from typing import Final

from tests.faults.matrix import Fault

_JOBS: Final = {
    "contacts": "there are no jobs",
    "endpoint": "there are no jobs",
}

READING: Final = Fault("kill_reading", "While it reads, half of the rows written", "kills")
STAGED: Final = Fault("kill_staged", "While it reads, thousands of rows staged", "kills")
SEALED: Final = Fault("kill_sealed", "Cohorts sealed, nothing planned yet", "kills")
STATE: Final = Fault("kill_state", "Cohorts sealed, STATE not written: nobody reads it", "kills")
DELIVERING: Final = Fault(
    "kill_delivering", "While it delivers, a change on its way that never arrives", "kills"
)
ANSWERED: Final = Fault("kill_answered", "A change carried out, its answer never heard", "kills")
JOB_SENT: Final = Fault(
    "kill_job_sent", "A job started, its id never heard", "kills", not_applicable=_JOBS
)
JOB_RUNS: Final = Fault(
    "kill_job_runs",
    "While it follows a job, which outlasts the next run",
    "kills",
    not_applicable=_JOBS,
)
JOB_LATE: Final = Fault(
    "kill_job_late",
    "While it follows a job that has yet to begin",
    "kills",
    not_applicable=_JOBS,
)
READING_BACK: Final = Fault("kill_reading_back", "While it reads back what it wrote", "kills")

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

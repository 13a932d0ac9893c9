"""Carrying out import jobs, and looking at them.

A job is carried out as soon as it has no "not yet" left to give: at once where there is none, else
with the look that finds none left. A late one waits for its release. Its rows are written on the
event loop like all other changes, block by block, so that other calls are answered meanwhile.
"""

from __future__ import annotations

import asyncio
from typing import IO, TYPE_CHECKING, Any

from cordial_sandbox.import_file import ImportFile, ImportFileError
from cordial_sandbox.import_job import now
from cordial_sandbox.import_rows import ColumnError, RowWriter
from cordial_sandbox.import_source import SourceError, fetch_source

if TYPE_CHECKING:
    from cordial_sandbox.import_job import Job
    from cordial_sandbox.state import State


async def look_at(state: State, job: Job) -> dict[str, Any]:
    """Return what a poll of a job shows; it is carried out first where it is due."""
    if job.held is None and not job.waits and job.started is None:
        await carry_out(state, job)
    shown = job.view(state.settings.job_id_field)
    if job.waits:
        job.looks += job.held is None
    elif job.ended is not None:
        job.told = True
        _forget_addresses(job)
    return shown


def _forget_addresses(job: Job) -> None:
    """Let go of addresses, hundreds of thousands perhaps, that no job needs any more."""
    for one in (job, *job.beside):
        if one.told and all(other.ended is not None for other in one.beside):
            one.addresses.clear()


async def release(state: State, job: Job) -> None:
    """Let a held job go on; a late one is carried out now."""
    job.held = None
    if job.late and job.started is None:
        await carry_out(state, job)


async def carry_out(state: State, job: Job, file: IO[bytes] | None = None) -> None:
    """Write the rows of a job.

    Args:
        state: Where to.
        job: The job, not yet begun.
        file: Its file, which is closed; None fetches it now. Where it is gone meanwhile, the job
            fails.
    """
    job.started = now()
    try:
        if file is None:
            file = await asyncio.to_thread(fetch_source, job.request.source)
        with file:
            table = await asyncio.to_thread(ImportFile, file, job.request)
            job.rows = table.rows
            state.violations.note("formula", job.where, table.formulas)
            await _write_rows(state, job, table)
    except (SourceError, ImportFileError, ColumnError) as reason:
        job.reason = str(reason)
    finally:
        job.ended = now()
    _notice_overlaps(state, job)


async def _write_rows(state: State, job: Job, table: ImportFile) -> None:
    writer = RowWriter(state, job, table.columns or ())
    left = job.rows if job.fails_after is None else job.fails_after
    for block in table.blocks_backwards():
        for row in block[:left]:
            job.counts[writer.write(row)] += 1
        left -= min(left, len(block))
        await asyncio.sleep(0)
    if job.fails_after is not None:
        job.reason = "a job_failed fault"


def _notice_overlaps(state: State, job: Job) -> None:
    for other in job.beside:
        if not job.addresses.isdisjoint(other.addresses):
            state.violations.note("overlap", job.where)
    if not job.addresses.isdisjoint(job.written_meanwhile):
        state.violations.note("overlap", job.where)

"""Every day at six: cohorts of Amplitude to lists of Cordial, with Airflow.

For Airflow 3. The Meltano project is at MELTANO_PROJECT on every worker; its ``.env``, or the
worker's environment, has the keys and ``TARGET_CORDIAL_LEDGER_URL`` of a PostgreSQL database.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PROJECT = os.environ.get("MELTANO_PROJECT", "/srv/cohorts")

with DAG(
    dag_id="cohorts_to_cordial",
    schedule="0 6 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,  # a run sends what is true now: there is nothing to be made up for
    max_active_runs=1,  # a second one on the same ledger would be refused
    tags=["amplitude", "cordial"],
):
    BashOperator(
        task_id="sync",
        bash_command="meltano run tap-amplitude target-cordial",
        cwd=PROJECT,
        append_env=True,
        env={"TARGET_CORDIAL_REPORT_PATH": f"{PROJECT}/output/{{{{ ts_nodash }}}}.json"},
        # A run that failed is finished by the next one from the ledger; what is withheld stays so
        # until somebody approves it, and trying again changes nothing. So once more is enough.
        retries=1,
        retry_delay=timedelta(minutes=15),
        execution_timeout=timedelta(hours=2),
    )

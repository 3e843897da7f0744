"""Leadcast in Airflow: the leads are scored each night and the model is retrained each month."""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator

PROJECT, SOURCE = "/srv/leadcast", "demo"
REFUSED = 3
"""The gate refused the new model: the champion stays, which is no failure."""

with DAG(
    dag_id="leadcast_score",
    schedule="15 5 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
) as nightly:
    BashOperator(
        task_id="score",
        cwd=PROJECT,
        bash_command=(
            f"leadcast score --bundle data/champion/{SOURCE}/bundle "
            "--leads data/raw/leads.parquet --events data/raw/events "
            "--outcomes data/raw/outcomes.parquet "
            "--out scores.parquet"
        ),
        # Without --resume: the night after an interrupted one has another export, and begins anew.
        retries=2,
        retry_delay=timedelta(minutes=10),
    )

with DAG(
    dag_id="leadcast_retrain",
    schedule="30 1 1 * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
) as monthly:
    BashOperator(
        task_id="retrain",
        cwd=PROJECT,
        bash_command=f"leadcast retrain {SOURCE}",
        skip_on_exit_code=REFUSED,
        # What was stopped goes on where it was: stages that had ended are not run again.
        retries=1,
        execution_timeout=timedelta(hours=12),
    )

"""Nothing is sent home: not by MLflow, not by DVC, in whatever process Leadcast runs."""

import subprocess
import sys

import pytest

from tests.small_project import ROOT

SENT_TO_OTHERS = """
import os, socket, sys
for name in ("CI", "PYTEST_CURRENT_TEST", "GITHUB_ACTIONS"):
    os.environ.pop(name, None)
asked = []
def refused(self, address):
    asked.append(address)
    raise OSError("no connection is made in this test")
socket.socket.connect = socket.socket.connect_ex = refused
def unknown(host, *rest, **more):
    asked.append(host)
    raise socket.gaierror("no name is looked up in this test")
socket.getaddrinfo = unknown
"""
MLFLOW = """
import leadcast, mlflow
from mlflow.telemetry.client import get_telemetry_client
from mlflow.telemetry.utils import is_telemetry_disabled
assert is_telemetry_disabled()
mlflow.set_tracking_uri("sqlite:///" + sys.argv[1] + "/mlflow.db")
mlflow.set_experiment("one")
with mlflow.start_run():
    mlflow.log_metric("loss", 0.5)
assert get_telemetry_client() is None
print(asked)
"""
DVC = """
import leadcast
from dvc.analytics import is_enabled
assert not is_enabled()
from dvc.cli import main
os.chdir(sys.argv[1])
assert main(["init", "--no-scm", "-q"]) == 0
assert main(["status", "-q"]) == 0
print(asked)
"""


@pytest.mark.slow
@pytest.mark.parametrize("program", [MLFLOW, DVC], ids=["mlflow", "dvc"])
def test_no_socket_is_opened(program: str, tmp_path: object) -> None:
    command = [sys.executable, "-c", SENT_TO_OTHERS + program, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_connection_would_be_seen() -> None:
    ask = "\ntry: socket.create_connection(('example.com', 80))\nexcept OSError: print(asked)"
    command = [sys.executable, "-c", SENT_TO_OTHERS + ask]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "['example.com']\n"

"""On a Dask cluster machines' events are left out as on one machine."""

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.cluster.scoring import OnCluster
from tests.conftest import NEEDS_DASK
from tests.scoring_world import END, export
from tests.test_serve_nonhuman import RULES, asked

if TYPE_CHECKING:
    from distributed import Client

# What Dask itself does while processes come and go is not ours to mend.
pytestmark = [
    NEEDS_DASK,
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
]
SETTINGS = BatchSettings(as_of=END)


def test_a_cluster_leaves_out_the_events_that_one_machine_leaves_out(
    dask_client: "Client", tmp_path: Path
) -> None:
    export(tmp_path / "bundle", people=RULES)
    export(tmp_path / "all")
    leads, events = asked()
    assert leads.height > 30
    leads.write_parquet(tmp_path / "leads.parquet")
    events.write_parquet(tmp_path / "events.parquet")
    files = (tmp_path / "leads.parquet", tmp_path / "events.parquet")
    told = {}
    for name, bundle in (("people", tmp_path / "bundle"), ("all", tmp_path / "all")):
        local, far = tmp_path / f"{name}.parquet", tmp_path / f"{name}-far.parquet"
        score_files(bundle, *files, local, SETTINGS)
        # So few rows a piece that events of one lead come from several.
        way = OnCluster(dask_client, bundle, 3, 60)
        score_files(bundle, *files, far, SETTINGS, way=way)
        told[name] = pl.read_parquet(local)
        assert pl.read_parquet(far).equals(told[name])
    assert not told["people"]["probability"].equals(told["all"]["probability"]), "machines matter"

"""The benchmarks' scratch folders: laid out anew, and never in place of a stranger's."""

from pathlib import Path

import pytest

from benchmarks.fits import LEADCAST_CODE, PEER_CODE
from benchmarks.projects import FEATURE_CODE
from benchmarks.scale import MEASURED, clear, prepare
from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.base.params import load_params

ROOT = Path(__file__).parents[1]


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(ROOT)
    return tmp_path / "scratch"


def test_a_scratch_folder_is_laid_out_anew_and_removed(scratch: Path) -> None:
    prepare(scratch, 1_000, num_threads=1)
    (scratch / "data/runs").mkdir()
    (scratch / "data/runs/left.json").write_text("{}")
    prepare(scratch, 1_000, num_threads=1)
    assert not (scratch / "data/runs").exists()
    assert load_params(scratch / "params.yaml").model.num_threads == 1
    clear(scratch)
    assert not scratch.exists()
    # What was linked is still there.
    assert Path("leadcast/pipelines/lifecycle/trial.py").exists()


def test_a_strangers_folder_is_not_touched(scratch: Path) -> None:
    scratch.mkdir()
    (scratch / "mine.txt").write_text("mine")
    for touch in (clear, lambda folder: prepare(folder, 1_000)):
        with pytest.raises(LeadcastError, match=r"holds mine\.txt"):
            touch(scratch)
    assert [path.name for path in scratch.iterdir()] == ["mine.txt"]


def test_a_link_to_a_scratch_folder_is_not_followed(scratch: Path, tmp_path: Path) -> None:
    prepare(scratch, 1_000)
    (tmp_path / "link").symlink_to(scratch)
    with pytest.raises(LeadcastError, match="a link"):
        clear(tmp_path / "link")
    assert (scratch / "params.yaml").exists()


def test_the_measured_stages_stand_in_the_pipelines_order() -> None:
    assert MEASURED[:2] == ("fetch", "ingest")
    assert MEASURED[-1] == "export"


def test_the_code_that_decides_a_kept_result_is_there() -> None:
    named = [*map(Path, FEATURE_CODE), *LEADCAST_CODE, *PEER_CODE]
    assert [path for path in named if not (ROOT / path).exists()] == []

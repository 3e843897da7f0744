"""The page's addresses: what is open, what is not, and what they tell."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.base.files import write_json
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_grades import write_graded
from leadcast.models.comparison.comparison_store import write_comparison, write_nothing
from leadcast.serve.http.app import make_app
from leadcast.serve.http.guard import PAGE_POLICY
from leadcast.serve.http.keys import create_key
from leadcast.serve.http.service import Service
from leadcast.serve.page.assets import SCRIPTS, assets
from leadcast.serve.page.file import _parts, as_json, leads_content
from leadcast.serve.page.router import VIEWS, page_routers
from leadcast.serve.requests.settings import ServeSettings
from tests.page_world import FORMULA, HOSTILE, comparison, write_run
from tests.scoring_world import VERDICT, bundle_folder, export, origin, scoring_world
from tests.service_world import HOST, NO_LIMIT, TestClient

DATA = ("/page/comparison", "/page/leads", "/page/verdict")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"))


def client(scratch: Path, run: Path | None, keys: Path | None = None) -> TestClient:
    bundle = bundle_folder()
    settings = ServeSettings(bundle=bundle, named="test", keys=keys, limits=NO_LIMIT, run=run)
    service = Service.open(settings, bundle, scratch)
    return TestClient(make_app(service, page_routers(service)), HOST, raise_server_exceptions=False)


@pytest.fixture
def asked(tmp_path: Path, run: Path) -> Iterator[TestClient]:
    with client(tmp_path, run) as one:
        yield one


def test_pages_are_open_and_hold_no_lead(tmp_path: Path, run: Path) -> None:
    create_key(tmp_path / "keys.json", "marketing")
    with client(tmp_path, run, tmp_path / "keys.json") as asked:
        for view in VIEWS:
            page = asked.get(view.address)
            assert page.status_code == 200
            assert page.headers["content-security-policy"] == PAGE_POLICY
            assert "lead 1" not in page.text
            assert 'aria-current="page">' + view.name in page.text


@pytest.mark.parametrize(
    ("told", "stands"),
    [
        (None, False),
        ('{"why": "the source does not ask", "asked": false}', False),
        ('{"why": "too few moments", "asked": true}', True),
        ('{"why": null, "words": []}', True),
        ("damaged", True),
    ],
)
def test_a_view_without_content_is_left_out_of_the_navigation(
    tmp_path: Path, run: Path, told: str | None, stands: bool
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    if told is not None:
        (copy / "accounts").mkdir()
        (copy / "accounts/accounts.json").write_text(told, encoding="utf-8")
    with client(tmp_path, copy) as asked:
        assert ('href="/accounts"' in asked.get("/").text) == stands
        # Who has its address sees it all the same, and why there is nothing.
        page = asked.get("/accounts")
        assert 'href="/accounts" aria-current="page"' in page.text
        problem = asked.get("/page/accounts").json()
        assert problem["status"] == 404


def test_data_about_leads_ask_for_the_key_of_the_api(tmp_path: Path, run: Path) -> None:
    key = create_key(tmp_path / "keys.json", "marketing")
    with client(tmp_path, run, tmp_path / "keys.json") as asked:
        for address in DATA:
            assert asked.get(address).status_code == 401
            assert (
                asked.get(address, headers={"Authorization": f"Bearer {key}x"}).status_code == 401
            )
            assert asked.get(address, headers={"Authorization": f"Bearer {key}"}).status_code == 200


contents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4) | st.just("</script>"),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3), inner),
)  # fmt: skip


@given(content=st.dictionaries(st.text(max_size=3), contents))
def test_json_is_written_in_parts_as_in_one(content: dict[str, Any]) -> None:
    whole = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("leadcast.serve.page.file._AT_ONCE", 2)
        assert as_json(content) == whole.replace("<", "\\u003c").encode()


def test_no_part_of_json_holds_up_others_for_long() -> None:
    listed = {"columns": {"points": [0.123456] * 100_000, "lead_id": ["lead"] * 100_000}}
    assert max(map(len, _parts(listed))) < 60_000


def test_the_comparison_is_told_as_it_was_written(asked: TestClient) -> None:
    assert asked.get("/page/comparison").json() == comparison()[0].to_json()


def test_the_forecast_is_told_as_a_page_and_in_numbers_once_there_is_one(
    asked: TestClient, run: Path
) -> None:
    missing = asked.get("/page/forecast")
    assert missing.status_code == 404
    assert "leadcast forecast" in missing.json()["detail"]
    (run / "forecast.html").write_text("<p>55 customers</p>", encoding="utf-8")
    write_json(run / "forecast.json", {"open_leads": 4_791})
    told = asked.get("/page/forecast").json()
    assert told == {"html": "<p>55 customers</p>", "forecast": {"open_leads": 4_791}}


def test_what_the_scores_may_be_used_for_is_told_to_every_view(asked: TestClient) -> None:
    told = asked.get("/page/verdict").json()
    assert told["verdict"] == VERDICT.model_dump(mode="json")
    assert told["readiness"]["title"] == "Use with care"
    for address in ("/", "/test-period", "/leads/", "/rules"):
        view = asked.get(address).text
        assert '<p id="beware" class="beware" role="note" hidden></p>' in view
        # Nothing of the model stands in a view before a key was shown.
        assert "not as a probability" not in view


def test_the_page_tells_the_model_that_answers_now(asked: TestClient, tmp_path: Path) -> None:
    bounds, fine = (0.31, 0.12, 0.03), VERDICT.model_copy(update={"use": "probability"})
    export(tmp_path / "new", about=origin(scoring_world()).model_copy(update={"verdict": fine}))
    write_graded(tmp_path / "graded", load_bundle(tmp_path / "new"), bounds, {"by": "ines"})
    before = asked.get("/page/grades").json()
    assert before["bounds"] == before["in_use"] != list(bounds)
    state = asked.app.state  # type: ignore[attr-defined]
    state.service = state.service.answering_with(tmp_path / "graded")
    after = asked.get("/page/grades").json()
    assert after["bounds"] == after["in_use"] == list(bounds)
    tried = {"bounds": [0.5, 0.4, 0.3]}
    assert asked.post("/page/grades", json=tried).json()["in_use"] == list(bounds)
    assert asked.get("/page/verdict").json()["verdict"]["use"] == "probability"


def test_what_the_leakage_gate_found_is_told_of_the_run_that_was_judged(tmp_path: Path) -> None:
    found = {"status": "warning", "subject": "column 'paid'", "found": "bad", "weight": ""}
    write_json(tmp_path / "leakage.json", [found | {"code": "L005", "auc": None, "vouched": False}])
    with client(tmp_path, tmp_path) as asked:
        assert "paid" not in asked.get("/page/verdict").text
        write_json(tmp_path / "judged/manifest.json", {"bundle_id": "of another run"})
        assert "paid" not in asked.get("/page/verdict").text
        bundle_id = asked.get("/v1/model").json()["bundle_id"]
        write_json(tmp_path / "judged/manifest.json", {"bundle_id": bundle_id}, replacing=True)
        assert "column 'paid'" in asked.get("/page/verdict").text


def test_packed_leads_are_those_on_the_list_value_by_value(asked: TestClient) -> None:
    packed, leads = asked.get("/page/leads").json(), comparison()[1]
    listed = leads.filter(pl.col("on_list"))
    assert packed["count"] == listed.height
    assert packed["columns"]["lead_id"] == listed["lead_id"].to_list()
    assert {HOSTILE, FORMULA} <= set(packed["columns"]["lead_id"])
    assert packed["columns"]["points"] == listed["points"].to_list()
    week = packed["columns"]["week"]
    assert [week["levels"][code] for code in week["codes"]] == listed["week"].to_list()
    assert packed["columns"]["as_of"] == listed["as_of"].dt.epoch("s").to_list()
    assert packed["segments"] == ["industry"]


def test_json_within_a_page_cannot_end_its_element() -> None:
    packed = as_json(leads_content(comparison()[1]))
    assert b"<" not in packed
    assert HOSTILE in json.loads(packed)["columns"]["lead_id"]


def test_a_new_comparison_is_shown_without_a_restart(tmp_path: Path) -> None:
    with client(tmp_path, tmp_path) as asked:
        missing = asked.get("/page/comparison")
        assert missing.status_code == 404
        assert "leadcast compare SOURCE" in missing.json()["detail"]
        write_nothing(tmp_path / "comparison", "no points; name them")
        assert asked.get("/page/comparison").json()["nothing_to_compare"] == "no points; name them"
        assert asked.get("/page/leads").status_code == 404
        write_comparison(tmp_path / "comparison", *comparison())
        assert asked.get("/page/comparison").json()["schema_version"] == 1
        (tmp_path / "comparison/comparison.json").write_text('{"schema_version": 1}', "utf-8")
        assert "run `leadcast compare` again" in asked.get("/page/comparison").json()["detail"]


def test_static_files_are_sent_once_and_nothing_else_of_the_disk(asked: TestClient) -> None:
    for name in SCRIPTS:
        sent = asked.get(f"/page/static/{name}")
        assert sent.headers["content-type"].startswith("text/javascript")
        again = asked.get(f"/page/static/{name}", headers={"If-None-Match": sent.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    for name in ("nothing.js", "..%2fassets.py", "../assets.py"):
        assert asked.get(f"/page/static/{name}").status_code == 404


def test_every_library_lies_beside_its_licence_and_asks_nobody() -> None:
    libraries = [name.removesuffix(".licence.txt") for name in assets() if "licence" in name]
    assert {"uplot", "datatables"} <= set(libraries)
    for name in libraries:
        assert b"sourceMappingURL" not in assets()[f"{name}.js"].content

"""Signed bundles: only the bytes that a key's owner has signed are parsed at all."""

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, write_json
from leadcast.models.bundle import bundle_files
from leadcast.models.bundle.bundle_files import read_manifest
from leadcast.models.bundle.bundle_signature import (
    SIGNATURE,
    new_key,
    read_signed_manifest,
    require_signature,
    sign_bundle,
)
from leadcast.pipelines.commands.cli import app, main
from leadcast.pipelines.daily.serve import serve
from leadcast.pipelines.export import SIGNING_KEY, sign_if_asked
from leadcast.serve.processes.server import run_service
from leadcast.serve.requests.settings import RequestLimits, ServeSettings
from leadcast.serve.scorer import Scorer
from tests.scoring_world import bundle_folder, scoring_world

ROOT = Path(__file__).parents[1]


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return new_key(tmp_path / "ours")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    shutil.copytree(bundle_folder(), tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def nothing_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        pytest.fail(f"{folder} is parsed before it is verified")

    monkeypatch.setattr(bundle_files, "_readable", refuse)


def test_what_was_signed_is_taken_and_who_asks_for_nothing_sees_no_difference(
    bundle: Path, keys: tuple[Path, Path]
) -> None:
    before = read_manifest(bundle)
    sign_bundle(bundle, keys[0])
    sign_bundle(bundle, keys[0])
    assert read_signed_manifest(bundle, keys[1]) == read_signed_manifest(bundle, None) == before
    assert Scorer.load(bundle).bundle.manifest == before


def change_the_manifest(bundle: Path) -> None:
    path = bundle / "manifest.json"
    path.write_bytes(path.read_bytes() + b"\n")


def sign_with_another(bundle: Path) -> None:
    sign_bundle(bundle, new_key(bundle.parent / "theirs")[0])


def sign_and_name_ours(bundle: Path) -> None:
    ours = read_json(bundle / SIGNATURE)["key"]
    sign_with_another(bundle)
    write_json(bundle / SIGNATURE, read_json(bundle / SIGNATURE) | {"key": ours}, replacing=True)


def link_the_manifest(bundle: Path) -> None:
    (bundle / "manifest.json").rename(bundle.parent / "elsewhere.json")
    (bundle / "manifest.json").symlink_to(bundle.parent / "elsewhere.json")


def put_a_pipe(bundle: Path) -> None:
    (bundle / SIGNATURE).unlink()
    os.mkfifo(bundle / SIGNATURE)


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no signature": (lambda bundle: (bundle / SIGNATURE).unlink(), "has no signature"),
    "another key": (sign_with_another, "is signed with another key"),
    "a lie about the key": (sign_and_name_ours, r"its signature .* is not one of"),
    "a changed manifest": (change_the_manifest, "was changed after it was signed"),
    "no JSON": (lambda bundle: (bundle / SIGNATURE).write_text("x"), "is no signature"),
    "an endless signature": (
        lambda bundle: (bundle / SIGNATURE).write_bytes(b"[" * 10_000),
        "is larger than",
    ),
    "a pipe": (put_a_pipe, "is no file"),
    "a link": (link_the_manifest, "cannot be read"),
    "no manifest": (lambda bundle: (bundle / "manifest.json").unlink(), "cannot be read"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.usefixtures("nothing_is_parsed")
def test_what_was_not_signed_is_refused_in_words_before_it_is_parsed(
    bundle: Path, keys: tuple[Path, Path], case: str
) -> None:
    change, words = REFUSED[case]
    sign_bundle(bundle, keys[0])
    change(bundle)
    with pytest.raises(LeadcastError, match=words):
        read_signed_manifest(bundle, keys[1])


def test_every_file_is_under_the_signature(bundle: Path, keys: tuple[Path, Path]) -> None:
    sign_bundle(bundle, keys[0])
    (bundle / "metrics.json").write_text("{}")
    with pytest.raises(LeadcastError, match=r"metrics\.json"):
        read_signed_manifest(bundle, keys[1])


def test_any_bit_of_the_manifest_counts(bundle: Path, keys: tuple[Path, Path]) -> None:
    sign_bundle(bundle, keys[0])
    manifest = bundle / "manifest.json"
    content = manifest.read_bytes()
    for at in range(0, len(content), 101):
        manifest.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(LeadcastError, match="was changed after it was signed"):
            require_signature(bundle, keys[1])


def test_a_private_key_is_its_owners_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    private, public = new_key(tmp_path / "ours")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    kept = private.read_bytes(), public.read_bytes()
    with pytest.raises(LeadcastError, match=r"ours\.pem: is there already"):
        new_key(tmp_path / "ours")
    private.unlink()
    with pytest.raises(LeadcastError, match=r"ours\.pub\.pem: is there already"):
        new_key(tmp_path / "ours")
    assert not private.exists()
    assert public.read_bytes() == kept[1]


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nx\n", None])
def test_what_is_no_key_is_told(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path, content: bytes | None
) -> None:
    # A public key does not sign, a private one is not what a service should have.
    wrong = tmp_path / "wrong.pem"
    for key, place in zip(keys, (require_signature, sign_bundle), strict=True):
        wrong.write_bytes(key.read_bytes() if content is None else content)
        with pytest.raises(
            LeadcastError, match=r"wrong\.pem: holds no (public|private) Ed25519 key"
        ):
            place(bundle, wrong)
    with pytest.raises(LeadcastError, match="there is no such file"):
        sign_bundle(bundle, tmp_path / "nowhere")
    for place in (require_signature, sign_bundle):
        with pytest.raises(LeadcastError, match=f"{tmp_path}: .*name a key"):
            place(bundle, tmp_path)


def test_a_folder_in_the_signatures_place_is_told(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path
) -> None:
    own = Path(shutil.copytree(bundle, tmp_path / "own"))
    (own / SIGNATURE).unlink(missing_ok=True)
    (own / SIGNATURE).mkdir()
    with pytest.raises(LeadcastError, match="is no file"):
        require_signature(own, keys[1])


def test_the_commands_sign_and_require(
    bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = CliRunner().invoke
    assert run(app, ["sign", "--new-key", str(tmp_path / "k")]).exit_code == 0
    leads, out = tmp_path / "leads.parquet", tmp_path / "out.csv"
    scoring_world().tables.leads.head(5).write_parquet(leads)
    asked = ["score", "--bundle", str(bundle), "--leads", str(leads), "--out", str(out)]
    asked += ["--as-of", "2025-07-01T00:00:00Z", "--require-signature", str(tmp_path / "k.pub.pem")]
    monkeypatch.setattr(sys, "argv", ["leadcast", *asked])
    with pytest.raises(SystemExit):
        main()
    assert "has no signature" in capsys.readouterr().err
    assert not out.exists()
    assert run(app, ["sign", str(bundle), "--key", str(tmp_path / "k.pem")]).exit_code == 0
    assert run(app, asked).exit_code == 0
    assert out.exists()
    told = run(app, [*asked, "--engine", "dask", "--summary", "json"])
    assert "--require-signature" in json.loads(told.stdout)["error"]
    assert run(app, ["sign", str(bundle)]).exit_code == 1


def test_a_bundle_that_is_swapped_between_the_check_and_the_loading_is_refused(
    bundle: Path, keys: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_bundle(bundle, keys[0])
    copytree = shutil.copytree

    def swap_then_copy(source: Path, copy: Path, *told: Any) -> Any:  # noqa: ANN401 - its own
        if Path(source) == bundle:
            change_the_manifest(bundle)
        return copytree(source, copy, *told)

    monkeypatch.setattr(shutil, "copytree", swap_then_copy)
    scoring_world().tables.leads.head(5).write_parquet(tmp_path / "leads.parquet")
    asked = ["score", "--bundle", str(bundle), "--leads", str(tmp_path / "leads.parquet")]
    asked += ["--out", str(tmp_path / "out.csv"), "--require-signature", str(keys[1])]
    assert "was changed" in str(CliRunner().invoke(app, asked).exception)
    with pytest.raises(LeadcastError, match="was changed"):
        run_service(ServeSettings(bundle=bundle, named=str(bundle), signed_by=keys[1]))


def test_a_service_requires_a_signature_before_anything_listens(
    bundle: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[ServeSettings] = []
    monkeypatch.setattr("leadcast.serve.processes.server.run_service", started.append)

    def start() -> None:
        serve(str(bundle), None, False, "127.0.0.1", 0, 1, RequestLimits(), signed_by=keys[1])

    with pytest.raises(LeadcastError, match="has no signature"):
        start()
    sign_bundle(bundle, keys[0])
    start()
    assert [one.signed_by for one in started] == [keys[1]]


def test_the_export_signs_where_the_environment_names_a_key(
    bundle: Path, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SIGNING_KEY, raising=False)
    sign_if_asked(bundle)
    assert not (bundle / SIGNATURE).exists()
    monkeypatch.setenv(SIGNING_KEY, str(keys[0]))
    sign_if_asked(bundle)
    require_signature(bundle, keys[1])


def test_who_requires_no_signature_imports_no_cryptography() -> None:
    program = (
        "import sys, leadcast.pipelines.commands.cli, leadcast.pipelines.daily.score; "
        "import leadcast.pipelines.daily.serve; "
        "import leadcast.serve.processes.server; "
        "print('cryptography' in sys.modules)"
    )
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

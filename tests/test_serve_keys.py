"""API keys: kept as hashes, readable by nobody else, and told apart to the last letter."""

import stat
from pathlib import Path

import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.serve.http.keys import create_key, read_keys, revoke_key
from tests.races import at_once


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_key_is_its_own_and_no_other(file: Path) -> None:
    first, second = create_key(file, "crm"), create_key(file, "web")
    keys = read_keys(file)
    assert (keys.id_of(first), keys.id_of(second)) == (first[3:15], second[3:15])
    mixed = first[:16] + second[16:]
    for other in (mixed, first[:-1], first + "=", first.upper(), f" {first}", "", "lc_", "ü" * 59):
        assert keys.id_of(other) is None


def test_the_file_holds_no_key_and_nobody_else_reads_it(file: Path) -> None:
    key = create_key(file, "crm")
    assert key[16:] not in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_revoked_key_is_nobodys_and_the_others_stay(file: Path) -> None:
    first, second = create_key(file, "crm"), create_key(file, "web")
    revoke_key(file, first[3:15])
    keys = read_keys(file)
    assert (keys.id_of(first), keys.id_of(second)) == (None, second[3:15])
    with pytest.raises(LeadcastError, match=r"there are: [0-9a-f]{12} \(web\)"):
        revoke_key(file, first[3:15])


BROKEN = {"nothing": "", "a list": "[]", "a key in plain": '{"keys": {"0123456789ab": "secret"}}'}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_that_is_none_of_keys_is_refused(file: Path, case: str) -> None:
    with pytest.raises(LeadcastError, match="leadcast api-key create"):
        read_keys(file)
    file.write_text(BROKEN[case], encoding="utf-8")
    with pytest.raises(LeadcastError, match=r"keys\.json: is "):
        create_key(file, "crm")
    assert file.read_text(encoding="utf-8") == BROKEN[case]


def test_a_key_has_a_name(file: Path) -> None:
    with pytest.raises(LeadcastError, match="--name"):
        create_key(file, "")


MAKE = """
from leadcast.serve.http.keys import create_key
barrier()
create_key(Path(sys.argv[4]), f"caller {me}")
"""
REVOKE = """
from leadcast.serve.http.keys import read_keys, revoke_key
file = Path(sys.argv[4])
barrier()
for number in range(4):
    known = read_keys(file).keys
    revoke_key(file, next(key_id for key_id, key in known.items() if key.name == f"old {number}"))
"""


def test_keys_that_are_made_at_once_are_all_there_and_no_revoked_one_comes_back(
    file: Path, tmp_path: Path
) -> None:
    kept = create_key(file, "kept")
    for number in range(4):
        create_key(file, f"old {number}")
    done = at_once(tmp_path / "at once", [MAKE] * 20 + [REVOKE], file)
    assert done == [(0, "")] * 21
    names = sorted(key.name for key in read_keys(file).keys.values())
    assert names == sorted(["kept", *(f"caller {number}" for number in range(20))])
    assert read_keys(file).id_of(kept) == kept[3:15]
    assert not list(tmp_path.glob(".*")), "a lock is left behind"

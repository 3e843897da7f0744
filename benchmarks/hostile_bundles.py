"""Bundles of an attacker who recomputes the hashes: refused in words, or scored as they say.

    python -m benchmarks.hostile_bundles --bundles 20000 --seed 1

Real bundles of every kind are damaged in one to three places of a file, sealed with right hashes,
then loaded and scored in a process of its own. Each must be refused with a `LeadcastError`, or
scored within [0, 1], and then to the bit as a process scores it whose compiled loops check each
index. No process may die, hang, or take more than a GiB.
"""

import argparse
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from benchmarks.hostile_mutations import by_kind, changed_json, changed_text
from benchmarks.hostile_worlds import WORLDS, write_world
from leadcast.features.base.files import sha256_of
from leadcast.models.bundle.bundle_files import MANIFEST, _identity

PATIENCE_SECONDS = 60.0
MOST_KIB = 2**20
Result = dict[str, Any]


class Worker:
    """A process that examines bundles, begun anew when it dies."""

    def __init__(self, first: Path, *, checked: bool, cache: Path | None) -> None:
        self._first, self._environment = first, dict(os.environ)
        if checked and cache is None:
            self._environment |= {"NUMBA_DISABLE_JIT": "1"}
        elif checked:
            self._environment |= {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(cache)}
        self._process: subprocess.Popen[str] | None = None

    def examine(self, folder: Path) -> Result:
        """Let it load and score a bundle; tell what happened to the bundle, or to the process."""
        process = self._process or self._begin()
        assert process.stdin is not None
        process.stdin.write(f"{folder}\n")
        process.stdin.flush()
        answer = self._answer(process, PATIENCE_SECONDS)
        if answer.get("peak_kib", 0) > MOST_KIB:
            answer = {"outcome": "memory", "words": f"{answer['peak_kib']} KiB", "was": answer}
        if answer["outcome"] in ("killed", "hangs", "memory"):
            self.end()
        return answer

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            # Closes the pipes as well.
            with self._process:
                self._process = None

    def _begin(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "benchmarks.hostile_worker", str(self._first)]
        self._process = subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        # The first time, the loops are compiled.
        first = self._answer(self._process, 600.0)
        if first["outcome"] != "scored":
            raise RuntimeError(f"an undamaged bundle: {first}")
        return self._process

    def _answer(self, process: "subprocess.Popen[str]", seconds: float) -> Result:
        assert process.stdout is not None
        if not select.select([process.stdout], [], [], seconds)[0]:
            return {"outcome": "hangs", "words": f"no answer in {seconds} s"}
        line = process.stdout.readline()
        if not line:
            return {"outcome": "killed", "words": f"exit code {process.wait()}"}
        answer: Result = json.loads(line)
        return answer


@dataclass
class Target:
    """A real bundle, of which one file at a time is changed and put back."""

    folder: Path
    texts: dict[str, str] = field(default_factory=dict)
    contents: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, dict[str, list[tuple[str | int, ...]]]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> "Target":
        """Read a bundle."""
        target = cls(folder)
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file():
                target.texts[name] = path.read_text(encoding="utf-8")
            if path.suffix == ".json":
                target.contents[name] = json.loads(target.texts[name])
                target.groups[name] = by_kind(target.contents[name])
        return target

    def change(self, draw: Callable[..., Any]) -> tuple[str, str]:
        """Draw a change: the file, and what it holds then."""
        name = draw(st.sampled_from(sorted(self.texts)))
        if name in self.contents:
            return name, draw(changed_json(self.contents[name], self.groups[name]))
        return name, draw(changed_text(self.texts[name]))

    @contextmanager
    def holding(self, name: str, text: str) -> Iterator[Path]:
        """Put a changed file in place, with right hashes, until the block ends."""
        path, manifest = self.folder / name, self.folder / MANIFEST
        # A text may hold half of a surrogate pair, which an attacker writes as it is.
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        seal(self.folder, name)
        yield self.folder
        path.write_text(self.texts[name], encoding="utf-8")
        manifest.write_text(self.texts[MANIFEST], encoding="utf-8")


def seal(folder: Path, name: str) -> None:
    """Write a changed file's hash into the manifest, and the manifest's own id."""
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))
        if name != MANIFEST:
            entry = {"sha256": sha256_of(folder / name), "n_bytes": (folder / name).stat().st_size}
            content["files"][name] = entry
        content["bundle_id"] = _identity(content)
        path.write_text(json.dumps(content), encoding="utf-8")
    except (ValueError, TypeError, KeyError, RecursionError):
        return  # A manifest that has no id any more.


@dataclass
class Tally:
    """What happened to the bundles."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[Result] = field(default_factory=list)

    def add(self, world: str, name: str, text: str, answer: Result, again: Result | None) -> None:
        """Count a bundle, and keep it where something is wrong."""
        outcome = answer["outcome"]
        if again is not None:
            same = {"outcome", "digest"}
            differs = any(answer.get(key) != again.get(key) for key in same)
            outcome = "differs" if differs else outcome
        self.counts[outcome] += 1
        if outcome not in ("refused", "scored"):
            found = {"outcome": outcome, "world": world, "file": name, "text": text}
            self.faults.append(found | {"answer": answer, "again": again})


def run(n_bundles: int, first_seed: int, scratch: Path, cache: Path | None) -> Tally:
    """Damage so many bundles, and tell what happened.

    What is scored is scored again with every index checked: by loops that are compiled so into
    `cache`, or, for few bundles, by loops that are not compiled at all.
    """
    targets = {}
    for world in WORLDS:
        write_world(scratch / world, world)
        targets[world] = Target.of(scratch / world)
    pristine = shutil.copytree(scratch / "trees", scratch / "pristine")
    fast = Worker(pristine, checked=False, cache=cache)
    careful = Worker(pristine, checked=True, cache=cache)
    tally = Tally()

    @seed(first_seed)
    @settings(
        max_examples=n_bundles,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def damage(data: st.DataObject) -> None:
        world = data.draw(st.sampled_from(sorted(targets)))
        name, text = targets[world].change(data.draw)
        with targets[world].holding(name, text) as folder:
            answer = fast.examine(folder)
            again = careful.examine(folder) if answer["outcome"] == "scored" else None
        tally.add(world, name, text, answer, again)

    try:
        damage()
    finally:
        fast.end()
        careful.end()
    return tally


def main() -> None:
    """Run and print; the exit code is 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundles", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=Path, help="a file to keep what was wrong in, as JSON")
    asked = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as cache:
        tally = run(asked.bundles, asked.seed, Path(scratch), Path(cache))
    seconds = time.perf_counter() - started
    print(json.dumps({"counts": dict(tally.counts), "seconds": round(seconds, 1)}))
    if asked.faults is not None:
        asked.faults.write_text(json.dumps(tally.faults, indent=1))
    for fault in tally.faults[:20]:
        print(fault["outcome"], fault["world"], fault["file"], fault["answer"]["words"][-400:])
    sys.exit(1 if tally.faults else 0)


if __name__ == "__main__":
    main()

import subprocess
import sys
from pathlib import Path

import pytest

from leadcast.serve.batch.parts import LARGE_BLOCK

HELD = """
import resource, sys
from pathlib import Path
import numpy as np
from leadcast.serve.batch.parts import LARGE_BLOCK, keep_large_blocks_apart

def held_mib():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20

keep_large_blocks_apart()
size = int(sys.argv[1])
before = held_mib()
# A small block after each keeps the end of the heap in use.
blocks = [(np.ones(size, np.uint8), bytes(2000)) for _ in range(200 * 2**20 // size)]
# The bound that glibc raises by itself.
largest = np.ones(3 * LARGE_BLOCK, np.uint8)
del largest
again = [(np.ones(size, np.uint8), bytes(2000)) for _ in range(200 * 2**20 // size)]
kept = [small for _, small in blocks + again]
del blocks, again
print(held_mib() - before)
"""


def left_mib(size: int) -> float:
    command = [sys.executable, "-c", HELD, str(size)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    return float(done.stdout)


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="only Linux tells a process's pages"
)
def test_what_is_freed_goes_back_to_the_system() -> None:
    assert left_mib(2 * LARGE_BLOCK) < 50

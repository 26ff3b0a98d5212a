"""`python -m benchmarks.cold ENGINE …`: the first training step of the demo's network, in fresh processes.

For each engine one process finds nothing compiled on disk (Theano keeps programs there), and a second one what the first left.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

STEP = """
import sys, time
import cornu
from cornu.demo import digits
with cornu.engine(sys.argv[1]):
    (x, y), _ = digits.load_data()
    model = digits.network()
    begin, busy = time.perf_counter(), time.process_time()
    model.train_on_batch(x[:32], y[:32])
    print(f"{time.perf_counter() - begin:.2f} s, {time.process_time() - busy:.2f} s of processor time")
"""


def first_step(engine: str, folder: str) -> str:
    """How long it takes, in words. folder: where compiled programs are kept."""
    variables = {**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={folder}", "NUMBA_CACHE_DIR": folder}
    return subprocess.run([sys.executable, "-c", STEP, engine], env=variables, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def main(engines: list[str]) -> None:
    """Print both for each engine."""
    for engine in engines:
        with tempfile.TemporaryDirectory() as folder:
            for disk in ("nothing on disk", "programs on disk"):
                print(f"{engine}, {disk}: {first_step(engine, folder)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Coverage-guided fuzzing of the decoder, in a child process: `python -m tests.hostile.fuzz` (make fuzz).

The child gives each input to the decoder alone and between neighbours, and some to the whole consumer.
A crash of the interpreter itself ends only the child; the input that it died of is kept and named.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

from tests.hostile.records import record

FOLDER = Path("build/fuzz")
RUNS = 120_000
"""Inputs, at least as many as are promised."""

SECONDS = 900
"""Longest time of a run; the inputs are many before."""


def main() -> int:
    """Run the child with a corpus of hostile records, and say what it died of."""
    corpus, found = FOLDER / "corpus", FOLDER / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    if not any(corpus.iterdir()):
        _seed(corpus)
    runs = sys.argv[1] if len(sys.argv) > 1 else str(RUNS)
    child = subprocess.run(
        [
            sys.executable,
            *("-m", "tests.hostile.fuzz_child", f"-runs={runs}", f"-max_total_time={SECONDS}"),
            *("-max_len=4096", "-len_control=0", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"),
            f"-artifact_prefix={found}/",
            str(corpus),
        ],
        check=False,
    )
    if child.returncode:
        kept = sorted(found.iterdir(), key=lambda path: path.stat().st_mtime)
        sys.stderr.write(f"the child ended with {child.returncode}; it died of {kept[-1] if kept else '?'}\n")
    return child.returncode


def _seed(corpus: Path) -> None:
    rng = Random(0)
    for number in range(500):
        payload = record(rng)
        if len(payload) <= 4096:
            (corpus / f"seed-{number:03d}").write_bytes(payload)


if __name__ == "__main__":
    sys.exit(main())

"""The report as a page, beside Evidently's: making it, its size, and the time until a browser answers."""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from benchmarks.detection.rivals import NEW, PROJECT
from benchmarks.speed.machine import described
from benchmarks.speed.report import Figure, Part, Target
from report.page import page
from scripts.browser import launch
from tests.unit.report.facts_drawn import made_facts

FEATURES, WINDOWS, ROWS = 100, 2_000, 5_000
REPETITIONS = 5

MOST_BYTES = Target(of="value", limit=5.0)
SOON = Target(of="value", limit=2.0)

TEXT = f"""
{FEATURES} features. Driftline's page holds {WINDOWS:,} windows of them, with incidents, histograms and the
reasons; Evidently's is `Report([DataDriftPreset()])` of one window of {ROWS:,} rows against as many, saved
as HTML, with its numbers computed beforehand. Both are one file that asks no network. A page answers when
it has loaded and the browser has nothing left to do: `requestIdleCallback` after the load event, in
Chromium without a screen.
""".strip()

_EVIDENTLY = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np, pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset
features, rows, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rng = np.random.default_rng(5)
names = [f"f{i}" for i in range(features)]
frames = [pd.DataFrame(rng.normal(size=(rows, features)), columns=names) for _ in range(2)]
definition = DataDefinition(numerical_columns=names)
before, current = (Dataset.from_pandas(frame, definition) for frame in frames)
done = Report([DataDriftPreset()]).run(current, before)
begun = time.perf_counter()
done.save_html(out)
print(time.perf_counter() - begun)
"""

_IDLE = """() => new Promise((tell) => requestIdleCallback(() => tell(performance.now())))"""


def measure(*, short: bool = False) -> Part:
    """Both pages, made and opened."""
    repetitions = 1 if short else REPETITIONS
    features, windows = (8, 40) if short else (FEATURES, WINDOWS)
    facts = made_facts(features=features, windows=windows)
    page(facts)  # the library is unpacked once
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as tool:
        ours, theirs = Path(folder) / "ours.html", Path(folder) / "theirs.html"
        made = []
        for _ in range(repetitions):
            begun = time.perf_counter()
            ours.write_text(page(facts), encoding="utf-8")
            made.append(time.perf_counter() - begun)
        browser = launch(tool)
        figures = [
            Figure(name="making it", value=median(made), unit="s"),
            Figure(name="its size", value=_megabytes(ours), unit="MB", target=None if short else MOST_BYTES),
            Figure(name="until it answers", value=_opened(browser, ours, repetitions), unit="s", target=SOON),
        ]
        if not short:
            begun_by = _of_evidently(theirs)
            other = (begun_by, _megabytes(theirs), _opened(browser, theirs, repetitions))
            figures = [
                Figure(
                    name=one.name,
                    value=one.value,
                    unit=one.unit,
                    beside="Evidently's HTML of one window",
                    other=beside,
                    ratio=one.value / beside,
                    target=one.target,
                )
                for one, beside in zip(figures, other, strict=True)
            ]
        browser.close()
    return Part(
        name="browse",
        title="The report as a page",
        text=TEXT,
        figures=figures,
        machine=described(("numpy", "jinja2", "playwright")),
    )


def _of_evidently(file: Path) -> float:
    """Let Evidently write its page; seconds."""
    run = subprocess.run(
        [str(PROJECT / NEW / "bin" / "python"), "-c", _EVIDENTLY, str(FEATURES), str(ROWS), str(file)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(run.stdout.split()[-1])


def _megabytes(file: Path) -> float:
    return file.stat().st_size / 1e6


def _opened(browser: Browser, file: Path, repetitions: int) -> float:
    """Seconds until a page that is opened anew has nothing left to do."""
    taken = []
    for _ in range(repetitions):
        opened = browser.new_page()
        opened.goto(file.as_uri(), wait_until="load")
        taken.append(float(opened.evaluate(_IDLE)) / 1e3)
        opened.close()
    return median(taken)

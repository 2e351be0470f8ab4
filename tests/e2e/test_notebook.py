"""The notebook on the archive of the deployed stack: an incident that functions judged, understood."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest

from scripts.bundles import LoadedBundle
from scripts.deployment import upload_bundle
from scripts.local_aws import LocalAws
from scripts.notebook import NOTEBOOK, judged, send
from scripts.notebook_run import leaks, read, run
from scripts.notebook_story import Story
from scripts.stack import Stack
from scripts.traffic import Plan
from training import generator
from training.bundle import write
from training.train import train

pytestmark = pytest.mark.e2e

WINDOW_SECONDS = 60  # as tests/e2e/conftest.py deploys
WINDOWS, ROWS, CHANGED = 12, 250, 8


@pytest.fixture(scope="module")
def version(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> LoadedBundle:
    """A version of its own, so that no other traffic is in its windows; it serves nobody."""
    made = train(
        generator.houses(3_000, seed=8),
        target=generator.TARGET,
        model_name=generator.MODEL_NAME,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        time_column=generator.TIME_COLUMN,
    )
    folder = write(made, tmp_path_factory.mktemp("notebook"))
    upload_bundle(stack, folder)
    return LoadedBundle.of_folder(folder)


@pytest.mark.filterwarnings("ignore")  # of the kernel's machinery
def test_the_notebook_understands_an_incident(
    stack: Stack, local_aws: LocalAws, version: LoadedBundle
) -> None:
    length = WINDOW_SECONDS * 1000
    begin = (time.time_ns() // 1_000_000 // length - WINDOWS - 30) * length
    plan = Plan(start_ms=begin, windows=WINDOWS, rows=ROWS, window_seconds=WINDOW_SECONDS)
    story = Story(plan=plan, from_window=CHANGED, label_delay=10 * length)
    send(stack, story, version)
    name = version.manifest.model_version
    judged(stack, story, version=name, patience=60.0)

    done = run(read(NOTEBOOK), {"STATE": str(local_aws.state), "DAYS": 1, "VERSION": name})
    told = str(
        [
            output.get("data", {}).get("text/plain", "")
            for cell in done.cells
            for output in cell.get("outputs", [])
        ]
    )
    assert f"begins (UTC) {datetime.fromtimestamp(story.begin / 1000, UTC):%Y-%m-%d %H:%M}" in re.sub(
        " +", " ", told
    )
    assert re.search(r"guilty +living_area_m2", told)
    assert re.search(r"area = harbour +\d+ +[\d.]+ +[\d.]+ +1[01]\.\d+", told)
    assert re.search(r"repair .* yes", told)
    assert re.search(rf"labelled +{CHANGED * ROWS}\.0+ +{(WINDOWS - CHANGED) * ROWS}\.0", told)
    assert leaks(done) == []

"""The whole loop: labels change where no input shows it, quality alarms, a challenger learns and serves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.local_aws import LocalAws
from tests.checkout import copy_checkout, plain_environment

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


def test_a_model_that_became_wrong_is_renewed_and_a_harmless_drift_changes_nothing(tmp_path: Path) -> None:
    checkout = copy_checkout(tmp_path)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "scripts.demo_retraining"],
            cwd=checkout,
            env=plain_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        LocalAws(checkout / "build" / "local").stop()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    found = json.loads((checkout / "build" / "demo-retraining" / "summary.json").read_text())
    assert found["passed"], found["checks"]
    assert found["realised_changed"] > 2 * found["training_mae"] > found["realised_after"]
    assert found["estimated_changed"] < 1.2 * found["training_mae"], "the estimate cannot see concept drift"
    assert found["first_version"] != found["second_version"] == found["third_version"]
    assert len(found["timeline"]) == len({(one["at"], one["seen"]) for one in found["timeline"]}) >= 10

"""Verdicts that earlier versions wrote, as arrays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from drift_core.baseline import Baseline
from report.facts import MEASURES
from report.timeline import UNKNOWN, judged, stacked

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.mark.parametrize("version", sorted(path.name for path in GOLDEN.glob("v*")))
def test_what_each_version_recorded_is_read(version: str) -> None:
    """Every number stands where it belongs; rows by bin are unknown before documents had them."""
    columns = Baseline.from_json((GOLDEN / version / "baseline.json").read_bytes()).columns
    documents = list(json.loads((GOLDEN / version / "verdicts.json").read_text()).values())
    found = stacked([judged(one, columns) for one in documents], columns)
    assert len(found) == len(documents) > 0
    for i, document in enumerate(documents):
        told = [*document["features"].values(), document["prediction"], document["interval_width"]]
        assert found.n[i] == document["n"]
        for j, column in enumerate(told):
            assert found.signals[found.signal[i, j]] == column["top_contrast"]
            for name in MEASURES:
                expected = np.nan if column.get(name) is None else column[name]
                np.testing.assert_equal(found.measures[name][i, j], expected)
        known = "histograms" in document
        assert (found.counts[i].min() == UNKNOWN) == (not known)
        assert (found.counts[i].sum() == document["n"] * len(columns)) == known

"""What the figures of docs/method.md are computed from."""

from pathlib import Path

import numpy as np
import pytest

from drift_core.bins import Column
from drift_core.schema import Kind
from scripts.method_charts import own_error
from scripts.method_rules import bin_shares
from scripts.method_style import canvas, save
from scripts.page_texts import PageError, with_text


def test_a_page_without_the_place_is_refused() -> None:
    with pytest.raises(PageError, match="0 places for 'delay'; mark one with <!-- figures:begin delay -->"):
        with_text("no place", "delay", "text")


def test_shares_of_bins_are_those_of_shifted_values() -> None:
    rng = np.random.default_rng(0)
    column = Column.freeze("x", Kind.NUMERIC, rng.standard_normal(5_000))
    drawn = np.bincount(column.index(rng.standard_normal(200_000) + 0.4), minlength=column.size) / 200_000
    expected = bin_shares(column, 0.4)
    error = 5 * np.sqrt(expected * (1 - expected) / 200_000)
    assert expected.sum() == pytest.approx(1.0)
    assert (np.abs(drawn - expected) <= error + 1e-9).all()


def test_a_baselines_own_error_alarms_only_without_the_allowance() -> None:
    allowed, not_allowed = own_error(baselines=100, windows=200).alarms()
    assert allowed == 0
    assert not_allowed > 5  # of those whose error exceeds what is harmless, one in six


def test_a_picture_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        figure, (axes,) = canvas(1)
        axes.plot([0, 1], [1, 0])
        save(figure, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()

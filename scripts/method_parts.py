"""One feature of one window, from counts to evidence, for the first picture of docs/method.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drift_core.bins import Column
from drift_core.budget import threshold_z
from drift_core.evidence import column_raw, contrast_basis, standardised, values_of
from drift_core.monitor_settings import MonitorSettings
from drift_core.schema import Kind, Matrix
from drift_core.signals import Signals, column_signals
from drift_core.span import Span
from scripts.method_tables import REFERENCE, SIGNALS

ROWS = 500

STRETCH = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is computed of one feature.

    Attributes
    ----------
    training, window : shape (bins,), shares.
    basis : shape (4, bins), the weights of the contrasts.
    names, z : of the signals, shape (signals,); z is its size beyond what is harmless.
    """

    training: Matrix
    window: Matrix
    basis: Matrix
    names: tuple[str, ...]
    z: Matrix
    threshold: float


def stretched(seed: int = 0) -> Parts:
    """A normal feature whose spread grows by `STRETCH`."""
    rng = np.random.default_rng(seed)
    column = Column.freeze("x", Kind.NUMERIC, rng.standard_normal(REFERENCE))
    counts = np.bincount(column.index(STRETCH * rng.standard_normal(ROWS)), minlength=column.size)[None]
    reference = np.array(column.reference)
    old, new = values_of(column, reference), values_of(column, counts)[0]
    signals = Signals((column,))
    alone, sure = np.ones(len(signals)), np.full(len(signals), np.inf)  # the rows are independent
    beyond = standardised(column_raw(column, reference, counts), signals, alone, sure).beyond[0]
    return Parts(
        training=old / old.sum(),
        window=new / new.sum(),
        basis=contrast_basis(old),
        names=tuple(signal.name for signal in column_signals(column)),
        z=np.where(signals.two_sided, np.abs(beyond), np.maximum(beyond, 0.0)),
        threshold=threshold_z(Span.WINDOW, MonitorSettings(), SIGNALS.sides),
    )

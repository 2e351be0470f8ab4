"""Numbers of a page as typed arrays: small, and read by the browser without parsing."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import numpy as np
import numpy.typing as npt

from drift_core.schema import Matrix

NONE_16 = 65535

SCORE_UNIT = 0.01
SHARE_UNIT = 1 / 60_000
SHIFT_UNIT = 0.01

LEAST, DECADES, STEPS = 1e-4, 10, 2_500
"""Distances stand in 2,500 steps of the logarithm from 0.0001 to a million: they are off by 0.5 % at most."""


class Blob:
    """Arrays one after another, each at a multiple of eight bytes, and where each lies."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, values: npt.NDArray[Any]) -> dict[str, Any]:
        """Where an array lies: its type by JavaScript's name, its first byte and its length."""
        little = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<"), copy=False)
        data = little.tobytes()
        place = {"type": _TYPES[values.dtype.name], "at": self._length, "length": int(values.size)}
        padded = data + b"\0" * (-len(data) % 8)
        self._parts.append(padded)
        self._length += len(padded)
        return place

    def compressed(self) -> bytes:
        """All of it, by gzip; equal arrays give equal bytes."""
        return gzip.compress(b"".join(self._parts), 6, mtime=0)


_TYPES = {
    "uint8": "Uint8Array",
    "uint16": "Uint16Array",
    "int16": "Int16Array",
    "uint32": "Uint32Array",
    "int32": "Int32Array",
    "float32": "Float32Array",
    "float64": "Float64Array",
}


def base64_of(data: bytes) -> str:
    """Bytes as text that may stand in a page."""
    return base64.b64encode(data).decode()


def scores(values: Matrix) -> npt.NDArray[np.uint16]:
    """Scores in hundredths; `NONE_16` for NaN. A score above 1 stays above, one of at most 1 stays there.

    >>> scores(np.array([0.123, 1.0, 1.001, 9e9, np.nan])).tolist()
    [12, 100, 101, 65534, 65535]
    """
    units = np.rint(np.nan_to_num(values) / SCORE_UNIT)
    units = np.where(values > 1, np.maximum(units, 101), np.minimum(units, 100))
    return np.where(np.isnan(values), NONE_16, np.clip(units, 0, NONE_16 - 1)).astype(np.uint16)


def shares(values: Matrix) -> npt.NDArray[np.uint16]:
    """Shares in [0, 1] in 1/60,000; `NONE_16` for NaN. What is not 0 does not become 0.

    >>> shares(np.array([0, 1e-9, 0.5, 1, np.nan])).tolist()
    [0, 1, 30000, 60000, 65535]
    """
    units = np.rint(np.nan_to_num(values) / SHARE_UNIT)
    units = np.where(values > 0, np.maximum(units, 1), units)
    return np.where(np.isnan(values), NONE_16, np.clip(units, 0, 60_000)).astype(np.uint16)


def shifts(values: Matrix) -> npt.NDArray[np.int16]:
    """Shifts in hundredths of σ, at most 327.67; -32768 for NaN.

    >>> shifts(np.array([-0.5, 1000, np.nan])).tolist()
    [-50, 32767, -32768]
    """
    units = np.clip(np.rint(np.nan_to_num(values, posinf=1e9, neginf=-1e9) / SHIFT_UNIT), -32_767, 32_767)
    return np.where(np.isnan(values), -32_768, units).astype(np.int16)


def distances(values: Matrix) -> npt.NDArray[np.uint16]:
    """Distances in steps of the logarithm, see `STEPS`; 0 for less than the least, `NONE_16` for NaN.

    >>> distances(np.array([0, 1e-4, 0.1, 1e6, np.inf, np.nan])).tolist()
    [0, 1, 751, 2501, 2501, 65535]
    """
    most = LEAST * 10.0**DECADES
    inside = np.clip(np.nan_to_num(values, posinf=most), LEAST, most)
    steps = 1 + np.rint(np.log10(inside / LEAST) / DECADES * STEPS)
    steps = np.where(values < LEAST, 0, steps)
    return np.where(np.isnan(values), NONE_16, steps).astype(np.uint16)


def narrow(counts: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Counts from 0 in the fewest bytes that hold them."""
    most = int(counts.max(initial=0))
    return counts.astype(np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.uint32)

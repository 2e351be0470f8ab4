"""Two recordings for backtests: a reference and live traffic of the same law."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MONDAY = pd.Timestamp("2024-01-01T00:00:00Z")


def rows(count: int, seed: int, *, every: str = "1min", start: pd.Timestamp = MONDAY) -> pd.DataFrame:
    """Independent rows, one after the other: two numbers, a category, a time and a target."""
    random = np.random.default_rng(seed)
    width = random.normal(10, 2, count)
    return pd.DataFrame(
        {
            "sold-at": pd.date_range(start, periods=count, freq=every).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "width": width.round(4),
            "height": random.normal(5, 1, count).round(4),
            "area": random.choice(["centre", "coast", "hills"], count, p=[0.5, 0.3, 0.2]),
            "price": (width * 100 + random.normal(0, 10, count)).round(2),
        }
    )


def files(folder: Path, reference: pd.DataFrame, live: pd.DataFrame) -> list[str]:
    """Write both; the options that name them and the out file."""
    paths = [folder / "reference.csv", folder / "live.csv"]
    for path, frame in zip(paths, (reference, live), strict=True):
        frame.to_csv(path, index=False)
    return ["--reference", str(paths[0]), "--live", str(paths[1]), "--out", str(folder / "verdicts.jsonl")]


def options(**given: Any) -> list[str]:
    """Options of the command, written as it takes them."""
    return [text for name, value in given.items() for text in (f"--{name.replace('_', '-')}", str(value))]

"""What the model's answers were made of in training: a bundle's `attribution.json`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from drift_core.clumping import clumping, window_rows
from drift_core.described import Described
from drift_core.schema import Matrix
from drift_core.shapley import Attributions, Predict, shapley
from drift_core.share_chart import tolerated
from drift_core.swing import Marks, swing

FORMAT = 1

BACKGROUND_ROWS = 16
"""Training rows whose mean answer is what values start from."""

PERMUTATIONS = 64
"""Of each row. With 50 features the sampling error is 5 % of a feature's mean |φ| (`benchmarks`)."""

ABOVE, BELOW, NEAR = (0.5, 0.75, 0.9, 0.975), (0.5, 0.25, 0.1, 0.025), (0.5, 0.25)
"""Quantiles in training that charts count rows beyond: of φ, above and below; of |φ|, nearer to 0. So they
see a feature that pushes answers up or down more than it did, and one that no longer matters."""

MARKS = len(ABOVE) + len(BELOW) + len(NEAR)

FEWEST_PAIRS = 2_000
"""Pairs of rows of one hour from which it is measured how alike they are; chance alone gives fewer 0.03."""

_MOST_ROWS, _MOST_PERMUTATIONS = 512, 4_096
_LARGEST_SHARE = 0.999
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttributionBaseline:
    """Shapley values of rows that no model was fitted on; arrays by feature, in the order of the schema.

    Attributes
    ----------
    importance, spread : shape (features,), mean and standard deviation of |φ|, in the target's unit.
    standard_error : shape (features,), of φ by its sampling, root mean square over rows.
    marks : shape (features, MARKS), quantiles of φ at `ABOVE` and `BELOW`, of |φ| at `NEAR`.
    limits : shape (features, MARKS), the share of rows beyond each mark up to which nothing has changed.
    clumping : shape (features, MARKS), how much rows of an hour are alike in this, see `drift_core.clumping`.
    background : shape (m, features), the rows that values start from.
    rows, permutations : what it was measured with; live rows take as many permutations.
    """

    features: tuple[str, ...]
    importance: Matrix
    spread: Matrix
    standard_error: Matrix
    marks: Matrix
    limits: Matrix
    clumping: Matrix
    background: npt.NDArray[np.float32]
    rows: int
    permutations: int

    @classmethod
    def measured(
        cls,
        features: tuple[str, ...],
        found: Attributions,
        background: npt.NDArray[np.float32],
        *,
        permutations: int,
        times: npt.NDArray[np.int64] | None,
    ) -> Self:
        """Freeze what was found of held-out rows.

        Parameters
        ----------
        found : of n rows, from `explained`.
        times : shape (n,), UTC milliseconds, if the rows have any: what follows the hour of the day or the
            day of the week is tolerated.
        """
        size = np.abs(found.values)
        signed = np.quantile(found.values, [*ABOVE, *BELOW], axis=0)
        marks = np.concatenate([signed, np.quantile(size, NEAR, axis=0)]).T
        beyond = beyond_marks(found.values, marks)
        clumps, together = np.zeros(marks.shape), 1.0
        if times is not None:
            hours = times // _HOUR_MS
            together = window_rows(hours)
            if len(size) * (together - 1) >= FEWEST_PAIRS:
                flat = beyond.reshape(len(size), -1).T
                clumps = np.array([clumping(one, hours) for one in flat]).reshape(marks.shape)
        limits = tolerated(beyond.mean(0), len(size), clumps, together)
        if times is not None:
            limits = limits + swing(beyond, times)
        return cls(
            features=features,
            importance=size.mean(0),
            spread=size.std(0),
            standard_error=np.sqrt((found.standard_error**2).mean(0)),
            marks=marks,
            limits=np.minimum(limits, _LARGEST_SHARE),
            clumping=clumps,
            background=background,
            rows=len(size),
            permutations=permutations,
        )

    def explained(self, predict: Predict, rows: npt.NDArray[np.float32], *, seed: int) -> Attributions:
        """The values of live rows, shape (n, features), found as training found its own."""
        return shapley(predict, rows, self.background, permutations=self.permutations, seed=seed)

    def by_feature(self, values: Matrix) -> Mapping[str, float]:
        """Numbers by name of feature, the largest first."""
        order = np.argsort(-values, kind="stable").tolist()
        return {self.features[i]: float(values[i]) for i in order}

    def to_json(self) -> str:
        """JSON text; `from_json` is its inverse, to the bit."""
        described = {
            "format": FORMAT,
            "features": list(self.features),
            "rows": self.rows,
            "permutations": self.permutations,
            **{name: getattr(self, name).tolist() for name in (*_NUMBERS, "marks", "limits", "clumping")},
            "background": base64.b64encode(self.background.astype("<f4").tobytes()).decode(),
        }
        return json.dumps(described, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes, features: tuple[str, ...]) -> Self:
        """Read what `to_json` wrote, here or in a later version, whose fields are ignored.

        Parameters
        ----------
        features : of the model, in the order of its schema.

        Raises
        ------
        ValueError
            If it is of other features, or a field is not what it must be; the text names it.
        """
        try:
            return cls._read(Described.of_json(text), features)
        except ValueError as error:
            raise ValueError(f"not attributions of this model: {error}; train the bundle again") from None

    @classmethod
    def _read(cls, read: Described, features: tuple[str, ...]) -> Self:
        if read.whole("format") < FORMAT:
            read.refuse("format", f"{FORMAT} or more")
        if read.texts("features", most=len(features)) != features:
            read.refuse("features", "those of the model, in their order")
        width = len(features)
        background = read.packed_rows("background", width, most=_MOST_ROWS, least=1)
        permutations = read.whole("permutations", least=1, most=_MOST_PERMUTATIONS)
        if permutations % (4 * len(background)):
            read.refuse("permutations", f"a multiple of {4 * len(background)}, four of each background row")
        limits, clumps = (read.matrix(name, width, MARKS, least=0.0) for name in ("limits", "clumping"))
        if not ((limits > 0) & (limits < 1)).all():
            read.refuse("limits", "shares above 0 and below 1")
        if not (clumps <= 1).all():
            read.refuse("clumping", "shares from 0 to 1")
        return cls(
            features=features,
            **{name: read.matrix(name, width, least=0.0) for name in _NUMBERS},
            marks=read.matrix("marks", width, MARKS),
            limits=limits,
            clumping=clumps,
            background=background,
            rows=read.whole("rows", least=1),
            permutations=permutations,
        )


_NUMBERS = ("importance", "spread", "standard_error")


def beyond_marks(values: Matrix, marks: Matrix) -> Marks:
    """Which φ of rows lie beyond training's marks, shape (n, features, MARKS).

    Parameters
    ----------
    values : shape (n, features).
    marks : shape (features, MARKS).
    """
    above, below, near = np.split(marks, [len(ABOVE), len(ABOVE) + len(BELOW)], axis=1)
    signed = values[:, :, None]
    return np.concatenate([signed > above, signed < below, np.abs(signed) < near], axis=2)

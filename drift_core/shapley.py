"""Shapley values: what each feature of a row adds to the model's answer, by sampled permutations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from drift_core.schema import Matrix

type Predict = Callable[[npt.NDArray[np.float32]], Matrix]
"""A model: rows of shape (n, features) to answers of shape (n,)."""

BATCH_ROWS = 16_384
"""Rows of one call of the model, about: 3 MB at 50 features."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Attributions:
    """Shapley values of rows, in the unit of the model's answer.

    Attributes
    ----------
    values : shape (n, features), φ. A row's values add up to its answer minus `expected`.
    standard_error : shape (n, features), of the sampling of permutations, for the background as it is.
    expected : mean answer over the background.
    """

    values: Matrix
    standard_error: Matrix
    expected: float


def shapley(
    predict: Predict,
    rows: npt.NDArray[np.float32],
    background: npt.NDArray[np.float32],
    *,
    permutations: int,
    seed: int,
) -> Attributions:
    """Estimate the Shapley values of rows (Strumbelj, Kononenko 2014, Knowledge and Information Systems 41).

    A permutation takes the features of a background row, one after the other, over from the row; what the
    answer changes by is credited to the feature that was taken. Permutations come in pairs, one and its
    reverse (Mitchell et al. 2022, JMLR 23), and each background row serves as many pairs as any other, at
    least two: so values add up, and how pairs of the same row differ is the sampling error. Same arguments,
    same values, whatever the batch.

    Parameters
    ----------
    rows, background : coded by the schema, shapes (n, features) and (m, features).
    permutations : for each row, over the whole background; a multiple of 4m.
    seed : of the permutations.

    Raises
    ------
    ValueError
        If `permutations` is no such multiple, or the model's answers are not finite.

    >>> found = shapley(lambda x: 2.0 * x[:, 0], np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32),
    ...                 permutations=4, seed=0)
    >>> found.values.tolist(), found.expected
    ([[2.0, 0.0]], 0.0)
    """
    m, features = background.shape
    if permutations < 1 or permutations % (4 * m):
        raise ValueError(f"{permutations} permutations for {m} background rows; give a multiple of {4 * m}")
    pairs = permutations // 2
    started = np.resize(np.arange(m), pairs)  # the background row of each pair
    ends, starts = _answers(predict, rows), _answers(predict, background)
    rng = np.random.default_rng(seed)
    at_once = max(1, BATCH_ROWS // max(1, 2 * (features - 1) * pairs))
    values, errors = np.empty(rows.shape), np.empty(rows.shape)
    for first in range(0, len(rows), at_once):
        part = slice(first, first + at_once)
        some = rows[part]
        ranks = rng.random((len(some), pairs, features)).argsort(2)  # when each feature is taken
        mixed = _mixed(some, background[started], ranks)
        between = _answers(predict, mixed.reshape(-1, features)).reshape(mixed.shape[:-1])
        credited = _credited(between, ranks, ends[part], starts[started])
        values[part] = credited.mean(1)
        apart = credited.reshape(len(some), pairs // m, m, features).var(1, ddof=1)
        errors[part] = np.sqrt(apart.mean(1) / pairs)
    return Attributions(values=values, standard_error=errors, expected=float(starts.mean()))


def _mixed(
    rows: npt.NDArray[np.float32], started: npt.NDArray[np.float32], ranks: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """The rows between a background row and a row, shape (rows, pairs, 2, features - 1, features).

    Parameters
    ----------
    started : shape (pairs, features), the background row of each pair.
    ranks : shape (rows, pairs, features).
    """
    features = rows.shape[1]
    steps = np.arange(1, features)[:, None]
    # On the way back, a feature that is taken last is taken first.
    taken = np.stack([ranks[:, :, None] < steps, ranks[:, :, None] >= features - steps], axis=2)
    return np.where(taken, rows[:, None, None, None], started[:, None, None])


def _credited(between: Matrix, ranks: npt.NDArray[np.intp], ends: Matrix, starts: Matrix) -> Matrix:
    """What each pair of permutations credits each feature with, shape (rows, pairs, features).

    Parameters
    ----------
    between : shape (rows, pairs, 2, features - 1), the model's answers to `_mixed` rows.
    ranks : shape (rows, pairs, features).
    ends, starts : shapes (rows,) and (pairs,), the answers to the rows and to the background.
    """
    n, pairs, features = ranks.shape
    path = np.empty((n, pairs, 2, features + 1))
    path[..., 0], path[..., 1:-1], path[..., -1] = starts[:, None], between, ends[:, None, None]
    gains = np.diff(path)
    forth = np.take_along_axis(gains[:, :, 0], ranks, 2)
    back = np.take_along_axis(gains[:, :, 1], features - 1 - ranks, 2)
    credited: Matrix = (forth + back) / 2
    return credited


def _answers(predict: Predict, rows: npt.NDArray[np.float32]) -> Matrix:
    if not len(rows):
        return np.zeros(0)  # between two rows of one feature there is nothing, and of no rows no answer
    answers = np.asarray(predict(rows), float)
    if not np.isfinite(answers).all():
        raise ValueError("the model's answer to a mixed row is not a finite number; it cannot be explained")
    return answers

"""Adversarial validation: whether a classifier tells a window's rows from training's, and by which columns.

A classifier two-sample test (Lopez-Paz and Oquab 2017, arXiv 1610.06545): it sees joint changes that leave
every column by itself as it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from drift_core.schema import Matrix

FEWEST_ROWS = 30
"""Rows that each side needs: ten in each fold."""

_FOLDS = 3  # with more, the folds' classifiers grow alike and the AUC's variance with them: less power

_RELABELLINGS = 40  # refits for the null; about 4 s on one core for 256 + 512 rows of 50 columns

_BINS = 64  # of a column, in the classifier; also the categories that it tells apart
_BOOSTING = {
    "max_iter": 30,
    "learning_rate": 0.3,
    "max_leaf_nodes": 8,
    "max_bins": _BINS,
    "early_stopping": False,  # it would hold out rows that are too few already
}

_SHUFFLES = 5  # of a column of held-out rows, averaged
_NAMED = 5  # columns at most
_FALSE_NAMES = 0.01  # in a call, by the error of independent folds; theirs is a fifth larger: about 0.05

type _Rows = npt.NDArray[np.float32]
type _Labels = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """How well a classifier tells a window's sampled rows from training's.

    Attributes
    ----------
    auc : cross-validated area under the ROC curve; 0.5 is not at all.
    p_value : that rows which differ in nothing reach this AUC; one-sided.
    z : its equivalent normal quantile, 0 for an AUC up to 0.5.
    features : columns that the classifier needs, those first whose shuffling costs it the most AUC.
    """

    auc: float
    p_value: float
    z: float
    features: tuple[str, ...]


def separate(
    reference: _Rows, window: _Rows, names: Sequence[str], categorical: _Labels, *, seed: int
) -> Separation:
    """Train classifiers to tell the window from the reference and test them on rows they did not see.

    Null hypothesis: all rows come from one distribution, so that which of them are the window's is mere
    labelling. Given the rows that a fold's classifier learned from, every labelling of the others is then
    equally likely: the AUC's mean is exactly 0.5. Its variance is not that of Mann and Whitney, for each
    row both teaches and tests; so it is measured, by cross-validating anew with the labels permuted. The
    AUC's distance from 0.5, in units of its root, is judged by Student's law, which reaches beyond the
    1 / (permutations + 1) of counting. Windows that meet the same reference share its oddities: about 4 %
    of the AUC's variance at 512 + 256 rows of 5 columns.

    Parameters
    ----------
    reference, window : shapes (r, columns) and (k, columns), as a window's sample holds them: numbers or
        codes by frequency, NaN for missing values.
    names : of the columns.
    categorical : shape (columns,), which of them hold codes.
    seed : of the folds and the permutations; the same seed gives the same answer.

    Raises
    ------
    ValueError
        If either side has fewer than `FEWEST_ROWS` rows.
    """
    r, k = len(reference), len(window)
    if min(r, k) < FEWEST_ROWS:
        raise ValueError(
            f"{r} reference rows and {k} of the window; a classifier needs {FEWEST_ROWS} of each: "
            "sample more, or judge a longer window"
        )
    rng = np.random.default_rng(seed)
    # The samples may be in some order, and the folds are: shuffled, no fold is a stretch of it.
    rows = _legible(np.vstack([rng.permutation(reference), rng.permutation(window)]), categorical)
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        # Imported here: it takes a second on Lambda, and few verdicts need it. Lambda has no semaphores,
        # joblib warns of that at its import, and one thread needs none.
        from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415
        from threadpoolctl import threadpool_limits  # noqa: PLC0415
    trial = _Trial(
        labels=np.arange(r + k) >= r,
        folds=np.concatenate([np.arange(r) % _FOLDS, np.arange(k) % _FOLDS]),
        classifier=partial(
            HistGradientBoostingClassifier,
            **_BOOSTING,
            categorical_features=categorical if categorical.any() else None,
        ),
    )
    with threadpool_limits(limits=1, user_api="openmp"):
        classifiers = trial.fit(rows)
        auc = trial.auc(classifiers, rows)
        relabelled = (rng.permutation(rows) for _ in range(_RELABELLINGS))
        null = [trial.auc(trial.fit(other), other) for other in relabelled]
        needed = trial.needed(classifiers, rows, rng)
    deviation = float(np.sqrt(np.mean((np.array(null) - 0.5) ** 2)))
    p_value = float(stats.t.sf((auc - 0.5) / deviation, _RELABELLINGS)) if deviation else 0.5
    return Separation(
        auc=auc,
        p_value=p_value,
        z=max(0.0, float(stats.norm.isf(p_value))),
        features=tuple(names[i] for i in needed[:_NAMED]),
    )


@dataclass(frozen=True, slots=True)
class _Trial:
    """A cross-validation; the labels stay, so that permuted rows are permuted labels.

    Attributes
    ----------
    labels : shape (n,), which rows are the window's.
    folds : shape (n,), the fold that holds a row out; each fold has its share of both sides.
    classifier : makes an unfitted one.
    """

    labels: _Labels
    folds: npt.NDArray[np.intp]
    classifier: Callable[[], Any]

    def fit(self, rows: Matrix) -> list[Any]:
        """One classifier a fold, from all other folds."""
        parts = (self.folds != fold for fold in range(_FOLDS))
        return [self.classifier().fit(rows[part], self.labels[part]) for part in parts]

    def auc(self, classifiers: Sequence[Any], rows: Matrix) -> float:
        """Mean over the folds of the AUC on the rows held out."""
        areas = []
        for fold, classifier in enumerate(classifiers):
            held_out = self.folds == fold
            labels = self.labels[held_out]
            areas.append(_placements(classifier.decision_function(rows[held_out]), labels)[labels].mean())
        return float(np.mean(areas))

    def needed(self, classifiers: Sequence[Any], rows: Matrix, rng: np.random.Generator) -> list[int]:
        """Columns whose shuffling among the rows held out costs AUC beyond noise, the most costly first."""
        drops = np.zeros((_FOLDS, rows.shape[1]))
        variances = np.zeros_like(drops)
        for fold, classifier in enumerate(classifiers):
            held_out, labels = rows[self.folds == fold], self.labels[self.folds == fold]
            intact = _placements(classifier.decision_function(held_out), labels)
            for column in range(rows.shape[1]):
                shuffled = np.tile(held_out, (_SHUFFLES, 1, 1))
                shuffled[:, :, column] = rng.permuted(shuffled[:, :, column], axis=1)
                scores = classifier.decision_function(shuffled.reshape(-1, rows.shape[1]))
                costs = intact - _placements(scores.reshape(_SHUFFLES, -1), labels).mean(0)
                drops[fold, column] = costs[labels].mean()
                # DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44: each row has its part in an AUC.
                variances[fold, column] = sum(
                    part.var(ddof=1) / len(part) for part in (costs[labels], costs[~labels])
                )
        beyond = stats.norm.isf(_FALSE_NAMES / rows.shape[1]) * np.sqrt(variances.sum(0)) / _FOLDS
        drop = drops.mean(0)
        return [int(i) for i in np.argsort(-drop, kind="stable") if drop[i] > beyond[i]]


def _placements(scores: Matrix, labels: _Labels) -> Matrix:
    """Each row's part in the AUC: the share of the other side's rows that it is on the right side of.

    Parameters
    ----------
    scores : shape (..., n).

    Returns
    -------
    Shape (..., n); ties count half. The mean over either side is the AUC.

    >>> _placements(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True])).tolist()
    [1.0, 0.75, 0.75, 1.0]
    """
    ranks = stats.rankdata(scores, axis=-1)
    placements: Matrix = np.empty_like(ranks)
    for side in (labels, ~labels):
        others = ranks[..., side] - stats.rankdata(scores[..., side], axis=-1)
        placements[..., side] = others / (len(labels) - side.sum())
    placements[..., ~labels] = 1 - placements[..., ~labels]
    return placements


def _legible(rows: _Rows, categorical: _Labels) -> Matrix:
    """Rows as the classifier reads them: all finite, rare categories one, missing a value of its own.

    The classifier knows missing values too, but not a column that lacks all values in one fold's training.
    """
    largest = float(np.finfo(np.float32).max)
    legible: Matrix = np.nan_to_num(
        rows.astype(float), nan=-3 * largest, posinf=2 * largest, neginf=-2 * largest
    )
    # Codes are in order of frequency and begin with that of the unseen, -1: with missing, `_BINS` of them.
    codes = np.clip(rows[:, categorical], -1, _BINS - 3)
    legible[:, categorical] = np.nan_to_num(codes, nan=-2) + 2
    return legible

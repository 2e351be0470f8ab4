"""The domain classifier's place in the verdict of an hour or a day: one more test of how features relate.

The classifier takes all rows for draws from one distribution. But rows of one hour resemble each other, and
an hour of the night differs from training as a whole. So features that follow the season are left out, and
what noise and season let a perfect classifier reach is taken out of its AUC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy import special

from drift_core.adversarial import FEWEST_ROWS, Separation, separate
from drift_core.evidence import effective_rows
from drift_core.memory import Memory
from drift_core.monitor import Judgement, Monitor
from drift_core.schema import Kind, Matrix
from drift_core.tolerance import HARMLESS_DISTANCE
from drift_core.verdict import Verdict
from drift_core.window import WindowState

CLASSIFIER = "classifier"

NOISE_SHARE = 3.0
"""Standard deviations above the mean squared shift that noise between spans may bring."""


def classified(
    monitor: Monitor, judgement: Judgement, state: WindowState, *, cells: Mapping[int, int], memory: Memory
) -> Judgement:
    """A judgement with the classifier's test; as it was where that cannot be made.

    Parameters
    ----------
    judgement : of an hour or a day, with this state, these cells and this memory.
    """
    baseline, verdict = monitor.baseline, judgement.verdict
    season = season_shift(monitor, cells)
    watched = np.flatnonzero(season <= HARMLESS_DISTANCE**2)
    if (
        verdict.multivariate is None
        or len(watched) < 2
        or min(len(baseline.sample), len(state.sample)) < FEWEST_ROWS
    ):
        return judgement
    names = [baseline.schema.names[i] for i in watched]
    categorical = np.array([baseline.schema.features[i].kind is not Kind.NUMERIC for i in watched])
    separation = separate(
        baseline.sample[:, watched], state.sample[:, watched], names, categorical, seed=verdict.start
    )
    noise = noise_between(monitor, verdict, cells, memory)[watched]
    told = with_classifier(
        verdict,
        separation,
        threshold=monitor.threshold(verdict.span),
        attainable=attainable_auc(noise, float(season[watched].sum())),
    )
    # A span that drifted is nothing to learn a healthy one's noise from.
    return replace(judgement, verdict=told, memory=memory if told.drift else judgement.memory)


def season_shift(monitor: Monitor, cells: Mapping[int, int]) -> Matrix:
    """How far each feature, as expected at these hours, lies from all of training; shape (features,).

    Σ (p - q)² / q over bins: for normal values whose mean shifts by δ σ about δ².
    """
    baseline = monitor.baseline
    here = monitor.reference(cells).shares
    whole = baseline.seasonal.counts.sum(0)
    found = []
    for i in range(len(baseline.schema.names)):
        place = baseline.layout.slice(i)
        q = whole[place] / np.maximum(whole[place].sum(), 1)
        seen = q > 0
        found.append(float(((here[place][seen] - q[seen]) ** 2 / q[seen]).sum()))
    return np.array(found)


def noise_between(monitor: Monitor, verdict: Verdict, cells: Mapping[int, int], memory: Memory) -> Matrix:
    """Variance of each feature's mean between spans beyond that of sampling, in σ², shape (features,)."""
    baseline = monitor.baseline
    reference = monitor.reference(cells)
    phi, _ = monitor.factors(reference, np.array([verdict.n]), monitor.noise(verdict.span, memory))
    found = []
    for i, name in enumerate(baseline.schema.names):
        place = baseline.signals.positions[name]
        levels = [
            k
            for k in range(place.start, place.stop)
            if baseline.signals.all[k].name == "location"
            or baseline.signals.all[k].name.startswith("category:")
        ]
        largest = float(phi[0, levels].max()) if levels else 1.0
        found.append((largest - 1) / float(effective_rows(verdict.n, reference.rows[i])))
    return np.array(found)


def attainable_auc(noise: Matrix, season: float = 0.0) -> float:
    """What a perfect classifier reaches between a span without drift and training, by noise and season.

    Normal features whose means lie δ apart are told apart with an AUC of Φ(|δ|/√2). Noise alone makes |δ|² a
    sum of squares of normals with these variances; season adds what is expected.

    >>> attainable_auc(np.zeros(3))
    0.5
    """
    squared = season + noise.sum() + NOISE_SHARE * np.sqrt(2 * (noise**2).sum())
    return float(special.ndtr(np.sqrt(squared / 2)))


def with_classifier(
    verdict: Verdict, separation: Separation, *, threshold: float, attainable: float
) -> Verdict:
    """A verdict after one more one-sided test.

    Parameters
    ----------
    threshold : the z above which a test of the span alarms, this one counted among them.
    attainable : AUC that noise between spans explains.

    Raises
    ------
    ValueError
        If the relations of the features are not watched.
    """
    before = verdict.multivariate
    if before is None:
        raise ValueError(f"{verdict.model_name} has one feature only; a classifier compares several")
    beyond = max(separation.auc - attainable, 0.0)
    share = beyond / (separation.auc - 0.5) if beyond else 0.0
    score = max(separation.z, 0.0) * share / threshold
    relations = replace(
        before,
        classifier_auc=separation.auc,
        classifier_p_value=separation.p_value,
        classifier_features=separation.features,
    )
    if score > before.score:
        relations = replace(relations, drift=score > 1, score=score, top_contrast=CLASSIFIER, since=None)
    drift = verdict.drift or score > 1
    return replace(
        verdict,
        drift=drift,
        drift_score=max(verdict.drift_score, score),
        guilty=verdict.guilty or (separation.features if score > 1 else ()),
        multivariate=relations,
    )

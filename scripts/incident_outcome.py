"""What to do about an incident: evidence for each way out, and its command."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from drift_core.bundle import Manifest
from scripts.archived import Archived
from training.challenge import FEWEST_ROWS
from training.fit import fit_one
from training.fit import predict as predicted

WORSE = 1.1
"""Times the error before, above which a model errs more."""

CONCENTRATED = 0.8
"""Part of a shift that comes from one segment where it comes from nowhere else."""

_LEARNED = 0.6  # share of the labelled rows, the oldest, that a trial learns from


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What training again would bring: a model of the incident's labelled rows on the latest of them.

    Attributes
    ----------
    labelled, needed : rows of the incident with a label, and how many a challenger needs (`min_labels`).
    served_mae, trial_mae : errors on the latest rows, in the target's unit; NaN where there are too few.
    """

    labelled: int
    needed: int
    served_mae: float = np.nan
    trial_mae: float = np.nan

    @property
    def better(self) -> bool:
        """Whether it errs less, by a tenth at least; the challenge of `scripts.retrain` tests it strictly."""
        return bool(self.trial_mae < self.served_mae / WORSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the notebook found.

    Attributes
    ----------
    begin : of the incident, ISO 8601.
    abrupt : whether it came at once.
    part, segment : the largest part of the shift that comes from one segment, and which.
    impossible : points of the rows, 0 to 100, that are newly missing, unseen or out of training's range.
    shift_sigma : largest mean shift of a guilty feature.
    mae_before, mae_during : by labels; NaN without.
    """

    begin: str
    abrupt: bool
    part: float
    segment: str
    impossible: float
    shift_sigma: float
    mae_before: float
    mae_during: float
    trial: Trial


def trial(during: Archived, manifest: Manifest, *, seed: int = 0) -> Trial:
    """Learn from the older labelled rows of an incident, and compare on the later ones.

    Parameters
    ----------
    during : rows since the incident began.
    """
    table = during.table
    known = np.flatnonzero(np.isfinite(table.labels))
    needed = manifest.retraining.min_labels
    if len(known) < 2 * FEWEST_ROWS:
        return Trial(labelled=len(known), needed=needed)
    features = table.matrix.astype(np.float32)
    older, later = np.split(known, [int(_LEARNED * len(known))])
    model = fit_one(
        manifest.schema, features[older], table.labels[older], {"loss": "squared_error"}, seed=seed
    )
    learned = predicted({"prediction": model}, features[later])["prediction"]
    truth = table.labels[later]
    return Trial(
        labelled=len(known),
        needed=needed,
        served_mae=float(np.abs(during.served["prediction"][later] - truth).mean()),
        trial_mae=float(np.abs(learned - truth).mean()),
    )


def decisions(found: Evidence) -> pd.DataFrame:
    """The ways out, each with what speaks for it here, and the command.

    Returns
    -------
    One row each for `repair`, `accept`, `retrain` and `raise the tolerance`: `when`, `here` ("yes", "no",
    "perhaps" or "unknown"), `because` and `command`.
    """
    local = found.part >= CONCENTRATED
    broken = found.impossible >= 1 or (found.abrupt and local)
    judged = np.isfinite(found.mae_before) and np.isfinite(found.mae_during)
    worse = found.mae_during > WORSE * found.mae_before if judged else None
    error = f"error {found.mae_during / found.mae_before:.1f} times as before" if judged else "no labels yet"
    one = found.trial
    learns = f"{one.labelled:,} of {one.needed:,} labels"
    if np.isfinite(one.trial_mae):
        learns += f"; a model of these rows errs {one.trial_mae / one.served_mae:.2f} times as much"
    signs = [
        f"{found.impossible:.0f} % newly missing, unseen or out of range",
        "came at once" if found.abrupt else "came slowly",
        f"{max(found.part, 0.0):.0%} of the shift from {found.segment}" if local else "no single segment",
    ]
    rows = {
        "repair": (
            "a producer sends something else than it did",
            "yes" if broken else "perhaps" if found.abrupt else "no",
            "; ".join(signs),
            "mend the producer; python -m scripts.query quarantine_reasons",
        ),
        "accept": (
            "the change is real, known, and does no harm",
            "no" if broken else _told(None if worse is None else not worse),
            error,
            f'python -m scripts.accept --from {found.begin} --why "..."',
        ),
        "retrain": (
            "the change is real, does harm, and can be learned",
            "no" if broken else _told(None if worse is None else worse and one.better),
            f"{error}; {learns}",
            f"python -m scripts.retrain --reason drift --since {found.begin}",
        ),
        "raise the tolerance": (
            "it is true and too small to be woken for",
            _told(not broken and not worse and found.shift_sigma < 0.1),
            f"largest mean shift {found.shift_sigma:.2f} σ; {error}",
            "python -m scripts.deploy --parameter FalseAlarmsPerMonth=0.25",
        ),
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["when", "here", "because", "command"])


def _told(answer: bool | None) -> str:
    return {True: "yes", False: "no", None: "unknown"}[answer]

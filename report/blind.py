"""What could not have been detected: as much a part of a report as what was."""

from __future__ import annotations

import numpy as np

from report.facts import Facts
from report.phrases import number, percent, plural
from report.tables import ALL


def blind_spots(facts: Facts) -> list[tuple[str, str]]:
    """Names and sentences."""
    windows, told = facts.windows, []
    detectable = windows.detectable[np.isfinite(windows.detectable)]
    lasting = windows.lasting[np.isfinite(windows.lasting)]
    if len(detectable):
        told.append(
            (
                "Small sudden shifts",
                "One window alone shows, nine times of ten, a shift of "
                f"{number(float(np.median(detectable)))} σ or more: the median of windows, which lie "
                f"between {number(float(detectable.min()))} and "
                f"{number(float(detectable.max()))} σ.",
            )
        )
    if len(lasting):
        told.append(
            ("Small lasting shifts", f"A shift that lasts is found from {number(float(lasting[-1]))} σ on.")
        )
    calibrating = int(windows.calibrating.sum())
    if calibrating:
        told.append(
            (
                "Calibrating",
                f"In {plural(calibrating, 'window')} the noise between windows was not known yet: only "
                "gross shifts alarm.",
            )
        )
    told.append(
        (
            "Too few rows",
            f"A window with fewer than {facts.settings['min_samples']} rows is carried into the next: it is "
            "judged later, not on its own.",
        )
    )
    labelled = [row for row in facts.quality if row.get("segment") == ALL and row.get("labelled")]
    if labelled:
        last = labelled[-1].get("label_share")
        told.append(
            (
                "Labels that are not there",
                f"Errors are known of {percent(last)} of the latest labelled predictions.",
            )
        )
    else:
        told.append(
            (
                "Concept drift",
                "Without labels nobody can see that the same inputs have other answers now: estimates of the "
                "error know the errors of training only.",
            )
        )
    told.append(
        (
            "Values that no bin tells apart",
            "Counts are kept in bins frozen with the baseline; a change inside of one bin, with the "
            "same rows in it, is not seen.",
        )
    )
    if not np.isfinite(windows.relations).any():
        told.append(
            (
                "How features go together",
                "It was not watched in these windows; each feature was judged alone.",
            )
        )
    return told

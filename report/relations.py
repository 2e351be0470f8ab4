"""How the features go together otherwise than in training, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from report.numbers import plain


def related(verdict: Mapping[str, Any]) -> str:
    """What a verdict says of the relations between features.

    Parameters
    ----------
    verdict : `multivariate` of a verdict's document.

    >>> related({"score": 7.86, "pair": ["m2", "rooms"], "correlation_before": 0.81, "correlation_now": 0.35})
    '7.86 times the threshold; most changed: m2 and rooms, correlation 0.81 → 0.35.'
    """
    parts = [f"{plain(verdict['score'], 3)} times the threshold"]
    if verdict.get("pair"):
        one, other = verdict["pair"]
        before, now = (verdict[f"correlation_{when}"] for when in ("before", "now"))
        parts.append(f"most changed: {one} and {other}, correlation {before:.2f} → {now:.2f}")
    if verdict.get("classifier_auc"):
        parts.append(f"a classifier tells it from training with an AUC of {verdict['classifier_auc']:.2f}")
    return f"{'; '.join(parts)}."

"""Tolerance: drift that nobody cares about, whatever the number of rows."""

HARMLESS_SHIFT = 0.03
"""Standardised difference of a contrast, a share or a correlation that is harmless (δ₀ of the method)."""

HARMLESS_DISTANCE = 0.1
"""ε of the shape test: a χ² distance √(Σ(q-p)²/p) of 0.1, about a shift by 0.1 standard deviations."""

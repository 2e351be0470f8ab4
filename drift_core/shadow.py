"""A challenger in shadow: which version is scored beside the served one, and on which requests."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from drift_core.bundle import BundleError, Manifest, check_name

NO_SHADOW = "none"
"""Value of the parameter while nothing is scored in shadow."""

_PERSON = b"shadow"
"""Sets this hash apart from every other of the same ids, such as the one that samples a window's rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowPlan:
    """What is scored in shadow.

    Attributes
    ----------
    version : of the challenger's bundle.
    share : of the requests, above 0 and at most 1.
    """

    version: str
    share: float

    def __post_init__(self) -> None:
        check_name("version of the shadow", self.version)
        if not 0 < self.share <= 1:
            raise ValueError(f"share of the shadow is {self.share:g}; give a number above 0 and at most 1")

    @classmethod
    def parse(cls, text: str) -> ShadowPlan | None:
        """Read the parameter's value; None if nothing is to be scored.

        Raises
        ------
        ValueError
            If it is neither "none" nor a version and a share.

        >>> ShadowPlan.parse("20261123T040651Z-615f2822 0.1").share
        0.1
        >>> ShadowPlan.parse("none") is None
        True
        """
        if text == NO_SHADOW:
            return None
        version, _, share = text.partition(" ")
        try:
            number = float(share)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(
                f"the shadow is {text[:100]!r}; write {NO_SHADOW!r}, or a version and a share such as "
                f"'20261123T040651Z-615f2822 0.1'"
            )
        return cls(version=version, share=number)

    def text(self) -> str:
        """The parameter's value; `parse` is its inverse."""
        return f"{self.version} {self.share!r}"

    def chooses(self, prediction_id: str) -> bool:
        """Whether the request whose first prediction has this id is scored.

        The same for the same id, true for `share` of all ids, and independent of what the request holds.
        """
        digest = hashlib.blake2b(prediction_id.encode(), digest_size=8, person=_PERSON).digest()
        return int.from_bytes(digest) < self.share * 2**64


def check_challenger(champion: Manifest, challenger: Manifest) -> None:
    """Do nothing, if a version can be scored on what another one is asked.

    Raises
    ------
    BundleError
        If their features differ in name or kind, or they predict something else: a feature that requests do
        not bring would always be missing, and errors on different labels cannot be compared.
    """
    about = f"{challenger.model_version} cannot be the shadow of {champion.model_version}"
    for name in ("model_name", "task", "target", "target_unit"):
        served, found = getattr(champion, name), getattr(challenger, name)
        if served != found:
            raise BundleError(f"{about}: its {name} is {found!r}, not {served!r}; train it for the same")
    kinds = {feature.name: feature.kind.value for feature in champion.schema.features}
    found_kinds = {feature.name: feature.kind.value for feature in challenger.schema.features}
    different = sorted(name for name in {*kinds, *found_kinds} if kinds.get(name) != found_kinds.get(name))
    if different:
        first = different[0]
        raise BundleError(
            f"{about}: feature {first!r} is {found_kinds.get(first, 'absent')}, not "
            f"{kinds.get(first, 'absent')} ({len(different)} differ); train it on the same features"
        )

"""What a part of the benchmark found: figures beside a named alternative, their targets, and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

type Cell = str | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a figure must reach: `of` is "value" or "ratio"; at most the limit, or at least."""

    of: str
    limit: float
    at_most: bool = True

    def reached(self, value: float, ratio: float | None) -> bool:
        """Whether a figure is on the right side of the limit.

        >>> Target(of="ratio", limit=3, at_most=False).reached(0.0, 2.9)
        False
        """
        found = value if self.of == "value" else ratio
        if found is None:
            raise ValueError("the target is a ratio, but the figure has none; give the alternative's value")
        return found <= self.limit if self.at_most else found >= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number.

    Attributes
    ----------
    beside : name of the alternative in the same run; empty if the figure stands alone.
    other : the alternative's value, in the same unit.
    ratio : the median over paired repetitions where there are some, so it may differ from value / other.
    """

    name: str
    value: float
    unit: str
    beside: str = ""
    other: float | None = None
    ratio: float | None = None
    target: Target | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.target.reached(self.value, self.ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of a table; `columns` names them."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One benchmark's result.

    Attributes
    ----------
    text : what is compared and what is not, in Markdown.
    machine : see `benchmarks.speed.machine.described`.
    facts : numbers that other pages take from here, by name.
    """

    name: str
    title: str
    text: str
    figures: Sequence[Figure]
    tables: Sequence[Table] = ()
    machine: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; it tells too which targets were reached."""
        described = asdict(self)
        for figure, told in zip(self.figures, described["figures"], strict=True):
            told["reached"] = figure.reached
        return described

    @classmethod
    def from_json(cls, described: Mapping[str, Any]) -> Part:
        """Read what `to_json` wrote; whether a target was reached is found anew."""
        figures = [
            Figure(
                **{key: value for key, value in told.items() if key not in ("target", "reached")},
                target=Target(**told["target"]) if told["target"] else None,
            )
            for told in described["figures"]
        ]
        tables = [Table(**told) for told in described["tables"]]
        return cls(**{**described, "figures": figures, "tables": tables})

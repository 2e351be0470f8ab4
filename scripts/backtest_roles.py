"""What the user says about the columns of a backtest, and whether the two files bear it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from drift_core.baseline import RESERVED
from drift_core.schema import Kind
from scripts.backtest_columns import As, Reading, Role, reading
from training.data import DataError, listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """What the user said about the columns.

    Attributes
    ----------
    time, target, prediction : names, or None.
    ignore : left out, unread.
    told : kinds that overrule the rules.
    missing : texts that stand for a missing value, beside the usual ones.
    """

    time: str | None = None
    target: str | None = None
    prediction: str | None = None
    ignore: tuple[str, ...] = ()
    told: Mapping[str, As] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    @property
    def roles(self) -> dict[str, str]:
        """The column of each option that was given."""
        named = {"--time-column": self.time, "--target": self.target, "--prediction-column": self.prediction}
        return {option: name for option, name in named.items() if name is not None}

    @property
    def unread(self) -> tuple[str, ...]:
        """Columns that the user leaves out."""
        return (*self.ignore, *(name for name, kind in self.told.items() if kind is As.IGNORE))


def check(columns: Columns, reference: Sequence[str], live: Sequence[str]) -> None:
    """Do nothing, if the files have the columns that are named, each with one role.

    Parameters
    ----------
    reference, live : the files' columns.

    Raises
    ------
    DataError
        If they have not: a slip of the pen would otherwise change nothing in silence.
    """
    known = list(dict.fromkeys([*reference, *live]))
    for option, names in (("--ignore", columns.ignore), ("--kind", tuple(columns.told))):
        _exist(option, names, known)
    for option, name in columns.roles.items():
        _exist(option, [name], known)
        if name in columns.ignore or name in columns.told:
            raise DataError(
                f"column {name!r} is named by {option} and by --ignore or --kind; give one of them"
            )
    named = list(columns.roles.values())
    twice = [name for name in named if named.count(name) > 1]
    if twice:
        raise DataError(f"column {twice[0]!r} has two roles; name it in one of {', '.join(columns.roles)}")
    if columns.time is not None and columns.time not in live:
        raise DataError(f"the live file has no time column {columns.time!r}; there are {listed(live)}")
    prediction = columns.prediction
    if prediction is not None and not (prediction in reference and prediction in live):
        raise DataError(
            f"prediction column {prediction!r} is not in both files; predict both, or leave out "
            f"--prediction-column and give --ignore {prediction}"
        )


def _exist(option: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise DataError(f"{option} names {name!r}, which neither file has; there are {listed(known)}")


def refuse_differences(
    files: tuple[str, str], watched: Sequence[str], live: Sequence[str], known: Sequence[str]
) -> None:
    """Refuse files that cannot be compared column by column.

    Parameters
    ----------
    files : names of the reference and of the live file.
    watched : columns of the reference that the monitor shall see.
    live : columns of the live file.
    known : those that it may have.

    Raises
    ------
    DataError
        If it lacks one or has another one.
    """
    gone = [name for name in watched if name not in live]
    if gone:
        raise DataError(
            f"column {gone[0]!r} is in {files[0]} and not in {files[1]}; add it, or leave it out with "
            f"--ignore {','.join(gone)}"
        )
    new = [name for name in live if name not in known]
    if new:
        raise DataError(
            f"column {new[0]!r} is in {files[1]} and not in {files[0]}, so there is nothing to compare it "
            f"with; leave it out with --ignore {','.join(new)}"
        )


def roles(frame: pd.DataFrame, columns: Columns, live: Sequence[str]) -> tuple[Reading, ...]:
    """How each column of the reference is read.

    Parameters
    ----------
    frame : the reference, without what is unread.
    live : columns of the live file.

    Raises
    ------
    DataError
        If a column cannot be read without guessing, or has a name of the monitor's own.
    """
    found = [Reading(column=name, role=Role.LEFT_OUT, why="by --ignore or --kind") for name in columns.unread]
    if columns.target is not None:
        also = "in both files" if columns.target in live else "in the reference alone"
        found.append(Reading(column=columns.target, role=Role.TARGET, why=f"by --target; {also}, no feature"))
    for name in map(str, frame.columns):
        if name == columns.time:
            why = "by --time-column; UTC unless it says otherwise"
            found.append(Reading(column=name, role=Role.TIME, why=why))
        elif name == columns.prediction:
            why = "by --prediction-column"
            found.append(Reading(column=name, role=Role.PREDICTION, kind=Kind.NUMERIC, why=why))
        else:
            found.append(_feature(frame[name], columns))
    return tuple(found)


def _feature(series: pd.Series, columns: Columns) -> Reading:
    name = str(series.name)
    how = reading(series, columns.told.get(name))
    if how.role is Role.FEATURE and name in RESERVED:
        raise DataError(
            f"column {name!r} has a name of the monitor's own; name it with --prediction-column if it is the "
            f"prediction, rename it, or give --ignore {name}"
        )
    return how

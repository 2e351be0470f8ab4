"""The questions in queries/: one SQL file each, over relations that count each record once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import sqlglot
from sqlglot import expressions as sql

from scripts.stack import PROJECT

QUERIES = PROJECT / "queries"
"""One file a question; queries/views holds the relations that they may name."""

DEFAULTS = {
    f"last {days} days": f"cast(cast(current_date - interval '{days}' day as date) as varchar)"
    for days in (7, 28, 90, 365)
}
"""What a parameter's default in words is in SQL."""

_PARAMETER = re.compile(
    r"-- :(?P<name>\w+) (?P<kind>day|number|name)(?: = (?P<default>[^,]+))?, (?P<text>.+)"
)
_PLACEHOLDER = re.compile(r"(?<![:\w]):([a-z_]+)\b")
_NAME = re.compile(r"[\w .()/%-]{1,128}")
_NUMBER = re.compile(r"-?\d{1,30}(\.\d{1,30})?([eE][+-]?\d{1,3})?")


class QueryError(ValueError):
    """A question that cannot be asked; the text names the query, the value and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value that a question needs.

    Attributes
    ----------
    kind : "day" (a date in UTC), "number" or "name" (of a feature).
    default : a key of `DEFAULTS`, or a value; None if a value must be given.
    """

    name: str
    kind: str
    default: str | None
    text: str

    def literal(self, value: str) -> str:
        """The value as SQL.

        Athena's execution parameters cannot stand for a column, so values are written into the text; each
        kind admits only characters that cannot end a literal or a name.

        Raises
        ------
        QueryError
            If the value is not of the parameter's kind.

        >>> Parameter(name="since", kind="day", default=None, text="first day").literal("2026-01-31")
        "'2026-01-31'"
        """
        match self.kind:
            case "day":
                try:
                    return f"'{date.fromisoformat(value):%Y-%m-%d}'"
                except ValueError:
                    raise self._refused(value, "a date such as 2026-01-31") from None
            case "number":
                if not _NUMBER.fullmatch(value):
                    raise self._refused(value, "a number such as 12.5")
                return f"cast('{value}' as double)"
            case _:
                if not _NAME.fullmatch(value):
                    raise self._refused(value, "a feature's name, without quotation marks")
                return f'"{value}"'

    def _refused(self, value: str, needed: str) -> QueryError:
        return QueryError(f"parameter {self.name} is {value[:100]!r}; give {needed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One file of queries/."""

    name: str
    title: str
    parameters: tuple[Parameter, ...]
    body: str

    @classmethod
    def load(cls, name: str) -> Question:
        """Read a question.

        Raises
        ------
        QueryError
            If there is none of this name.
        """
        if name not in question_names():
            raise QueryError(f"no query {name[:100]!r}; there are {', '.join(question_names())}")
        title, parameters, body = _read(QUERIES / f"{name}.sql")
        return cls(name=name, title=title, parameters=parameters, body=body)

    @property
    def needs(self) -> tuple[str, ...]:
        """Parameters that have no default."""
        return tuple(parameter.name for parameter in self.parameters if parameter.default is None)

    def sql(self, values: Mapping[str, str]) -> str:
        """The whole SQL text: the relations that the question names, then the question.

        Raises
        ------
        QueryError
            If a value is absent, unknown or not of its kind.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in values:
            if name not in known:
                raise QueryError(f"{self.name} has no parameter {name[:100]!r}; it has {', '.join(known)}")
        literals = {}
        for name, parameter in known.items():
            if name in values:
                literals[name] = parameter.literal(values[name])
            elif parameter.default is None:
                raise QueryError(f"{self.name} needs {name}; add --param {name}=... ({parameter.text})")
            else:
                literals[name] = DEFAULTS.get(parameter.default) or parameter.literal(parameter.default)
        body = _PLACEHOLDER.sub(lambda found: literals[found[1]], self.body)
        return f"-- {self.title}\n{_with_views(body)}\n"


@cache
def question_names() -> tuple[str, ...]:
    """All questions, by name."""
    return tuple(sorted(path.stem for path in QUERIES.glob("*.sql")))


def compose(name: str) -> str:
    """The SQL text of a question with the defaults of its parameters; what the template saves in Athena.

    Raises
    ------
    QueryError
        If there is no such question or one of its parameters has no default.
    """
    return Question.load(name).sql({})


def views() -> list[tuple[str, str, str]]:
    """Name, title and SQL text of each view of queries/views, as Athena keeps it for its console."""
    found = [(path.stem, *_read(path)) for path in sorted((QUERIES / "views").glob("*.sql"))]
    return [(name, title, f"create or replace view {name} as\n{body}\n") for name, title, _, body in found]


def _read(path: Path) -> tuple[str, tuple[Parameter, ...], str]:
    """Title, parameters and text of a file that begins with comments."""
    lines = path.read_text().splitlines()
    header = [line for line in lines if line.startswith("--")]
    parameters = []
    for line in header[1:]:
        found = _PARAMETER.fullmatch(line)
        if found is None:
            raise QueryError(f"{path.name}: {line!r}; write: -- :name day|number|name = default, what it is")
        parameters.append(Parameter(**found.groupdict()))
    return header[0].removeprefix("-- "), tuple(parameters), "\n".join(lines[len(header) :])


def _with_views(body: str) -> str:
    """Put the views that a query names in front of it, and only those."""
    tree = sqlglot.parse_one(body, read="athena")
    own = {cte.alias for cte in tree.find_all(sql.CTE)}
    named = {table.name for table in tree.find_all(sql.Table)} - own
    views = [path for path in sorted((QUERIES / "views").glob("*.sql")) if path.stem in named]
    if not views:
        return body
    relations = [f"{path.stem} as (\n{_indented(_read(path)[2])}\n)" for path in views]
    rest = body.removeprefix("with ")
    return "with " + ",\n".join(relations) + (",\n" if rest != body else "\n") + rest


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())

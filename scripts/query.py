"""Ask a question of queries/ on Athena: `python -m scripts.query drift_history`."""

from __future__ import annotations

import csv
import json
import re
import sys
import textwrap
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from queries.athena import Answer, Athena, AthenaError
from scripts.prices import athena_dollars
from scripts.question import QueryError, Question, compose, question_names
from scripts.stack import LOCAL, Stack, StackError
from scripts.telling import ended

__all__ = ["app", "compose", "show"]

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[ T](?P<minute>\d\d:\d\d)(?P<second>:\d\d)(\.\d+)?( UTC|[+]00(:00)?|Z)?"
)
_LIST = re.compile(r"\[[^][]*\]")
_SHORT = 24  # characters of a value that is never broken; a time has 19
_CONTEXT = ("model_name", "model_version", "source", "span")
_NUMERIC = ("bigint", "integer", "double", "float", "decimal", "hugeint")


@app.command(help=__doc__)
def query(
    name: Annotated[str | None, typer.Argument(help="A question; see --list.")] = None,
    *,
    param: Annotated[
        list[str] | None, typer.Option(help="Value of a parameter, e.g. since=2026-01-31; repeatable.")
    ] = None,
    config_env: Annotated[str, typer.Option(help="Environment of samconfig.toml.")] = LOCAL,
    list_: Annotated[bool, typer.Option("--list", help="List the questions and their parameters.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL and do not run it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a row.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds after which a query is stopped.")] = 300.0,
) -> None:
    """Exit code 1: Athena refused or failed; 2: the question or a parameter is wrong."""
    console = Console()
    if list_ or name is None:
        console.print(_listed())
        return
    try:
        text = Question.load(name).sql(_values(param or []))
    except QueryError as error:
        raise ended(error, 2) from None
    if sql:
        sys.stdout.write(text)
        return
    try:
        stack = Stack.load(config_env)
        athena = Athena(
            client=stack.client("athena"),
            workgroup=stack.outputs["AthenaWorkgroupName"],
            database=stack.outputs["GlueDatabaseName"],
            timeout=timeout,
        )
        answer = athena.ask(text)
    except (AthenaError, StackError, ClientError, BotoCoreError) as error:
        raise ended(error, 1) from None
    if as_json:
        for row in answer.rows:
            sys.stdout.write(json.dumps(dict(zip(answer.columns, row, strict=True))) + "\n")
    elif as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([answer.columns, *answer.rows])
    else:
        console.print(show(Question.load(name).title, answer))
        console.print(
            f"{len(answer.rows)} rows, {answer.scanned_bytes / 1e6:.1f} MB scanned for "
            f"${athena_dollars(answer.scanned_bytes):.5f}, {answer.seconds:.1f} s",
            style="dim",
        )


def show(title: str, answer: Answer, limit: int | None = None) -> Table:
    """An answer as a table: `limit` rows of it, and below them what is the same for all of them."""
    rows = [[_cell(value) for value in row] for row in answer.rows]
    same = [
        i for i, name in enumerate(answer.columns) if name in _CONTEXT and len({row[i] for row in rows}) == 1
    ]
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for i, (column, kind) in enumerate(zip(answer.columns, answer.types, strict=True)):
        if i not in same:
            longest = max((len(row[i]) for row in rows), default=0)
            words = column.split("_")
            table.add_column(
                "\n".join(textwrap.wrap(" ".join(words), max(longest, *map(len, words), 1))),
                justify="right" if kind in _NUMERIC else "left",
                no_wrap=longest <= _SHORT,
                overflow="fold",
            )
    for row in rows[:limit]:
        table.add_row(*(escape(value) for i, value in enumerate(row) if i not in same))
    notes = [f"{answer.columns[i].replace('_', ' ')} {rows[0][i]}" for i in same if rows[0][i]]
    if limit is not None and len(rows) > limit:
        notes.append(f"{len(rows) - limit} more rows")
    table.caption, table.caption_justify = escape(", ".join(notes)) or None, "left"
    return table


def _cell(value: str | None) -> str:
    """A value for people: times without what is always zero, lists without brackets."""
    if value is None:
        return ""
    time = _TIME.fullmatch(value)
    if time is not None:
        return f"{time['day']} {time['minute']}{time['second'].removesuffix(':00')}"
    return value[1:-1].replace("'", "") if _LIST.fullmatch(value) else value


def _listed() -> Table:
    table = Table("question", "asks", "parameters", box=None, pad_edge=False)
    for name in question_names():
        question = Question.load(name)
        table.add_row(
            name,
            question.title,
            ", ".join(
                p.name if p.default is None else f"{p.name} ({p.default})" for p in question.parameters
            ),
        )
    return table


def _values(given: list[str]) -> dict[str, str]:
    values = dict(text.split("=", 1) for text in given if "=" in text)
    if len(values) < len(given):
        raise QueryError(f"--param is given as {', '.join(given)}; write each once, as name=value")
    return values


if __name__ == "__main__":
    app()

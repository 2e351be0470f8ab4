"""Write the questions of queries/ where people look for them: Athena's console and queries/README.md."""

from __future__ import annotations

import json

import sqlglot
import typer
from sqlglot import expressions as sql

from scripts.question import QUERIES, Question, compose, question_names, views
from scripts.stack import PROJECT

TEMPLATE = PROJECT / "sam_template.yaml"
PAGE = QUERIES / "README.md"

BEGIN = "  # ---- saved queries: python -m scripts.saved_queries writes them from queries/ ----\n"
END = "  # ---- alarms ----\n"

EXAMPLES = {"feature": "living_area_m2", "lowest": "20", "highest": "300"}
"""Values for the parameters that have no default."""

INTRODUCTION = """\
`python -m scripts.query NAME` asks one, and tells how many bytes it scanned and what they cost (`--param
name=value`, `--json`, `--csv`; `--sql` prints the SQL that Athena gets). Athena has those saved with the
stack that need no value. `python -m scripts.saved_queries` wrote this page.

Each question reads each event once, whatever was delivered twice, through the relations in `views/`,
which are put in front of it. Athena also has these saved, as `view_predictions` and so on: run one there
once, and `select * from predictions where dt >= '2026-01-31'` works in its console. Each reading is
bounded by its days, so that what is scanned does not grow with the age of the archive."""

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def save() -> None:
    """Rewrite the template's section and the page; what has not changed stays as it is."""
    TEMPLATE.write_text(with_queries(TEMPLATE.read_text()))
    PAGE.write_text(page())


def with_queries(template: str) -> str:
    """A template's text with the questions as they are now; one that needs a value cannot be saved."""
    before, _, rest = template.partition(BEGIN)
    _, _, after = rest.partition(END)
    questions = [question for question in map(Question.load, question_names()) if not question.needs]
    saved = [_resource(one.name, one.title, compose(one.name)) for one in questions]
    saved += [_resource(f"view_{name}", title, text) for name, title, text in views()]
    return "".join([before, BEGIN, "\n", *saved, END, after])


def page() -> str:
    """The text of the page: each question, what it needs, reads and answers."""
    sections = map(_section, map(Question.load, question_names()))
    return (
        "\n\n".join([f"# {len(question_names())} questions to the archive", INTRODUCTION, *sections]) + "\n"
    )


def _section(question: Question) -> str:
    tree = sqlglot.parse_one(question.sql({name: EXAMPLES[name] for name in question.needs}), read="athena")
    assert isinstance(tree, sql.Query)  # noqa: S101 # nosec B101 - a question is nothing else
    tables = sorted({table.name for table in tree.find_all(sql.Table) if table.name.endswith("_files")})
    rows = [
        *(f"- `{one.name}`: {one.text}; {one.default or 'must be given'}" for one in question.parameters),
        f"- reads {', '.join(f'`{name}`' for name in tables)}",
        f"- answers {', '.join(f'`{name}`' for name in tree.named_selects)}",
    ]
    return "\n".join([f"## {question.name}", "", question.title, "", *rows])


def _resource(name: str, title: str, query: str) -> str:
    text = "".join(f"        {line}".rstrip() + "\n" for line in query.splitlines())
    return f"""  {name.title().replace("_", "")}Query:
    Type: AWS::Athena::NamedQuery
    Properties:
      Name: {name}
      Description: {json.dumps(title)}
      Database: !Ref GlueDatabase
      WorkGroup: !Ref AthenaWorkgroup
      QueryString: |
{text}
"""


if __name__ == "__main__":
    app(prog_name="python -m scripts.saved_queries")

"""Write the questions of queries/ into the template, as queries that Athena's console lists."""

from __future__ import annotations

import json

import typer

from scripts.question import Question, compose, question_names
from scripts.stack import PROJECT

TEMPLATE = PROJECT / "sam_template.yaml"

BEGIN = "  # ---- saved queries: python -m scripts.saved_queries writes them from queries/ ----\n"
END = "  # ---- alarms ----\n"

app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def save() -> None:
    """Rewrite the template's section; what has not changed stays as it is."""
    TEMPLATE.write_text(with_queries(TEMPLATE.read_text()))


def with_queries(template: str) -> str:
    """A template's text with the questions as they are now; one that needs a value cannot be saved."""
    before, _, rest = template.partition(BEGIN)
    _, _, after = rest.partition(END)
    questions = [question for question in map(Question.load, question_names()) if not question.needs]
    return "".join([before, BEGIN, "\n", *map(_resource, questions), END, after])


def _resource(question: Question) -> str:
    text = "".join(f"        {line}".rstrip() + "\n" for line in compose(question.name).splitlines())
    return f"""  {question.name.title().replace("_", "")}Query:
    Type: AWS::Athena::NamedQuery
    Properties:
      Name: {question.name}
      Description: {json.dumps(question.title)}
      Database: !Ref GlueDatabase
      WorkGroup: !Ref AthenaWorkgroup
      QueryString: |
{text}
"""


if __name__ == "__main__":
    app(prog_name="python -m scripts.saved_queries")

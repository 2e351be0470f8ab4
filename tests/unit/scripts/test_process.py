"""Programs: their last line, or their last lines when they fail."""

import sys

import pytest

from scripts.process import SHOWN_LINES, ProcessError, run
from scripts.stack import PROJECT


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_the_last_line_is_returned_and_each_is_told() -> None:
    lines: list[str] = []
    assert run(python("print('one'); print('two')"), on_line=lines.append) == "two"
    assert lines == ["one", "two"]


def test_it_runs_in_the_checkout_with_the_given_environment_only() -> None:
    code = "import os; print(os.getcwd(), os.environ.get('HOME'), os.environ['X'])"
    assert run(python(code), environment={"X": "1"}) == f"{PROJECT} None 1"


def test_a_failure_shows_the_command_the_code_and_the_last_lines_of_output_and_errors() -> None:
    code = "import sys; [print(i) for i in range(50)]; sys.stdout.flush(); sys.exit('broken')"
    with pytest.raises(ProcessError) as caught:
        run(python(code))
    command, told, *lines = str(caught.value).splitlines()
    assert command.startswith(sys.executable)
    assert told == "failed with exit code 1:"
    assert [line.strip() for line in lines] == [*map(str, range(50 - SHOWN_LINES + 1, 50)), "broken"]


def test_an_absent_program_is_named_with_the_remedy() -> None:
    with pytest.raises(ProcessError, match=r"^\.venv-none/sam is missing; run: make test"):
        run([".venv-none/sam", "build"])

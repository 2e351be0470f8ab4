"""Reading environment variables, with errors that say what to set."""

from __future__ import annotations

from collections.abc import Callable, Mapping


def required(environ: Mapping[str, str], name: str) -> str:
    """The value of a variable that must be there.

    Raises
    ------
    ValueError
        If it is not; the text names it.
    """
    value = environ.get(name, "")
    if not value:
        raise ValueError(f"the environment variable {name} is not set; the template sets it")
    return value


def optional[Number: (int, float)](
    environ: Mapping[str, str], name: str, kind: Callable[[str], Number]
) -> Number | None:
    """The number that a variable holds; None if it is absent or empty.

    Raises
    ------
    ValueError
        If it holds something else; the text names it.
    """
    value = environ.get(name, "")
    if not value:
        return None
    try:
        return kind(value)
    except ValueError:
        raise ValueError(
            f"the environment variable {name} is {value!r}; set a number or leave it empty"
        ) from None

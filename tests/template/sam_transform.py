"""Run by SAM's own environment: a template of SAM on stdin, the one that CloudFormation gets on stdout."""

from __future__ import annotations

import json
import sys
from typing import Any


def main() -> None:
    """Read {"template": ..., "parameters": value by name}; write the template."""
    import boto3  # noqa: PLC0415 - of .venv-sam, which this file is run by
    from samtranslator.parser.parser import Parser  # noqa: PLC0415 - it is in no other environment
    from samtranslator.translator.translator import Translator  # noqa: PLC0415

    given: dict[str, Any] = json.load(sys.stdin)
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name="us-east-1"))
    json.dump(translator.translate(given["template"], parameter_values=given["parameters"]), sys.stdout)


if __name__ == "__main__":
    main()

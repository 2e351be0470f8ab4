"""Settings of the prediction API, read once from the environment."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from drift_core.bundle import check_name

CAPTURE_SECONDS = 2.0
REFRESH_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the template tells this function; each field is the environment variable of its upper-case name.

    Attributes
    ----------
    active_bundle_parameter : name of the SSM parameter that holds the active model version.
    shadow_bundle_parameter : name of the SSM parameter that says what is scored in shadow.
    capture_seconds : longest time for writing one request's events to the stream, all retries included.
    refresh_seconds : age at which the active version is asked for again.
    """

    model_name: str
    models_bucket: str
    active_bundle_parameter: str
    shadow_bundle_parameter: str
    stream_name: str
    fallback_queue_url: str
    capture_seconds: float = CAPTURE_SECONDS
    refresh_seconds: float = REFRESH_SECONDS

    def __post_init__(self) -> None:
        check_name("MODEL_NAME", self.model_name)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the environment.

        Raises
        ------
        ValueError
            If a variable is absent, empty or not a positive number of seconds.

        >>> Settings.from_env({})
        Traceback (most recent call last):
        ValueError: MODEL_NAME is not set; set it in the function's environment
        """
        return cls(
            model_name=_text(environ, "MODEL_NAME"),
            models_bucket=_text(environ, "MODELS_BUCKET"),
            active_bundle_parameter=_text(environ, "ACTIVE_BUNDLE_PARAMETER"),
            shadow_bundle_parameter=_text(environ, "SHADOW_BUNDLE_PARAMETER"),
            stream_name=_text(environ, "STREAM_NAME"),
            fallback_queue_url=_text(environ, "FALLBACK_QUEUE_URL"),
            capture_seconds=_seconds(environ, "CAPTURE_SECONDS", CAPTURE_SECONDS),
            refresh_seconds=_seconds(environ, "REFRESH_SECONDS", REFRESH_SECONDS),
        )


def _text(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise ValueError(f"{name} is not set; set it in the function's environment")
    return value


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "") or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ValueError(f"{name} is {text[:100]!r}; give a number of seconds above 0")
    return value

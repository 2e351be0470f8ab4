"""Settings come from the environment, and say what is wrong with it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from ingest_lambda.metrics import ModelMetrics
from ingest_lambda.settings import Settings

ENVIRONMENT = {
    "MODEL_NAME": "house-prices",
    "MODELS_BUCKET": "models",
    "ACTIVE_BUNDLE_PARAMETER": "/driftline/house-prices/active-bundle",
    "SHADOW_BUNDLE_PARAMETER": "/driftline/house-prices/shadow-bundle",
    "STREAM_NAME": "stream",
    "FALLBACK_QUEUE_URL": "https://sqs/queue",
}


def test_every_field_is_a_variable() -> None:
    environment = {**ENVIRONMENT, "CAPTURE_SECONDS": "1.5", "REFRESH_SECONDS": "5"}
    settings = Settings.from_env(environment)
    assert {field.name.upper() for field in fields(Settings)} == set(environment)
    assert {name: str(getattr(settings, name.lower())) for name in ENVIRONMENT} == ENVIRONMENT
    assert (settings.capture_seconds, settings.refresh_seconds) == (1.5, 5.0)


def test_times_have_defaults() -> None:
    settings = Settings.from_env({**ENVIRONMENT, "CAPTURE_SECONDS": ""})
    assert (settings.capture_seconds, settings.refresh_seconds) == (2.0, 60.0)


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_an_absent_variable_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is not set; set it in the function's environment$"):
        Settings.from_env({**ENVIRONMENT, name: ""})


@pytest.mark.parametrize("text", ["soon", "0", "-1", "inf", "nan"])
def test_a_time_is_a_number_above_zero(text: str) -> None:
    with pytest.raises(ValueError, match=f"^CAPTURE_SECONDS is '{text}'; give a number of seconds above 0$"):
        Settings.from_env({**ENVIRONMENT, "CAPTURE_SECONDS": text})


def test_a_model_name_is_safe() -> None:
    with pytest.raises(ValueError, match=r"^MODEL_NAME is 'a/b'; use 1 to 64 letters"):
        Settings.from_env({**ENVIRONMENT, "MODEL_NAME": "a/b"})


def test_metrics_need_a_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POWERTOOLS_METRICS_NAMESPACE", raising=False)
    with pytest.raises(
        ValueError, match=r"^POWERTOOLS_METRICS_NAMESPACE is not set; set it in the function's"
    ):
        ModelMetrics("house-prices")


def test_the_handler_is_imported_without_environment_and_without_what_a_lambda_lacks() -> None:
    program = """
import sys
import ingest_lambda.app
print([name for name in ("pandas", "scipy", "sklearn", "pyarrow", "training") if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", program], env={}, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "[]\n", "")

"""The command: what it prints, where it writes, and with which code it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from drift_core import calibrate
from drift_core.baseline import Baseline
from drift_core.bundle import BASELINE_FILE, ERRORS_FILE, MANIFEST_FILE, MODEL_FILE, Manifest
from drift_core.errors import ErrorBaseline
from training import cli, export
from training.cli import app
from training.generator import houses

ROOT = Path(__file__).parents[3]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "100"})


def test_the_last_line_is_the_folder_of_the_bundle(tmp_path: Path) -> None:
    result = run(
        "--generate", 1000, "--out", tmp_path, "--seed", 3, "--window-seconds", 60, "--coverage", 0.8
    )
    assert result.exit_code == 0, result.output
    folder = Path(result.output.splitlines()[-1])
    assert folder.parent == tmp_path / "house-prices"
    manifest = Manifest.from_json((folder / MANIFEST_FILE).read_bytes())
    assert (manifest.monitor.window_seconds, manifest.interval.coverage) == (60, 0.8)
    assert (manifest.training["source"], manifest.training["seed"]) == ("generator", 3)


def test_the_report_says_how_columns_were_read_and_what_can_be_detected(tmp_path: Path) -> None:
    said = run("--generate", 1000, "--out", tmp_path).output
    for words in ("area │ categorical", "has_garden │ boolean", "rooms │ numeric", "promised 90.0%"):
        assert words in " ".join(said.split()), words
    assert "Smallest drift of a feature's mean that is found, in σ" in " ".join(said.split())
    assert "│ 5,000 │ 0." in " ".join(said.split())


def test_thresholds_are_calibrated_unless_that_is_declined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("POOL", 60), ("STREAMS", 20), ("WINDOWS", 180)):
        monkeypatch.setattr(calibrate, name, value)
    options = ("--generate", 1000, "--min-samples", 20, "--out", tmp_path)
    assert "Charts: thresholds calibrated on 2,400 simulated windows." in run(*options).output
    declined = run(*options, "--seed", 1, "--no-calibrate")
    assert "Charts: conservative thresholds" in declined.output


def test_a_csv_is_trained_under_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    houses(600).to_csv(path, index=False)
    options = ("--target", "price", "--time-column", "sold_at", "--ignore", "rooms, condition")
    result = run("--data", path, *options, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    folder = Path(result.output.splitlines()[-1])
    manifest = Manifest.from_json((folder / MANIFEST_FILE).read_bytes())
    assert (manifest.model_name, manifest.training["source"]) == ("sales", "sales.csv")
    assert {"rooms", "condition"}.isdisjoint(manifest.schema.names)


def test_csv_and_parquet_and_the_generator_train_the_same_model(tmp_path: Path) -> None:
    frame = houses(600, seed=9)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "b.parquet")
    columns = ("--target", "price", "--time-column", "sold_at", "--model-name", "m", "--seed", 9)
    sources = [("--data", tmp_path / "a.csv"), ("--data", tmp_path / "b.parquet"), ("--generate", 600)]
    models = set()
    for i, source in enumerate(sources):
        folder = Path(run(*source, *columns, "--out", tmp_path / str(i)).output.splitlines()[-1])
        models.add((folder / MODEL_FILE).read_bytes())
    assert len(models) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either --data FILE or --generate N"),
        (("--data", "x.csv", "--generate", "5"), "give either --data FILE or --generate N"),
        (("--data", "x.csv"), "--data needs --target, the column to predict"),
        (("--data", "x.csv", "--target", "y"), "error: x.csv is not a file; check the path given to --data"),
        (("--generate", "50"), "error: 50 rows; training needs at least 200: give more"),
        (("--generate", "0"), "greater than or equal to 1"),
        (
            ("--generate", "300", "--target", "cost"),
            "error: no target column 'cost'; there are 'sold_at', 'area'",
        ),
        (("--generate", "300", "--target", "area"), "training is regression only for now"),
        (("--generate", "300", "--ignore", "pool"), "error: no column 'pool' to ignore; there are 'sold_at'"),
        (("--generate", "300", "--ignore", "sold_at"), "error: no time column 'sold_at'"),
        (("--generate", "300", "--coverage", "1"), "less than or equal to 0.999"),
        (("--generate", "300", "--false-alarms-per-month", "0"), "give a number above 0"),
        (("--generate", "300", "--false-alarms-per-month", "200"), "less than or equal to 100"),
        (("--generate", "300", "--window-seconds", "7"), "it must divide an hour (3600)"),
        (("--generate", "300", "--window-seconds", "7200"), "less than or equal to 3600"),
        (("--generate", "300", "--grace-seconds", "0"), "grace_seconds is 0; give at least 1"),
        (("--generate", "300", "--min-samples", "0"), "min_samples is 0; give at least 1"),
        (("--generate", "300", "--model-name", "../x"), "--model-name is '../x'; use 1 to 64 letters"),
    ],
)
def test_what_is_refused_ends_with_code_2_and_writes_nothing(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run(*arguments, "--out", out)
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())
    assert not out.exists()


def test_a_model_out_of_parity_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "TOLERANCE", 0.0)
    result = run("--generate", 300, "--out", tmp_path / "out")
    assert result.exit_code == cli.BAD_EXPORT == 1
    assert "error: the ONNX model's prediction is " in result.output
    assert not (tmp_path / "out").exists()


def test_the_module_runs_and_refuses_on_the_error_stream(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "training",
        "--data",
        "absent.csv",
        "--target",
        "y",
        "--out",
        str(tmp_path),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "error: absent.csv is not a file; check the path given to --data\n"


def test_segments_are_those_of_the_most_frequent_values(tmp_path: Path) -> None:
    options = ("--generate", 1000, "--no-calibrate", "--out", tmp_path)
    result = run(*options, "--segments", "area, has_garden")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    folder = Path(result.output.splitlines()[-1])
    manifest = Manifest.from_json((folder / MANIFEST_FILE).read_bytes())
    rows = houses(1000, seed=0)
    area, garden = manifest.segments
    assert set(area.values) == set(rows["area"])
    counts = rows["area"].value_counts()
    assert [counts[value] for value in area.values] == sorted(counts, reverse=True)
    assert garden.values == (("true", "false") if rows["has_garden"].mean() > 0.5 else ("false", "true"))
    baseline = Baseline.from_json((folder / BASELINE_FILE).read_bytes())
    assert baseline.segments is not None
    assert baseline.segments.segments == manifest.segments
    first = baseline.layout.slice(0)
    trained = [int(one.counts[:, first].sum()) for one in baseline.segments.seasonal]
    assert trained == [*(counts[value] for value in area.values), 0, *trained[-3:-1], 0]
    assert sum(trained[-3:]) == 1000
    assert f"Segments: {len(trained)}, by area, has_garden; their tests share the budget." in said
    errors = ErrorBaseline.from_json((folder / ERRORS_FILE).read_bytes())
    halves = [errors.segments[name] for name in ("has_garden=true", "has_garden=false")]
    assert sum(one.rows for one in halves) == errors.rows
    assert sum(one.rows * one.above for one in halves) == pytest.approx(errors.rows * errors.above)
    fewest = min(one.rows for one in errors.segments.values())
    assert fewest >= 100
    assert not set(errors.segments) - {name for one in manifest.segments for name in one.names}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("rooms", "segments by 'rooms', which is a number; give one of area, has_garden"),
        ("price", "--segments names 'price', which is no feature; there are 'area', 'has_garden'"),
        ("area,area", "segments by 'area' are given twice"),
    ],
)
def test_columns_that_make_no_segments_are_refused(tmp_path: Path, columns: str, message: str) -> None:
    result = run("--generate", 300, "--no-calibrate", "--out", tmp_path, "--segments", columns)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not list(tmp_path.iterdir())

"""What training tells the person who ran it."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from drift_core.bundle import Manifest
from drift_core.schema import Feature, Kind
from training.bundle import Bundle
from training.outlook import outlook


def report(bundle: Bundle) -> RenderableType:
    """A readable account of a trained bundle: columns, quality, what the monitor will be able to see."""
    manifest = bundle.manifest
    return Group(
        Text(f"{manifest.model_name} {manifest.model_version}", style="bold"),
        _data(manifest),
        Text(),
        _features(manifest),
        Text(),
        _quality(manifest),
        Text(),
        outlook(bundle),
    )


def _data(manifest: Manifest) -> Text:
    facts = manifest.training
    by = {"time": "the oldest fit, the newest test", "random": "split at random"}[facts["split"]]
    return Text(
        f"{facts['rows']:,} rows: {facts['rows_fit']:,} fit, {facts['rows_calibration']:,} calibrate, "
        f"{facts['rows_test']:,} test ({by})"
    )


def _features(manifest: Manifest) -> Grid:
    grid = Grid(title="Features")
    grid.add_column("feature", overflow="fold")
    grid.add_column("read as")
    grid.add_column("values", overflow="fold")
    grid.add_column("missing", justify="right")
    grid.add_column("importance", justify="right")
    rows = manifest.training["rows"]
    features = {feature.name: feature for feature in manifest.schema.features}
    for name, importance in manifest.importance.items():
        missing = manifest.training["missing"][name] / rows
        grid.add_row(
            name,
            features[name].kind.value,
            Text(_values(features[name])),  # a category may look like markup
            f"{missing:.1%}" if missing else "",
            _number(importance),
        )
    grid.caption = "importance: growth of the MAE when the column is shuffled"
    return grid


def _values(feature: Feature) -> str:
    if feature.kind is Kind.NUMERIC:
        constant = feature.minimum == feature.maximum
        span = f"{feature.minimum:g}, constant" if constant else f"{feature.minimum:g} to {feature.maximum:g}"
        return f"{span} ({feature.unit})" if feature.unit else span
    shown = ", ".join(feature.categories[:3])
    return shown if len(feature.categories) <= 3 else f"{shown} and {len(feature.categories) - 3} more"


def _quality(manifest: Manifest) -> Grid:
    metrics, facts = manifest.metrics, manifest.training
    grid = Grid("measure", "value", "meaning", title="On the test rows, of the exported model")
    grid.columns[1].justify = "right"
    grid.add_row("R2", f"{metrics['r2']:.4f}", "share of the variance explained")
    grid.add_row(
        "MAE",
        _number(metrics["mae"]),
        f"{_unit(manifest)}; always the median: {_number(metrics['mae_of_median'])}",
    )
    if "estimated_mae" in metrics:
        grid.add_row("estimated", _number(metrics["estimated_mae"]), "the MAE, as guessed without labels")
    grid.add_row("RMSE", _number(metrics["rmse"]), _unit(manifest))
    grid.add_row(
        "coverage",
        f"{metrics['interval_coverage']:.1%}",
        f"of intervals; promised {manifest.interval.coverage:.1%}",
    )
    grid.add_row("width", _number(metrics["interval_width_mean"]), "mean of the intervals")
    grid.add_row(
        "ONNX",
        f"{facts['largest_onnx_difference']:.1e}",
        "σ of the target, largest difference to scikit-learn",
    )
    return grid


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def _unit(manifest: Manifest) -> str:
    return f"{manifest.target} in {manifest.target_unit}" if manifest.target_unit else manifest.target

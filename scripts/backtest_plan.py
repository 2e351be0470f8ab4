"""The plan of a backtest: what windows are, and the steps from rows to verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from drift_core.budget import MONTH_SECONDS
from drift_core.monitor import Monitor
from drift_core.monitor_settings import MonitorSettings
from drift_core.season import Season
from drift_core.span import Span
from scripts.backtest_files import Pair, Recording
from scripts.backtest_null import NullRuns, measured, null_runs, run_windows
from scripts.backtest_watch import Told, Watch, frozen
from scripts.backtest_windows import Cut, Window, by_length, by_number, length_of, settings_of_rows

type Share = Callable[[float], None]
"""Is told the share that is done."""

USUAL_WINDOWS = MONTH_SECONDS / MonitorSettings().window_seconds
"""Windows in 30 days where nobody knows: one in five minutes, as in the Lambdas by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the user asked for.

    Attributes
    ----------
    window : length by time, as pandas reads it; or else
    window_rows : rows in each window.
    windows_per_month : of windows by rows where rows have no time; None for the usual.
    """

    window: str | None
    window_rows: int | None
    windows_per_month: float | None
    false_alarms_per_month: float
    min_samples: int
    seed: int

    def __post_init__(self) -> None:
        MonitorSettings().overridden(self._budget)  # refuses what cannot be
        if (self.window is None) == (self.window_rows is None):
            raise ValueError("give either --window and --time-column, or --window-rows")
        if self.window is not None and self.windows_per_month is not None:
            raise ValueError(
                "--windows-per-month is for --window-rows; --window says it itself: leave it out"
            )

    @property
    def _budget(self) -> dict[str, float]:
        return {"min_samples": self.min_samples, "false_alarms_per_month": self.false_alarms_per_month}

    def cut(self, live: Recording) -> tuple[MonitorSettings, Cut]:
        """The monitor's settings, and the live rows in windows.

        Raises
        ------
        ValueError
            If the rows do not fill a window, or windows do not fit the budget.
        """
        if self.window is not None:
            if live.times is None:
                raise ValueError("--window needs --time-column, the time of each row; or give --window-rows")
            settings = MonitorSettings(window_seconds=length_of(self.window)).overridden(self._budget)
            cut = by_length(live.times, settings)
        else:
            a_month = self.windows_per_month or USUAL_WINDOWS
            cut = by_number(live.rows, self.window_rows or 1, live.times, self.min_samples, a_month)
            settings = settings_of_rows(
                cut.a_month,
                false_alarms_per_month=self.false_alarms_per_month,
                min_samples=self.min_samples,
            )
        if not cut.windows:
            raise ValueError(
                f"the live file has {live.rows:,} rows, below --min-samples {self.min_samples}; give more"
            )
        return settings, cut

    def watch(self, pair: Pair, settings: MonitorSettings, calibrate: Share | None) -> Watch:
        """The monitor over the live rows.

        Parameters
        ----------
        calibrate : told how far the simulation of thresholds is; None leaves it out.
        """
        baseline = frozen(pair, settings, seed=self.seed, calibrate=calibrate)
        if calibrate is not None and baseline.calibration is not None:
            calibrate(1.0)
        return Watch.over(Monitor(baseline=baseline, settings=settings), pair.live)

    def judged(self, watch: Watch, cut: Cut, progress: Share) -> list[Told]:
        """All verdicts, in the order in which the monitor comes to them."""
        told, spans = [], cut.judged
        for one in watch.verdicts(spans):
            told.append(one)
            progress(len(told) / len(spans))
        return told

    def null(
        self, watch: Watch, rows: Recording, cut: Cut, told: Sequence[Told], *, runs: int, progress: Share
    ) -> NullRuns:
        """Play null runs.

        Parameters
        ----------
        rows : the quiet recording whose windows are drawn.
        told : verdicts on the live one; the noise is what the monitor knows after them.
        """
        source = Watch.over(watch.monitor, rows)
        windows = self._windows(rows, watch.monitor.settings, cut)
        states = [source.state(window) for window in windows]
        of = measured(watch.monitor, states, [source.cells(window) for window in windows], told[-1].memory)
        a_month = len(cut.windows) / cut.months
        steps, done = run_windows(len(windows), a_month), 0

        def advanced() -> None:
            nonlocal done
            done += 1
            progress(done / steps)

        return null_runs(watch.monitor, of, runs=runs, a_month=a_month, seed=self.seed, advanced=advanced)

    def _windows(self, rows: Recording, settings: MonitorSettings, cut: Cut) -> Sequence[Window]:
        if self.window is not None and rows.times is not None:
            return by_length(rows.times, settings).windows
        each = self.window_rows or round(median(len(window.rows) for window in cut.windows))
        return by_number(rows.rows, each, rows.times, self.min_samples, cut.a_month).windows


def notes(plan: Plan, watch: Watch, cut: Cut, pair: Pair) -> list[str]:
    """What was assumed, to be said aloud."""
    baseline = watch.monitor.baseline
    found = []
    if plan.window is None and pair.live.times is None:
        rate = f"{cut.a_month:,.0f} windows a month"
        given = (
            "as --windows-per-month says" if plan.windows_per_month else "one in five minutes: no time tells"
        )
        found.append(f"The budget is for {rate}, {given}.")
    if plan.window is None and pair.live.times is not None:
        found.append(f"The budget is for {cut.a_month:,.4g} windows a month, as the live times tell.")
    if pair.live.times is None or pair.reference.times is None:
        found.append(
            "Without times in both files there is no season, and the noise between windows is learned from "
            "the first 20 live ones, in which only gross shifts alarm."
        )
    else:
        known = baseline.noise.get(Span.WINDOW)
        season = baseline.seasonal.season
        noise = "the reference's are too few, so it is learned from live ones"
        if known is not None:
            noise = f"from {known.count:,} of the reference"
        elif baseline.block_noise is not None:
            blocks = f"{baseline.block_noise.count:,} blocks of the reference"
            noise = f"from {blocks}, and from live windows where these are noisier"
        found.append(
            f"Season of the reference: {'none, it is too short' if season is Season.NONE else season.value}. "
            f"Noise between windows: {noise}."
        )
    if baseline.calibration is None:
        found.append("Thresholds of charts are the conservative ones.")
    return found

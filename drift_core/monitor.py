"""The monitor: a baseline and settings, and with them the judgement of each span of traffic."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from drift_core import detectors
from drift_core.baseline import INTERVAL_WIDTH, PREDICTION, Baseline
from drift_core.bins import Counts
from drift_core.budget import (
    chart_floor_sigma,
    chart_windows,
    smallest_detectable_sigma,
    threshold_z,
)
from drift_core.charts import allowance, number_of_charts
from drift_core.evidence import (
    Evidence,
    Raw,
    column_raw,
    effective_rows,
    standardised,
    t_of_normal,
    values_of,
)
from drift_core.joint import auc_equivalent, changed_pair, relations_raw
from drift_core.memory import Memory
from drift_core.monitor_settings import MonitorSettings
from drift_core.naming import e_bh, log_e_of_chart, log_e_of_z, unit_factor
from drift_core.noise import FEWEST_SPANS, MOST_SPANS, Noise
from drift_core.reference import Reference
from drift_core.schema import Matrix
from drift_core.segment_verdicts import SegmentTests, judged_segments, segment_sides, with_segments
from drift_core.signals import CORRELATION, RELATIONS, Law
from drift_core.span import Span
from drift_core.squeeze import squeezed
from drift_core.thresholds import conservative
from drift_core.verdict import ColumnVerdict, RelationsVerdict, SegmentVerdict, Verdict
from drift_core.window import WindowState

REMEMBERED_SCORE = 0.2
"""Charts below a fifth of their threshold add nothing to a verdict."""

type Charted = Mapping[int, tuple[float, int]]
"""Of each signal whose charts say something: their score, and since when they grow in UTC milliseconds."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What comes of judging a span.

    Attributes
    ----------
    memory : to judge the next span with.
    charted : to judge this one again with, when more of its rows come.
    """

    verdict: Verdict
    memory: Memory
    charted: Charted


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """Judges spans of traffic against one baseline."""

    baseline: Baseline
    settings: MonitorSettings

    def start(self) -> Memory:
        """What to judge the first span with."""
        return Memory.start(len(self.baseline.signals))

    def cell(self, start: int) -> int:
        """The season's cell of a window that starts at this time, UTC milliseconds."""
        return int(self.baseline.seasonal.season.cell(start))

    def judge(
        self,
        state: WindowState,
        *,
        span: Span,
        start: int,
        end: int,
        memory: Memory,
        cells: Mapping[int, int] | None = None,
        charted: Charted | None = None,
    ) -> Judgement:
        """Judge a span of traffic.

        Parameters
        ----------
        state : the sum over all shards and windows of the span, counted with this baseline.
        start, end : UTC milliseconds.
        memory : after all spans before.
        cells : rows by the season's cell, for spans of several windows; None for a single one.
        charted : what the charts said when the span was judged in its turn; then they do not advance again,
            and its noise is not learned again.

        Raises
        ------
        ValueError
            If the state holds no rows.
        """
        if not state.n:
            raise ValueError(f"no rows between {start} and {end}; carry the {span} into the next")
        cells = cells or {self.cell(start): state.n}
        reference = self.reference(cells)
        noise = self.noise(span, memory)
        phi, freedom = self.factors(reference, np.array([state.n]), noise)
        raw = self.measure(
            reference,
            state.counts[None],
            state.comoments[None],
            phi,
            one_cell=sum(n > 0 for n in cells.values()) == 1,
        )
        evidence = standardised(raw, self.baseline.signals, phi, freedom)
        threshold = self.threshold(span)
        single = evidence.strength(self.baseline.signals.two_sided)[0] / threshold
        revised = charted is not None
        if span is Span.WINDOW and not revised:
            memory, charted = self._chart(memory, evidence, reference, state.n, start)
        tests = SegmentTests(
            span=span,
            hours=cells,
            noise=noise,
            threshold=threshold,
            fewest=self.settings.min_samples,
            factors=self.factors,
        )
        segments = judged_segments(self.baseline, state.segments, tests)
        verdict = self._verdict(
            _Seen(state, reference, single, charted or {}, phi[0], freedom, segments),
            span=span,
            start=start,
            end=end,
            calibrating=noise.count < FEWEST_SPANS,
        )
        learned = memory if revised else self._learned(memory, span, verdict, raw, state.n)
        return Judgement(verdict, learned, charted or {})

    def reference(self, cells: Mapping[int, int]) -> Reference:
        """What a span is compared with, from its rows by the season's cell."""
        return self.baseline.seasonal.reference(self.baseline.layout, cells)

    def noise(self, span: Span, memory: Memory) -> Noise:
        """Noise between spans: training's if it has such spans, else what live ones showed.

        Blocks of training rows stand in for windows until these are enough; then whichever is noisier
        counts, for a day of windows does not show what a year of training does.
        """
        live = memory.noise[span]
        known = self.baseline.noise.get(span)
        if known is not None:
            return known.or_else(live)
        blocks = self.baseline.block_noise
        if span is not Span.WINDOW or blocks is None:
            return live
        return live.wider(blocks, self.baseline.signals.two_sided)

    def factors(self, reference: Reference, n: Counts, noise: Noise) -> tuple[Matrix, Matrix]:
        """φ of windows of n rows, and the degrees of freedom behind it, infinite where it is assumed.

        Returns
        -------
        Shapes (windows, signals) and (signals,).
        """
        signals = self.baseline.signals
        phi, tail = noise.measured(signals.two_sided)
        behind = np.maximum(noise.spans - 1.0, 1.0)
        for alike in signals.alike:
            some = alike[~np.isnan(phi[alike])]
            for count in np.unique(behind[some]).tolist():
                same = some[behind[some] == count]
                phi[same], behind[same] = squeezed(phi[same], count, self._independent(same))
        effective = effective_rows(n[:, None], self._worth(reference))
        grown = noise.at(n[:, None], phi, effective, behind)
        freedom = np.where(signals.two_sided, np.minimum(behind, tail), tail)
        maximum = np.isin(np.arange(len(phi)), signals.where(Law.MAXIMUM))
        return grown, np.where(np.isnan(phi) | maximum, np.inf, freedom)

    def _independent(self, some: npt.NDArray[np.intp]) -> float:
        """How many independent ones these signals are worth, by the correlations of their columns."""
        names = {name: i for i, name in enumerate(self.baseline.schema.names)}
        at = [names[column] for i in some if (column := self.baseline.signals.all[i].column) in names]
        R = self.baseline.relations.correlation[np.ix_(at, at)]
        return float(len(at) ** 2 / (R**2).sum()) if at else 1.0

    def measure(
        self, reference: Reference, counts: Counts, comoments: Counts, phi: Matrix, *, one_cell: bool
    ) -> Raw:
        """The signals of windows that are compared with the same reference.

        Parameters
        ----------
        counts, comoments : shapes (windows, bins) and (windows, columns, columns), as in `WindowState`.
        phi : shape (windows, signals), from `factors`.
        one_cell : whether they lie in one cell of the season.
        """
        layout = self.baseline.layout
        parts = [
            column_raw(
                column,
                reference.counts(layout, i),
                counts[:, layout.slice(i)],
                phi[:, self.baseline.signals.positions[column.name]],
            )
            for i, column in enumerate(self.baseline.columns)
        ]
        if RELATIONS in self.baseline.signals.positions:
            of_features = np.stack([phi[:, where].max(1) for where in self._locations], axis=1)
            parts.append(
                relations_raw(
                    self.baseline.relations,
                    layout,
                    reference,
                    counts,
                    comoments,
                    phi=of_features,
                    one_cell=one_cell,
                )
            )
        return Raw.join(parts)

    def threshold(self, span: Span) -> float:
        """The z above which a signal alarms in one span, of all rows or of a segment's.

        Hours and days have the classifier's test too.
        """
        classifier = span is not Span.WINDOW and RELATIONS in self.baseline.signals.positions
        sides = self.baseline.signals.sides + classifier + segment_sides(self.baseline)
        return threshold_z(span, self.settings, sides)

    def chart_threshold(self, n: int) -> Matrix:
        """The threshold of charts by size of drift, shape (4,), for windows of n rows."""
        windows = chart_windows(self.settings)
        h = conservative(windows, number_of_charts(self.baseline.signals.two_sided))
        if self.baseline.calibration is None:
            return h
        return np.minimum(h, self.baseline.calibration.threshold(n, windows))

    def allowance(self, reference: Reference, n: int) -> Matrix:
        """The allowance b of each signal, shape (signals,): see `drift_core.charts.allowance`."""
        return allowance(n, self._worth(reference))

    def smallest_drifts(
        self, span: Span, reference: Reference, n: int, phi: Matrix, freedom: Matrix
    ) -> tuple[float, float]:
        """Shifts of a typical feature's mean, in σ: the smallest that one span finds, and that charts find.

        Parameters
        ----------
        n : rows of the span.
        phi, freedom : shape (signals,), from `factors`.
        """
        at = np.concatenate(self._locations)
        typical, known = float(np.median(phi[at])), float(np.median(freedom[at]))
        m = float(reference.rows[: len(self.baseline.schema.names)].min())
        threshold = float(t_of_normal(self.threshold(span), known))
        return smallest_detectable_sigma(n, m, threshold, typical), chart_floor_sigma(n, m, typical)

    @cached_property
    def _locations(self) -> list[npt.NDArray[np.intp]]:
        """Of each feature the signals whose noise is that of its mean."""
        signals = self.baseline.signals
        found = []
        for name in self.baseline.schema.names:
            place = signals.positions[name]
            at = [i for i in range(place.start, place.stop) if signals.all[i].name == "location"]
            at = at or [
                i for i in range(place.start, place.stop) if signals.all[i].name.startswith("category:")
            ]
            found.append(np.array(at or [place.start], np.intp))
        return found

    def _worth(self, reference: Reference) -> Matrix:
        """Effective training rows behind each signal, shape (signals,)."""
        rows = {column.name: m for column, m in zip(self.baseline.columns, reference.rows, strict=True)}
        rows[RELATIONS] = reference.rows[: len(self.baseline.schema.names)].min()
        return np.array([rows[signal.column] for signal in self.baseline.signals.all])

    def _chart(
        self, memory: Memory, evidence: Evidence, reference: Reference, n: int, start: int
    ) -> tuple[Memory, Charted]:
        h = self.chart_threshold(n)
        charts = memory.charts.advanced(
            evidence.z[0],
            evidence.harmless[0],
            self.allowance(reference, n),
            two_sided=self.baseline.signals.two_sided,
            start=start,
        ).capped(h)
        scores, since = charts.scores(h)
        # A chart that cannot go on says nothing of this window.
        said = np.flatnonzero((scores > REMEMBERED_SCORE) & ~np.isnan(evidence.z[0]))
        return replace(memory, charts=charts), {int(i): (float(scores[i]), int(since[i])) for i in said}

    def _learned(self, memory: Memory, span: Span, verdict: Verdict, raw: Raw, n: int) -> Memory:
        live = memory.noise[span]
        if verdict.drift or live.count >= MOST_SPANS:
            return memory
        return replace(memory, noise={**memory.noise, span: live + Noise.of(raw.spread, np.array([n]))})

    def _verdict(self, seen: _Seen, *, span: Span, start: int, end: int, calibrating: bool) -> Verdict:
        baseline = self.baseline
        judged = {column.name: self._column(i, seen) for i, column in enumerate(baseline.columns)}
        relations = self._relations(seen)
        features = {name: judged[name] for name in baseline.schema.names}
        scores = [column.score for column in judged.values()] + ([relations.score] if relations else [])
        segments = seen.segments or {}
        guilty = self._guilty(judged, relations, seen, span) if max(scores) > 1 else ()
        scores += [one.score for one in segments.values()]
        drift = max(scores) > 1
        shifts = [abs(column.mean_shift_sigma or 0.0) for column in features.values()]
        n = seen.state.n
        once, lasting = self.smallest_drifts(span, seen.reference, n, seen.phi, seen.freedom)
        return Verdict(
            model_name=baseline.model_name,
            model_version=baseline.model_version,
            span=span,
            start=start,
            end=end,
            n=n,
            drift=drift,
            drift_score=max(scores),
            calibrating=calibrating,
            guilty=with_segments(guilty, segments),
            gross_shift=max(shifts) > self.settings.drift_threshold,
            mean_shift_sigma=max(shifts),
            smallest_detectable_sigma=once,
            smallest_lasting_sigma=lasting if span is Span.WINDOW else None,
            features=features,
            prediction=judged.get(PREDICTION),
            interval_width=judged.get(INTERVAL_WIDTH),
            multivariate=relations,
            segments=seen.segments,
        )

    def _column(self, position: int, seen: _Seen) -> ColumnVerdict:
        column, state = self.baseline.columns[position], seen.state
        counts = state.column(position)
        score, top, since = self._strongest(column.name, seen)
        n = int(counts.sum())
        shift = state.mean_shift(position)
        old = values_of(column, seen.reference.counts(self.baseline.layout, position))

        def share(*names: str) -> float:
            return sum(int(counts[column.special(name)]) for name in names if name in column.specials) / n

        return ColumnVerdict(
            drift=score > 1,
            score=score,
            top_contrast=self.baseline.signals.all[top].name,
            since=since,
            missing_share=share("missing"),
            unseen_share=share("unseen"),
            out_of_range_share=share("below", "above"),
            mean_shift_sigma=shift if column.numeric and not math.isnan(shift) else None,
            unit_factor=unit_factor(column, state.moments[position]) if score > 1 else None,
            noise=float(seen.phi[top]),
            **detectors.distances(column, old, values_of(column, counts)),
        )

    def _relations(self, seen: _Seen) -> RelationsVerdict | None:
        if RELATIONS not in self.baseline.signals.positions:
            return None
        relations, layout = self.baseline.relations, self.baseline.layout
        score, top, since = self._strongest(RELATIONS, seen)
        pair = changed_pair(relations, layout, seen.state.counts, seen.state.comoments)
        return RelationsVerdict(
            drift=score > 1,
            score=score,
            top_contrast=self.baseline.signals.all[top].name,
            since=since,
            auc_equivalent=auc_equivalent(relations, layout, seen.reference, seen.state.counts),
            pair=(pair.first, pair.second) if pair else None,
            correlation_before=pair.before if pair else None,
            correlation_now=pair.now if pair else None,
        )

    def _strongest(self, column: str, seen: _Seen) -> tuple[float, int, int | None]:
        """Score, signal, and begin of a column's strongest evidence."""
        place = self.baseline.signals.positions[column]
        top = place.start + int(seen.single[place].argmax())
        best: tuple[float, int, int | None] = (float(seen.single[top]), top, None)
        for i in range(place.start, place.stop):
            score, since = seen.charted.get(i, (0.0, 0))
            if score > best[0]:
                best = (score, i, since)
        return best

    def _guilty(
        self, judged: Mapping[str, ColumnVerdict], relations: RelationsVerdict | None, seen: _Seen, span: Span
    ) -> tuple[str, ...]:
        log_e = {name: self._log_e(name, seen, span) for name in judged}
        named = e_bh(log_e) | {name for name, column in judged.items() if column.drift}
        guilty = sorted(named, key=lambda name: -judged[name].score)
        if relations and relations.drift and relations.top_contrast == CORRELATION and relations.pair:
            pair = relations.pair
            guilty += pair if not named & set(pair) else ()
        # Of a shift that only all columns together show, the strongest is named.
        return tuple(guilty) or (max(judged, key=lambda name: judged[name].score),)

    def _log_e(self, column: str, seen: _Seen, span: Span) -> float:
        """Half of a column's e-value from this span, half from its charts."""
        place = self.baseline.signals.positions[column]
        sides = sum(signal.sides for signal in self.baseline.signals.all[place])
        here = log_e_of_z(float(seen.single[place].max()) * self.threshold(span), sides)
        charts = number_of_charts(self.baseline.signals.two_sided[place])
        strongest = max(
            (seen.charted.get(i, (0.0, 0))[0] for i in range(place.start, place.stop)), default=0.0
        )
        evidence = strongest * float(self.chart_threshold(seen.state.n).min())
        return float(
            np.logaddexp(here, log_e_of_chart(evidence, chart_windows(self.settings), charts)) - math.log(2)
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """One span, measured."""

    state: WindowState
    reference: Reference
    single: Matrix
    charted: Charted
    phi: Matrix
    freedom: Matrix
    segments: Mapping[str, SegmentVerdict] | None

"""The tests of the core can fail: each detector and chart, broken on purpose, is caught by a test named here.

A mutation replaces one piece of one module's source while it is imported, in a process of its own.
"""

from __future__ import annotations

import io
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import pytest

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent.parent

AT_ONCE = 2
SLOW_TO_IMPORT = ["numpy", "scipy.signal", "scipy.spatial.distance", "pytest"]

type Outcome = tuple[int, str]
"""Pytest's exit code and what it wrote."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One way to break the core, and the test that notices."""

    fault: str
    module: str
    old: str
    new: str
    caught_by: str

    @property
    def test(self) -> str:
        """The test as pytest finds it."""
        return str(HERE / self.caught_by)

    @property
    def source(self) -> Path:
        """The file that is broken."""
        return PROJECT / "drift_core" / f"{self.module}.py"


MUTATIONS = (
    Mutation(
        "sign of the contrasts",
        "evidence",
        "((q - p) @ basis.T)",
        "((p - q) @ basis.T)",
        "test_evidence.py::test_location_finds_a_shift_with_its_sign",
    ),
    Mutation(
        "bins off by one",
        "bins",
        "ascontiguousarray(values) >= ",
        "ascontiguousarray(values) > ",
        "test_bins.py::test_continuous_values_fall_into_sixteen_even_bins",
    ),
    Mutation(
        "basis out of order",
        "evidence",
        "powers.T)[1:] * signs",
        "powers.T)[1:][::-1] * signs",
        "test_evidence.py::test_basis_grows_by_degree",
    ),
    Mutation(
        "basis not orthonormal under the reference",
        "evidence",
        "np.linalg.qr(np.sqrt(p)[:, None] * powers",
        "np.linalg.qr(powers",
        "test_evidence.py::test_basis_is_orthonormal_and_centred",
    ),
    Mutation(
        "number of rows ignored",
        "evidence",
        "return rows * m / np.maximum(rows + m, 1e-300)",
        "return 0 * rows + 100.0",
        "test_evidence.py::test_a_contrast_grows_with_the_root_of_the_rows_and_keeps_its_sign",
    ),
    Mutation(
        "no correction of skewness",
        "evidence",
        "normal = z - skewness / 6 * (z**2 - 1) + skewness**2 / 108 * z**3",
        "normal = z",
        "test_evidence.py::test_skewed_columns_hold_their_level_on_each_side",
    ),
    Mutation(
        "no tolerance of a single window",
        "evidence",
        "np.maximum(np.abs(self.z) - self.harmless, 0.0)",
        "np.abs(self.z)",
        "test_evidence.py::test_a_harmless_shift_stays_harmless_at_ten_million_rows",
    ),
    Mutation(
        "no tolerance of the shape",
        "tolerance",
        "HARMLESS_DISTANCE = 0.1",
        "HARMLESS_DISTANCE = 0.0",
        "test_evidence.py::test_shape_is_the_noncentral_chi2_of_its_statistic",
    ),
    Mutation(
        "sparse cells not pooled",
        "evidence",
        "FEWEST_EXPECTED = 5",
        "FEWEST_EXPECTED = 0",
        "test_evidence.py::test_shape_pools_cells_that_expect_fewer_than_five",
    ),
    Mutation(
        "noise taken for 1",
        "evidence",
        "root = np.sqrt(phi)",
        "phi = np.ones_like(phi); root = phi",
        "test_evidence.py::test_noise_is_taken_out_of_every_kind_of_signal",
    ),
    Mutation(
        "noise of the contrasts left in the shape",
        "evidence",
        "(1 - 1 / phi[",
        "(0 / phi[",
        "test_evidence.py::test_noise_of_one_contrast_does_not_alarm_the_shape",
    ),
    Mutation(
        "estimated noise taken for known",
        "evidence",
        "return np.where(finite, bent, t)",
        "return t",
        "test_noise.py::test_a_noise_of_few_spans_needs_more_evidence",
    ),
    Mutation(
        "noise not about its mean",
        "noise",
        "spread = np.maximum(two - one**2, 0.0)",
        "spread = two",
        "test_noise.py::test_a_shift_that_was_there_from_the_start_is_not_noise",
    ),
    Mutation(
        "tail of a share inverted",
        "share",
        "+ 1) if sign > 0 else np.arange(k + 1)",
        "+ 1) if sign < 0 else np.arange(k + 1)",
        "test_share.py::test_rare_shares_follow_the_beta_binomial_law",
    ),
    Mutation(
        "season ignored",
        "season",
        "if self is Season.NONE:",
        "if True:",
        "test_freeze.py::test_the_load_of_noon_is_drift_at_midnight",
    ),
    Mutation(
        "charts without tolerance",
        "charts",
        "beyond = np.maximum(np.nan_to_num(harmless) - allowance, 0.0)[:, None]",
        "beyond = 0 * allowance[:, None]",
        "test_charts.py::test_harmless_drift_never_adds_up",
    ),
    Mutation(
        "charts without allowance for the baseline's error",
        "charts",
        "return bets, allowance[:, None] + beyond",
        "return bets, beyond",
        "test_charts.py::test_a_chart_is_a_fair_game_when_the_drift_is_the_allowance",
    ),
    Mutation(
        "bets too bold for many rows",
        "charts",
        "np.minimum(deltas + 2 * beyond, BOLDEST * deltas)",
        "deltas + 2 * beyond",
        "test_charts.py::test_nearly_all_that_is_harmless_stays_so_in_windows_of_very_many_rows",
    ),
    Mutation(
        "allowance of another size",
        "charts",
        "BASELINE_ERROR * np.sqrt(n / (n + np.maximum(m, 1e-9)))",
        "BASELINE_ERROR * n / (n + np.maximum(m, 1e-9))",
        "test_charts.py::test_the_allowance_is_in_standard_errors_of_the_baseline",
    ),
    Mutation(
        "charts without a ceiling",
        "charts",
        "np.minimum(self.evidence, CEILING * threshold)",
        "self.evidence",
        "test_charts.py::test_a_chart_that_was_capped_comes_down_soon_after_the_drift",
    ),
    Mutation(
        "charts of one direction only",
        "charts",
        "evidence[~two_sided, 1] = 0.0",
        "evidence[:, 1] = 0.0",
        "test_charts.py::test_a_drift_beyond_the_tolerance_is_found_soon",
    ),
    Mutation(
        "begin of a drift lost",
        "charts",
        "np.where(self.since == NEVER, start, self.since)",
        "start",
        "test_charts.py::test_a_chart_tells_since_when_it_grows",
    ),
    Mutation(
        "calibrated budget spent four times",
        "thresholds",
        "math.log(len(DELTAS) * windows)",
        "math.log(windows)",
        "test_thresholds.py::test_all_sizes_of_drift_together_pass_calibrated_thresholds_once_in_a_windows",
    ),
    Mutation(
        "sign of the joint shift",
        "joint",
        "(d * solved).sum(1) / scale",
        "-(d * solved).sum(1) / scale",
        "test_joint.py::test_the_joint_shift_is_hotellings_on_normal_scores",
    ),
    Mutation(
        "ridge with the wrong sign",
        "joint",
        "solved = np.linalg.solve(R + RIDGE",
        "solved = np.linalg.solve(R - RIDGE",
        "test_joint.py::test_the_joint_shift_is_hotellings_on_normal_scores",
    ),
    Mutation(
        "expected part left in the AUC",
        "joint",
        "live.sum() * (1 / m + 1 / max(int(n[0]), 1))",
        "0",
        "test_joint.py::test_auc_equivalent_is_a_half_without_drift_on_average",
    ),
    Mutation(
        "variance of a correlation taken for the normal law's",
        "relations",
        "np.maximum(influence.var(0) / slope**2, FISHER_FLOOR)",
        "1.0",
        "test_joint.py::test_columns_that_are_uncorrelated_but_not_independent_make_no_false_alarms",
    ),
    Mutation(
        "threshold of e-BH inverted",
        "naming",
        "math.log(len(ordered) / (level * k))",
        "math.log(level * k / len(ordered))",
        "test_naming.py::test_the_share_of_false_names_is_within_its_level",
    ),
    Mutation(
        "units found in one direction only",
        "naming",
        "np.log2(_FACTORS) - abs(moved)",
        "np.log2(_FACTORS) - moved",
        "test_naming.py::test_a_change_of_unit_is_named",
    ),
    Mutation(
        "a revision advances the charts",
        "monitor",
        "if span is Span.WINDOW and not revised:",
        "if span is Span.WINDOW:",
        "test_monitor.py::test_what_the_charts_said_stays_in_the_verdict_of_a_revision",
    ),
    Mutation(
        "KS of one side",
        "detectors",
        "float(np.abs(np.cumsum(p - q)).max())",
        "float(np.cumsum(p - q).min())",
        "test_detectors.py::test_ks_equals_scipys_when_every_value_has_its_own_bin",
    ),
    Mutation(
        "PSI without its difference",
        "detectors",
        "((q - p) * np.log(q / p)).sum()",
        "(q * np.log(q / p)).sum()",
        "test_detectors.py::test_psi_is_its_formula_and_its_null_is_chi2",
    ),
    Mutation(
        "Jensen-Shannon in nats",
        "detectors",
        ".sum() / 2 / np.log(2)",
        ".sum() / 2",
        "test_detectors.py::test_jensen_shannon_is_scipys_with_base_two",
    ),
    Mutation(
        "Wasserstein without crossings",
        "detectors",
        "crossing = left * right < 0",
        "crossing = left * right < -9",
        "test_detectors.py::test_wasserstein_within_a_bin_where_the_distributions_cross",
    ),
    Mutation(
        "χ² without the two sizes",
        "detectors",
        "statistic = n * m / (n + m) * float(",
        "statistic = n * float(",
        "test_detectors.py::test_chi2_is_scipys_contingency_test",
    ),
)


class Mutated(SourceFileLoader):
    """Loads the one module with its fault."""

    mutation: Mutation

    def get_code(self, fullname: str) -> CodeType:
        text = self.mutation.source.read_text()
        return compile(text.replace(self.mutation.old, self.mutation.new), self.path, "exec")


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds the one module before anybody else does."""

    mutation: Mutation

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != f"drift_core.{self.mutation.module}":
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None:
            loader = Mutated(name, str(self.mutation.source))
            loader.mutation = self.mutation
            spec.loader = loader
        return spec


def run(mutation: Mutation | None, *tests: str) -> Outcome:
    """Run tests in this process, which must be a new one, with the fault."""
    assert not any(name.startswith("drift_core") for name in sys.modules)
    if mutation:
        sys.meta_path.insert(0, Finder(mutation))
        tests = (mutation.test,)
    options = ["-q", "-x", "--noconftest", "-p", "no:cacheprovider", f"--rootdir={PROJECT}"]
    with redirect_stdout(io.StringIO()) as written:
        code = pytest.main([*tests, *options])
    return int(code), written.getvalue()


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    """A new process for each run, forked from one that has imported all but the core."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(SLOW_TO_IMPORT)
    with ProcessPoolExecutor(AT_ONCE, mp_context=context, max_tasks_per_child=1) as executor:
        yield executor


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, pool: ProcessPoolExecutor) -> dict[str, Future[Outcome]]:
    """The runs of the chosen mutations, all begun."""
    chosen = {
        item.callspec.params.get("fault") for item in request.session.items if hasattr(item, "callspec")
    }
    return {mutation.fault: pool.submit(run, mutation) for mutation in MUTATIONS if mutation.fault in chosen}


@pytest.mark.parametrize("fault", [mutation.fault for mutation in MUTATIONS])
def test_a_fault_is_caught_by_the_test_that_is_named(
    fault: str, outcomes: dict[str, Future[Outcome]]
) -> None:
    code, written = outcomes[fault].result()
    assert code == pytest.ExitCode.TESTS_FAILED, f"exit code {code}: {written[-1_000:]}"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.fault)
def test_the_source_that_a_mutation_replaces_is_there_once(mutation: Mutation) -> None:
    found = mutation.source.read_text().count(mutation.old)
    assert found == 1, f"{mutation.source.name} has {found} times {mutation.old!r}; write the mutation anew"


def test_without_a_fault_all_of_them_pass(pool: ProcessPoolExecutor) -> None:
    code, written = pool.submit(run, None, *sorted({mutation.test for mutation in MUTATIONS})).result()
    assert code == 0, written[-2_000:]

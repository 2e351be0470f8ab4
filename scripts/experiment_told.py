"""What is told of an experiment beside its picture, from its figures alone."""

from __future__ import annotations

from scripts.experiment_figures import Figures


def told(found: Figures) -> str:
    """A few sentences, for docs/experiments.md."""
    return _TOLD[found["experiment"]](found)


def _normal(found: Figures) -> str:
    (one,) = found["models"]
    return (
        f"{found['hours']:,} hours of {found['rows']} rows, {found['hours'] * found['rows']:,} houses in "
        f"all, and {one['days']} days: {one['alarms_before']} hours and {one['day_alarms']} days drift, "
        f"where the budget allows {one['false_alarms_allowed']:g} false alarms. The largest score of an "
        f"hour is {one['largest_score_before']:g}. Labels say {_eur(one['mae']['before'])} where training "
        f"said {_eur(one['training_mae'])}; they raise {one['quality']['before']} alarms, and the "
        f"estimated error {one['estimate']['before']}."
    )


def _gradual(found: Figures) -> str:
    (one,) = found["models"]
    (act,) = one["acts"]
    begins, step = found["begins"], act["strength"] / (found["hours"] - found["begins"])
    text = f"The mean grows by {step:.3f} σ an hour from hour {begins} on. "
    if one["found"] is not None:
        text += (
            f"The alarm comes in hour {one['found']}, at +{step * (one['found'] - begins + 1):.2f} σ: a "
            f"single hour would show {one['smallest_in_one_hour_sigma']:.2f} σ at least, but charts add "
            f"hours up. It names {_first(one)} and says that it drifts since {_hour(one['since'])}. "
        )
    return text + (
        f"Labels, once they are there, alarm from {_hour(one['quality']['found'])} on; in the last hours "
        f"the error is {_eur(one['mae']['end'])} in place of {_eur(one['mae']['before'])}. The estimate "
        f"says {_eur(one['estimated_mae']['end'])} there and alarms in {_hour(one['estimate']['found'])}: "
        "it takes the numbers at their word, and larger homes are only a little harder."
    )


def _sudden(found: Figures) -> str:
    (one,) = found["models"]
    attribution = one["attribution"]
    return (
        f"The change comes in hour {found['begins']} and is found in {_hour(one['found'])}, with "
        f"{_first(one)} named first. Labels of the changed hours say {_eur(one['mae']['after'])} in place "
        f"of {_eur(one['mae']['before'])} and alarm from {_hour(one['quality']['found'])} on. Before any is "
        f"there, the estimate alarms in {_hour(one['estimate']['found'])} and says "
        f"{_eur(one['estimated_mae']['after'])}: that something is wrong, not how wrong. Attributions "
        f"alarm in {_hour(attribution['found'])}; the order of importance stays (NDCG "
        f"{attribution['ndcg']['after']:.3f}), because what changed was the most important before."
    )


def _seasonal(found: Figures) -> str:
    timed, timeless = found["models"]
    return (
        f"In the {timed['quiet_hours']} hours before the shift the model {timed['model']} alarms in "
        f"{_hours(timed['alarms_before'])}, where the budget allows {timed['false_alarms_allowed']:g}; the "
        f"model {timeless['model']} alarms in {_hours(timeless['alarms_before'])}, is calibrating in "
        f"{timeless['calibrating']}, and takes the season for noise after that. The shift is found in "
        f"{_hour(timed['found'])} with times and in {_hour(timeless['found'])} without. What times cost: "
        "an hour of the week has few training rows, so the smallest drift that is found if it lasts is "
        f"{timed['smallest_lasting_sigma']:.2f} σ in place of {timeless['smallest_lasting_sigma']:.2f} σ. "
        "The charts of the estimated error know no season: theirs alarm in "
        f"{_hours(timed['estimate']['before'])} before the shift."
    )


def _degradation(found: Figures) -> str:
    (one,) = found["models"]
    missing, unseen, unit = one["acts"][0], one["acts"][-2], one["acts"][-1]
    mae = one["mae"]
    return (
        f"Two percent of missing incomes are found {_after(missing)}, a new value in two percent of the "
        f"areas {_after(unseen)}, miles in place of kilometres {_after(unit)}; each in its own row and by "
        f"its own signal (`{missing['signal']}`, `{unseen['signal']}`, `{unit['signal']}`). Labels alarm "
        f"from {_hour(one['quality']['found'])} on: of the three only the last hurts, with an error of "
        f"{_eur(mae['end'])} in place of {_eur(mae['before'])}. A monitor of errors alone would have let "
        "the first two rot on."
    )


def _concept(found: Figures) -> str:
    (one,) = found["models"]
    attribution, mae = one["attribution"], one["mae"]
    return (
        f"Of {found['hours']} hours {one['alarms_before'] + one['drift_hours'] or 'none'} drift, and none "
        "should: the inputs are those of training. The estimate "
        f"({_eur(one['estimated_mae']['after'])}, alarms in "
        f"{_hours(one['estimate']['hours'])}) and the attributions (NDCG "
        f"{attribution['ndcg']['after']:.3f}, alarms in {_hours(attribution['hours'])}) look at inputs and "
        f"model, and neither changed. The error is {_eur(mae['after'])} in place of {_eur(mae['before'])}, "
        f"and labels, as soon as they come, alarm from {_hour(one['quality']['found'])} on: the change comes "
        f"in hour {found['begins']}."
    )


_TOLD = {
    "normal": _normal,
    "gradual": _gradual,
    "sudden": _sudden,
    "seasonal": _seasonal,
    "degradation": _degradation,
    "concept": _concept,
}


def _hour(number: int | None) -> str:
    return "no hour" if number is None else f"hour {number}"


def _hours(count: int) -> str:
    return f"{count or 'no'} hour{'' if count == 1 else 's'}"


def _after(act: Figures) -> str:
    if act["found"] is None:
        return "never"
    late = act["found"] - act["from"]
    return "at once" if late == 0 else f"{_hours(late)} later"


def _first(one: Figures) -> str:
    return str(one["guilty"][0]) if one["guilty"] else "nothing"


def _eur(value: float) -> str:
    return f"{value:,.0f} EUR"

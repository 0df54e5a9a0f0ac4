"""Influence: what a search's result came from, by family, by parameter and by ensemble member.

References
----------
Hutter, Hoos, Leyton-Brown: An Efficient Approach for Assessing Hyperparameter Importance (ICML
2014): a random forest learns the gain from the parameters of the trials; a parameter's importance
is the share of the forest's variance that lies in its marginal (functional ANOVA, section 4).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
import pandas as pd
from optuna.importance import FanovaImportanceEvaluator

from models.candidate import Parameter
from models.ensemble import MAX_ROWS, OutOfFold, mix
from models.leaderboard import Leaderboard, TrialRecord
from models.metrics import Metric
from models.space import Choice, Real, Space
from models.strategies.study import past_trial

MIN_TRIALS = 10
"""Of fewer finished trials of a family nothing is said about its parameters."""

MAGNITUDE = 10.0
"""Positive numbers whose largest is so many times the least are looked at by their logarithm."""

FENCE = 1.5
"""A gain further below the lower quartile than so many quartile ranges counts as being there
(Tukey's fence): one useless trial is not to be all that a parameter is known for."""

Row = dict[str, Any]
COLUMNS = ("about", "family", "name", "worth", "n_trials", "note")


def explain_search(
    leaderboard: Leaderboard, values: Mapping[int, float], *, seed: int
) -> pd.DataFrame:
    """Say what helped a search, largest first within each kind.

    Parameters
    ----------
    values
        What `value_members` gave.

    Returns
    -------
    pandas.DataFrame
        `about`, `family`, `name`, `worth`, `n_trials` (finished ones) and `note`. The worth of a

        * `family`: by how much the best trial would be worse without the family's trials, in the
          metric's unit;
        * `parameter`: its share of what the family's parameters change, 0 to 1; NaN with a note
          where fewer than ten trials of the family have finished;
        * `member`: by how much the ensemble's members' mean would be worse without this trial, the
          others' weights growing in proportion; NaN where it is the only one.
    """
    families: dict[str, list[TrialRecord]] = {}
    for record in leaderboard.done:
        if record.origin != "baseline":
            families.setdefault(record.candidate.family, []).append(record)
    rows = [
        *_sorted(_family_rows(leaderboard, families)),
        *(
            row
            for name in sorted(families)
            for row in _parameter_rows(name, families, seed, leaderboard)
        ),
        *_sorted(_member_rows(leaderboard, values)),
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def value_members(
    predictions: Mapping[int, np.ndarray],
    weights: Mapping[int, float],
    rows: OutOfFold,
    metric: Metric,
) -> dict[int, float]:
    """Give by how much the weighted mean scores worse without each member; NaN for one alone.

    Beyond `models.ensemble.MAX_ROWS` it is judged on evenly spaced rows, as selection does.
    """
    if len(weights) == 1:
        return dict.fromkeys(weights, float("nan"))
    step = max(1, -(-len(rows.y) // MAX_ROWS))
    whole = metric.gain(rows.score(metric, mix(predictions, weights), step))
    values = {}
    for left_out in weights:
        rest = {number: weight for number, weight in weights.items() if number != left_out}
        total = sum(rest.values())
        shares = {number: weight / total for number, weight in rest.items()}
        values[left_out] = whole - metric.gain(rows.score(metric, mix(predictions, shares), step))
    return values


def _sorted(rows: Iterable[Row]) -> list[Row]:
    def place(row: Row) -> tuple[float, str]:
        worth = float(row["worth"])
        return (np.inf if np.isnan(worth) else -worth), row["name"]

    return sorted(rows, key=place)


def _gain(leaderboard: Leaderboard, record: TrialRecord) -> float:
    assert record.score is not None
    return record.score if leaderboard.greater_is_better else -record.score


def _family_rows(
    leaderboard: Leaderboard, families: Mapping[str, Sequence[TrialRecord]]
) -> Iterable[Row]:
    best = _gain(leaderboard, leaderboard.best)
    for name, records in families.items():
        others = [r for r in leaderboard.done if r.candidate.family != name]
        rest = max((_gain(leaderboard, record) for record in others), default=float("nan"))
        yield _row("family", name, name, best - rest, len(records))


def _member_rows(leaderboard: Leaderboard, values: Mapping[int, float]) -> Iterable[Row]:
    family = {record.number: record.candidate.family for record in leaderboard.done}
    for number, value in values.items():
        alone = "the only member" if len(values) == 1 else ""
        yield _row("member", family[number], str(number), value, 1, alone)


def _row(about: str, family: str, name: str, worth: float, n_trials: int, note: str = "") -> Row:
    return dict(zip(COLUMNS, (about, family, name, worth, n_trials, note), strict=True))


def _parameter_rows(
    family: str,
    families: Mapping[str, Sequence[TrialRecord]],
    seed: int,
    leaderboard: Leaderboard,
) -> list[Row]:
    records = sorted(families[family], key=lambda record: record.number)
    note = ""
    if len(records) < MIN_TRIALS:
        note = f"{MIN_TRIALS} finished trials are needed"
    else:
        gains = np.array([_gain(leaderboard, record) for record in records])
        found = parameter_importances([r.candidate.parameters for r in records], gains, seed=seed)
        if found:
            rows = (_row("parameter", family, name, found[name], len(records)) for name in found)
            return _sorted(rows)
        note = "its trials do not differ"
    return [_row("parameter", family, "", float("nan"), len(records), note)]


def parameter_importances(
    points: Sequence[Mapping[str, Parameter]], gains: np.ndarray, *, seed: int
) -> dict[str, float]:
    """Give each parameter's share of the gain's variance, adding up to one; none if nothing varies.

    Parameters
    ----------
    points
        Parameters by trial; one that is not part of every trial is left out.
    """
    space, seen = _seen(points)
    low, high = np.quantile(gains, [0.25, 0.75])
    fenced = np.maximum(gains, low - FENCE * (high - low)) if high > low else gains
    if not space or np.ptp(fenced) == 0:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [past_trial(space, at, float(gain)) for at, gain in zip(seen, fenced, strict=True)]
    )
    found = FanovaImportanceEvaluator(seed=seed).evaluate(study)
    total = sum(found.values())
    return {name: found[name] / total for name in sorted(found)} if total > 0 else {}


def _seen(points: Sequence[Mapping[str, Parameter]]) -> tuple[Space, list[dict[str, Parameter]]]:
    """Make a space of what was tried, and give the points in it: numbers by their logarithm."""
    space: dict[str, Real | Choice] = {}
    seen: list[dict[str, Parameter]] = [{} for _ in points]
    for name in sorted(set.intersection(*(set(point) for point in points))):
        values: list[Parameter] = [point[name] for point in points]
        numbers = [value for value in values if type(value) in (int, float)]
        if len(set(values)) == 1:
            continue
        if len(numbers) == len(values):
            plain = np.array(numbers, dtype=float)
            if plain.min() > 0 and plain.max() >= MAGNITUDE * plain.min():
                plain = np.log10(plain)
            values = plain.tolist()
            space[name] = Real(low=float(plain.min()), high=float(plain.max()))
        else:
            space[name] = Choice(options=tuple(sorted(set(values), key=str)))
        for point, value in zip(seen, values, strict=True):
            point[name] = value
    return space, seen

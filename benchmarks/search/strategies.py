"""What each strategy gains over random search at equal trials.

    python -m benchmarks.search.landscapes --data DATASETS --folder landscapes
    python -m benchmarks.search.strategies --folder landscapes --seeds 8 --trials 40

The strategies follow the same portfolio, choose among the same families and are told a trial late,
as with two workers, on modelled landscapes (see there). Regret is what the best candidate lacks to
the best one known, in shares of what the median LightGBM candidate lacks; 0 is the best.
Printed per dataset, and as ratio to random search, with how many of all plays ended better.
"""

import argparse
import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.search.landscapes import Landscape, load_landscape
from models.candidate import Candidate
from models.halving import Halving, is_behind
from models.leaderboard import TrialRecord
from models.strategies import SAMPLERS, Listed, Proposal, Tuner, Tuning

LAG = 2


def play(land: Landscape, name: str, *, seed: int, n_trials: int) -> np.ndarray:
    """Give the regret after the folds of each whole trial, shape `(n_trials,)`.

    Parameters
    ----------
    name
        A sampler, or a sampler and a halving: `tpe+asha`. A trial that is stopped costs the folds
        that it was fitted on, and counts for nothing.
    """
    sampler, _, kind = name.partition("+")
    proposals = [
        Proposal(candidate=Candidate(family=family, parameters=parameters), origin="portfolio")
        for family, listed in land.portfolio.items()
        for parameters in listed
    ]
    tuning = Tuning(
        spaces=land.spaces,
        fixed={family: listed[0] for family, listed in land.portfolio.items()},
        metric=land.metric,
        halving=Halving(kind=kind or "none", n_folds=land.n_folds, metric=land.metric),
    )
    strategies = (Listed(proposals), Tuner(SAMPLERS[sampler], tuning, seed=seed))
    best = np.full(n_trials, -np.inf)
    running: list[TrialRecord] = []
    number = n_spent = 0
    while n_spent < n_trials * land.n_folds:
        number += 1
        asked = (strategy.ask(number, lambda family: True) for strategy in strategies)
        found = next(proposal for proposal in asked if proposal is not None)
        ended = _ended(land, number, found)
        running.append(ended)
        n_spent += len(ended.fold_scores)
        if ended.score is not None:
            later = best[-(-n_spent // land.n_folds) - 1 :]
            np.maximum(later, land.metric.gain(ended.score), out=later)
        told = [ended.begun()]
        if len(running) == LAG:
            told.insert(0, running.pop(0))
        for record in told:
            for strategy in strategies:
                strategy.tell(record)
    return (land.best - best) / (land.best - land.usual)


def _ended(land: Landscape, number: int, found: Proposal) -> TrialRecord:
    """Give the record of a proposal's trial, stopped where it is behind its bars."""
    begun = TrialRecord(number=number, candidate=found.candidate, origin=found.origin)
    gains = land.fold_gains(found.candidate)
    # A gain is the score or the negative of it: applied twice, it is the score.
    scores = tuple(land.metric.gain(float(gain)) for gain in gains)
    for n_done in range(1, len(gains)):
        if is_behind(gains[:n_done], found.bars):
            return begun.stopped(scores[:n_done], land.n_folds, 0.0)
    return replace(begun, state="done", score=float(np.mean(scores)), fold_scores=scores)


def _play_all(task: tuple[Path, str, int, int]) -> tuple[np.ndarray, float]:
    path, name, n_seeds, n_trials = task
    land, start = load_landscape(path), time.process_time()
    regrets = [play(land, name, seed=seed, n_trials=n_trials) for seed in range(n_seeds)]
    return np.array(regrets), (time.process_time() - start) / n_seeds / n_trials


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folder", type=Path, required=True)
    arguments.add_argument("--seeds", type=int, default=8)
    arguments.add_argument("--trials", type=int, default=40)
    arguments.add_argument(
        "--strategies", nargs="*", default=[*SAMPLERS, "random+asha", "tpe+asha", "tpe+hyperband"]
    )
    given = arguments.parse_args()
    paths = sorted(given.folder.glob("*.json"))
    for path in paths:
        print(f"{path.stem}: modelled gains agree in rank by {load_landscape(path).agreement:.2f}")
    names = ["random", *(name for name in given.strategies if name != "random")]
    usual = np.empty(0)
    with get_context("spawn").Pool(2) as pool:
        for name in names:
            tasks = [(path, name, given.seeds, given.trials) for path in paths]
            plays, costs = zip(*pool.map(_play_all, tasks, chunksize=1), strict=True)
            regrets = np.array(plays)
            usual = regrets if name == "random" else usual
            for at in (given.trials // 2, given.trials):
                print(_line(name, at, regrets[..., at - 1], usual[..., at - 1]))
            print(f"{name:13s} {1000 * np.mean(costs):.0f} CPU ms per trial")


def _line(name: str, at: int, regret: np.ndarray, by_chance: np.ndarray) -> str:
    each = " ".join(f"{value:7.3f}" for value in regret.mean(axis=1))
    better = (regret < by_chance).mean() + 0.5 * (regret == by_chance).mean()
    ratio = regret.mean() / by_chance.mean()
    return (
        f"{name:13s} after {at:3d}: {each} | mean {regret.mean():6.3f}, "
        f"{ratio:5.2f} of random, better in {better:4.0%}"
    )


if __name__ == "__main__":
    main()

"""Sharing: the search rows as files that worker processes map into memory.

`data/` in the search directory, written once: `numbers.npy` (float64), `codes.npy` (positions in
`levels.json`, -1 for missing), `y.npy`, `weight.npy` where rows have weights, `moments.npy` where
they have time, one pair of row positions per fold, `meta.json`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from features.durable import creating_directory
from models.ensemble import OutOfFold
from models.preprocessing import split_columns
from models.splits import Fold
from models.task import Problem


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchRows:
    """What a trial sees: the search rows and their folds, never the sealed holdout.

    Attributes
    ----------
    bagged
        Whether fold models are averaged; otherwise members are fitted anew on all rows.
    weight
        Shape `(n_rows,)`, with a mean of one; None when all rows count the same.
    moments
        When each row was asked, shape `(n_rows,)`; None where rows have no time.
    """

    X: pd.DataFrame
    y: np.ndarray
    folds: tuple[Fold, ...]
    problem: Problem
    bagged: bool
    weight: np.ndarray | None = None
    moments: np.ndarray | None = None

    @property
    def out_of_fold(self) -> OutOfFold:
        """The labels of all validation blocks, in the folds' order."""
        judged = np.concatenate([fold.valid for fold in self.folds])
        return OutOfFold(
            y=self.y[judged],
            sizes=tuple(len(fold.valid) for fold in self.folds),
            weight=self.weight_of(judged),
            bagged=self.bagged,
        )

    def weight_of(self, rows: np.ndarray) -> np.ndarray | None:
        """Give the weights of some rows, None when all rows count the same."""
        return None if self.weight is None else self.weight[rows]


def share(rows: SearchRows, directory: Path) -> None:
    """Write the search rows as `directory`; what is there already stays."""
    if directory.exists():
        return
    numeric, categorical = split_columns(rows.X)
    with creating_directory(directory) as fresh:
        np.save(fresh / "numbers.npy", rows.X[numeric].to_numpy(dtype=float))
        np.save(fresh / "y.npy", rows.y)
        if rows.weight is not None:
            np.save(fresh / "weight.npy", rows.weight)
        if rows.moments is not None:
            np.save(fresh / "moments.npy", rows.moments)
        levels = _write_codes(rows.X, categorical, fresh)
        for number, fold in enumerate(rows.folds):
            np.save(fresh / f"train_{number}.npy", fold.train)
            np.save(fresh / f"valid_{number}.npy", fold.valid)
        meta = {
            "problem": rows.problem.trained_as.to_dict(),
            "bagged": rows.bagged,
            "columns": list(rows.X.columns),
            "numeric": numeric,
            "categorical": categorical,
            "n_folds": len(rows.folds),
        }
        (fresh / "levels.json").write_text(json.dumps(levels), encoding="utf-8")
        (fresh / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


def open_shared(directory: Path) -> SearchRows:
    """Open what `share` wrote; numbers stay on disk until they are read."""
    meta = json.loads((directory / "meta.json").read_text(encoding="utf-8"))
    levels = json.loads((directory / "levels.json").read_text(encoding="utf-8"))
    numbers = np.load(directory / "numbers.npy", mmap_mode="r")
    frame = pd.DataFrame(numbers, columns=meta["numeric"], copy=False)
    if meta["categorical"]:
        codes = np.load(directory / "codes.npy")
        known = {
            name: np.array([*levels[name], None], dtype=object)[codes[position]]
            for position, name in enumerate(meta["categorical"])
        }
        frame = pd.concat([frame, pd.DataFrame(known, dtype=object)], axis=1)[meta["columns"]]
    problem = meta["problem"]
    return SearchRows(
        X=frame,
        y=np.load(directory / "y.npy"),
        folds=tuple(_fold(directory, number) for number in range(meta["n_folds"])),
        problem=Problem(
            task=problem["task"], metric=problem["metric"], classes=tuple(problem["classes"])
        ),
        bagged=meta["bagged"],
        weight=_load_if_there(directory / "weight.npy"),
        moments=_load_if_there(directory / "moments.npy"),
    )


def _load_if_there(path: Path) -> np.ndarray | None:
    return np.load(path) if path.exists() else None


def _write_codes(
    X: pd.DataFrame, categorical: Sequence[str], directory: Path
) -> dict[str, list[str]]:
    codes = np.empty((len(categorical), len(X)), dtype=np.int32)
    levels: dict[str, list[str]] = {}
    for position, name in enumerate(categorical):
        codes[position], found = pd.factorize(X[name].to_numpy())
        levels[name] = list(found)
    if categorical:
        np.save(directory / "codes.npy", codes)
    return levels


def _fold(directory: Path, number: int) -> Fold:
    return Fold(
        train=np.load(directory / f"train_{number}.npy"),
        valid=np.load(directory / f"valid_{number}.npy"),
    )

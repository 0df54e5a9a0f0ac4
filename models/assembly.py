"""Assembly: from chosen trials to the model that ships.

With forward-chaining folds a member is fitted once more on all search rows, because the folds'
models have not seen the newest ones; boosting takes the rounds the folds stopped at, scaled to
the rows. With k folds a member is the mean of its fold models and nothing is fitted again.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from models.finishing import Finish
from models.leaderboard import TrialRecord
from models.persistence import load_model
from models.serving import EnsembleModel, FittedMember
from models.sharing import SearchRows

PROBE_ROWS = 2_000


def fold_models(directory: Path, number: int) -> Path:
    """Name the directory of a trial's fold models (a forward chain's last one)."""
    return directory / "models" / f"{number:04d}"


def final_model(directory: Path, number: int) -> Path:
    """Name the directory of a trial's model fitted on all search rows."""
    return directory / "models" / f"{number:04d}-final"


def final_rounds(record: TrialRecord, rows: SearchRows) -> int:
    """Give the boosting rounds of a final fit; 0 where there are none.

    NOTE: with the square root of the growth in rows. More rows carry more rounds, but in
    proportion (as is usual for k folds) the first block of a forward chain would ask for 2.5
    times its own; the last block, whose growth is small, should weigh as much as the first.
    """
    scaled = [
        rounds * math.sqrt(len(rows.y) / len(fold.train))
        for rounds, fold in zip(record.n_rounds, rows.folds, strict=True)
    ]
    return round(sum(scaled) / len(scaled)) if any(scaled) else 0


def assemble(
    directory: Path,
    weights: Mapping[int, float],
    rows: SearchRows,
    finish: Finish | None = None,
) -> EnsembleModel:
    """Load the chosen trials' models as one ensemble.

    A trial's final model is taken where it exists, else its fold models.
    """
    finish = finish or Finish()
    members: list[FittedMember] = []
    shares: list[float] = []
    columns: EnsembleModel | None = None
    for number, weight in weights.items():
        final = final_model(directory, number)
        part = load_model(final if final.exists() else fold_models(directory, number))
        matrix = finish.matrices.get(number)
        members.extend(replace(member, matrix=matrix) for member in part.members)
        shares.extend(weight * share for share in part.weights)
        columns = part
    assert columns is not None
    return EnsembleModel(
        members=tuple(members),
        weights=tuple(shares),
        problem=rows.problem,
        columns=columns.columns,
        pooling=finish.pooling,
        calibration=finish.calibration,
        decision=finish.decision,
    )


def rehearse(
    directory: Path, weights: Mapping[int, float], rows: SearchRows, *, n_asked: int
) -> float:
    """Expect the seconds that loading an ensemble and predicting `n_asked` rows will take."""
    start = time.monotonic()
    model = assemble(directory, weights, rows)
    loaded = time.monotonic()
    probe = rows.X.iloc[:PROBE_ROWS]
    model.predict(probe)
    predicted = time.monotonic() - loaded
    return loaded - start + predicted * max(1.0, n_asked / len(probe))

"""Sources: which question is asked of which development dataset.

A folder per dataset with `data.parquet`; columns that leak the answer, and numbers that only name
a row, are left out as its description says.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from models.automl import USUAL_METRICS
from models.columns import learn_columns
from models.dataset import Dataset
from models.frames import convert
from models.task import Problem, Task

MAX_SEALED = 4_000


@dataclass(frozen=True)
class Source:
    """A question about a dataset.

    Attributes
    ----------
    folder
        Of the dataset; by default the source's name.
    """

    task: Task
    label: str
    dropped: tuple[str, ...] = ()
    folder: str = ""


SOURCES = {
    "credit_g": Source("binary", "class"),
    "mlc_churn": Source("binary", "churn"),
    "telco_churn": Source("binary", "Churn", ("customerID",)),
    "abalone": Source("regression", "Rings"),
    "ames": Source("regression", "price", ("Order", "PID")),
    "segment": Source("multiclass", "class"),
    "soybean": Source("multiclass", "class"),
    "blood_transfusion": Source("binary", "target"),
    "titanic": Source("binary", "Survived", ("PassengerId",)),
    "nyc_taxis": Source("regression", "fare", ("dropoff", "tip", "tolls", "total")),
    "wine_quality": Source("regression", "quality"),
    "wine_classes": Source("multiclass", "quality", folder="wine_quality"),
    "mammography": Source("binary", "class"),
    "nursery": Source("multiclass", "class"),
    "california_housing": Source("regression", "median_house_value"),
    "adult": Source("binary", "income", ("split",)),
    "shuttle": Source("multiclass", "Class"),
    "diamonds": Source("regression", "price"),
    "diamond_cuts": Source("multiclass", "cut", folder="diamonds"),
    "ai4i2020": Source(
        "binary", "Machine failure", ("HDF", "OSF", "PWF", "RNF", "TWF", "Product ID", "UDI")
    ),
    "kc_house": Source("regression", "price", ("id",)),
    "dry_bean": Source("multiclass", "Class"),
    "bank_marketing": Source("binary", "y", ("duration",)),
    "optdigits": Source("multiclass", "class"),
    "fried": Source("regression", "Y"),
    "hr_job_change": Source("binary", "target", ("enrollee_id",)),
    "spambase": Source("binary", "class"),
    "loans_full_schema": Source(
        "regression", "interest_rate", ("grade", "sub_grade", "installment")
    ),
    "higgs_small": Source("binary", "label", ("split",)),
    "insteval": Source("regression", "y"),
    "heart_2020_brfss": Source("binary", "HeartDisease"),
    "car_insurance_claims": Source("binary", "clm", ("claimcst0", "numclaims")),
    "google_play": Source("regression", "Rating"),
}  # fmt: skip

TEXTS = {
    "sms_spam": Source("binary", "label"),
    "fine_foods_small": Source("binary", "score", ("split",)),
}
"""Columns of text, which the other sources hardly have; the portfolio is not learned on them."""


@dataclass(frozen=True)
class Sample:
    """Rows to search, and others to judge by what was found."""

    problem: Problem
    searched: Dataset
    sealed: Dataset


def sample(data: Path, name: str, *, max_rows: int, max_cells: int) -> Sample:
    """Draw rows as the estimators would see them; never more than three quarters are searched.

    Parameters
    ----------
    max_cells
        Searched rows times columns times outputs: what boosting costs.
    """
    source = (SOURCES | TEXTS)[name]
    frame = pd.read_parquet(data / (source.folder or name) / "data.parquet")
    frame = frame.dropna(subset=[source.label]).sample(frac=1.0, random_state=0)
    frame = frame.reset_index(drop=True)
    described = frame.drop(columns=[source.label, *source.dropped])
    labels = frame[source.label].to_numpy()
    n_outputs = len(pd.unique(labels)) if source.task == "multiclass" else 1
    affordable = max_cells // (n_outputs * described.shape[1])
    n_searched = min(max_rows, affordable, len(frame) * 3 // 4)
    searched = np.arange(n_searched)
    sealed = np.arange(n_searched, min(len(frame), n_searched + MAX_SEALED))
    classes: tuple[str, ...] = ()
    if source.task == "regression":
        y = labels.astype(float)
    else:
        # A class that no searched row has cannot be learnt: its sealed rows tell nothing.
        names = np.unique(labels[searched].astype(str))
        sealed = sealed[np.isin(labels[sealed].astype(str), names)]
        y = np.searchsorted(names, labels.astype(str)).astype(np.intp)
        classes = tuple(names.tolist())
    learned = learn_columns(described.iloc[searched].reset_index(drop=True))
    problem = Problem(task=source.task, metric=USUAL_METRICS[source.task], classes=classes)
    parts = [
        Dataset(X=convert(described.iloc[rows].reset_index(drop=True), learned.columns), y=y[rows])
        for rows in (searched, sealed)
    ]
    return Sample(problem, *parts)

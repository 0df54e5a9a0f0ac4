"""`perennial plan`: what the next retrain would use, and why not the rest."""

import subprocess
from pathlib import Path

import pytest

from flows.plan_summary import kind_of
from tests.flows.commands import commanded
from tests.flows.conftest import NOW


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("same values as COUNT(orders)", "same values as another"),
        ("always 3.0", "never changes, or never has a value"),
        ("users.planet is always 3.0", "never changes, or never has a value"),
        ("never has a value: one of users has at most 1 of orders", "never changes, or never"),
        ("each of flights is asked once", "no rows to look back on"),
        ("missing in 99.1% of rows", "missing too often"),
        ("of use for -0.002% of the loss on rows unseen: not among the best", "not among the best"),
        ("would take about 900 CPU seconds for 10 rows, 60 are allowed", "too dear"),
        ("120 levels that change from row to row: as good as a key", "as good as a key"),
        ("a date is not a quantity; its parts are features", "not a number or category"),
    ],
)
def test_reasons_are_grouped(reason: str, kind: str) -> None:
    assert kind_of(reason).startswith(kind)


def perennial_plan(folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return commanded("plan", "--now", str(NOW.date()), *options, cwd=folder)


@pytest.mark.slow
def test_the_next_plan_is_explained_and_nothing_is_kept(shop: Path) -> None:
    before = sorted(shop.rglob("*"))
    answer = perennial_plan(shop, "--explain")
    assert answer.returncode == 0, answer.stderr
    assert sorted(shop.rglob("*")) == before
    assert max(map(len, answer.stdout.splitlines())) <= 80
    for words in (
        "Plan of the next retrain",
        "past_labels",
        "kernel",
        "CPU s",
        "Dropped",
        "COUNT(",
    ):
        assert words in answer.stdout


@pytest.mark.slow
def test_the_champions_plan_is_the_one_it_serves_with(trained: Path, tmp_path: Path) -> None:
    answer = perennial_plan(trained, "--champion")
    assert answer.returncode == 0, answer.stderr
    assert "Plan of version 1" in answer.stdout
    assert "perennial plan --explain" in answer.stdout


def test_where_none_serves_there_is_no_champions_plan(shop: Path) -> None:
    answer = perennial_plan(shop, "--champion")
    assert answer.returncode == 1
    assert "perennial run" in answer.stderr

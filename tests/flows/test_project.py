"""The spec: what is accepted, and that each refusal names the key and what was expected."""

from importlib import resources
from pathlib import Path

import pytest

from flows.errors import FlowError
from flows.project import load_project, parse_project
from flows.sections import seconds_of
from flows.steps.judging import policy_of
from models.gates import GATES
from models.promotion import FairnessPolicy, PromotionPolicy

MINIMAL = """
project: shop
tables:
  customers: {source: data/customers.csv, key: customer_id}
target:
  entity: customers
  labels: SELECT customer_id, now AS cutoff_time, left AS label FROM customers
  task: binary
"""


def test_one_table_is_enough() -> None:
    project = parse_project(MINIMAL)
    assert project.target.metric == "roc_auc"
    assert project.features.depth == 2
    assert project.promotion.gates == tuple(GATES)
    assert not project.promotion.approval


def test_promotion_says_what_each_gate_goes_by() -> None:
    section = parse_project(
        MINIMAL
        + "promotion: {slices: [region, age], max_megabytes: 20, alpha: 0.1, approval: true,\n"
        + "  fairness: {column: region, max_gap: 0.2, measure: metric}}"
    ).promotion
    policy = policy_of(section)
    assert section.described_by == ("region", "age")
    assert (policy.slices, policy.max_megabytes, policy.alpha) == (("region", "age"), 20, 0.1)
    assert policy.fairness == FairnessPolicy(column="region", max_gap=0.2, measure="metric")
    assert policy.approval
    assert policy_of(parse_project(MINIMAL).promotion) == PromotionPolicy()


def test_windows_and_interesting_values() -> None:
    section = parse_project(
        MINIMAL
        + "features: {windows: [1d, all], interesting: {orders: {kind: 3, paid: [true, x]}}}"
    ).features
    assert section.windows == ("1d", "all")
    assert section.interesting == {"orders": {"kind": 3, "paid": (True, "x")}}


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "[[a]]"])
def test_interesting_values_are_a_number_or_a_list(wrong: str) -> None:
    with pytest.raises(FlowError, match=r"features\.interesting\.orders\.kind"):
        parse_project(MINIMAL + f"features: {{interesting: {{orders: {{kind: {wrong}}}}}}}")


@pytest.mark.parametrize(
    ("task", "metric"), [("multiclass", "log_loss"), ("regression", "rmse"), ("binary", "roc_auc")]
)
def test_metric_defaults_to_the_usual_one_of_the_task(task: str, metric: str) -> None:
    project = parse_project(MINIMAL.replace("task: binary", f"task: {task}"))
    assert project.target.metric == metric


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("key: customer_id", "kee: customer_id", ["tables.customers.kee", "did you mean 'key'"]),
        ("entity: customers", "entity: customer", ["target.entity", "did you mean 'customers'"]),
        ("task: binary", "task: yesno", ["target.task", "'binary'", "'yesno'"]),
        ("project: shop", "project: 1 shop", ["project", "1 shop"]),
        (
            "key: customer_id",
            "key: customer_id, sql: SELECT 1",
            ["tables.customers", "exactly one of `source`"],
        ),
        ("source: data/customers.csv, ", "", ["tables.customers", "exactly one of `source`"]),
    ],
)
def test_a_wrong_spec_is_refused_by_key(before: str, after: str, words: list[str]) -> None:
    with pytest.raises(FlowError) as refusal:
        parse_project(MINIMAL.replace(before, after))
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ("features: {windows: [7x]}", "7x"),
        ("search: {max_seconds: 0}", "search.max_seconds"),
        ("search: {strategy: evolutoin}", "strategy: expected one of .*did you mean 'evolution'"),
        ("schedules: {score: often}", "schedules.score"),
        ("promotion: {gates: [quantity]}", "promotion.gates"),
        ("promotion: {max_latency_ms: 0}", "promotion.max_latency_ms"),
        ("promotion: {fairness: {column: a}}", "promotion.fairness.max_gap: missing"),
        (
            "promotion: {fairness: {colum: a, max_gap: 0.1}}",
            "fairness.colum: unknown key; .*did you mean 'column'",
        ),
    ],
)
def test_a_wrong_value_is_echoed(section: str, word: str) -> None:
    with pytest.raises(FlowError, match=word):
        parse_project(MINIMAL + section)


@pytest.mark.parametrize("text", ["a: [", "- a list", "", "just words"])
def test_what_is_not_a_spec_is_refused(text: str) -> None:
    with pytest.raises(FlowError, match=r"perennial\.yaml"):
        parse_project(text)


def test_a_missing_spec_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match="perennial init"):
        load_project(tmp_path)


def test_a_python_object_in_yaml_is_not_made() -> None:
    with pytest.raises(FlowError, match="not valid YAML"):
        parse_project("project: !!python/object/apply:os.system ['true']")


@pytest.mark.parametrize("name", ["flights.yaml", "template.yaml"])
def test_the_specs_we_ship_are_valid(name: str) -> None:
    text = resources.files("flows.examples").joinpath(name).read_text(encoding="utf-8")
    assert parse_project(text).tables


def test_schedules_do_not_change_what_a_retrain_computes() -> None:
    hourly = parse_project(MINIMAL + 'schedules: {score: "0 * * * *"}')
    daily = parse_project(MINIMAL + 'schedules: {score: "0 0 * * *"}')
    deeper = parse_project(MINIMAL + "features: {depth: 3}")
    assert hourly.fingerprint == daily.fingerprint
    assert hourly.fingerprint != deeper.fingerprint


@pytest.mark.parametrize(
    ("text", "seconds"), [("30m", 1800), ("3h", 10800), ("7d", 604800), ("2w", 1209600)]
)
def test_durations(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


def test_a_memory_limit_is_a_size_and_changes_nothing_that_is_computed() -> None:
    limited = parse_project(MINIMAL + "features: {memory_limit: 4GB}\n")
    assert limited.features.memory_limit == "4GB"
    assert limited.fingerprint == parse_project(MINIMAL).fingerprint
    with pytest.raises(
        FlowError, match=r"features\.memory_limit: [Ee]xpected a size such as '4GB'"
    ):
        parse_project(MINIMAL + "features: {memory_limit: plenty}\n")

import pytest

from features.plan import FeaturePlan, FeatureSpec, synthesize
from features.schema import ColumnType, Relationship, Schema, Table
from features.sentences import describe_features
from features.synthesis import build_entityset, ft

NUMBER, KEY, LEVEL = ColumnType.NUMERIC, ColumnType.KEY, ColumnType.CATEGORICAL


def make_schema() -> Schema:
    moment = ColumnType.DATETIME
    return Schema(
        tables=(
            Table(name="customers", key="id", columns={"id": KEY, "age": NUMBER}),
            Table(
                name="orders",
                key="order_id",
                time="at",
                columns={
                    "order_id": KEY,
                    "customer": KEY,
                    "payer": KEY,
                    "at": moment,
                    "amount": NUMBER,
                    "kind": LEVEL,
                    "paid": ColumnType.BOOLEAN,
                },
            ),
            Table(
                name="items",
                key="item_id",
                time="at",
                columns={"item_id": KEY, "order": KEY, "at": moment, "price": NUMBER},
            ),
        ),
        relationships=(
            Relationship(
                parent="customers", parent_column="id", child="orders", child_column="customer"
            ),
            Relationship(
                parent="orders", parent_column="order_id", child="items", child_column="order"
            ),
        ),
    )


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    plan = synthesize(make_schema(), "customers", depth=2, windows=["3h", "1d"], max_features=900)
    return {name: each.sentence for name, each in describe_features(plan).items()}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("age", "age"),
        ("COUNT(orders)", "number of its orders so far"),
        ("COUNT(orders, Last 3 Hours)", "number of its orders in the 3 hours before"),
        ("MEAN(orders.amount, Last 1 Days)", "average amount over its orders in the day before"),
        (
            "MEAN(orders.amount, Last 3 Hours) / MEAN(orders.amount, Last 1 Days)",
            "average amount over its orders in the 3 hours before, compared with the day before",
        ),
        (
            "COUNT(orders, Last 1 Days) / COUNT(orders)",
            "number of its orders in the day before, compared with all time",
        ),
        ("PERCENT_TRUE(orders.paid)", "share of its orders where paid so far"),
        ("MODE(orders.kind)", "most frequent kind among its orders so far"),
        (
            "NUM_UNIQUE(orders.HOUR(at))",
            "number of different “hour of at” among its orders so far",
        ),
        ("TIME_SINCE_LAST(orders.at)", "time since the last of its orders"),
        (
            "SUM(orders.MEAN(items.price))",
            "total “average price over the order's items” over its orders so far",
        ),
    ],
)
def test_a_feature_is_told_as_a_person_would(told, name, sentence):
    assert told[name] == sentence


def test_the_columns_a_feature_comes_from_are_named():
    plan = synthesize(make_schema(), "customers", depth=2, max_features=900)
    words = describe_features(plan)
    assert set(words) == set(plan.names)
    assert words["SUM(orders.MEAN(items.price))"].sources == (("items", "price"),)
    assert words["TIME_SINCE_LAST(orders.at)"].is_duration
    assert not words["COUNT(orders)"].is_duration
    assert words["COUNT(orders)"].sources == (("orders", "order_id"),)


def test_conditions_of_rows_and_primitives_without_words_are_told_too():
    schema = make_schema()
    es = build_entityset(schema)
    es.add_interesting_values(dataframe_name="orders", values={"kind": ["gift"]})
    definitions = ft.dfs(
        entityset=es,
        target_dataframe_name="customers",
        agg_primitives=["mean", "skew"],
        trans_primitives=[],
        where_primitives=["mean"],
        features_only=True,
        max_depth=1,
    )
    plan = FeaturePlan(
        target="customers",
        features=tuple(
            FeatureSpec(name=each.get_name(), kind="numeric", table="orders", description="")
            for each in definitions
        ),
        definitions=ft.save_features(definitions),
        schema_fingerprint=schema.fingerprint,
    )
    told = {name: each.sentence for name, each in describe_features(plan).items()}
    conditional = told["MEAN(orders.amount WHERE kind = gift)"]
    assert conditional == "average amount over its orders with kind gift so far"
    assert told["SKEW(orders.amount)"] == "skew of amount over its orders so far"


def test_two_keys_to_one_parent_are_told_apart():
    schema = make_schema()
    both = Schema(
        tables=schema.tables,
        relationships=(
            *schema.relationships,
            Relationship(
                parent="customers", parent_column="id", child="orders", child_column="payer"
            ),
        ),
    )
    plan = synthesize(both, "orders", depth=1, max_features=50)
    told = {name: each.sentence for name, each in describe_features(plan).items()}
    assert told["customers[customer].age"] == "its customer (by customer)'s age"
    assert told["customers[payer].age"] == "its customer (by payer)'s age"

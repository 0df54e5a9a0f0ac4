"""The store: plans registered once, values read back as written, online equals the latest."""

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from feast import FeatureStore, RepoConfig

from features.errors import StoreError
from features.matrix import write_matrix
from features.plan import FeaturePlan, FeatureSpec
from features.store import Store, StoreSettings, open_store

pytestmark = pytest.mark.filterwarnings(
    # featuretools and woodwork, which features.plan imports
    "ignore:pkg_resources is deprecated:UserWarning"
)

NUMERIC = "planes.MEAN(flights.arr_delay, Last 7 Days)"
CATEGORICAL = "MODE(weather:kind__x)"
CREATED = pd.Timestamp("2013-06-01")
NOON = pd.Timestamp("2013-01-10 12:00")


def make_plan(definitions: str = "[]") -> FeaturePlan:
    specs = [
        FeatureSpec(name=NUMERIC, kind="numeric", table="flights", description="Mean delay"),
        FeatureSpec(name="distance", kind="numeric", table="flights", description="Miles"),
        FeatureSpec(name=CATEGORICAL, kind="categorical", table="weather", description="Kind"),
    ]
    return FeaturePlan(
        target="flights",
        features=tuple(specs),
        definitions=definitions,
        schema_fingerprint="schema",
    )


def make_frame(n_rows: int = 200, *, seed: int = 0, n_keys: int = 40) -> pd.DataFrame:
    """Rows at whole minutes over ten days; keys repeat, (key, time) does not."""
    random = np.random.default_rng(seed)
    minutes = np.sort(random.choice(10 * 24 * 60, n_rows, replace=False))
    numbers = random.normal(size=(n_rows, 2))
    numbers[random.random((n_rows, 2)) < 0.2] = np.nan
    return pd.DataFrame(
        {
            "flight_id": random.integers(0, n_keys, n_rows),
            "cutoff_time": (pd.Timestamp("2013-01-01") + pd.to_timedelta(minutes, unit="min")),
            NUMERIC: numbers[:, 0],
            "distance": numbers[:, 1],
            CATEGORICAL: random.choice(np.array(["rain", "sun", None], dtype=object), n_rows),
        }
    ).astype({"cutoff_time": "datetime64[us]"})


def newest(frame: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Newest row of each key by `until`, newest first."""
    known = frame[frame["cutoff_time"] <= until].sort_values("cutoff_time", ascending=False)
    return known.drop_duplicates("flight_id").reset_index(drop=True)


class Project:
    """A store with one plan registered over one written frame."""

    def __init__(self, root: Path, *, name: str = "demo-flights", **settings: object) -> None:
        self.root = root
        self.settings = StoreSettings(
            directory=root / "feast",
            project=name,
            **settings,  # type: ignore[arg-type]
        )
        self.store = open_store(self.settings)
        self.frame = make_frame()
        self.write(self.frame)

    def write(self, frame: pd.DataFrame, created_at: pd.Timestamp = CREATED) -> None:
        write_matrix(frame, directory=self.matrix, key="flight_id", created_at=created_at)

    @property
    def matrix(self) -> Path:
        return self.root / "matrices" / "plan"

    def register(self, plan: FeaturePlan | None = None, service: str = "first") -> str:
        made = self.store.register(
            plan or make_plan(),
            entity="flights",
            key="flight_id",
            key_kind="int",
            matrix=self.matrix,
            service=service,
        )
        return made.name


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path, online_rows=20)
    made.register()
    return made


class TestRegister:
    def test_describes_the_service(self, project: Project) -> None:
        service = project.store.service("first")
        plan = make_plan()
        assert service.view == f"demo_flights_{plan.fingerprint}"
        assert service.plan == plan.fingerprint
        assert list(service.kinds) == list(plan.names)
        assert service.columns == ["flight_id", "cutoff_time", *plan.names]
        assert service.tags["feast.feature_service"] == "first"
        assert project.store.service(service) == service

    def test_descriptions_and_names_are_in_feast(self, project: Project) -> None:
        feast = FeatureStore(config=RepoConfig(**project.settings.to_feast()))
        (view,) = feast.list_feature_views()
        assert {field.tags["name"]: field.description for field in view.features} == {
            NUMERIC: "Mean delay",
            "distance": "Miles",
            CATEGORICAL: "Kind",
        }
        assert view.tags["plan"] == make_plan().fingerprint

    def test_again_changes_nothing(self, project: Project) -> None:
        feast = FeatureStore(config=RepoConfig(**project.settings.to_feast()))
        before = feast.get_feature_service("first").last_updated_timestamp
        project.register()
        assert feast.get_feature_service("first").last_updated_timestamp == before

    def test_a_second_service_leaves_what_is_online(self, project: Project) -> None:
        project.store.materialize("first", until=NOON)
        project.register(service="second")
        key = [int(newest(project.frame, NOON)["flight_id"][0])]
        first, second = (project.store.read_online(name, key) for name in ("first", "second"))
        pd.testing.assert_frame_equal(first, second)
        assert first["cutoff_time"].notna().all()

    def test_another_process_sees_it(self, project: Project) -> None:
        other = open_store(project.settings)
        project.register(make_plan("[2]"), service="later")
        assert other.service("later").plan == make_plan("[2]").fingerprint
        assert len(other.read_training("later", project.frame)) == len(project.frame)

    def test_refuses_a_matrix_of_another_plan(self, project: Project) -> None:
        spec = FeatureSpec(name="unknown", kind="numeric", table="t", description="")
        plan = replace(make_plan(), features=(spec,))
        with pytest.raises(StoreError, match="Expected columns 'unknown'"):
            project.register(plan)

    def test_refuses_an_empty_matrix(self, project: Project) -> None:
        shutil.rmtree(project.matrix)
        with pytest.raises(StoreError, match="found no Parquet file"):
            project.register(make_plan("[2]"))

    def test_unknown_service(self, project: Project) -> None:
        with pytest.raises(StoreError, match="got 'nope'; known: 'first'"):
            project.store.service("nope")

    def test_two_processes_at_once(self, tmp_path: Path) -> None:
        write_matrix(
            make_frame(), directory=tmp_path / "matrix", key="flight_id", created_at=CREATED
        )
        command = [sys.executable, "-W", "ignore", "-m", "tests.features.register_once"]
        root = Path(__file__).parents[2]
        started = [
            subprocess.Popen(
                [*command, str(tmp_path), name], cwd=root, stderr=subprocess.PIPE, text=True
            )
            for name in ("one", "two")
        ]
        errors = [process.communicate(timeout=120)[1] for process in started]
        assert [process.returncode for process in started] == [0, 0], errors
        store = open_store(StoreSettings(directory=tmp_path / "feast", project="demo"))
        assert {store.service(name).name for name in ("one", "two")} == {"one", "two"}


class TestReadTraining:
    def test_gives_back_what_was_written(self, project: Project) -> None:
        asked = project.frame.sample(frac=1, random_state=0)
        answer = project.store.read_training("first", asked[["cutoff_time", "flight_id"]])
        pd.testing.assert_frame_equal(answer, asked.reset_index(drop=True))

    def test_rows_repeat_precede_and_lie_between(self, project: Project) -> None:
        row = project.frame.iloc[50]
        key, moment = int(row["flight_id"]), row["cutoff_time"]
        rows = pd.DataFrame(
            {
                "flight_id": [key, key, key, 10**6, key],
                "cutoff_time": [
                    moment,
                    moment,
                    moment + pd.Timedelta("1s"),
                    moment,
                    pd.Timestamp("2000-01-01"),
                ],
                "ignored": 0,
            },
            index=[4, 4, 1, 0, 9],
        ).astype({"cutoff_time": "datetime64[ns]"})
        answer = project.store.read_training("first", rows)
        expected = pd.DataFrame([row] * 3)[list(make_plan().names)].reset_index(drop=True)
        got = answer.loc[:2, list(make_plan().names)]
        pd.testing.assert_frame_equal(got, expected.astype(got.dtypes))
        assert answer.iloc[3:][list(make_plan().names)].isna().all(axis=None)
        assert answer["flight_id"].tolist() == rows["flight_id"].tolist()
        assert answer.index.tolist() == [0, 1, 2, 3, 4]

    def test_types(self, project: Project) -> None:
        answer = project.store.read_training("first", project.frame.head())
        types = {name: str(dtype) for name, dtype in answer.dtypes.items()}
        assert types == {
            "flight_id": "int64",
            "cutoff_time": "datetime64[us]",
            NUMERIC: "float64",
            "distance": "float64",
            CATEGORICAL: "object",
        }
        assert {type(value) for value in project.frame[CATEGORICAL]} == {str, type(None)}

    def test_types_hold_where_nothing_is_known(self, project: Project) -> None:
        rows = project.frame.head(2).assign(cutoff_time=pd.Timestamp("1999-01-01"))
        answer = project.store.read_training("first", rows)
        assert answer[NUMERIC].dtype == np.float64
        assert answer[CATEGORICAL].tolist() == [None, None]

    def test_batches_add_up_and_corrections_count(self, project: Project) -> None:
        later = make_frame(50, seed=1).assign(flight_id=lambda rows: rows["flight_id"] + 1000)
        fixed = project.frame.head(30).assign(distance=7.0)
        project.write(later, CREATED)
        project.write(fixed, CREATED + pd.Timedelta("1D"))
        everything = pd.concat([fixed, project.frame.iloc[30:], later], ignore_index=True)
        answer = project.store.read_training("first", everything)
        pd.testing.assert_frame_equal(answer, everything)

    def test_no_rows(self, project: Project) -> None:
        answer = project.store.read_training("first", project.frame.head(0))
        assert answer.empty
        assert list(answer.columns) == list(project.frame.columns)

    def test_prints_nothing(self, project: Project, capfd: pytest.CaptureFixture[str]) -> None:
        project.store.read_training("first", project.frame)
        project.store.materialize("first", until=NOON)
        project.store.read_online("first", [1])
        assert capfd.readouterr() == ("", "")

    def test_string_keys(self, tmp_path: Path) -> None:
        frame = make_frame().assign(flight_id=lambda rows: "N" + rows["flight_id"].astype(str))
        frame = frame.rename(columns={"flight_id": "Tail Num"})
        write_matrix(frame, directory=tmp_path / "m", key="Tail Num", created_at=CREATED)
        store = open_store(StoreSettings(directory=tmp_path / "feast", project="demo"))
        service = store.register(
            make_plan(),
            entity="planes",
            key="Tail Num",
            key_kind="str",
            matrix=tmp_path / "m",
            service="strings",
        )
        pd.testing.assert_frame_equal(store.read_training(service, frame), frame)
        store.materialize(service, until=frame["cutoff_time"].max())
        answer = store.read_online(service, frame["Tail Num"].tail(1).tolist())
        pd.testing.assert_frame_equal(answer, frame.tail(1).reset_index(drop=True))

    def test_refusals(self, project: Project) -> None:
        with pytest.raises(StoreError, match="Expected columns 'cutoff_time'"):
            project.store.read_training("first", project.frame[["flight_id"]])
        strings = project.frame.astype({"flight_id": "str"})
        with pytest.raises(StoreError, match="Expected keys 'flight_id' of kind int, got string"):
            project.store.read_training("first", strings)

    def test_the_state_directory_may_move(self, project: Project, tmp_path: Path) -> None:
        moved = tmp_path / "elsewhere"
        moved.mkdir()
        for name in ("feast", "matrices"):
            (tmp_path / name).rename(moved / name)
        store = open_store(replace(project.settings, directory=moved / "feast"))
        answer = store.read_training("first", project.frame)
        pd.testing.assert_frame_equal(answer, project.frame)


class TestOnline:
    def test_equals_the_latest_offline_values(self, project: Project) -> None:
        written = project.store.materialize("first", until=NOON)
        expected = newest(project.frame, NOON).head(20)
        assert written == 20
        keys = expected["flight_id"].tolist()
        online = project.store.read_online("first", keys)
        asked = expected[["flight_id"]].assign(cutoff_time=NOON)
        offline = project.store.read_training("first", asked)
        names = list(make_plan().names)
        pd.testing.assert_frame_equal(online[names], offline[names])
        pd.testing.assert_frame_equal(online, expected)

    def test_only_the_newest_entities_are_served(self, project: Project) -> None:
        early = pd.Timestamp("2013-01-03")
        project.store.materialize("first", until=early)
        project.store.materialize("first", until=NOON)
        ranked = newest(project.frame, NOON)
        online = project.store.read_online("first", ranked["flight_id"].tolist())
        served = online["cutoff_time"].notna()
        assert served.tolist() == [True] * 20 + [False] * (len(ranked) - 20)
        assert online.loc[~served, list(make_plan().names)].isna().all(axis=None)

    def test_nothing_is_online_before(self, project: Project) -> None:
        online = project.store.read_online("first", [1, 1, 99])
        assert online["flight_id"].tolist() == [1, 1, 99]
        assert online["cutoff_time"].isna().all()
        assert online[NUMERIC].dtype == np.float64

    def test_nothing_known_yet(self, project: Project) -> None:
        project.store.materialize("first", until=NOON)
        assert project.store.materialize("first", until=pd.Timestamp("2000-01-01")) == 0
        assert project.store.read_online("first", list(range(40)))["cutoff_time"].isna().all()

    def test_more_keys_than_one_request(self, project: Project) -> None:
        project.store.materialize("first", until=NOON)
        top = newest(project.frame, NOON).head(20)
        keys = [*range(5000, 5600), *top["flight_id"].tolist()]
        online = project.store.read_online("first", keys)
        pd.testing.assert_frame_equal(online.tail(20).reset_index(drop=True), top)

    def test_no_keys(self, project: Project) -> None:
        online = project.store.read_online("first", [])
        assert online.empty
        assert list(online.columns) == list(project.frame.columns)

    def test_corrections_reach_it(self, project: Project) -> None:
        project.store.materialize("first", until=NOON)
        top = newest(project.frame, NOON).head(1)
        project.write(top.assign(distance=7.0), CREATED + pd.Timedelta("1D"))
        project.store.materialize("first", until=NOON)
        assert project.store.read_online("first", top["flight_id"])["distance"].tolist() == [7.0]

    def test_plans_do_not_mix(self, project: Project) -> None:
        project.store.materialize("first", until=NOON)
        project.register(make_plan("[2]"), service="second")
        keys = newest(project.frame, NOON).head(5)["flight_id"].tolist()
        assert project.store.read_online("second", keys)["cutoff_time"].isna().all()

    def test_another_process_reads_what_was_written(self, project: Project) -> None:
        reader = open_store(project.settings)
        keys = newest(project.frame, NOON)["flight_id"].tolist()
        project.store.materialize("first", until=NOON)
        first = reader.read_online("first", keys)
        pd.testing.assert_frame_equal(first, project.store.read_online("first", keys))

    def test_zero_rows_keep_it_empty(self, tmp_path: Path) -> None:
        project = Project(tmp_path, online_rows=0)
        project.register()
        assert project.store.materialize("first", until=NOON) == 0


class TestRedis:
    def test_unreachable_server_is_one_clear_error(self, tmp_path: Path) -> None:
        project = Project(tmp_path, online="redis://ann:s3cret@127.0.0.1:1/2")
        project.register()
        assert len(project.store.read_training("first", project.frame)) == 200
        message = r"online store at redis://127\.0\.0\.1:1/2 to answer"
        with pytest.raises(StoreError, match=message) as caught:
            project.store.materialize("first", until=NOON)
        assert "s3cret" not in str(caught.value)
        with pytest.raises(StoreError, match=message):
            project.store.read_online("first", [1])

    def test_settings_are_refused_early(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="got 'mysql'"):
            StoreSettings(directory=tmp_path, project="demo", online="mysql://host")
        with pytest.raises(StoreError, match="at least 0, got -1"):
            StoreSettings(directory=tmp_path, project="demo", online_rows=-1)
        with pytest.raises(StoreError, match="without commas"):
            open_store(
                StoreSettings(directory=tmp_path, project="demo", online="redis://a:b%2Cc@host")
            )

    @pytest.fixture
    def on_redis(self, tmp_path: Path) -> Iterator[Project]:
        """Use a server that may be anybody's: a project of our own, and only its keys removed."""
        import redis

        url, name = "redis://127.0.0.1:6379/0", f"test_{uuid.uuid4().hex}"
        project = Project(tmp_path, name=name, online=url, online_rows=20)
        project.register()
        yield project
        with redis.Redis.from_url(url) as client:
            for key in client.scan_iter(match=f"*{name}"):
                client.delete(key)

    @pytest.mark.services
    def test_behaves_as_sqlite_does(self, on_redis: Project) -> None:
        store: Store = on_redis.store
        for until in (pd.Timestamp("2013-01-03"), NOON):
            assert store.materialize("first", until=until) == 20
        ranked = newest(on_redis.frame, NOON)
        online = store.read_online("first", ranked["flight_id"].tolist())
        assert online["cutoff_time"].notna().sum() == 20
        pd.testing.assert_frame_equal(online.head(20), ranked.head(20))
        on_redis.write(ranked.head(1).assign(distance=7.0), CREATED + pd.Timedelta("1D"))
        store.materialize("first", until=NOON)
        key = [int(ranked["flight_id"][0])]
        assert store.read_online("first", key)["distance"].tolist() == [7.0]

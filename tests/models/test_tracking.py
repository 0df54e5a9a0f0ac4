import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.candidate import Candidate
from models.errors import ModelError
from models.gates import Servable
from models.leaderboard import TrialRecord
from models.persistence import save_model
from models.promotion import Contender, PromotionPolicy, SealedRows, judge
from models.replay import ReplayError, replay
from models.tracking import (
    LoggedDataset,
    TrackingError,
    TrackingSettings,
    VersionContent,
    open_tracker,
)
from models.tracking.runs import find_runs
from models.tracking.trials import SEARCH
from tests.models.small import NUMERIC, fit_small, make_small


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tracking")


@pytest.fixture(scope="module")
def tracker(place):
    return open_tracker(TrackingSettings(uri=f"sqlite:///{place}/mlflow.db", experiment="flights"))


@pytest.fixture(scope="module")
def content(place):
    data = make_small()
    save_model(fit_small(data), place / "model")
    return VersionContent(
        name="flights",
        key="run-1",
        model=place / "model",
        example=data.X,
        tags={"perennial.snapshot": "abc", "feast.feature_service": "flights_1"},
        description="first",
    )


@pytest.fixture(scope="module")
def version(tracker, content):
    return tracker.log_version(tracker.start_run("retrain 1", key="run-1"), content)


def make_trial(number, **more):
    fields = {
        "number": number,
        "candidate": Candidate(family="linear", parameters={"strength": 0.5}),
        "origin": "tpe",
        "state": "done",
        "score": 0.7 + number / 100,
        "fold_scores": (0.7, 0.8),
        "seconds": 1.5,
    }
    return TrialRecord(**(fields | more))


def children(tracker, search):
    return find_runs(tracker.client, tracker.experiment_id, SEARCH, search)


def test_a_run_is_continued_by_its_key(tracker):
    run = tracker.start_run("retrain", key="again", tags={"perennial.reason": "drift"})
    run.set_stage("search")
    run.log_params({"rows": 10, "metric": "roc_auc"})
    same = tracker.start_run("retrain", key="again")
    assert same.run_id == run.run_id
    same.log_params({"rows": 10, "metric": "roc_auc"})
    same.log_metrics({"holdout_roc_auc": 0.7, "undefined": float("nan")})
    same.finish()
    logged = tracker.client.get_run(run.run_id)
    assert logged.info.status == "FINISHED"
    assert logged.data.metrics == {"holdout_roc_auc": 0.7}
    assert logged.data.tags["perennial.stage"] == "search"
    assert logged.data.tags["perennial.reason"] == "drift"
    with pytest.raises(TrackingError, match="log parameters of run 'retrain'"):
        same.log_params({"rows": 11})


def test_more_names_than_one_call_takes_are_logged(tracker):
    run = tracker.start_run("many", key="many")
    run.log_metrics({f"m{i}": i for i in range(250)})
    run.log_params({f"p{i}": "x" * 10_000 for i in range(150)})
    data = tracker.client.get_run(run.run_id).data
    assert (len(data.metrics), len(data.params)) == (250, 150)


def test_artifacts_come_back_as_they_went(tracker, tmp_path):
    run = tracker.start_run("artifacts", key="artifacts")
    window = make_small().X.assign(at=pd.Timestamp("2013-01-01"))
    run.log_frame(window, "windows/reference.parquet")
    run.log_text("<h1>✈</h1>", "card.html")
    run.log_json({"a": 1}, "leaderboard.json")
    path = tracker.fetch_artifact(run.run_id, "windows/reference.parquet", tmp_path)
    back = pd.read_parquet(path)
    assert back.drop(columns="at").equals(window.drop(columns="at"))
    card = tracker.fetch_artifact(run.run_id, "card.html", tmp_path)
    assert card.read_text(encoding="utf-8") == "<h1>✈</h1>"
    with pytest.raises(TrackingError, match=r"give artifact absent\.txt"):
        tracker.fetch_artifact(run.run_id, "absent.txt", tmp_path)


def test_datasets_are_logged_once_with_a_digest_of_our_own(tracker):
    import mlflow.data

    run = tracker.start_run("datasets", key="datasets")
    dataset = LoggedDataset(
        name="flights training rows",
        digest="0123456789abcdef",
        context="training",
        n_rows=100_000,
        origin={"snapshot": "abc", "plan": "def"},
        columns=[{"name": "distance", "type": "double"}],
    )
    for _ in range(2):
        run.log_dataset(dataset)
    (logged,) = tracker.client.get_run(run.run_id).inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == (dataset.name, dataset.digest)
    assert {tag.key: tag.value for tag in logged.tags} == {"mlflow.data.context": "training"}
    assert mlflow.data.get_source(logged.dataset).to_dict() == {"tags": dict(dataset.origin)}
    assert json.loads(logged.dataset.profile) == {"num_rows": 100_000}


def test_what_was_changed_in_the_store_is_not_fetched(tracker, version, tmp_path):
    artifact = tracker.fetch_version(version, tmp_path / "a")
    location = tracker.client.get_model_version_download_uri(version.name, str(version.version))
    stored = Path(location.removeprefix("file://"))
    names = sorted(p.relative_to(artifact) for p in artifact.rglob("*") if p.is_file())
    assert len(names) > 10
    for name in names:
        whole = (stored / name).read_bytes()
        content = bytearray(whole)
        content[len(content) // 3] ^= 0x01
        try:
            (stored / name).write_bytes(content)
            with pytest.raises(TrackingError, match=rf"is damaged\. .*{name.name}"):
                tracker.fetch_version(version, tmp_path / "b")
        finally:
            (stored / name).write_bytes(whole)
    kept = {**version.tags, "perennial.artifact_sha256": "0" * 64}
    with pytest.raises(TrackingError, match="got another one"):
        tracker.fetch_version(replace(version, tags=kept), tmp_path / "c")


def test_trials_become_children_and_a_resumed_search_logs_none_twice(tracker):
    run = tracker.start_run("search", key="search")
    trials = [make_trial(0, origin="baseline"), make_trial(1), make_trial(2, state="failed")]
    trials[2] = replace(trials[2], score=None, fold_scores=(), error="time limit")
    with tracker.log_trials(run, search="s1", metric="roc_auc") as log:
        for trial in trials:
            log.add(trial)
        log.add(make_trial(3, state="running", score=None))
    assert log.close().n_logged == 3
    resumed = tracker.log_trials(run, search="s1", metric="roc_auc")
    for trial in [*trials, make_trial(3)]:
        resumed.add(trial)
    report = resumed.close()
    assert (report.n_logged, report.n_repeated, report.n_lost) == (1, 3, 0)
    logged = sorted(children(tracker, "s1"), key=lambda r: r.info.run_name)
    assert [r.info.run_name for r in logged] == [f"trial {n:03d} linear" for n in range(4)]
    assert [r.info.status for r in logged] == ["FINISHED", "FINISHED", "FAILED", "FINISHED"]
    assert logged[1].data.tags["mlflow.parentRunId"] == run.run_id
    assert logged[1].data.metrics["roc_auc_fold_1"] == 0.8
    assert logged[1].data.params == {"family": "linear", "strength": "0.5"}
    assert logged[2].data.tags["error"] == "time limit"


def test_what_a_search_reaches_is_a_curve_of_its_run(tracker):
    run = tracker.start_run("curve", key="curve")
    with tracker.log_trials(run, search="s9", metric="roc_auc") as log:
        for number, best in ((0, 0.6), (2, 0.7), (1, 0.7)):
            log.add(make_trial(number), {"best_roc_auc": best})
    assert log.close().n_lost == 0
    history = tracker.client.get_metric_history(run.run_id, "search/best_roc_auc")
    assert [(point.step, point.value) for point in history] == [(0, 0.6), (1, 0.7), (2, 0.7)]
    steps = [
        tracker.client.get_metric_history(each.info.run_id, "roc_auc")[0].step
        for each in sorted(children(tracker, "s9"), key=lambda r: r.info.run_name)
    ]
    assert steps == [0, 1, 2]


def test_pages_say_what_they_are_about_and_lead_to_artifacts(tracker):
    run = tracker.start_run("told", key="told")
    run.describe("**Promoted**: better")
    tags = tracker.client.get_run(run.run_id).data.tags
    assert tags["mlflow.note.content"] == "**Promoted**: better"
    assert run.link("card.html").endswith(f"/runs/{run.run_id}/artifacts/card.html")
    for _ in range(2):
        tracker.describe_experiment("What is asked")
    experiment = tracker.client.get_experiment(tracker.experiment_id)
    assert experiment.tags["mlflow.note.content"] == "What is asked"


def test_a_trial_cut_off_while_it_was_logged_is_completed_not_doubled(tracker):
    run = tracker.start_run("cut", key="cut")
    with tracker.log_trials(run, search="s2", metric="roc_auc") as log:
        log.add(make_trial(0))
    cut = children(tracker, "s2")[0].info.run_id
    tracker.client.update_run(cut, status="RUNNING")
    again = tracker.log_trials(run, search="s2", metric="roc_auc")
    again.add(make_trial(0))
    assert again.close().n_logged == 1
    assert [r.info.run_id for r in children(tracker, "s2")] == [cut]
    assert tracker.client.get_run(cut).info.status == "FINISHED"


def test_failures_of_logging_are_reported_and_never_raised(tracker):
    run = replace(tracker.start_run("lost", key="lost"), experiment_id="no such experiment")
    log = tracker.log_trials(run, search="s3", metric="roc_auc")
    start = time.monotonic()
    for number in range(20):
        log.add(make_trial(number))
    assert time.monotonic() - start < 1
    report = log.close()
    assert (report.n_logged, report.n_lost) == (0, 20)
    assert report.errors[0].startswith("trial 0: ")


def test_the_same_key_gives_the_same_version_another_key_the_next(tracker, content, version):
    run = tracker.start_run("retrain 1", key="run-1")
    assert tracker.log_version(run, content) == version
    assert version.version == 1
    assert version.tags["feast.feature_service"] == "flights_1"
    other = tracker.log_version(
        tracker.start_run("retrain 2", key="run-2"), replace(content, key="run-2")
    )
    assert other.version == 2
    assert [v.version for v in tracker.list_versions("flights")] == [2, 1]


def test_aliases_move_and_only_a_missing_alias_is_none(tracker, version):
    assert tracker.get_version_by_alias("flights", "previous") is None
    assert tracker.get_version_by_alias("no such model", "champion") is None
    tracker.set_alias(version, "champion")
    assert tracker.get_version_by_alias("flights", "champion") == version
    tracker.remove_alias("flights", "champion")
    tracker.remove_alias("flights", "champion")
    assert tracker.get_version_by_alias("flights", "champion") is None
    with pytest.raises(TrackingError, match="say which version of ''"):
        tracker.get_version_by_alias("", "champion")


def test_a_version_says_why_it_was_promoted(tracker, version):
    described = tracker.describe_version(
        version, description="promoted because +0.02", tags={"perennial.verdict": "promoted"}
    )
    assert described.description == "promoted because +0.02"
    assert described.tags["perennial.verdict"] == "promoted"
    assert described.tags["perennial.snapshot"] == "abc"


def test_a_version_loads_by_our_own_loader_to_the_last_bit(tracker, version, tmp_path):
    data = make_small()
    model = tracker.load_model(version, tmp_path)
    assert np.array_equal(model.predict(data.X), fit_small(data).predict(data.X))
    assert model.problem == data.problem
    with pytest.raises(ModelError, match="not the one that was registered"):
        tracker.load_model(
            replace(version, tags={**version.tags, "perennial.model_sha256": "0" * 64}), tmp_path
        )


@pytest.mark.slow
def test_a_fresh_process_without_perennial_or_pickle_predicts_the_same(
    tracker, version, tmp_path, monkeypatch
):
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    artifact = tracker.fetch_version(version, tmp_path)
    data = make_small()
    expected = fit_small(data).predict(data.X)
    assert np.array_equal(replay(artifact, data.X), expected)
    assert not list(artifact.rglob("__pycache__"))
    # The guard is real: importing any of our packages there fails.
    script = Path(sys.modules["models.replay"].SCRIPT)
    code = (
        "import runpy, sys, importlib\n"
        f"fresh = runpy.run_path({str(script)!r})\n"
        "sys.meta_path.insert(0, fresh['Absent']())\n"
        "try:\n    import models.serving\nexcept ModuleNotFoundError as e:\n    print(e)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-B", "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert "is Perennial's and absent here" in done.stdout


def test_what_mlflow_shows_of_a_version(tracker, version, tmp_path):
    import mlflow.models

    artifact = tracker.fetch_version(version, tmp_path)
    described = mlflow.models.Model.load(artifact)
    inputs = json.loads(described.signature.to_dict()["inputs"])
    assert inputs[0] == {"type": "double", "name": NUMERIC, "required": False}
    assert inputs[2] == {"type": "string", "name": "carrier", "required": False}
    outputs = json.loads(described.signature.to_dict()["outputs"])
    assert [(each["name"], each["type"]) for each in outputs] == [
        ("prediction", "double"),
        ("decision", "long"),
    ]
    requirements = (artifact / "requirements.txt").read_text().split()
    assert [line.split("==")[0] for line in requirements] == [
        "mlflow",
        "lightgbm",
        "numpy",
        "pandas",
        "scikit-learn",
        "skops",
    ]
    assert len(described.load_input_example(str(artifact))) == 5
    assert not [f for f in artifact.rglob("*") if f.suffix in {".pkl", ".pickle"}]


def test_mlflow_predicts_rows_with_every_kind_of_missing_value(tracker, version, tmp_path):
    import mlflow.pyfunc
    from mlflow.pyfunc.scoring_server import infer_and_parse_data

    served = mlflow.pyfunc.load_model(str(tracker.fetch_version(version, tmp_path)))
    rows = make_small().X.head(2)
    holes = rows.assign(carrier=pd.Series([None, None], dtype=object), noise=np.nan)
    answer = served.predict(holes)
    assert list(answer.columns) == ["prediction", "decision"]
    body = {"dataframe_records": [dict.fromkeys(rows.columns)] * 2}
    from_json = infer_and_parse_data(body, schema=served.metadata.get_input_schema())
    assert np.isfinite(served.predict(from_json)["prediction"]).all()


@pytest.mark.slow
def test_a_version_names_a_booster_s_library_only_where_a_member_needs_it(
    tracker, version, place, tmp_path
):
    data = make_small()
    model = fit_small(data, ("xgboost", "linear"))
    save_model(model, tmp_path / "model")
    content = VersionContent(
        name="boosted", key="1", model=tmp_path / "model", example=data.X, tags={}
    )
    boosted = tracker.log_version(tracker.start_run("boosted", key="boosted"), content)
    named = {}
    for stored in (version, boosted):
        artifact = tracker.fetch_version(stored, tmp_path / stored.name)
        text = (artifact / "requirements.txt").read_text()
        named[stored.name] = "xgboost" in text
    assert named == {"flights": False, "boosted": True}
    np.testing.assert_array_equal(replay(artifact, data.X), model.predict(data.X))


@pytest.mark.slow
def test_a_gate_replays_the_stored_version(tracker, version, tmp_path):
    data = make_small()
    model = fit_small(data)
    challenger = Contender(
        name="1",
        predictions=model.predict(data.X),
        columns=model.columns,
        artifact=tracker.fetch_version(version, tmp_path),
        example=data.X.head(5),
        example_predictions=model.predict(data.X.head(5)),
    )
    rows = SealedRows(problem=data.problem, y=data.y, cutoff_time=data.cutoff_time)
    verdict = judge(challenger, None, rows=rows, policy=PromotionPolicy())
    assert verdict.promoted, verdict.sentence
    assert [gate.status for gate in verdict.gates][:2] == ["pass", "pass"]
    assert {gate.status for gate in verdict.gates[2:]} == {"n/a"}
    assert " MB in " in next(gate for gate in verdict.gates if gate.name == "size").sentence
    assert "repeats 5 example predictions; first version" in verdict.gates[0].sentence
    broken = replace(challenger, example_predictions=challenger.example_predictions + 1e-9)
    verdict = judge(broken, None, rows=rows, policy=PromotionPolicy(), gates=[Servable.name])
    assert "predicts otherwise: largest difference 1e-09" in verdict.sentence
    booster = next(challenger.artifact.rglob("booster.txt"))
    booster.write_text(booster.read_text().replace("leaf_value=", "leaf_value=9", 1))
    with pytest.raises(ReplayError, match="hash differs"):
        replay(challenger.artifact, data.X.head(1))


@pytest.mark.slow
def test_a_fresh_store_survives_processes_that_open_it_at_once(tmp_path):
    code = (
        "import sys\n"
        "from models.tracking import TrackingSettings, open_tracker\n"
        "t = open_tracker(TrackingSettings(uri=sys.argv[1], experiment='e'))\n"
        "print(t.start_run('r', key=sys.argv[2]).experiment_id)\n"
    )
    uri = f"sqlite:///{tmp_path}/fresh/mlflow.db"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, uri, str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
        for number in range(3)
    ]
    answers = [process.communicate(timeout=200) for process in started]
    assert [out for out, _ in answers] == ["1\n"] * 3, answers
    assert [process.returncode for process in started] == [0, 0, 0]
    # Quiet, and nothing is left in the working directory.
    assert [err for _, err in answers] == [""] * 3
    assert os.listdir(tmp_path) == ["fresh"]


def test_nothing_depends_on_a_threads_active_run(tracker):
    runs = {}

    def work(number):
        run = tracker.start_run(f"thread {number}", key=f"thread-{number}")
        run.log_metrics({"number": number})
        runs[number] = run.run_id

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, run_id in runs.items():
        assert tracker.client.get_run(run_id).data.metrics == {"number": number}


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:{port}", "postgresql://me:secret@127.0.0.1:{port}/mlflow"]
)
def test_an_unreachable_server_is_said_soon_and_without_the_password(uri, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = uri.format(port=free.getsockname()[1])
    start = time.monotonic()
    with pytest.raises(TrackingError, match="cannot be reached") as caught:
        open_tracker(TrackingSettings(uri=uri, experiment="e", artifacts=tmp_path))
    assert time.monotonic() - start < 10
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_and_settings_that_cannot_work_are_refused(tmp_path):
    (tmp_path / "mlflow.db").write_text("I am a diary.")
    start = time.monotonic()
    with pytest.raises(TrackingError, match=r"cannot be reached: .*not a database"):
        open_tracker(TrackingSettings(uri=f"sqlite:///{tmp_path}/mlflow.db", experiment="e"))
    assert time.monotonic() - start < 10
    with pytest.raises(TrackingError, match="starts with sqlite:///"):
        TrackingSettings(uri="mlruns", experiment="e")
    with pytest.raises(TrackingError, match="place for artifacts"):
        TrackingSettings(uri="postgresql://me@db/mlflow", experiment="e")


@pytest.mark.slow
def test_telemetry_is_off_and_our_packages_import_without_mlflow():
    code = (
        "import sys, models, models.promotion, models.evaluation, models.persistence\n"
        "assert 'mlflow' not in sys.modules\n"
        "import models.tracking, mlflow.telemetry.client as c\n"
        "assert c.get_telemetry_client() is None\n"
    )
    environment = {k: v for k, v in os.environ.items() if "TRACK" not in k and "TELEM" not in k}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)

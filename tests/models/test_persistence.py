import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import ModelError
from models.families import FAMILIES
from models.persistence import PersistenceError, load_model, save_model
from models.serving import MANIFEST, render_manifest
from models.task import Problem
from tests.models.small import bare_booster_member, fit_small, make_small

TASKS = ("binary", "multiclass", "regression")
NATIVE = tuple(name for name in ("xgboost", "catboost") if name in FAMILIES)
ALL = ("lightgbm", "linear", "extra_trees", *NATIVE)
FILES = {"xgboost": "booster.ubj", "catboost": "booster.cbm"}


class Evil:
    """A transformer of nobody's library."""

    def transform(self, X):
        return X


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("saved") / "model"
    save_model(fit_small(make_small(), ALL), directory)
    return directory


@pytest.mark.parametrize("task", TASKS)
def test_predictions_are_equal_to_the_last_bit_after_a_round_trip(task, tmp_path):
    data = make_small(task)
    model = fit_small(data, ALL)
    fingerprint = save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model", fingerprint=fingerprint)
    assert np.array_equal(again.predict(data.X), model.predict(data.X))
    assert again.problem == data.problem
    assert isinstance(again.problem, Problem)
    assert (again.columns, again.weights) == (model.columns, model.weights)
    # A second round trip writes the same model again, so saving is idempotent.
    save_model(again, tmp_path / "again")
    assert np.array_equal(load_model(tmp_path / "again").predict(data.X), model.predict(data.X))


def test_a_member_without_an_encoder_round_trips(tmp_path):
    data = make_small()
    model = replace(fit_small(data), members=(bare_booster_member(data),), weights=(1.0,))
    save_model(model, tmp_path / "model")
    assert not (tmp_path / "model/member_0/encoder.skops").exists()
    assert np.array_equal(load_model(tmp_path / "model").predict(data.X), model.predict(data.X))


def test_members_that_share_an_encoder_share_it_again_when_loaded(tmp_path):
    data = make_small()
    first, other = fit_small(data).members[:2]
    members = (first, other, replace(first, estimator=fit_small(data).members[0].estimator))
    model = replace(fit_small(data), members=members, weights=(0.2, 0.5, 0.3))
    # In two directories, as two trials on the same fold leave them.
    for name, chosen in (("a", members[:2]), ("b", members[2:])):
        part = replace(model, members=chosen, weights=(1 / len(chosen),) * len(chosen))
        save_model(part, tmp_path / name)
    loaded = [*load_model(tmp_path / "a").members, *load_model(tmp_path / "b").members]
    assert loaded[0].encoder is loaded[2].encoder
    assert loaded[0].encoder is not loaded[1].encoder
    again = replace(model, members=tuple(loaded))
    assert np.array_equal(again.predict(data.X), model.predict(data.X))


def test_no_file_is_a_pickle(saved):
    names = {path.name for path in saved.rglob("*") if path.is_file()}
    native = {FILES[name] for name in NATIVE}
    assert names == {MANIFEST, "encoder.skops", "estimator.skops", "booster.txt", *native}


def test_levels_never_seen_are_answered_by_native_boosters_one_by_one_as_together():
    data = make_small()
    odd = data.X.assign(carrier=np.where(np.arange(len(data.X)) % 2, "never seen", "AA"))
    for name in NATIVE:
        model = fit_small(data, (name,))
        together = model.predict(odd)
        assert np.isfinite(together).all()
        apart = [model.predict(odd.iloc[[row]])[0] for row in range(4)]
        np.testing.assert_array_equal(apart, together[:4])


@pytest.mark.parametrize("name", NATIVE)
def test_a_booster_exchanged_for_another_is_refused(name, tmp_path):
    for seed in (0, 1):
        save_model(fit_small(make_small(seed=seed), (name,)), tmp_path / f"{seed}")
    file = f"member_0/{FILES[name]}"
    shutil.copy(tmp_path / "1" / file, tmp_path / "0" / file)
    with pytest.raises(PersistenceError, match="hash differs"):
        load_model(tmp_path / "0")


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255), data=st.data())
def test_any_changed_byte_is_refused(saved, tmp_path, where, flip, data):
    files = sorted(path.relative_to(saved) for path in saved.rglob("*") if path.is_file())
    name = data.draw(st.sampled_from(files))
    copy = tmp_path / "copy"
    shutil.copytree(saved, copy, dirs_exist_ok=True)
    content = bytearray((copy / name).read_bytes())
    content[int(where * len(content))] ^= flip
    (copy / name).write_bytes(bytes(content))
    with pytest.raises(ModelError, match=r"hash differs|format"):
        load_model(copy)
    shutil.rmtree(copy)


def test_a_missing_file_and_no_model_at_all_are_refused(saved, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(saved, copy)
    (copy / "member_0/booster.txt").unlink()
    with pytest.raises(PersistenceError, match=r"booster\.txt"):
        load_model(copy)
    with pytest.raises(PersistenceError, match="not a saved model"):
        load_model(tmp_path)


def test_a_model_replaced_as_a_whole_is_refused_when_its_fingerprint_is_known(saved, tmp_path):
    other = save_model(fit_small(make_small(seed=1), ("linear",)), tmp_path / "other")
    with pytest.raises(PersistenceError, match="not the one that was registered"):
        load_model(saved, fingerprint=other)


def test_a_type_of_nobodys_library_is_refused_when_saved(tmp_path):
    model = fit_small(make_small(), ("linear",))
    bad = replace(model, members=(replace(model.members[0], encoder=Evil()),))
    with pytest.raises(PersistenceError, match=r"only known types in Evil .*test_persistence"):
        save_model(bad, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_type_of_nobodys_library_is_refused_when_loaded_even_with_right_hashes(saved, tmp_path):
    from hashlib import sha256

    from skops import io

    copy = tmp_path / "copy"
    shutil.copytree(saved, copy)
    evil = io.dumps(Evil())
    (copy / "member_0/encoder.skops").write_bytes(evil)
    content = json.loads((copy / MANIFEST).read_text())["content"]
    content["files"]["member_0/encoder.skops"] = sha256(evil).hexdigest()
    (copy / MANIFEST).write_text(render_manifest(content))
    with pytest.raises(PersistenceError, match="Expected only known types"):
        load_model(copy)


def test_a_directory_that_holds_another_model_is_refused(saved, tmp_path):
    model = fit_small(make_small(seed=1), ("linear",))
    save_model(model, tmp_path / "model")
    other = fit_small(make_small(seed=2), ("linear",))
    with pytest.raises(PersistenceError, match="no other model"):
        save_model(other, tmp_path / "model")


def test_weights_and_members_must_fit(tmp_path):
    model = fit_small(make_small(), ("linear",))
    with pytest.raises(PersistenceError, match="one weight per member"):
        save_model(replace(model, weights=(0.5, 0.5)), tmp_path / "model")
    with pytest.raises(PersistenceError, match="finite weights"):
        save_model(replace(model, weights=(float("nan"),)), tmp_path / "model")

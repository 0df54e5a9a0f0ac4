"""Texts: words weighed by rarity, from the frame given to the stored model."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.columns import learn_columns
from models.families import FAMILIES
from models.families.family import Shape
from models.frames import FramedModel, convert
from models.persistence import load_model, save_model
from models.preprocessing import Encoding, make_encoder, split_columns, words_of
from tests.models.fitting import evaluate, rows_for
from tests.models.tables import PROBLEMS

# Counted words converge slowly: a worker runs with `-W ignore`.
pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")

SCALED = ("linear", "network", "support_vectors", "naive_bayes", "neighbours")
TFIDF = Encoding(numbers="standard", levels="one_hot", words="tfidf")
PLEASED = ("lovely", "tasty", "again", "fresh", "favourite", "perfect", "thanks", "gladly")
CROSS = ("stale", "refund", "broken", "awful", "never", "bland", "waste", "bitter")


def make_reviews(n_rows=600, n_usual=400, seed=0):
    """Reviews of common words and a few telling ones, of a length of their own."""
    rng = np.random.default_rng(seed)
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    usual = np.array([a + b for a in syllables for b in syllables[::7]])[:n_usual]
    chances = 1 / np.arange(1, len(usual) + 1)
    y = rng.integers(0, 2, n_rows)
    texts = []
    for label in y:
        words = list(rng.choice(usual, rng.geometric(1 / 25) + 8, p=chances / chances.sum()))
        told = label if rng.random() < 0.8 else 1 - label
        words += list(rng.choice(CROSS if told else PLEASED, 2))
        texts.append(" ".join(rng.permutation(words)))
    texts[3], texts[4] = None, "?!"
    price = np.where(rng.random(n_rows) < 0.1, np.nan, rng.gamma(2.0, 9.0, n_rows))
    return pd.DataFrame({"review": texts, "price": price}), y.astype(np.int8)


@pytest.fixture(scope="module")
def reviews():
    given, y = make_reviews()
    columns = learn_columns(given).columns
    return given, columns, rows_for(convert(given, columns), y)


def weights_of(member):
    return member.encoder.named_transformers_["words 0"][-1].idf_


def test_every_texts_rows_are_of_length_one_and_empty_texts_are_zero(reviews):
    given, _, _ = reviews
    two = given.assign(title=given["review"].iloc[::-1].to_numpy())
    X = convert(two, learn_columns(two).columns)
    texts = words_of(X)
    assert [text[0].split(":")[0] for text in texts] == ["review", "title"]
    encoder = make_encoder(TFIDF, X, PROBLEMS["binary"], texts=texts)
    encoded = encoder.fit_transform(X, np.arange(len(X)) % 2)
    n_words = sum(map(len, texts))
    scaled, words = encoded[:, :-n_words], encoded[:, -n_words:]
    n_others = len(split_columns(X)[0]) - n_words
    assert scaled.shape[1] == n_others + 1  # an indicator of missing prices
    halves = np.split(words, [len(texts[0])], axis=1)
    for half, empty in zip(halves, ([3, 4], [len(X) - 4, len(X) - 5]), strict=True):
        lengths = np.linalg.norm(half, axis=1)
        assert not lengths[empty].any()
        np.testing.assert_allclose(np.delete(lengths, empty), 1.0)
    rows = X.iloc[[4, 7]]
    np.testing.assert_array_equal(encoder.transformer.transform(rows), encoded[[4, 7]])


def test_rare_words_weigh_more_by_the_formula(reviews):
    _, _, rows = reviews
    (text,) = words_of(rows.X)
    encoder = make_encoder(TFIDF, rows.X, rows.problem, texts=[text])
    encoder.fit_transform(rows.X, rows.y)
    learned = encoder.transformer.named_transformers_["words 0"][-1].idf_
    n_with = (rows.X[list(text)] > 0).sum().to_numpy()
    np.testing.assert_allclose(learned, np.log((1 + len(rows.X)) / (1 + n_with)) + 1)


def test_codes_keep_their_places_after_weighed_words(reviews):
    _, _, rows = reviews
    X = rows.X.assign(colour=np.resize(np.array(["red", "blue"], dtype=object), len(rows.X)))
    encoder = make_encoder(Encoding(words="tfidf"), X, rows.problem, texts=words_of(X))
    encoded = encoder.fit_transform(X, rows.y)
    assert encoder.categorical == (X.shape[1] - 1,)
    assert np.unique(encoded[:, -1]).tolist() == [0.0, 1.0]


def test_weights_do_not_see_the_validation_rows(reviews, tmp_path):
    _, _, rows = reviews
    X = rows.X.copy()
    words = list(words_of(X)[0])
    X.loc[rows.folds[0].valid, words] = np.eye(len(words))[rows.folds[0].valid % len(words)]
    _, usual = evaluate(rows, tmp_path / "usual")
    _, poisoned = evaluate(replace(rows, X=X), tmp_path / "poisoned")
    np.testing.assert_array_equal(weights_of(usual.members[0]), weights_of(poisoned.members[0]))
    assert (weights_of(usual.members[1]) != weights_of(poisoned.members[1])).any()


@pytest.mark.parametrize("family", ["linear", "naive_bayes"])
def test_weighed_words_gain_on_texts(family, reviews, tmp_path):
    _, _, rows = reviews
    counted, _ = evaluate(rows, tmp_path / "counted", family, words="counts")
    weighed, _ = evaluate(rows, tmp_path / "weighed", family)
    assert np.mean(weighed) > np.mean(counted) + 0.02


@pytest.mark.parametrize("family", SCALED)
def test_a_saved_model_predicts_texts_alike_row_by_row(family, tmp_path):
    given, y = make_reviews(300, n_usual=120)
    columns = learn_columns(given).columns
    rows = rows_for(convert(given, columns), y)
    scores, loaded = evaluate(rows, tmp_path, family)
    for fold, member, score in zip(rows.folds, loaded.members, scores, strict=True):
        predicted = member.predict(rows.X.iloc[fold.valid])
        assert rows.problem.scoring.score(rows.y[fold.valid], predicted) == pytest.approx(score)
    model = FramedModel(columns=columns, ensemble=loaded)
    save_model(loaded, tmp_path / "again")
    again = FramedModel(columns=columns, ensemble=load_model(tmp_path / "again"))
    asked = given.iloc[[0, 3, 4]]
    np.testing.assert_array_equal(model.predict(asked), again.predict(asked))
    for number in range(3):
        alone = model.predict(asked.iloc[[number]])
        np.testing.assert_allclose(alone, model.predict(asked)[[number]], rtol=1e-6)
    assert np.isfinite(model.predict(pd.DataFrame({"review": ["", None], "price": np.nan}))).all()


def test_words_that_are_selected_or_in_a_formula_are_still_those_of_one_text(reviews, tmp_path):
    _, _, rows = reviews
    some = {"selection": "information", "selected": 0.1, "constructed": 30}
    _, model = evaluate(rows, tmp_path, **some)
    made = {formula.name for member in model.members for formula in member.formulas}
    assert any(": words " in name for name in made)
    for member in model.members:
        parts = [name for name in member.encoder.named_transformers_ if name.startswith("words")]
        assert parts == ["words 0"]
        assert len(weights_of(member)) == len(words_of(rows.X[list(member.columns)])[0])


@pytest.mark.parametrize("name", list(FAMILIES))
def test_only_families_of_scaled_columns_let_words_vary(name):
    for n_words in (0, 30):
        shape = Shape(n_rows=400, n_columns=60, n_words=n_words)
        space = FAMILIES[name].space(PROBLEMS["binary"], shape)
        for parameters in FAMILIES[name].portfolio(PROBLEMS["binary"], shape):
            varies = name in SCALED and n_words > 0
            assert ("words" in space) == ("words" in parameters) == varies
            encoding = FAMILIES[name].encoding(parameters)
            assert encoding is None or (encoding.words == "tfidf") == varies

"""The regression finds what is there, keeps its signs, and gives the fold what it can score with."""

import msgspec
import numpy as np
import pytest

from streams import models
from streams.fit.card import describe
from streams.fit.compare import Comparison, compare
from streams.fit.folds import GROUP_FOLDS, folds, left_out
from streams.fit.regression import SIGNS, fit_model, logistic, logits, sigmoid
from streams.fit.scores import MEASURES, Interval, Ranked, score
from streams.vitals.features import FEATURES
from streams.vitals.risk import assess
from tests.fitting import sample

BASE = models.load()
FITTED = [one.origin == "fitted" for one in BASE.inputs]


def drawn(seed=0, count=4000, communities=4):
    """Origins whose risk follows a known model in two inputs; the others are noise."""
    chance = np.random.default_rng(seed)
    features = chance.normal(size=(count, len(FEATURES)))
    features[:, ~np.array(FITTED)] = np.nan
    risk = sigmoid(-2 - 1.2 * features[:, 0] + 0.8 * features[:, 5])
    return sample(features, chance.random(count) < risk, np.arange(count) % communities)


def weights(model):
    return {one.name: one.weight for one in model.inputs}


def test_every_input_that_is_fitted_has_a_sign():
    assert {one.name for one in BASE.inputs if one.origin == "fitted"} == set(SIGNS)


def test_known_coefficients_are_found_again():
    given = drawn(count=20_000)
    found = weights(fit_model(BASE, "x", given))
    assert found["rate_7d"] == pytest.approx(-1.2, abs=0.1)
    assert found["top_weeks_share"] == pytest.approx(0.8, abs=0.1)
    assert all(abs(found[name]) < 0.06 for name in SIGNS if name not in {"rate_7d", "top_weeks_share"})


def test_no_weight_goes_against_its_sign():
    given = drawn()
    turned = msgspec.structs.replace(given, features=-given.features)
    found = weights(fit_model(BASE, "x", turned))
    assert found["rate_7d"] == found["top_weeks_share"] == 0
    assert all(found[name] * sign >= 0 for name, sign in SIGNS.items())


def test_reasoned_inputs_stay_and_count_where_they_are_known():
    given = drawn()
    model = fit_model(BASE, "x", given)
    assert [one for one in model.inputs if one.origin == "reasoned"] == [
        one for one in BASE.inputs if one.origin == "reasoned"
    ]
    known = given.features.copy()
    known[:, FEATURES.index("net_loss_share")] = 0.2
    assert logits(model, known) - logits(model, given.features) == pytest.approx(1.5 * 0.2)


def test_the_fold_scores_as_the_fit_does():
    given = drawn(count=500)
    model = fit_model(BASE, "x", given)
    for row, logit in zip(given.features * 5, logits(model, given.features * 5), strict=True):
        values = [None if np.isnan(value) else float(value) for value in row]
        assert assess(model, values, 0.0).logit == pytest.approx(logit, abs=1e-9)


def test_equal_data_give_equal_bytes_in_any_order():
    given = drawn()
    once = msgspec.json.encode(fit_model(BASE, "x", given))
    assert once == msgspec.json.encode(fit_model(BASE, "x", drawn()))
    turned = {name: getattr(given, name)[::-1] for name in ("features", "died", "target", "community", "group")}
    assert once == msgspec.json.encode(fit_model(BASE, "x", msgspec.structs.replace(given, **turned)))


def test_every_number_has_six_digits():
    model = fit_model(BASE, "x", drawn())
    numbers = [value for one in model.inputs for value in (one.weight, one.mean, one.low, one.high)]
    assert all(value == float(f"{value:.5e}") for value in [model.intercept, *numbers])


@pytest.mark.parametrize("penalty", [0.0, 0.03, 1.0])
def test_the_minimum_is_one(penalty):
    chance = np.random.default_rng(3)
    design = np.column_stack((np.ones(300), chance.normal(size=(300, 3))))
    target, weight = (chance.random(300) < 0.3).astype(float), np.full(300, 1 / 300)
    offset, signs = chance.normal(size=300) / 3, np.array([0, 1, -1, 0])
    penalties = np.array([0, penalty, penalty, penalty])
    found = logistic(design, target, weight, offset, penalties, signs)

    def loss(at):
        logit = design @ at + offset
        return weight @ (np.logaddexp(0, logit) - target * logit) + penalties @ at**2 / 2

    assert (signs * found >= 0).all()
    for step in (1e-4, -1e-4):
        for place in range(4):
            near = found + step * np.eye(4)[place]
            assert loss(near) > loss(found) or signs[place] * near[place] < 0


def test_inputs_that_say_nothing_give_the_base_rate():
    given = drawn()
    flat = msgspec.structs.replace(given, features=np.zeros_like(given.features))
    model = fit_model(BASE, "x", flat)
    rate = given.died.mean()
    assert logits(model, flat.features) == pytest.approx(np.full(len(given.died), np.log(rate / (1 - rate))), abs=1e-5)


def by_hand(logit, died, group):
    """The measures pair by pair and step by step."""
    dead, alive = logit[died], logit[~died]
    wins = (dead[:, None] > alive).mean() + (dead[:, None] == alive).mean() / 2
    precision = [(found := logit >= one).sum() and died[found].mean() for one in dead]
    pairs = [
        (a > b) + (a == b) / 2
        for one in set(group.tolist())
        for a in logit[(group == one) & died]
        for b in logit[(group == one) & ~died]
    ]
    rate = died.mean()
    return wins, np.mean(precision), np.mean(pairs), 1 - ((sigmoid(logit) - died) ** 2).mean() / (rate * (1 - rate))


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_what_they_are_called(seed):
    chance = np.random.default_rng(seed)
    logit, group = np.round(chance.normal(size=120), 1), chance.integers(0, 6, 120)
    died = chance.random(120) < sigmoid(logit)
    assert Ranked(logit, died, group, 6)(np.ones(6)) == pytest.approx(by_hand(logit, died, group))


def test_a_group_of_weight_two_counts_as_two():
    chance = np.random.default_rng(1)
    logit, group = chance.normal(size=90), np.arange(90) % 3
    died = chance.random(90) < 0.3
    twice = group == 1
    more = Ranked(np.append(logit, logit[twice]), np.append(died, died[twice]), np.append(group, np.full(30, 3)), 4)
    assert Ranked(logit, died, group, 3)(np.array([1.0, 2, 1])) == pytest.approx(more(np.ones(4)))


def test_no_origin_is_judged_by_a_model_that_saw_its_group():
    given = drawn(count=600)
    for unit, count in (("community", 4), ("group", GROUP_FOLDS)):
        parts = folds(BASE, "x", given, unit)
        assert len(parts) == count
        assert sum(part.held_out for part in parts).tolist() == [1] * 600
        for part in parts:
            assert part.model == fit_model(BASE, "x", given.part(~part.held_out))
            assert not set(given.group[part.held_out]) & set(given.group[~part.held_out])
            found = left_out(given, parts)[part.held_out]
            assert found.tolist() == logits(part.model, given.features[part.held_out]).tolist()


def test_an_interval_holds_the_truth_and_a_difference_to_oneself_is_none():
    given = drawn()
    scored = score(given, logits(BASE, given.features))
    for name in MEASURES[:2]:
        one = scored.intervals()[name]
        assert one.low < one.value < one.high
        assert scored.minus(scored).intervals()[name] == Interval(0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("ap", "skill", "is_worse"),
    [
        ((-0.02, -0.03, -0.01), (0.1, 0.05, 0.2), True),
        ((-0.02, -0.06, 0.02), (-0.01, -0.03, 0.02), True),
        ((-0.02, -0.06, 0.02), (0.0, -0.03, 0.02), False),
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), False),
    ],
)
def test_worse_is_surely_behind_in_one_or_behind_in_both(ap, skill, is_worse):
    assert Comparison({"ap": Interval(*ap), "brier_skill": Interval(*skill)}).is_worse == is_worse


def test_a_model_is_compared_on_what_neither_has_seen():
    given = drawn()
    good = fit_model(BASE, "x", given)
    unseen = left_out(given, folds(BASE, "x", given, "community"))
    blunt = msgspec.structs.replace(
        good,
        inputs=tuple(msgspec.structs.replace(one, weight=one.weight * (one.name != "rate_7d")) for one in good.inputs),
    )
    assert compare(given, good, blunt, logits(blunt, given.features)).is_worse
    assert not compare(given, blunt, good, unseen).is_worse
    nothing = np.zeros(len(given.died))
    assert compare(given, good, good, nothing).is_worse
    seen = msgspec.structs.replace(good, card={"data": msgspec.to_builtins(describe(given, [], None, 1))})
    assert not compare(given, seen, good, nothing).is_worse
    part = given.part(given.community != 0)
    less = msgspec.structs.replace(part, communities=("other", *part.communities[1:]))
    assert compare(less, seen, good, nothing[given.community != 0]).is_worse, "the current one knows more"

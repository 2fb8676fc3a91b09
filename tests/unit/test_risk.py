"""The model as a file, what it says of a group, and that its drivers add up."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import models
from streams.errors import VitalsError
from streams.settings import Settings, load
from streams.stack.start import up
from streams.vitals.drivers import DRIVERS
from streams.vitals.features import FEATURES
from streams.vitals.policy import Policy
from streams.vitals.risk import Model, assess
from streams.words import REASON_WORDS

MODEL = models.load()
USUAL = tuple(one.mean for one in MODEL.inputs)

values = st.lists(st.one_of(st.none(), st.floats(-100, 100)), min_size=len(FEATURES), max_size=len(FEATURES))


@given(values, st.floats(-1.5, 1.5))
def test_the_drivers_and_the_usual_risk_add_up_to_the_risk(features: list[float | None], community: float) -> None:
    risk = assess(MODEL, features, community)
    assert 0 <= risk.value <= 1
    assert risk.usual + sum(points for _, points in risk.drivers) == pytest.approx(risk.value, abs=1e-9)


def test_a_group_at_the_mean_of_everything_has_the_usual_risk_and_no_driver() -> None:
    risk = assess(MODEL, USUAL, 0.0)
    assert risk.value == pytest.approx(risk.usual)
    assert all(points == pytest.approx(0.0) for _, points in risk.drivers)


def test_what_is_not_known_says_nothing_and_what_is_beyond_the_training_data_counts_as_their_end() -> None:
    one = MODEL.inputs[0]
    for value, same in ((None, one.mean), (one.high + 5, one.high), (one.low - 5, one.low)):
        assert assess(MODEL, (value, *USUAL[1:]), 0.0) == assess(MODEL, (same, *USUAL[1:]), 0.0)


def test_a_community_that_dies_more_than_expected_is_a_driver_of_its_own() -> None:
    risk = assess(MODEL, USUAL, 0.4)
    assert dict(risk.drivers)["community"] == pytest.approx(risk.value - risk.usual)
    assert risk.logit == pytest.approx(MODEL.intercept)


def test_no_reader_sees_that_more_of_the_good_is_bad() -> None:
    """Within a driver every input pulls the way its words say."""
    good = {"rate_7d", "rate_14d", "rate_56d", "trend", "weeks_spoken_share", "active_days_28d", "speakers_56d"}
    assert all(one.weight <= 0 if one.name in good else one.weight >= 0 for one in MODEL.inputs)
    assert {one.driver for one in MODEL.inputs} | {"community"} == set(DRIVERS) <= REASON_WORDS.keys()


def test_a_model_survives_its_file(tmp_path: Path) -> None:
    models.save(MODEL, tmp_path / "model.json")
    assert models.load(tmp_path / "model.json") == MODEL


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read the risk model"),
        (b"{", "is no risk model of this version"),
        (msgspec.json.encode({"name": "x", "intercept": 0, "inputs": []}), "other features"),
        (msgspec.json.encode({"name": "x", "intercept": "much", "inputs": []}), "intercept"),
    ],
)
def test_a_file_that_is_no_model_is_refused_in_one_line(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "model.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VitalsError, match=said) as error:
        models.load(path)
    assert "\n" not in str(error.value)


def test_a_model_of_other_inputs_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="other features"):
        Model(name="x", intercept=0.0, inputs=MODEL.inputs[1:])


def test_the_user_chooses_model_and_slider(tmp_path: Path) -> None:
    models.save(MODEL, tmp_path / "model.json")
    chosen = Settings(home=tmp_path, cache=tmp_path, model=tmp_path / "model.json", dying_risk=0.6, alarms_per_year=4)
    assert models.judging(chosen) == (MODEL, Policy(dying_risk=0.6, alarms_per_year=4))
    assert models.judging(Settings(home=tmp_path, cache=tmp_path)) == (MODEL, Policy())
    with pytest.raises(VitalsError, match="VITALS_DYING_RISK is 45: give a risk between 0 and 1"):
        models.judging(Settings(home=tmp_path, cache=tmp_path, dying_risk=45))
    with pytest.raises(VitalsError, match="VITALS_ALARMS_PER_YEAR is -1"):
        models.judging(Settings(home=tmp_path, cache=tmp_path, alarms_per_year=-1))


def test_the_path_of_a_model_means_the_same_file_wherever_a_part_runs(tmp_path: Path, monkeypatch) -> None:
    """Relative to where the user is, or to the home if its file names it: the workers run in the home."""
    monkeypatch.chdir(tmp_path)
    home = {"VITALS_HOME": str(tmp_path / "home")}
    assert load(home | {"VITALS_MODEL": "own.json"}).model == tmp_path / "own.json"
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "vitals.toml").write_text('model = "own.json"\n')
    assert load(home).model == tmp_path / "home" / "own.json"
    assert load(home | {"VITALS_MODEL": "/other.json"}).model == Path("/other.json")


def test_a_stack_does_not_start_with_a_model_that_its_workers_cannot_read(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", cache=tmp_path, model=tmp_path / "none.json")
    with pytest.raises(VitalsError, match="cannot read the risk model"):
        up(settings)
    assert not settings.home.exists()

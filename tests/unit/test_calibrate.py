"""What `vitals calibrate` learns and tells."""

from datetime import date, timedelta

import msgspec
import pytest

from streams import cli, models
from streams.calibrate import Learnt, event_of, last_step, learn
from streams.vitals.calibration import MILLION, intercept
from streams.vitals.policy import DAY_MS

STEP = date(2026, 4, 9)


def test_each_brand_learns_from_its_own_past_only() -> None:
    quiet, deadly = learn([("deadly", STEP, 8 * MILLION, 16), ("calm", STEP, 8 * MILLION, 8)], STEP)
    assert (quiet.brand_id, quiet.intercept) == ("calm", pytest.approx(0.0))
    assert (deadly.expected, deadly.died) == (8.0, 16)
    assert deadly.intercept == intercept([(8 * MILLION, 16)])


def test_steps_without_an_outcome_let_the_old_fade() -> None:
    tests = [("a", STEP - timedelta(days=28 * 3), 80 * MILLION, 160)]
    (fresh,), (old,) = learn(tests, tests[0][1]), learn(tests, STEP)
    assert old.intercept == intercept([(80 * MILLION, 160), (0, 0), (0, 0), (0, 0)]) < fresh.intercept


def test_a_step_is_a_multiple_of_28_days() -> None:
    assert [last_step(STEP + timedelta(days=days)) for days in (0, 27, 28)] == [STEP, STEP, STEP + timedelta(days=28)]


def test_the_same_past_is_told_in_the_same_words() -> None:
    event = event_of(Learnt("acme", STEP, 8.0, 16, 0.25), "habit-1")
    assert event == event_of(Learnt("acme", STEP, 8.0, 16, 0.25), "habit-1")
    assert event.effective_at - event.occurred_at == 7 * DAY_MS
    assert (event.brand_id, event.model, event.intercept) == ("acme", "habit-1", 0.25)


def test_what_is_learnt_is_learnt_of_the_model_that_the_workers_judge_by(tmp_path, monkeypatch, capsys) -> None:
    models.save(msgspec.structs.replace(models.load(), name="own-1"), tmp_path / "own.json")
    monkeypatch.setenv("VITALS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VITALS_MODEL", str(tmp_path / "own.json"))
    asked = []
    monkeypatch.setattr(
        "streams.calibrate._ask", lambda _, model: asked.append(model) or [Learnt("acme", STEP, 8.0, 16, 0.25)]
    )
    assert cli.run(["calibrate", "--dry-run"]) == 0
    assert asked == ["own-1"]
    said = capsys.readouterr().out
    assert said == "acme: 8.0 deaths expected, 16 came by 2026-04-09; intercept +0.250\n"

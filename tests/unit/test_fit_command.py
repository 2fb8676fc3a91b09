"""`vitals fit` as a user meets it."""

import csv
import json
import sys

import msgspec
import numpy as np
import pytest

from streams import cli, models
from streams.fit.alarms import Trade
from streams.fit.card import communities_of, mark
from streams.fit.folds import folds
from streams.fit.regression import logits, sigmoid
from streams.fit.running import Source, observe
from streams.fit.sample import sample_of
from streams.vitals.risk import Model
from tests.fitting import fleet


@pytest.fixture(autouse=True)
def _home(monkeypatch, tmp_path):
    monkeypatch.setenv("VITALS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """Two communities: in one most groups die, in the other few."""
    return fleet(tmp_path_factory.mktemp("fit") / "events.jsonl.gz", 1, {"den": (12, 0.9), "inn": (12, 0.25)})


@pytest.fixture(scope="module")
def fitted(events):
    """A model that was fitted to them, as its file."""
    out = events.parent / "fitted.json"
    assert cli.run(["fit", str(events), "--out", str(out), "--jobs", "1", "--force"]) == 0
    return out


def test_a_fit_writes_a_model_with_its_card_and_prints_it(events, fitted, capsys):
    model = msgspec.json.decode(fitted.read_bytes(), type=Model)
    card = model.card
    assert model.name.startswith("fitted-2025-0")
    assert card["data"]["files"] == ["events.jsonl.gz"]
    assert card["data"]["last_day"] in model.name
    assert [one["groups"] for one in card["data"]["communities"].values()] == [12, 12]
    assert card["data"]["before_death"] == sum(one["before_death"] for one in card["data"]["communities"].values()) > 20
    assert card["left_out"] == "community"
    assert communities_of(model) == {mark("den"), mark("inn")}
    assert len(msgspec.convert(card["thresholds"], list[Trade])) > 5
    assert cli.run(["fit", str(events), "--jobs", "1"]) == 0
    said = capsys.readouterr().out
    assert "community left out" in said
    assert card["pooled"]["ap"] in said
    assert said.endswith("not written: name a file with --out\n")


def test_equal_files_give_equal_bytes_and_are_no_worse_than_themselves(events, fitted, tmp_path):
    out = tmp_path / "again.json"
    out.write_bytes(fitted.read_bytes())
    assert cli.run(["fit", str(events), "--out", str(out), "--jobs", "2"]) == 0
    assert out.read_bytes() == fitted.read_bytes()


def test_a_model_that_is_worse_is_written_by_force_only(events, fitted, tmp_path, capsys, monkeypatch):
    current = msgspec.structs.replace(msgspec.json.decode(fitted.read_bytes(), type=Model), name="other", card={})
    blunt = tuple(msgspec.structs.replace(one, weight=0.0) for one in current.inputs)
    monkeypatch.setattr("streams.fit.folds.fit_model", lambda *_: msgspec.structs.replace(current, inputs=blunt))
    out = tmp_path / "model.json"
    models.save(current, out)
    before = out.read_bytes()
    assert cli.run(["fit", str(events), "--out", str(out), "--jobs", "1"]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("vitals: not written: on these events the new model is behind other (ap -0.")
    assert said.endswith("--force writes it all the same")
    assert out.read_bytes() == before
    assert cli.run(["fit", str(events), "--out", str(out), "--jobs", "1", "--force"]) == 0
    assert "other" not in out.read_text()


@pytest.mark.parametrize("unit", ["community", "group"])
def test_each_group_is_judged_by_what_was_fitted_without_it(unit, events, tmp_path, capsys):
    out = tmp_path / "verdicts.csv"
    assert cli.run(["fit", str(events), "--crossval", unit, "--out", str(out), "--jobs", "1"]) == 0
    assert "judged by a model of the others, dying at 0." in capsys.readouterr().err
    with out.open() as file:
        told = {(row["group_id"], row["at"][:10]): row for row in csv.DictReader(file)}
    tracks, _ = observe(Source(files=(events,), exclusions=None, jobs=1))
    sample = sample_of(tracks, {})
    assert {group for group, _ in told} >= {track.group_id for track in tracks}
    for part in folds(models.load(), "x", sample, unit):
        for track in [sample.tracks[group] for group in part.groups]:
            risk = sigmoid(logits(part.model, track.features))
            for day in range(0, 160, 20):  # before any community's own past has a say
                at = str(np.datetime64(track.first_day + day + 1, "D"))
                assert float(told[track.group_id, at]["risk"]) == pytest.approx(risk[day], rel=1e-9)


def test_too_few_deaths_are_said_in_one_line(tmp_path, capsys):
    path = fleet(tmp_path / "calm.jsonl", 2, {"den": (6, 0.2)})
    assert cli.run(["fit", str(path), "--jobs", "1"]) == 1
    assert "2 of 6 groups with a history that can be judged fell silent: a model needs 10" in capsys.readouterr().err


def test_one_community_is_left_out_by_groups(tmp_path, capsys):
    path = fleet(tmp_path / "one.jsonl", 3, {"den": (16, 0.8)})
    assert cli.run(["fit", str(path), "--jobs", "1"]) == 0
    assert "group left out" in capsys.readouterr().out
    assert cli.run(["fit", str(path), "--crossval", "community", "--out", str(tmp_path / "v.csv"), "--jobs", "1"]) == 1
    assert "leave out groups with --crossval group" in capsys.readouterr().err


def test_without_the_extra_one_line_says_how_to_get_it(events, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert cli.run(["fit", str(events)]) == 1
    assert capsys.readouterr().err == "vitals: `vitals fit` needs numpy: pip install 'group-vitals[fit]'\n"


def test_nothing_to_read_and_nowhere_to_write_are_said(tmp_path, events, capsys):
    empty = tmp_path / "empty.jsonl"
    empty.write_text(json.dumps({"no": "event"}) + "\n")
    assert cli.run(["fit", str(empty), "--jobs", "1"]) == 1
    assert "no line of empty.jsonl is an event" in capsys.readouterr().err
    assert cli.run(["fit", str(events), "--crossval", "group", "--out", str(tmp_path / "v.txt")]) == 2
    assert "--crossval needs an --out that ends with one of .csv" in capsys.readouterr().err
    assert cli.run(["fit", str(events), "--jobs", "1", "--out", str(tmp_path / "none" / "model.json")]) == 1
    said = capsys.readouterr()
    assert "model.json: there is no folder" in said.err
    assert said.out == "", "said before the work, not after it"

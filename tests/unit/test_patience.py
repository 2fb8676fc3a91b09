import pytest

from streams import patience
from streams.patience import Patience, answered


def test_one_line_at_once_then_at_growing_intervals_and_one_at_the_end():
    now, said = [0.0], []
    patience = Patience(lambda: now[0], said.append)
    for second in range(200):
        now[0] = float(second)
        patience.down("it is down")
    assert said[:4] == [
        "it is down; waiting",
        "it is down; waiting for 2 s",
        "it is down; waiting for 6 s",
        "it is down; waiting for 14 s",
    ]
    assert len(said) == 8
    assert patience.is_waiting
    patience.up("it is up")
    patience.up("it is up")
    assert said[8:] == ["it is up after 199 s"]


def test_what_was_never_down_is_not_up_again():
    said: list[str] = []
    patience = Patience(lambda: 0.0, said.append)
    patience.up("it is up")
    assert (said, patience.is_waiting) == ([], False)


def test_the_next_outage_is_said_at_once():
    now, said = [0.0], []
    patience = Patience(lambda: now[0], said.append)
    patience.down("down")
    patience.up("up")
    patience.down("down")
    assert said == ["down; waiting", "up after 0 s", "down; waiting"]


@pytest.fixture
def slept(monkeypatch):
    """What was slept, on a clock that nothing else moves on."""
    slept = []
    monkeypatch.setattr(patience.time, "sleep", slept.append)
    monkeypatch.setattr(patience.time, "monotonic", lambda: sum(slept))
    return slept


def test_a_question_is_asked_again_until_it_is_answered(slept):
    answers, missed = [KeyError(), KeyError(), "here"], []

    def question():
        if isinstance(answer := answers.pop(0), Exception):
            raise answer
        return answer

    assert answered(question, LookupError, 60.0, lambda: missed.append(1)) == "here"
    assert (slept, missed) == ([patience.RETRY_S] * 2, [1, 1])


def test_who_does_not_answer_in_time_is_given_up_with_the_last_error(slept):
    with pytest.raises(ZeroDivisionError):
        answered(lambda: 1 / 0, ArithmeticError, 10.0)
    assert sum(slept) == 10.0 + patience.RETRY_S


def test_what_is_no_silence_is_raised_at_once(slept):
    with pytest.raises(ZeroDivisionError):
        answered(lambda: 1 / 0, LookupError, 10.0)
    assert slept == []

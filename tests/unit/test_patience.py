from streams.patience import Patience


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

"""`vitals wait` when there is nothing to wait for, or nobody who gets on with it."""

from pathlib import Path

import pytest
from confluent_kafka import Producer

from streams.errors import VitalsError
from streams.events import Message, encode
from streams.settings import Settings
from streams.waiting import wait


@pytest.mark.integration
def test_it_gives_up_when_nobody_folds(stack: Settings) -> None:
    event = Message(
        event_id="w/1", occurred_at=1, brand_id="waiting", platform="test", group_id="waiting/g", member_id="m"
    )
    producer = Producer({"bootstrap.servers": stack.kafka})
    producer.produce("chat-events", encode(event), event.group_id)
    assert producer.flush(240) == 0
    said: list[str] = []
    with pytest.raises(
        VitalsError, match=r"^not done after 1 s: vitals-groups still has [\d,]+ records to go; see `vit"
    ):
        wait(stack, 1, said.append)
    assert said
    assert said[-1].startswith("folding: ")


def test_it_says_in_one_line_that_kafka_does_not_answer(tmp_path: Path) -> None:
    nowhere = Settings(home=tmp_path, cache=tmp_path, kafka="127.0.0.1:1")
    with pytest.raises(VitalsError, match=r"Kafka|no answer") as raised:
        wait(nowhere, 1, lambda _: None)
    assert "\n" not in str(raised.value)

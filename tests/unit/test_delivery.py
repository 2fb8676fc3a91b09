import asyncio
from typing import Any

import pytest
from confluent_kafka import KafkaError

from streams.delivery import OutputLine, UndeliverableError


class Refused:
    """What Kafka's client hands to a delivery report."""

    def topic(self) -> str:
        return "member-touches"

    def partition(self) -> int:
        return 3


def test_a_refusal_that_was_reported_between_two_flushes_ends_the_next_one() -> None:
    async def flush() -> None:
        outputs = OutputLine({"bootstrap.servers": "127.0.0.1:1"}, 4)
        refused: Any = Refused()
        outputs.line.reported(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), refused)
        await outputs.delivered()

    with pytest.raises(UndeliverableError, match=r"^member-touches/3: "):
        asyncio.run(flush())


def test_with_nothing_sent_there_is_nothing_to_wait_for() -> None:
    asyncio.run(asyncio.wait_for(OutputLine({"bootstrap.servers": "127.0.0.1:1"}, 4).delivered(), 5))

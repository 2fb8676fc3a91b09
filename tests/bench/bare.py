"""A consumer that only decodes: what reading costs at least. Prints [records, CPU seconds, wall seconds].

python tests/bench/bare.py aiokafka|confluent SERVERS TOPIC RECORDS
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable

import msgspec

from streams.events import ChatEvent

BATCH = 2000
decode = msgspec.json.Decoder(ChatEvent).decode


async def with_aiokafka(servers: str, topic: str, records: int, begin: Callable[[], None]) -> int:
    """getmany(2000), as fast as it goes."""
    from aiokafka import AIOKafkaConsumer, TopicPartition  # noqa: PLC0415

    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    await consumer.start()
    try:
        await consumer._client.force_metadata_update()
        await consumer._client.add_topic(topic)
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        read = 0
        while read < records:
            fetched = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
            if not read:
                begin()
            for batch in fetched.values():
                for record in batch:
                    decode(record.value)
                read += len(batch)
    finally:
        await consumer.stop()
    return read


def with_confluent(servers: str, topic: str, records: int, begin: Callable[[], None]) -> int:
    """consume(2000), as fast as it goes."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition  # noqa: PLC0415

    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bench-bare", "enable.auto.commit": False})
    places = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in places])
    read = 0
    while read < records:
        batch = consumer.consume(BATCH, 1.0)
        if not read:
            begin()
        for record in batch:
            decode(record.value())
        read += len(batch)
    consumer.close()
    return read


def main(kind: str, servers: str, topic: str, records: int) -> None:
    """Measure from the first records to the last."""
    began: list[float] = []

    def begin() -> None:
        began[:] = time.process_time(), time.monotonic()

    if kind == "aiokafka":
        read = asyncio.run(with_aiokafka(servers, topic, records, begin))
    else:
        read = with_confluent(servers, topic, records, begin)
    sys.stdout.write(json.dumps([read, time.process_time() - began[0], time.monotonic() - began[1]]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))

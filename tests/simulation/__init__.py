"""The fold, the protocol of a flush and the sink, on a Kafka in memory where everything goes wrong by seed."""

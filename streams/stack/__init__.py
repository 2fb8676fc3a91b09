"""Kafka, ClickHouse and the agents on this machine, from package registries: no Docker, no root."""

"""The fold over a file instead of Kafka: what would have been said, day by day, on a year of exports."""

-- What could not be taken in, without its bytes: where it stood, why, and when.
SELECT origin, partition, position, reason, detail, size, sha256, at
FROM dead_letters_v1 FINAL

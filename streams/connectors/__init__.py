"""From an export of chats or orders to events, each read one batch at a time, in the order of event time.

What becomes of bad input. A dead letter keeps the original bytes (the first 1 MiB of them), the file and line, and a
reason; it goes to the topic `dead-letters`, or with `--out` to `FILE.rejected.jsonl`. Nothing else of the file is lost,
and a place that was refused stays open: its line counts once when it is mended and imported again.

    malformed       dead letter: malformed_json (jsonl, slack), unparsable_line (irc, CSV)
    unknown type    jsonl: dead letter unknown_type. irc, slack: what a log has besides events is a counted skip
    missing field   dead letter bad_shape; for a column that a CSV lacks as a whole, the import says so and stops
    the future      dead letter from_the_future, when over 10 minutes ahead of now
    negative amount dead letter bad_shape; a refund is an event or a row of its own, with a positive amount
    2 MB line       dead letter too_large, over 1 MiB; such a line is never held in memory as a whole (jsonl, CSV)
    invalid UTF-8   dead letter invalid_utf8. irc: the message counts, with U+FFFD in its text
    null bytes      dead letter null_byte, escaped ones in JSON too
    duplicate       counted once by its source_seq, or its event_id, however often and in whatever cut it is sent
    another format  100 lines refused before the first event: the import stops, nothing is sent
    damaged archive the import stops with one line; so do archives that name paths outside of themselves, or bombs
"""

"""From an export of chats or orders to events, each read one batch at a time, in the order of event time."""

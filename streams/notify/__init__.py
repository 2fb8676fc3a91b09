"""Who is told of an alert: the records of `group-alerts` as messages to chat robots, webhooks, pagers and mailboxes."""

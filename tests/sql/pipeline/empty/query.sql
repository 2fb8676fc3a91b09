SELECT events_at, orders_at, vitals_at, judged_to, live_heard_at, letters_at FROM pipeline

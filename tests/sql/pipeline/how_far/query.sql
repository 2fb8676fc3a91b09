SELECT events_at, orders_at, vitals_at, judged_to, live_heard_at, live_complete_to, letters_at FROM pipeline

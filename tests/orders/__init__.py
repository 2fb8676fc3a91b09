"""Real orders of simulated members, audited to the cent: `python -m tests.orders`."""

"""A fleet in which it is known who is who, to hold what the product says against.

`python -m tests.planted --seed N` writes 200 groups over 180 days as JSON lines of the public event contract, folds
them and compares. Nothing here that makes the fleet imports `streams`: it knows no threshold of what it tests. What is
held to be realistic stands where it is used: `rhythm.py` (when people write), `people.py` (who they are), `talk.py`
(how one message brings others), `arrivals.py` (who comes and goes), `plots.py` (what befalls a group), `group.py` (how
it looks in events). `chain.py` and `judge.py` know the product.
"""

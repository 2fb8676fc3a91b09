"""A fleet of groups that never was: realistic rhythms, and a planted cause for each death. Deterministic by seed."""

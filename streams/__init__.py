"""Vital signs for chat groups: which group is dying, why, and is it worth saving."""

__version__ = "0.1.0"

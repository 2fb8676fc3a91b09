"""The errors a user can cause or mend."""


class VitalsError(Exception):
    """Something a user can mend. Its text is one line that says what is wrong and what to do."""

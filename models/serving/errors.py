"""What serving refuses."""


class ServingError(Exception):
    """A saved ensemble, or the rows to predict, are not what was expected."""

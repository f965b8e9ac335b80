"""What ends a training job, and whose fault it is."""

from __future__ import annotations

from labelwright.errors import LabelwrightError

__all__ = ["CustomerError"]


class CustomerError(LabelwrightError):
    """The user's data or settings are wrong. Ends the program with exit code 2 and this message.

    Parameters
    ----------
    message : str
        Without the prefix ``ClientError:``, which the platform puts before it.
    """

"""The domain, pure: no I/O, no clock, no randomness, no SQL. Times and ids arrive inside events."""

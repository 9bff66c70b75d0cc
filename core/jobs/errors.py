"""What can go wrong with long work."""


class TickTakenOverError(RuntimeError):
    """This worker ran past its time on a tick and another one has taken it over."""


class JobFileChangedError(OSError):
    """A stored file is missing or is no longer what was hashed when it was written."""

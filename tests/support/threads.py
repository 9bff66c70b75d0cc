"""Many callers at once, each in a thread with a database connection of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connections

T = TypeVar("T")
A = TypeVar("A")


def at_once(function: Callable[[A], T], arguments: Sequence[A], *, threads: int) -> list[T]:
    """Call ``function`` once per argument from ``threads`` threads that start together.

    The results come back in the order of the arguments; an exception of a call is raised.
    """
    barrier = Barrier(threads)
    shares = [arguments[start::threads] for start in range(threads)]
    results: list[list[T]] = [[] for _ in range(threads)]

    def work(number: int) -> None:
        try:
            barrier.wait(timeout=60)
            results[number] = [function(argument) for argument in shares[number]]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        for future in [pool.submit(work, number) for number in range(threads)]:
            future.result(timeout=300)
    return [results[index % threads][index // threads] for index in range(len(arguments))]

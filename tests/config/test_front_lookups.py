"""Strangers with made-up keys keep no known client waiting."""

import asyncio
import threading
from typing import Any

import pytest

from config import front_lookups
from config.front_lookups import MOST_STRANGERS, Lookups
from core.commit.batcher import OverloadedError


def test_known_clients_are_served_while_strangers_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    reads: list[str] = []

    def read(key_id: str) -> object:
        reads.append(key_id)
        if key_id.startswith("stranger"):
            assert let_go.wait(10)
            return None
        return f"credentials of {key_id}"

    monkeypatch.setattr(front_lookups, "credentials_of", read)
    monkeypatch.setattr(front_lookups, "credentials_kept", lambda _: None)
    monkeypatch.setattr(front_lookups, "call_connected", lambda function, *args: function(*args))

    async def play() -> None:
        lookups: Any = Lookups()
        assert await lookups.credentials("known") == "credentials of known"
        strangers = [
            asyncio.ensure_future(lookups.credentials(f"stranger-{number}"))
            for number in range(MOST_STRANGERS)
        ]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            await lookups.credentials("stranger-too-many")
        many = [lookups.credentials("known") for _ in range(100)]
        assert set(await asyncio.gather(*many)) == {"credentials of known"}
        let_go.set()
        assert set(await asyncio.gather(*strangers)) == {None}

    asyncio.run(asyncio.wait_for(play(), 20))
    assert reads.count("known") == 2, "once at first, once for the hundred who asked together"


def test_a_database_that_does_not_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(front_lookups, "credentials_of", lambda _: let_go.wait(10))
    monkeypatch.setattr(front_lookups, "call_connected", lambda function, *args: function(*args))
    monkeypatch.setattr(front_lookups, "PATIENCE_S", 0.05)

    async def play() -> None:
        with pytest.raises(OverloadedError):
            await Lookups().credentials("known")
        let_go.set()

    asyncio.run(asyncio.wait_for(play(), 20))

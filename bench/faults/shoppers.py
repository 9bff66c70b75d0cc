"""Load with a memory: people claim, hold and confirm, and repeat a key until it is answered.

Now and then a request has company on a second connection: its twin (same key) or a rival (another
key for what may succeed only once), so that every fault also meets races.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.faults.answers import Answer, AnswerLog, Ask, Step
from bench.faults.wire import Line, request_make
from core.access.signing import SigningKey

CLAIMS = "/api/v1/claims"
REDEMPTIONS = "/api/v1/redemptions"
ORDER_FEN = 1_000
AGAIN = frozenset({429, 502, 503, 504})
PATIENCE_S = 90.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.5
TWINS, RIVALS = 0.1, 0.1
"""Shares of requests with company."""


@dataclass(slots=True)
class Shopping:
    """One round: who claims from which batch, and where they pay."""

    label: str
    key: SigningKey
    port: int
    batch_id: str
    people: Sequence[str]
    tills: Sequence[tuple[str, str]]
    paid_at: str
    log: AnswerLog
    shoppers: int
    seed: str
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - behaviour, not a secret

    async def play(self) -> None:
        """Send everybody through claim, hold and confirm."""
        people = iter(enumerate(self.people))

        async def shopper() -> None:
            lines = [Line(self.port), Line(self.port)]
            for number, person in people:
                await self._trip(f"{self.label}-{number:05d}", person, lines)
            for line in lines:
                line.close()

        await asyncio.gather(*(shopper() for _ in range(self.shoppers)))

    async def _trip(self, name: str, person: str, lines: list[Line]) -> None:
        claimed = await self._step(
            name,
            ("claim", person, CLAIMS),
            lambda _: {"person_id": person, "batch_id": self.batch_id},
            lines,
        )
        if claimed is None:
            return
        voucher = claimed["vouchers"][0]["voucher_id"]
        store_no, terminal_no = self.chance.choice(self.tills)
        held = await self._step(
            name,
            ("hold", voucher, REDEMPTIONS),
            lambda number: {
                "voucher_ids": [voucher],
                "store_no": store_no,
                "terminal_no": terminal_no,
                "order_no": f"{name}-{number}",
                "order_fen": ORDER_FEN,
                "flow": "CUSTOMER_SCANS",
            },
            lines,
        )
        if held is None:
            return
        redemption = held["redemption_id"]
        await self._step(
            name,
            ("confirm", redemption, f"{REDEMPTIONS}/{redemption}/confirm"),
            lambda number: {
                "paid_fen": held["payable_fen"],
                "channel_trade_no": f"T{name}-{number}",
                "paid_at": self.paid_at,
            },
            lines,
        )

    async def _step(
        self,
        name: str,
        what: tuple[Step, str, str],
        body: Callable[[int], dict[str, Any]],
        lines: list[Line],
    ) -> dict[str, Any] | None:
        """Ask, perhaps in company; return what was granted to one of the asks."""
        step, subject, path = what

        def ask(number: int) -> Ask:
            key = f"bench-{name}-{step}-{number}"
            return Ask(step, subject, key, path, orjson.dumps(body(number)))

        drawn = self.chance.random()
        asks = [ask(0)]
        if drawn < TWINS:
            asks.append(asks[0])
        elif drawn < TWINS + RIVALS:
            asks.append(ask(1))
        answers = await asyncio.gather(
            *(
                self._counted(answered(self.key, one, line))
                for one, line in zip(asks, lines, strict=False)
            )
        )
        for answer in answers:
            self.log.add(answer)
        return next((one.document() for one in answers if one.granted), None)

    async def _counted(self, answering: Awaitable[Answer]) -> Answer:
        self.log.waiting += 1
        try:
            return await answering
        finally:
            self.log.waiting -= 1


async def answered(key: SigningKey, ask: Ask, line: Line) -> Answer:
    """Ask with the same idempotency key until there is an answer, as api.md tells a client to."""
    started = time.monotonic()
    lost = later = 0
    pause = FIRST_PAUSE_S
    while True:
        reply = await line.ask(
            request_make(key, path=ask.path, body=ask.body, idempotency_key=ask.key)
        )
        seconds = time.monotonic() - started
        if reply is not None and reply.status not in AGAIN:
            return Answer(ask, reply.status, reply.body, reply.replay, lost, later, seconds)
        if seconds > PATIENCE_S:
            return Answer(ask, 0, reply.body if reply else b"", False, lost, later, seconds)
        lost, later = lost + (reply is None), later + (reply is not None)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)


async def asked_again(
    key: SigningKey, asks: Sequence[Ask], *, port: int, lines: int
) -> list[Answer]:
    """Send every ask once more; the answers come in the same order."""
    answers: list[Answer | None] = [None] * len(asks)
    left = iter(enumerate(asks))

    async def caller() -> None:
        line = Line(port)
        for index, ask in left:
            answers[index] = await answered(key, ask, line)
        line.close()

    await asyncio.gather(*(caller() for _ in range(lines)))
    return [one for one in answers if one is not None]

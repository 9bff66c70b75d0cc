"""Who comes when: people, their keys, and their arrivals around the opening of a wave."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from core.access.region_codes import subtree_contains
from redemption.forecast.counters import Keys
from redemption.rehearsal.tiers import AWAY_REGION, HOURS, THOUSAND
from vouchers.rules.model import Location
from vouchers.rules.validity import day_start

EARLY_S = 300
"""Who is early comes within so many seconds before the opening."""
HESITATION_S = 30
"""Who tries again does so within so many seconds."""
OTHER_PROVINCES = (AWAY_REGION, "110100")


class Arrival(NamedTuple):
    """Somebody who comes for a batch, by its place among those of the moment."""

    at: datetime
    person: int
    choice: int


class Crowd:
    """The people of a campaign and how they come; everything drawn from one source."""

    def __init__(
        self,
        chance: random.Random,
        parameters: Mapping[str, int],
        persons: int,
        regions: Sequence[str],
    ) -> None:
        """Take the source of chance, the parameters, how many people, the campaign's regions."""
        self.chance = chance
        self.persons = persons
        self._parameters = parameters
        self._regions = regions
        self._hours = list(HOURS)
        self._hour_weights = list(HOURS.values())

    def arrivals(self, slot: datetime, weights: Sequence[int]) -> Iterator[Arrival]:
        """Draw who comes for the waves of a moment; ``weights`` are the units of its batches."""
        share = self._parameters["return_share"]
        count = (self.persons * share + THOUSAND // 2) // THOUSAND
        people = self.chance.sample(range(self.persons), min(count, self.persons))
        choices = self.chance.choices(range(len(weights)), weights, k=len(people))
        for person, choice in zip(people, choices, strict=True):
            yield Arrival(self._comes(slot), person, choice)

    def keys(self, person: int) -> Keys:
        """Return the person's keys; of a share, the device is that of the one before."""
        shares = _spread(person, self._parameters["shared_device"])
        device = max(person - 1, 0) if shares else person
        return {
            "DOCUMENT": person,
            "MOBILE": person,
            "DEVICE": device,
            "CARD": person,
            "ACCOUNT": person,
        }

    def verified(self, person: int) -> bool:
        """Tell whether the person has shown a document."""
        return not _spread(person, self._parameters["unverified"])

    def in_audience(self, person: int) -> bool:
        """Tell whether the person belongs to the audience of a batch that has one."""
        return not _spread(person, self._parameters["outsiders"])

    def region(self, share: str, location: Location) -> str:
        """Draw where somebody is; ``share`` names the parameter of being elsewhere.

        Inside is where the batch asks people to be.
        """
        regions = location.regions or self._regions
        return outside_of(regions) if self.happens(share) else regions[0]

    def happens(self, share: str) -> bool:
        """Draw whether something of a share happens."""
        return self.chance.random() * THOUSAND < self._parameters[share]

    def hesitates(self) -> timedelta:
        """Draw how long somebody takes to try again."""
        return timedelta(seconds=self.chance.uniform(1, HESITATION_S))

    def on_day(self, moment: datetime, days: int) -> datetime:
        """Draw a moment ``days`` after the day of ``moment``, at an hour when people shop."""
        (hour,) = self.chance.choices(self._hours, self._hour_weights)
        return day_start(moment, days) + timedelta(
            seconds=hour * 3600 + self.chance.random() * 3600
        )

    def _comes(self, slot: datetime) -> datetime:
        chance, parameters = self.chance, self._parameters
        if self.happens("early"):
            return slot - timedelta(seconds=chance.uniform(1, EARLY_S))
        if self.happens("opening_share"):
            return slot + timedelta(seconds=chance.expovariate(1 / parameters["burst_s"]))
        at = self.on_day(slot, int(chance.expovariate(1 / parameters["linger_days"])))
        return at if at >= slot else at + timedelta(days=1)


def _spread(person: int, permille: int) -> bool:
    """Tell whether a person is one of a share that is spread evenly over all numbers."""
    return (person + 1) * permille // THOUSAND > person * permille // THOUSAND


def outside_of(regions: Sequence[str]) -> str:
    """Return a region outside all of these; where they cover the country, another country's."""
    return next(
        (
            code
            for code in OTHER_PROVINCES
            if not any(subtree_contains(region, code) for region in regions)
        ),
        "990000",
    )

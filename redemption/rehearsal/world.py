"""The illustrative world of a rehearsal: people, shops, acquirers, all from one seed.

Totals follow the published figures of 2022 divided by the scale: as many people as the 5.7 million
person-times, since distinct people were not published, and merchant pools of up to 25,200.
Everything else is illustrative. Document numbers carry the region code 459900, which no county
has, so that none can belong to a real person.
"""

import random
from dataclasses import dataclass
from functools import cached_property

from stdnum.cn import ric, uscc

from core.access.regions import regions_read

PEOPLE = 5_700_000
MERCHANTS = 25_200
LEAST_SHOPS_PER_CITY = 4
PROVINCE = "450000"
NOWHERE = "459900"
CHANNELS = ("ysf", "gxbank", "wallet")
ACQUIRERS = ("acq-a", "acq-b", "acq-c", "acq-d")


@dataclass(frozen=True, slots=True)
class Trade:
    """An industry with its merchant category code and how often it appears."""

    industry: str
    mcc: str
    word: str
    weight: int


TRADES = (
    Trade("CATERING", "5812", "餐饮店", 40),
    Trade("SUPERMARKET", "5411", "超市", 25),
    Trade("DEPARTMENT_STORE", "5311", "百货店", 15),
    Trade("LODGING", "7011", "酒店", 8),
    Trade("CULTURE_TOURISM", "7991", "文旅馆", 7),
    Trade("APPLIANCE", "5732", "家电行", 5),
)


@dataclass(frozen=True, slots=True)
class Shop:
    """A store with one till at one acquirer."""

    name: str
    uscc: str
    industry: str
    mcc: str
    region: str
    region_name: str
    city: str
    acquirer: str
    merchant_no: str
    terminal_no: str
    account: str


@dataclass(frozen=True, slots=True)
class Person:
    """A citizen's account in one channel, with the raw identifiers the channel knows."""

    number: int
    channel: str
    external_id: str
    document: str
    mobile: str
    device: str
    card: str
    region: str


@dataclass(frozen=True)
class World:
    """Everything a rehearsal of a scale plays with; the same for the same seed."""

    scale: int
    seed: int

    @cached_property
    def cities(self) -> list[tuple[str, str]]:
        """The 14 prefecture-level cities of Guangxi with their names."""
        return [
            (code, name)
            for code, name, level, parent in regions_read()
            if level == "CITY" and parent == PROVINCE
        ]

    @cached_property
    def counties(self) -> dict[str, list[tuple[str, str]]]:
        """The counties of each city, those that carry a name of their own."""
        found: dict[str, list[tuple[str, str]]] = {code: [] for code, _ in self.cities}
        for code, name, level, parent in regions_read():
            if level == "COUNTY" and parent in found and name != "市辖区":
                found[parent].append((code, name))
        return found

    @cached_property
    def shops(self) -> list[Shop]:
        """Stores spread over all cities and industries."""
        chance = random.Random(f"shops-{self.seed}")  # noqa: S311 - a world, not a secret
        total = max(LEAST_SHOPS_PER_CITY * len(self.cities), MERCHANTS // self.scale)
        return [self._shop(chance, number) for number in range(total)]

    def _shop(self, chance: random.Random, number: int) -> Shop:
        city, city_name = self.cities[number % len(self.cities)]
        region, region_name = chance.choice(self.counties[city])
        (trade,) = chance.choices(TRADES, [one.weight for one in TRADES])
        acquirer = ACQUIRERS[(number // len(self.cities)) % len(ACQUIRERS)]
        body = f"91{region}MA{number:07d}"
        return Shop(
            name=f"{city_name}{region_name}示意{trade.word}{number + 1}号",
            uscc=body + uscc.calc_check_digit(body),
            industry=trade.industry,
            mcc=trade.mcc,
            region=region,
            region_name=region_name,
            city=city,
            acquirer=acquirer,
            merchant_no=f"898{city[:4]}{trade.mcc}{number // len(self.cities):04d}",
            terminal_no=f"{number + 1:08d}",
            account=f"62{number:017d}",
        )

    @cached_property
    def people(self) -> list[Person]:
        """Citizens; one in fifty shares the phone of the one before, as couples do."""
        chance = random.Random(f"people-{self.seed}")  # noqa: S311 - a world, not a secret
        people: list[Person] = []
        for number in range(max(20, PEOPLE // self.scale)):
            city, _ = chance.choice(self.cities)
            shared = people[-1].device if number % 50 == 49 else f"device-{number:07d}"
            people.append(
                Person(
                    number=number,
                    channel=chance.choices(CHANNELS, (6, 3, 1))[0],
                    external_id=f"u{number:07d}",
                    document=_document(number),
                    mobile=f"199{number:08d}",
                    device=shared,
                    card=_card(number, unionpay=chance.random() < 0.97),
                    region=chance.choice(self.counties[city])[0],
                )
            )
        return people


def _document(number: int) -> str:
    year, rest = 1950 + number % 55, number // 55
    body = f"{NOWHERE}{year}{1 + rest % 12:02d}{1 + rest // 12 % 28:02d}{rest // 336 % 1000:03d}"
    return body + str(ric.calc_check_digit(f"{body}0"))


def _card(number: int, *, unionpay: bool) -> str:
    return f"{'62' if unionpay else '40'}{number:014d}"

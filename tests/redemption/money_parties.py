"""Who has what after purchases, refunds and cancels: the books of payer, merchant and funders.

Written from domain-rules §6 alone, without the arithmetic of the platform. What each party would
have without any purchase is nothing gained and nothing given, so:

* the **payer** is better off if he ever gets back more money than he paid, or if what he keeps of
  the goods, at the price he and the vouchers paid for them, exceeds his own money in them by more
  than the subsidy that funders still give (a fen of rounding aside). With everything returned he
  has exactly his money back;
* a **funder** is better off if he ever gets back more than he gave, in all or in one part;
* the **merchant** is better off if he keeps more than the price of the goods that were not
  returned (a fen of rounding aside, for however many refunds). What other offers take off is never
  paid to him, so the price is what payer and vouchers pay. His own part (商户让利) is a funder's.

CASH_ONLY is the one exception, and has to be signed for: the subsidy of goods that were returned
is not reversed. It stays with the merchant, all of it and not a fen more, and no funder gets
anything back. The payer gains nothing by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from vouchers.rules.model import RefundPolicy


@dataclass
class Sale:
    """One purchase: what was paid by whom, and what came back of it."""

    order_fen: int
    payer_fen: int
    parts: tuple[int, ...]
    policy: RefundPolicy
    returned_fen: int = 0
    """Of the order."""
    payer_back_fen: int = 0
    parts_back: list[int] = field(default_factory=list)
    cancelled: bool = False

    def __post_init__(self) -> None:
        """Nothing came back yet."""
        self.parts_back = [0] * len(self.parts)

    @property
    def subsidy_fen(self) -> int:
        """What all funders gave."""
        return sum(self.parts)

    def take_back(self, order_fen: int, payer_fen: int, parts: Sequence[int]) -> None:
        """Book a refund or cancel; nobody pays a second time for it."""
        assert payer_fen >= 0
        assert min(parts) >= 0
        self.returned_fen += order_fen
        self.payer_back_fen += payer_fen
        self.parts_back = [old + new for old, new in zip(self.parts_back, parts, strict=True)]
        self.assert_nobody_better_off()

    def assert_nobody_better_off(self) -> None:
        """Look at every party as the module says."""
        price = Fraction(self.payer_fen + self.subsidy_fen, self.order_fen)
        goods = (self.order_fen - self.returned_fen) * price
        payer_in = self.payer_fen - self.payer_back_fen
        given = self.subsidy_fen - sum(self.parts_back)
        assert self.returned_fen <= self.order_fen
        assert payer_in >= 0
        assert all(back <= gave for back, gave in zip(self.parts_back, self.parts, strict=True))
        stranded: Fraction | int = 0
        if self.policy == "CASH_ONLY" and not self.cancelled:
            assert not any(self.parts_back)
            stranded = Fraction(self.returned_fen * self.subsidy_fen, self.order_fen)
        assert goods - payer_in <= given - stranded + 1, "the payer keeps goods for nothing"
        assert payer_in + given <= goods + stranded + 1, "the merchant is paid for returned goods"
        if self.returned_fen == self.order_fen:
            assert (payer_in, given) == (0, stranded)


def assert_nobody_better_off(sales: Sequence[Sale], face_parts: Sequence[int]) -> None:
    """Look at all purchases with one voucher together: as if it had been used at most once.

    Rounding does not add up over re-uses, since a voucher only comes back where everything did;
    and no funder has more in all of them than its part of the face.
    """
    for sale in sales:
        sale.assert_nobody_better_off()
    given = [
        sum(sale.parts[place] - sale.parts_back[place] for sale in sales)
        for place in range(len(face_parts))
    ]
    assert all(0 <= now <= most for now, most in zip(given, face_parts, strict=True)), given
    for sale in sales[:-1]:
        assert (sale.payer_back_fen, sale.returned_fen) == (sale.payer_fen, sale.order_fen)
        assert sale.parts_back == list(sale.parts), "used again while its money is elsewhere"

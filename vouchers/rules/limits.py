"""Which row of `Limit` a rule counts on."""

from vouchers.rules.model import LimitRule


def limit_row_code(batch_code: str, rule: LimitRule) -> str:
    """Return the code of the `Limit` row of a rule: shared in a campaign, or of one batch.

    Two batches that name the same code with scope CAMPAIGN count together (one voucher a day over
    all tiers); with scope BATCH each counts for itself.
    """
    return rule.code if rule.scope == "CAMPAIGN" else f"{batch_code}:{rule.code}"

"""Business time in a check."""

# Business time as core.clock computes it: the row, or real time where there is none.
BUSINESS_NOW = """
    SELECT coalesce((SELECT business_anchor + (clock_timestamp() - wall_anchor) * rate
                       FROM core_businessclock WHERE id = 1), clock_timestamp()) AS now
"""

"""Return vouchers (消费返券): given for a purchase, taken back with its refund (domain-rules §3).

The purchase is written first; events tell it here, at least once and in any order. What is given is
decided once per purchase and batch by the claim service, under its limits, waves and money.
"""

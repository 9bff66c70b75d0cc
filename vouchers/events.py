"""Topics of the events this room publishes; payloads hold no personal data."""

RELEASE_OPENED = "quota_release.opened"
"""``{batch, slot, units}``: a wave is open; refusals kept in memory end with it."""

RELEASE_CLOSED = "quota_release.closed"
"""``{batch, slot, units}``: a wave is closed, ``units`` were left and went back."""

VOUCHERS_EXPIRED = "vouchers.expired"
"""``{batch, units}``: so many vouchers of a batch were swept after their end."""

"""Topics of the events this room publishes; payloads hold no personal data."""

RELEASE_OPENED = "quota_release.opened"
"""``{batch, slot, units}``: a wave is open; refusals kept in memory end with it."""

RELEASE_CLOSED = "quota_release.closed"
"""``{batch, slot, units}``: a wave is closed, ``units`` were left and went back."""

SLICES_FELL_BACK = "quota_release.fell_back"
"""``{batch, slot, units}``: ``units`` that channels of a wave had not used are now everybody's."""

VOUCHERS_EXPIRED = "vouchers.expired"
"""``{batch, units}``: so many vouchers of a batch were swept after their end."""

"""Topics of the events this room publishes; payloads hold no personal data."""

CAMPAIGN_STATE_CHANGED = "campaign.state_changed"
"""``{code, old: {state, redemptions_on}, new: {…}}``: paused, resumed, ended, closed."""

CAMPAIGN_VERSION_IN_FORCE = "campaign.version_in_force"
"""``{code, number, config_hash}``: a version was approved and its rows written."""

WHITELIST_IN_FORCE = "campaign.whitelist_in_force"
"""``{code, number, stores}``: another version of the list counts from now on."""

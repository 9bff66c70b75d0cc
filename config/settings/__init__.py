"""Settings: `base` is shared; `development`, `test` and `production` are the ones to name."""

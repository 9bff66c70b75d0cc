"""Screening rules on redemptions; each looks at one window of one campaign in SQL."""

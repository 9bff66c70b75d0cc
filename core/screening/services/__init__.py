"""Running rules, opening and deciding cases."""

from core.screening.services.cases import case_decide, case_review_start
from core.screening.services.engine import RunSummary, rules_run

__all__ = ["RunSummary", "case_decide", "case_review_start", "rules_run"]

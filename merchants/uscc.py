"""The unified social credit code (统一社会信用代码, GB 32100-2015): shape and check digit."""

import re

from stdnum.cn import uscc

# Department and kind of body may be letters (N: rural collectives, Y: others), which the stdnum
# package refuses; the check digit is its own.
_SHAPE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")


def uscc_is_valid(text: str) -> bool:
    """Tell whether ``text`` (18 upper-case characters) is a code with a right check digit."""
    return bool(_SHAPE.fullmatch(text)) and uscc.calc_check_digit(text[:17]) == text[17]

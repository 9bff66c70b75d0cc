"""The look of the admin (Unfold): names, colours, menu, first page."""

from typing import Any

from django.templatetags.static import static
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

_static = lazy(static, str)

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("政府消费券平台"),
    "SITE_HEADER": _("政府消费券平台"),
    "SITE_SUBHEADER": _("发放、核销与结算"),
    "SITE_SYMBOL": "confirmation_number",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": _static("config/favicon.svg")}
    ],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "STYLES": [_static("config/admin.css")],
    "DASHBOARD_CALLBACK": "config.dashboard.dashboard_context",
    "SIDEBAR": {
        "show_search": True,
        "command_search": False,
        "show_all_applications": False,
        "navigation": "config.admin_menu.navigation",
    },
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(54.6% .215 262.881)",
            "600": "oklch(48.8% .217 264.376)",
            "700": "oklch(42.4% .199 265.638)",
            "800": "oklch(37.9% .146 265.522)",
            "900": "oklch(32% .11 265.5)",
            "950": "oklch(28.2% .091 267.935)",
        },
    },
}

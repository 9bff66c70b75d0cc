"""The rule of devices of a batch on the draft page: people and days as two numbers."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.admin.editor_forms import text_field


def device_shown(rules: dict[str, Any]) -> str:
    """Write the rule of plain rules as `DeviceForm` reads it."""
    rule = rules.get("device") or {}
    return f"{rule['persons']} {rule.get('days', 7)}" if rule else ""


class DeviceForm(forms.Form):
    """A form with the field ``device``."""

    device = text_field(
        _("一机多号"),
        required=False,
        help_text=_("人数 天数，如 7 7：同一设备 7 天内最多 7 人领取；空则不限"),
    )

    def clean_device(self) -> dict[str, int] | None:
        """Read the rule."""
        words = self.cleaned_data["device"].split()
        if not words:
            return None
        try:
            persons, days = map(int, words)
        except ValueError as error:
            raise ValidationError(gettext("应为：人数 天数，均为整数")) from error
        return {"persons": persons, "days": days}

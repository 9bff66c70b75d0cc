"""How many rows a list of the draft page has: a request cannot make the page larger than that."""

from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.forms.formsets import TOTAL_FORM_COUNT
from django.utils.translation import gettext_lazy as _

MAX_ROWS = 60
"""Of one list. A page of so many batches takes seconds; a longer list is edited by file."""


class RowSet(BaseFormSet):  # type: ignore[type-arg]  # no brackets at run time
    """Rows of a list; a request that claims more than `MAX_ROWS` gets the rows there were."""

    default_error_messages = {
        "too_many_forms": _("最多 %(num)d 行，未保存；更多的行请用方案文件编辑")
    }

    def total_form_count(self) -> int:
        """Return how many forms there are, read or shown."""
        if self.is_bound:
            data: Any = self.management_form.cleaned_data
            if data[TOTAL_FORM_COUNT] > self.absolute_max:
                return min(len(self.initial or ()) + self.extra, self.absolute_max)
        return super().total_form_count()


def rows_factory(form: type[forms.Form], blank: int) -> type[Any]:
    """Return the form set of a list, with so many blank rows after those there are."""
    return formset_factory(
        form,
        formset=RowSet,
        extra=blank,
        can_delete=True,
        max_num=MAX_ROWS,
        absolute_max=MAX_ROWS,
        validate_max=True,
    )

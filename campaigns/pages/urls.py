"""URLs of the public pages; whoever holds the address reads them, no log-in."""

from django.urls import path

from campaigns.pages.views import cashier_page, rules_page

urlpatterns = [
    path("<slug:code>/", rules_page, name="rules"),
    path("<slug:code>/cashier/", cashier_page, name="rules-cashier"),
]

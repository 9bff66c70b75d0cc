"""Entry point of the hot front: `granian --interface rsgi config.front:front`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.development")
django.setup()

from config.hot_front import HotFront  # noqa: E402 - needs the settings
from core.clock_checks import moved_clock_refuse  # noqa: E402

moved_clock_refuse()
front = HotFront()

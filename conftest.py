"""Root of the test configuration: loads the plugin that brings database and Valkey."""

pytest_plugins = ("tests.plugin", "pytester")

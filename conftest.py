"""Root of the test configuration: loads the plugins of the tests."""

pytest_plugins = ("tests.plugin", "tests.reached", "pytester")

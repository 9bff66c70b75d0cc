"""Public values that let development and the demonstration start; production refuses them."""

SECRET_KEY = "demo-only-secret-key-which-production-refuses-0123456789abcdef"  # noqa: S105
PEPPERS = "1:ZGVtby1vbmx5LXBlcHBlci12ZXJzaW9uLTEtMzItYnl0ZXM="
SECRET_KEYS = "1:ZGVtby1vbmx5LXNlY3JldC1rZXktdmVyc2lvbi0wMDE="  # noqa: S105

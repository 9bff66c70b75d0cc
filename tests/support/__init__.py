"""What the tests share: databases, Valkey, factories."""

"""Well-known packages of the registry that keep the same promise: run beside ours, never copied.

Modules named ``oscar_…`` and ``pretix_…`` run in throwaway environments with the package's own
Django; of this project they may import `bench.published.gate` and each other, nothing else.
"""

"""How much memory this process ever held at once.

Not ``ru_maxrss``: Linux carries it over from the process that started this one, so a child of a
large parent seems as large. ``VmHWM`` begins anew with every program.
"""

from pathlib import Path

KIB_PER_MB = 1024
STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """Return the highest resident memory of this process since its program began, in MiB."""
    for line in STATUS.read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "VmHWM":
            return round(int(rest.split()[0]) / KIB_PER_MB, 1)
    raise OSError(f"{STATUS} names no VmHWM")

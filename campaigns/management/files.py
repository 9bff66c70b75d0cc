"""What the commands over definition files share."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from campaigns.definition.reading import definition_read
from core.errors import DomainError


def definition_file(path: Path) -> dict[str, Any]:
    """Read a definition file; a CommandError says what is wrong with it, and where."""
    try:
        return definition_read(path.read_bytes(), path.name)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except DomainError as error:
        raise refusal(error) from error


def refusal(error: DomainError) -> CommandError:
    """Spell a refusal with one line per path."""
    lines = [error.text.title_zh]
    lines += [f"  {param.name}: {param.reason}" for param in error.invalid_params]
    return CommandError("\n".join(lines))

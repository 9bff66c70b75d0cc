"""Which definition is meant: a file, a programme that comes with the platform, a campaign.

Everything is read in a transaction that lets the database write nothing.
"""

from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns.definition.document import Definition, definition_build, definition_stored
from campaigns.definition.reading import definition_read
from campaigns.models import Campaign
from core.errors import DomainError, InvalidParametersError
from core.transactions import transaction_read_only
from redemption.forecast.services import configuration_hash

SUFFIXES = (".yaml", ".yml", ".json")


def definition_named(name: str) -> Definition:
    """Return the definition of a file, of a programme's code, or a campaign's draft by its code.

    Raises:
        InvalidParametersError: nothing of that name can be read.
        DefinitionInvalidError: names every path that is wrong.
    """
    path = Path(name)
    if path.suffix.lower() in SUFFIXES or "/" in name:
        return _file(path)
    programme = Path(settings.BASE_DIR) / "campaigns" / "definitions" / f"{name}.yaml"
    with transaction_read_only():
        campaign = Campaign.objects.filter(code=name).first()
        draft = campaign.draft if campaign else None
    if draft:
        return definition_stored(draft)
    if programme.is_file():
        return _file(programme)
    raise InvalidParametersError.one(
        "campaign", _("没有这个方案文件，也没有代码为此的活动：%(name)s") % {"name": name}
    )


def definition_of_hash(campaign_id: UUID, config_hash: str) -> Definition:
    """Return the draft of a campaign, or one of its versions, that has this hash.

    Raises:
        DomainError: ``access.not_found``; ``approval.configuration_changed`` where no document of
            the campaign has the hash any more.
    """
    with transaction_read_only():
        campaign = Campaign.objects.filter(pk=campaign_id).first()
        if campaign is None:
            raise DomainError("access.not_found")
        documents = [campaign.draft, *campaign.versions.values_list("document", flat=True)]
    for document in documents:
        if document and configuration_hash(document) == config_hash:
            return definition_stored(document)
    raise DomainError("approval.configuration_changed")


def _file(path: Path) -> Definition:
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = f"{path}: {error.strerror}"
        raise InvalidParametersError.one("campaign", reason) from error
    plain = definition_read(content, path.name)
    with transaction_read_only():
        return definition_build(plain)

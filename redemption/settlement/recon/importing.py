"""Importing an acquirer's file: staged by COPY, used only if its control totals agree."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from typing import BinaryIO
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from core.access.models import User
from core.access.roles import assert_may
from core.audit.services import audit_record
from core.errors import DomainError
from core.ids import new_id
from core.transactions import transaction_joined
from merchants.models import Acquirer
from redemption.models import ExceptionItem
from redemption.settlement.errors import DayHasFileError, ReconFileError
from redemption.settlement.models import ReconDay, ReconFile
from redemption.settlement.recon.matching import day_match
from redemption.settlement.recon.zm import MAX_RECORD_BYTES, ZmReader
from redemption.settlement.states import DayState

MAX_RECORDS = 2_000_000
READ_BYTES = 1 << 20
_TIMEOUT = "SELECT set_config('statement_timeout', '600000', true)"
_COPY = """
    COPY redemption_reconrow (file_id, row_no, kind, trade_no, origin_no, merchant_no, terminal_no,
                              trace_no, traded_at, order_fen, discount_fen, fee_fen, settle_fen)
    FROM STDIN
"""


def recon_file_import(
    *, acquirer_id: UUID, source: BinaryIO, name: str, actor: User | None, now: datetime
) -> ReconFile:
    """Import a ZM file of an acquirer, then match its day; all or nothing.

    The same content again changes nothing and returns the file on record. ``source`` is seekable
    and read in constant memory. ``actor`` is None when the system itself fetched the file.

    Raises:
        ReconFileError, ControlTotalsError: the first thing that is wrong with the file.
        DayHasFileError: another file of this date is on record.
        DomainError: ``access.not_found``, ``access.permission_denied``.
    """
    acquirer = Acquirer.objects.filter(pk=acquirer_id).first()
    if acquirer is None:
        raise DomainError("access.not_found")
    if actor is not None:
        assert_may(actor, "redemption.import_reconfile", acquirer.owner_region)
    sha256 = _digest(source)
    with transaction_joined():
        known = ReconFile.objects.filter(
            kind=ReconFile.Kind.ACQUIRER, sha256=sha256, acquirer=acquirer
        ).first()
        if known is not None:
            return known
        reader = ZmReader(_records(source))
        file_id = new_id()
        _stage(reader, file_id)
        file = ReconFile.objects.create(
            id=file_id,
            kind=ReconFile.Kind.ACQUIRER,
            acquirer=acquirer,
            day=_day_open(acquirer, reader),
            name=name,
            sha256=sha256,
            row_count=reader.totals.count,
            totals=asdict(reader.totals),
            owner_region=acquirer.owner_region,
            imported_by=actor,
            imported_at=now,
        )
        _missing_no_more(acquirer, reader.business_date, now)
        audit_record(
            action="recon.import",
            subject_type="recon_file",
            subject_id=file.pk,
            now=now,
            actor=actor,
            owner_region=acquirer.owner_region,
            data={"name": name, "sha256": sha256, "rows": file.row_count},
        )
        day_match(file=file, now=now)
    return file


def missing_subject(acquirer_code: str, day: date) -> str:
    """Return how the exceptions list names a missing file."""
    return f"{acquirer_code}:{day.isoformat()}"


def _digest(source: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := source.read(READ_BYTES):
        digest.update(block)
    source.seek(0)
    return digest.hexdigest()


def _records(source: BinaryIO) -> Iterator[bytes]:
    number = 0
    while line := source.readline(MAX_RECORD_BYTES):
        number += 1
        if number > MAX_RECORDS + 2 or (len(line) == MAX_RECORD_BYTES and not line.endswith(b"\n")):
            raise ReconFileError(data={"row": number, "reason": _("文件或记录过长")})
        yield line


def _stage(reader: ZmReader, file_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TIMEOUT)
        with cursor.cursor.copy(_COPY) as copy:
            for number, trade in enumerate(reader.trades(), start=1):
                copy.write_row(
                    (
                        file_id,
                        number,
                        trade.kind,
                        trade.trade_no,
                        trade.origin_no,
                        trade.merchant_no,
                        trade.terminal_no,
                        trade.trace_no,
                        trade.traded_at,
                        trade.order_fen,
                        trade.discount_fen,
                        trade.fee_fen,
                        trade.settle_fen,
                    )
                )


def _day_open(acquirer: Acquirer, reader: ZmReader) -> ReconDay:
    day = reader.business_date
    if day is None or reader.acquirer_code != acquirer.code:
        raise ReconFileError(data={"row": 1, "reason": _("文件不属于该收单机构")})
    recon_day, _made = ReconDay.objects.get_or_create(
        acquirer=acquirer, business_date=day, defaults={"owner_region": acquirer.owner_region}
    )
    locked = ReconDay.objects.select_for_update().get(pk=recon_day.pk)
    other = locked.files.filter(kind=ReconFile.Kind.ACQUIRER).first()
    if other is not None or locked.state == DayState.CLOSED:
        raise DayHasFileError(
            data={"business_date": day, "name": other.name if other else locked.get_state_display()}
        )
    return locked


def _missing_no_more(acquirer: Acquirer, day: date | None, now: datetime) -> None:
    if day is not None:
        ExceptionItem.objects.filter(
            kind=ExceptionItem.Kind.MISSING_FILE,
            subject_id=missing_subject(acquirer.code, day),
            state=ExceptionItem.State.OPEN,
        ).update(state=ExceptionItem.State.RESOLVED, resolution="对账文件已导入", resolved_at=now)

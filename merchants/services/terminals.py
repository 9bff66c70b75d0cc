"""Terminals: mapped to a store, live only after a passed voucher test (验券测试)."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from core.access.models import User
from core.audit.services import audit_record
from core.transactions import transaction_joined
from merchants.errors import PayeeMissingError, TerminalTakenError, TerminalUntestedError
from merchants.locks import store_lock, terminal_lock
from merchants.models import Payee, Terminal
from merchants.services.changes import row_change, row_insert


def terminal_upsert(
    *,
    acquirer_id: UUID,
    terminal_no: str,
    store_id: UUID,
    merchant_no: str,
    now: datetime,
    actor: User | None,
) -> Terminal:
    """Map a terminal of an acquirer to a store and to the merchant number that is paid.

    A terminal that moves to another store of the same merchant, or to another number, has to be
    tested again.

    Raises:
        InvalidParametersError: a number of the wrong form.
        NotFoundError: the store. PayeeMissingError: nobody is paid for the number at this store.
        TerminalTakenError: it stands in another merchant's store.
    """
    with transaction_joined():
        store = store_lock(store_id)
        payees = Payee.objects.filter(
            acquirer_id=acquirer_id,
            merchant_no=merchant_no,
            merchant_id=store.merchant_id,
            valid_until__isnull=True,
        )
        if not payees.exists():
            raise PayeeMissingError
        terminal = (
            Terminal.objects.select_for_update(of=("self",))
            .select_related("store")
            .filter(acquirer_id=acquirer_id, terminal_no=terminal_no)
            .first()
        )
        if terminal is None:
            terminal = Terminal(
                acquirer_id=acquirer_id,
                terminal_no=terminal_no,
                store=store,
                merchant_no=merchant_no,
            )
            row_insert(
                terminal,
                action="terminal.create",
                owner_region=store.owner_region,
                now=now,
                actor=actor,
            )
        elif terminal.store.merchant_id != store.merchant_id:
            raise TerminalTakenError
        elif (terminal.store_id, terminal.merchant_no) != (store_id, merchant_no):
            row_change(
                terminal,
                {"store_id": store_id, "merchant_no": merchant_no, "tested_at": None},
                action="terminal.move",
                owner_region=store.owner_region,
                now=now,
                actor=actor,
            )
    return terminal


def terminal_update(
    *, terminal_id: UUID, is_active: bool, now: datetime, actor: User | None
) -> Terminal:
    """Switch a terminal on or off.

    Raises:
        NotFoundError: there is no such terminal.
        TerminalUntestedError: switching on one that has not passed its test (domain-rules §9).
    """
    with transaction_joined():
        terminal = terminal_lock(terminal_id)
        if is_active and not terminal.is_active and terminal.tested_at is None:
            raise TerminalUntestedError
        row_change(
            terminal,
            {"is_active": is_active},
            action="terminal.update",
            owner_region=terminal.store.owner_region,
            now=now,
            actor=actor,
        )
    return terminal


def terminal_test_record(
    *, terminal_id: UUID, passed: bool, now: datetime, actor: User | None, note: str = ""
) -> Terminal:
    """Record a voucher test (验券测试); a failed one takes the terminal out of use.

    Raises:
        NotFoundError: there is no such terminal.
    """
    with transaction_joined():
        terminal = terminal_lock(terminal_id)
        terminals_test_record(
            terminal_ids=[terminal.pk], passed=passed, now=now, actor=actor, note=note
        )
        terminal.refresh_from_db()
    return terminal


def terminals_test_record(
    *,
    terminal_ids: Iterable[UUID],
    passed: bool,
    now: datetime,
    actor: User | None,
    note: str = "",
) -> int:
    """Record the same test result for many terminals at once; returns how many there were.

    Unknown ids are left out. Each terminal gets its audit event.
    """
    with transaction_joined():
        rows = list(
            Terminal.objects.select_for_update(of=("self",))
            .select_related("store")
            .filter(pk__in=set(terminal_ids))
            .order_by("pk")
        )
        Terminal.objects.filter(pk__in=[row.pk for row in rows]).update(
            tested_at=now if passed else None, is_active=passed
        )
        for row in rows:
            audit_record(
                action="terminal.test",
                subject_type="merchants.terminal",
                subject_id=row.pk,
                now=now,
                actor=actor,
                owner_region=row.store.owner_region,
                reason=note,
                data={"terminal_no": row.terminal_no, "passed": passed},
            )
    return len(rows)

"""Gathers intakes that arrive together into one statement. A lone request does not wait for company.

Under load one commit then serves many requests, which is what makes accepting a return about as fast as one plain
insert. What is stored is `store.intake`'s business.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from services.flows.intake import Intake, KeyScope, Taken
from services.store.intake import take
from services.store.pooled import on_connection

GROUP = 64
"""Most intakes of one statement: beyond this, the time a row costs no longer falls."""

WRITERS = 2
"""Statements in flight at once: while one waits for the disk, the other fills."""


class IntakeWriter:
    """Stores intakes and tells each caller what became of its own."""

    def __init__(self, pool: AsyncConnectionPool[Any], *, check_orders: bool) -> None:
        self._pool = pool
        self._check_orders = check_orders
        self._waiting: deque[tuple[Intake, asyncio.Future[Taken]]] = deque()
        self._writers: set[asyncio.Task[None]] = set()

    async def take(self, intake: Intake) -> Taken:
        """Store one intake, committed on return. Raises psycopg.Error, also where no connection is to be had."""
        answer: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._waiting.append((intake, answer))
        if len(self._writers) < WRITERS:
            writer = asyncio.create_task(self._write())
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await answer

    async def take_all(self, intakes: Sequence[Intake]) -> list[Taken]:
        """Store several, whose keys all differ, in one transaction. Raises psycopg.Error.

        Where a connection broke the statement is sent again: if the first try was stored after all, the second finds
        its answers by their keys.
        """
        return await on_connection(
            self._pool, lambda connection: take(connection, intakes, check_orders=self._check_orders)
        )

    async def _write(self) -> None:
        while self._waiting:
            group = self._next_group()
            try:
                taken = await self.take_all([intake for intake, _ in group])
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                # The database is away for everyone: whoever waits learns it now, not one time-out after another.
                _fail([*group, *self._waiting], error)
                self._waiting.clear()
                return
            except psycopg.Error as error:
                await self._write_singly(group, error)
                continue
            except BaseException as error:
                _fail(group, error)
                raise
            for (_, answer), one in zip(group, taken, strict=True):
                if not answer.done():
                    answer.set_result(one)

    async def _write_singly(self, group: Sequence[tuple[Intake, asyncio.Future[Taken]]], error: psycopg.Error) -> None:
        """Find out whose fault it was, so that the others are stored."""
        if len(group) == 1:
            _fail(group, error)
            return
        for intake, answer in group:
            try:
                taken = await self.take_all([intake])
            except psycopg.Error as own:
                _fail([(intake, answer)], own)
            else:
                if not answer.done():
                    answer.set_result(taken[0])

    def _next_group(self) -> list[tuple[Intake, asyncio.Future[Taken]]]:
        """Take up to GROUP from the front; a key that is in the group already waits for the next one."""
        group: list[tuple[Intake, asyncio.Future[Taken]]] = []
        again: list[tuple[Intake, asyncio.Future[Taken]]] = []
        keys: set[KeyScope] = set()
        while self._waiting and len(group) < GROUP:
            one = self._waiting.popleft()
            scope = one[0].scope
            (again if scope in keys else group).append(one)
            keys.add(scope)
        self._waiting.extendleft(reversed(again))
        return group


def _fail(group: Sequence[tuple[Intake, asyncio.Future[Taken]]], error: BaseException) -> None:
    for _, answer in group:
        if not answer.done():
            answer.set_exception(error)

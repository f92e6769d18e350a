"""
One way to use a blocking SDK client and its asynchronous twin, so that each test is written once for both.

`use` always takes the client and makes one SDK call: `lambda client: client.models.list()`. What comes back
is the SDK's own, whichever SDK it is: hence `Any`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import httpx2
import pytest

Use = Callable[[Any], Any]
Hooks = dict[str, list[Callable[..., Any]]]


class Caller(Protocol):
    @property
    def sent(self) -> list[httpx2.Request]:
        """Every HTTP request of the SDK, its own retries included."""

    @property
    def answers(self) -> list[httpx2.Response]: ...

    def call(self, use: Use) -> Any:
        """What one call answers."""

    def raw(self, use: Use) -> tuple[httpx2.Headers, Any]:
        """Headers and parsed answer of a call of `with_raw_response`."""

    def events(self, use: Use) -> list[Any]:
        """Every item of a stream or a list that has pages."""

    def begin(self, use: Use, events: int) -> Unfinished:
        """A stream of which so many events were read."""

    def helper(self, use: Use, result: str) -> Any:
        """What a method of the SDK's own stream helper answers, which reads the stream to its end."""

    def close(self) -> None: ...


E = TypeVar("E", bound=Exception)


def refusal(caller: Caller, use: Use, error: type[E]) -> E:
    """The very class of exception that a call ends in, after one HTTP request and no retry."""
    before = len(caller.sent)
    with pytest.raises(error) as caught:
        caller.call(use)
    assert type(caught.value) is error
    assert len(caller.sent) - before == 1, "the SDK tried again"
    return caught.value


class Unfinished(Protocol):
    def rest(self) -> list[Any]: ...
    def leave(self) -> None: ...


class BlockingCaller:
    def __init__(self, connect: Callable[[Hooks], Any]) -> None:
        self.sent: list[httpx2.Request] = []
        self.answers: list[httpx2.Response] = []
        self._client = connect({"request": [self.sent.append], "response": [self.answers.append]})

    def call(self, use: Use) -> Any:
        return use(self._client)

    def raw(self, use: Use) -> tuple[httpx2.Headers, Any]:
        answer = use(self._client)
        return answer.headers, answer.parse()

    def events(self, use: Use) -> list[Any]:
        return list(use(self._client))

    def begin(self, use: Use, events: int) -> Unfinished:
        stream = use(self._client)
        for _ in range(events):
            next(stream)
        return _BlockingStream(stream)

    def helper(self, use: Use, result: str) -> Any:
        with use(self._client) as stream:
            return getattr(stream, result)()

    def close(self) -> None:
        self._client.close()


class _BlockingStream:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def rest(self) -> list[Any]:
        return list(self._stream)

    def leave(self) -> None:
        self._stream.close()


class AsyncCaller:
    """Each method runs the client's one event loop for as long as it takes."""

    def __init__(self, connect: Callable[[Hooks], Any]) -> None:
        self.sent: list[httpx2.Request] = []
        self.answers: list[httpx2.Response] = []

        async def keep_request(request: httpx2.Request) -> None:
            self.sent.append(request)

        async def keep_answer(answer: httpx2.Response) -> None:
            self.answers.append(answer)

        self._loop = asyncio.Runner()
        self._client = connect({"request": [keep_request], "response": [keep_answer]})

    def call(self, use: Use) -> Any:
        async def run() -> Any:
            return await use(self._client)

        return self._loop.run(run())

    def raw(self, use: Use) -> tuple[httpx2.Headers, Any]:
        async def run() -> tuple[httpx2.Headers, Any]:
            answer = await use(self._client)
            parsed = answer.parse()
            return answer.headers, await parsed if inspect.isawaitable(parsed) else parsed

        return self._loop.run(run())

    def events(self, use: Use) -> list[Any]:
        async def run() -> list[Any]:
            made = use(self._client)
            stream = made if hasattr(made, "__aiter__") else await made
            return [event async for event in stream]

        return self._loop.run(run())

    def begin(self, use: Use, events: int) -> Unfinished:
        async def run() -> Any:
            stream = await use(self._client)
            for _ in range(events):
                await anext(stream)
            return stream

        return _AsyncStream(self._loop, self._loop.run(run()))

    def helper(self, use: Use, result: str) -> Any:
        async def run() -> Any:
            async with use(self._client) as stream:
                return await getattr(stream, result)()

        return self._loop.run(run())

    def close(self) -> None:
        self._loop.run(self._client.close())
        self._loop.close()


class _AsyncStream:
    def __init__(self, loop: asyncio.Runner, stream: Any) -> None:
        self._loop = loop
        self._stream = stream

    def rest(self) -> list[Any]:
        async def run() -> list[Any]:
            return [event async for event in self._stream]

        return self._loop.run(run())

    def leave(self) -> None:
        self._loop.run(self._stream.close())

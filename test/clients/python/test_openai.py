"""The SDK of OpenAI, as published: every test runs on its blocking and on its asynchronous client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import openai
import pytest

from callers import AsyncCaller, BlockingCaller, Caller, Hooks, Use, refusal
from local_spendcap import Spendcap

MODEL = "gpt-5-mini"
"""$0.25 in and $2.00 out a million tokens."""
EMBEDDING_MODEL = "text-embedding-3-small"
AS_ASKED = {"x-spendcap-clamp": "never"}
BODY_BYTES_MAX = 6 * 1024 * 1024

Connect = Callable[..., Caller]


@pytest.fixture
def connect(spendcap: Spendcap, user: str, flavour: str) -> Iterator[Connect]:
    """Makes clients: for the test's user, unless the key or the headers say otherwise."""
    made: list[Caller] = []

    def connect(
        key: str = spendcap.delegate_key, headers: dict[str, str] | None = None, **more: Any
    ) -> Caller:
        settings = {
            "api_key": key,
            "base_url": f"{spendcap.url}/v1",
            "default_headers": {"x-spendcap-user": user} if headers is None else headers,
            "timeout": 30.0,
            **more,
        }

        def blocking(hooks: Hooks) -> Any:
            return openai.OpenAI(http_client=openai.DefaultHttpxClient(event_hooks=hooks), **settings)

        def asynchronous(hooks: Hooks) -> Any:
            return openai.AsyncOpenAI(
                http_client=openai.DefaultAsyncHttpxClient(event_hooks=hooks), **settings
            )

        made.append(BlockingCaller(blocking) if flavour == "blocking" else AsyncCaller(asynchronous))
        return made[-1]

    yield connect
    for caller in made:
        caller.close()


@pytest.fixture
def caller(connect: Connect) -> Caller:
    return connect()


def chat(prompt: str = "Hello", **more: Any) -> Use:
    asked = {"model": MODEL, "messages": [{"role": "user", "content": prompt}], **more}
    return lambda client: client.chat.completions.create(**asked)


def responses(prompt: str = "Hello", **more: Any) -> Use:
    asked = {"model": MODEL, "input": prompt, **more}
    return lambda client: client.responses.create(**asked)


def embeddings(text: str = "Hello", **more: Any) -> Use:
    return lambda client: client.embeddings.create(**{"model": EMBEDDING_MODEL, "input": text, **more})


USES = {
    "chat": chat(),
    "chat stream": chat(stream=True),
    "responses": responses(),
    "responses stream": responses(stream=True),
    "embeddings": embeddings(),
}
every_use = pytest.mark.parametrize("use", USES.values(), ids=USES.keys())


def id_of(caller: Caller) -> str:
    return caller.answers[-1].headers["x-spendcap-request-id"]


class TestAnswers:
    def test_chat_tells_its_cost(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        messages = [{"role": "user", "content": "Tell me [[sim input=40 output=100]]"}]
        headers, completion = caller.raw(
            lambda client: client.chat.completions.with_raw_response.create(model=MODEL, messages=messages)
        )
        assert completion.choices[0].message.content.startswith(
            "This answer comes from the simulated provider"
        )
        assert completion.choices[0].finish_reason == "stop"
        # 40 at $0.25 and 100 at $2.00 a million.
        assert completion.usage.model_extra["cost"] == "0.00021"
        assert completion.usage.model_extra["cost_details"]["output"] == "0.0002"
        assert headers["x-spendcap-cost-usd"] == "0.00021"
        assert Decimal(headers["x-spendcap-reserved-usd"]) > Decimal("0.00021")
        assert headers["x-spendcap-model"] == MODEL
        assert headers["x-spendcap-price-version"].startswith(f"openai/{MODEL}@")
        assert int(headers["x-spendcap-max-output-tokens"]) > 0
        assert headers["x-spendcap-cap-limit"] == "5.00"
        assert headers["x-spendcap-cap-remaining"] == "4.99979"
        assert headers["x-spendcap-stage"] == "normal"
        charge = spendcap.charge(user, headers["x-spendcap-request-id"])
        assert (charge["outcome"], charge["cost_usd"], charge["user"]) == ("settled", "0.00021", user)

    def test_nothing_of_the_providers_account_comes_through(self, caller: Caller) -> None:
        caller.call(chat())
        names = set(caller.answers[-1].headers)
        assert not {name for name in names if name.startswith("x-ratelimit-")}
        assert not names & {"openai-organization", "set-cookie"}

    def test_chat_stream_tells_its_cost_to_who_asked_for_usage(
        self, spendcap: Spendcap, caller: Caller, user: str
    ) -> None:
        chunks = caller.events(
            chat("[[sim input=40 output=100]]", stream=True, stream_options={"include_usage": True})
        )
        assert chunks[-1].choices == []
        assert chunks[-1].usage.model_extra["cost"] == "0.00021"
        assert spendcap.charge(user, id_of(caller))["cost_usd"] == "0.00021"

    def test_chat_stream_hides_the_usage_that_nobody_asked_for(
        self, spendcap: Spendcap, caller: Caller, user: str
    ) -> None:
        chunks = caller.events(chat("[[sim input=40 output=100]]", stream=True))
        assert all(chunk.choices and chunk.usage is None for chunk in chunks)
        assert chunks[-1].choices[0].finish_reason == "stop"
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert len(text) == 400
        assert spendcap.charge(user, id_of(caller))["cost_usd"] == "0.00021"

    def test_chat_stream_helper(self, caller: Caller) -> None:
        messages = [{"role": "user", "content": "Hello"}]
        completion = caller.helper(
            lambda client: client.chat.completions.stream(model=MODEL, messages=messages),
            "get_final_completion",
        )
        assert completion.choices[0].message.content

    def test_tool_call(self, caller: Caller) -> None:
        tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
        chunks = caller.events(chat("[[sim tool]]", tools=[tool], stream=True))
        names = [call.function.name for chunk in chunks for call in chunk.choices[0].delta.tool_calls or []]
        assert "look_up" in names
        completion = caller.call(chat("[[sim tool]]", tools=[tool]))
        assert completion.choices[0].message.tool_calls[0].function.name == "look_up"

    def test_responses_tells_its_cost(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        headers, response = caller.raw(
            lambda client: client.responses.with_raw_response.create(
                model=MODEL, input="[[sim input=40 output=100]]"
            )
        )
        assert response.status == "completed"
        assert len(response.output_text) == 400
        assert response.usage.model_extra["cost"] == headers["x-spendcap-cost-usd"] == "0.00021"
        assert spendcap.charge(user, headers["x-spendcap-request-id"])["outcome"] == "settled"

    def test_responses_stream_tells_its_cost(self, caller: Caller) -> None:
        events = caller.events(responses("[[sim input=40 output=100]]", stream=True))
        assert events[-1].type == "response.completed"
        assert events[-1].response.usage.model_extra["cost"] == "0.00021"
        assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == (
            events[-1].response.output_text
        )

    def test_responses_stream_helper(self, caller: Caller) -> None:
        response = caller.helper(
            lambda client: client.responses.stream(model=MODEL, input="Hello"), "get_final_response"
        )
        assert response.status == "completed"
        assert Decimal(response.usage.model_extra["cost"]) > 0

    def test_embeddings_tell_their_cost(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        headers, made = caller.raw(
            lambda client: client.embeddings.with_raw_response.create(
                model=EMBEDDING_MODEL, input=["[[sim input=10]]", "second"], dimensions=8
            )
        )
        # The SDK asks for base64 and decodes it.
        assert [len(item.embedding) for item in made.data] == [8, 8]
        assert all(isinstance(value, float) for value in made.data[0].embedding)
        assert made.usage.model_extra["cost"] == headers["x-spendcap-cost-usd"] == "0.0000002"
        assert spendcap.charge(user, headers["x-spendcap-request-id"])["cost_usd"] == "0.0000002"

    def test_models_are_those_with_a_price(self, spendcap: Spendcap, caller: Caller) -> None:
        models = {model.id: model for model in caller.events(lambda client: client.models.list())}
        assert {MODEL, EMBEDDING_MODEL} <= models.keys()
        assert models[MODEL].owned_by == "openai"
        assert not any(name.startswith("claude") for name in models)
        assert spendcap.upstream() == []

    def test_counting_tokens_is_free(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        spendcap.put_cap(user, "0.00")
        counted = caller.call(lambda client: client.responses.input_tokens.count(model=MODEL, input="Hello"))
        assert counted.input_tokens > 0
        assert spendcap.charges_of(user) == []

    def test_a_users_own_key(self, spendcap: Spendcap, connect: Connect, user: str) -> None:
        key = spendcap.new_key(app="python", team="clients", scopes=["call"], user=user)
        caller = connect(key, headers={})
        caller.call(chat())
        assert spendcap.charge(user, id_of(caller))["user"] == user


def body_of(error: openai.APIError) -> dict[str, Any]:
    assert isinstance(error.body, dict)
    return error.body


def final(error: openai.APIStatusError) -> bool:
    """Told not to try again."""
    return error.response.headers.get("x-should-retry") == "false"


class TestCapDenials:
    @every_use
    def test_cap_reached(self, spendcap: Spendcap, caller: Caller, user: str, use: Use) -> None:
        cap = spendcap.put_cap(user, "1", metric="requests", window="month")
        caller.call(chat())
        error = refusal(caller, use, openai.RateLimitError)
        assert (error.code, error.type) == ("insufficient_quota", "insufficient_quota")
        assert f"Your cap of 1 request a month ({cap}) is reached: " in str(error)
        assert f"ask for more at {spendcap.url}/v1/grants." in str(error)
        limit = body_of(error)["limit"]
        assert (limit["reason"], limit["cap"], limit["settled"]) == ("cap_reached", cap, "1")
        assert limit["scope"] == {"type": "user", "id": user}
        assert final(error)
        assert int(error.response.headers["retry-after"]) > 0
        assert error.request_id == error.response.headers["x-spendcap-request-id"]
        assert len(spendcap.upstream()) == 1

    def test_what_fits_is_let_through(self, spendcap: Spendcap, connect: Connect, user: str) -> None:
        caller = connect(headers={"x-spendcap-user": user, **AS_ASKED})
        spendcap.put_cap(user, "0.001")
        caller.call(chat("[[sim output=400]]", max_completion_tokens=400))
        error = refusal(
            caller, chat("[[sim output=limit]]", max_completion_tokens=400), openai.RateLimitError
        )
        limit = body_of(error)["limit"]
        assert limit["reason"] == "cap_reached"
        assert Decimal(limit["settled"]) + Decimal(limit["requested"]) > Decimal("0.001")
        assert "retry-after" not in error.response.headers, "a lifetime does not reset"
        fits = limit["fits"]["max_output_tokens"]
        assert f"{fits} output tokens would fit" in str(error)
        completion = caller.call(chat("[[sim output=limit]]", max_completion_tokens=fits))
        assert completion.choices[0].finish_reason == "length"
        assert len(spendcap.upstream()) == 2

    @every_use
    def test_too_large_at_any_time(self, spendcap: Spendcap, caller: Caller, user: str, use: Use) -> None:
        spendcap.put_cap(user, "0.0000001", window="day")
        error = refusal(caller, use, openai.RateLimitError)
        assert error.code == "insufficient_quota"
        assert body_of(error)["limit"]["reason"] == "too_large"
        assert "more than the whole cap" in str(error)
        assert final(error)
        assert spendcap.upstream() == []

    def test_blocked(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        spendcap.put_cap(
            user, "2", metric="requests", thresholds={"warn": None, "throttle": None, "block": 0.5}
        )
        caller.call(chat())
        error = refusal(caller, chat(), openai.RateLimitError)
        assert error.code == "insufficient_quota"
        assert body_of(error)["limit"]["reason"] == "blocked"
        assert final(error)
        assert len(spendcap.upstream()) == 1

    @every_use
    def test_no_cap(self, spendcap: Spendcap, connect: Connect, use: Use) -> None:
        error = refusal(connect(spendcap.app_key, headers={}), use, openai.PermissionDeniedError)
        assert error.code == "no_cap"
        assert 'No cap covers the app "bare" without a user' in str(error)
        assert spendcap.upstream() == []


def web_search(**more: Any) -> Use:
    return responses(tools=[{"type": "web_search"}], **more)


TOO_LARGE_TEXT = "x" * BODY_BYTES_MAX

REFUSED: dict[str, tuple[Use, type[openai.APIStatusError], str, str]] = {
    "unpriced chat": (
        chat(model="gpt-0"),
        openai.BadRequestError,
        "model_not_priced",
        '"gpt-0" has no price here',
    ),
    "unpriced chat stream": (
        chat(model="gpt-0", stream=True),
        openai.BadRequestError,
        "model_not_priced",
        '"gpt-0" has no price here',
    ),
    "unpriced responses": (
        responses(model="gpt-0"),
        openai.BadRequestError,
        "model_not_priced",
        '"gpt-0" has no price here',
    ),
    "unpriced embeddings": (
        embeddings(model="ada-0"),
        openai.BadRequestError,
        "model_not_priced",
        '"ada-0" has no price here',
    ),
    "web search in chat": (
        chat(web_search_options={}),
        openai.BadRequestError,
        "not_meterable",
        "Web search runs at the provider and cannot be bounded here.",
    ),
    "web search in responses": (
        web_search(),
        openai.BadRequestError,
        "not_meterable",
        'A tool of type "web_search"',
    ),
    "background": (
        responses(background=True),
        openai.BadRequestError,
        "not_meterable",
        "Background responses tell their usage to nobody here",
    ),
    "bad limit": (
        chat(max_completion_tokens=0),
        openai.BadRequestError,
        "invalid_request",
        "The output limit must be a whole number of at least 1.",
    ),
    "bad input": (
        embeddings(input=[{"text": "Hello"}]),
        openai.BadRequestError,
        "invalid_request",
        '"input" must be a string or an array',
    ),
    "chat over 6 MB": (chat(TOO_LARGE_TEXT), openai.APIStatusError, "request_too_large", "larger than 6 MB"),
    "embeddings over 6 MB": (
        embeddings(TOO_LARGE_TEXT),
        openai.APIStatusError,
        "request_too_large",
        "larger than 6 MB",
    ),
    "moderations": (
        lambda client: client.moderations.create(input="Hello"),
        openai.NotFoundError,
        "endpoint_not_metered",
        "POST /v1/moderations is not metered by Spendcap",
    ),
}


class TestRefusals:
    @pytest.mark.parametrize(("use", "error_class", "code", "sentence"), REFUSED.values(), ids=REFUSED.keys())
    def test_refused(
        self,
        spendcap: Spendcap,
        caller: Caller,
        use: Use,
        error_class: type[openai.APIStatusError],
        code: str,
        sentence: str,
    ) -> None:
        error = refusal(caller, use, error_class)
        assert error.code == code
        assert sentence in str(error)
        assert sentence in body_of(error)["message"]
        assert error.status_code == (413 if code == "request_too_large" else error.status_code)
        assert error.request_id == error.response.headers["x-spendcap-request-id"]
        assert final(error)
        assert spendcap.upstream() == []

    @every_use
    def test_bad_key(self, spendcap: Spendcap, connect: Connect, use: Use) -> None:
        error = refusal(connect(spendcap.delegate_key[:-1] + "!"), use, openai.AuthenticationError)
        assert error.code == "invalid_api_key"
        assert "This key is not known" in str(error)
        assert spendcap.upstream() == []

    def test_a_bad_key_lists_no_models(self, connect: Connect) -> None:
        error = refusal(
            connect("sk-of-openai"), lambda client: client.models.list(), openai.AuthenticationError
        )
        assert error.code == "invalid_api_key"

    def test_no_user_named(self, spendcap: Spendcap, connect: Connect) -> None:
        error = refusal(connect(headers={}), chat(), openai.BadRequestError)
        assert error.code == "user_required"
        assert "x-spendcap-user" in str(error)
        assert spendcap.upstream() == []

    def test_a_user_who_is_not_the_keys(self, spendcap: Spendcap, connect: Connect, user: str) -> None:
        key = spendcap.new_key(app="python", team="clients", scopes=["call"], user="somebody-else")
        error = refusal(connect(key), chat(), openai.PermissionDeniedError)
        assert error.code == "delegate_required"
        assert f'This key belongs to "somebody-else" and cannot call for "{user}".' in str(error)
        assert spendcap.upstream() == []

    def test_a_model_that_cost_more_than_its_bound(self, spendcap: Spendcap, caller: Caller) -> None:
        caller.call(chat("[[sim overrun=1000]]", model="gpt-4.1-nano", max_completion_tokens=10))
        try:
            error = refusal(caller, chat(model="gpt-4.1-nano"), openai.InternalServerError)
        finally:
            spendcap.lift_quarantine("gpt-4.1-nano")
        assert (error.status_code, error.code) == (503, "model_quarantined")
        assert '"gpt-4.1-nano" is quarantined' in str(error)
        assert final(error)
        assert len(spendcap.upstream()) == 1


class TestTimeOuts:
    """In Python the time-out is a limit on each silence, whatever came before (docs/retries.md)."""

    def test_cuts_a_call_without_a_status(self, connect: Connect) -> None:
        caller = connect(timeout=0.2, max_retries=1)
        with pytest.raises(openai.APITimeoutError):
            caller.call(chat("[[sim delay=900]]"))
        assert len(caller.sent) == 2

    def test_cuts_a_stream_that_falls_silent_and_does_not_repeat_it(self, connect: Connect) -> None:
        caller = connect(timeout=0.2)
        with pytest.raises(openai.APITimeoutError):
            caller.events(chat("[[sim chunks=3 chunk-delay=900]]", stream=True))
        assert len(caller.sent) == 1


class TestIdempotency:
    @pytest.mark.parametrize("make", [chat, responses], ids=["chat", "responses"])
    def test_a_stored_answer(
        self, spendcap: Spendcap, connect: Connect, user: str, make: Callable[..., Use]
    ) -> None:
        caller = connect(key=spendcap.new_key(app="storing", team="clients", user=user))
        plain = make(extra_headers={"idempotency-key": "plain"})
        assert caller.call(plain) == caller.call(plain)
        stream = make(stream=True, extra_headers={"idempotency-key": "stream"})
        assert caller.events(stream) == caller.events(stream)
        replayed = [answer.headers.get("x-spendcap-replayed") for answer in caller.answers]
        assert replayed == [None, "true", None, "true"]
        assert len(spendcap.upstream()) == 2
        assert len(spendcap.charges_of(user)) == 2

    def test_a_stored_answer_for_whom_a_time_out_cut(
        self, spendcap: Spendcap, connect: Connect, user: str
    ) -> None:
        caller = connect(key=spendcap.new_key(app="storing", team="clients", user=user), timeout=0.25)
        once = chat("[[sim delay=700]]", extra_headers={"idempotency-key": "once"})
        assert caller.call(once).choices
        assert caller.answers[-1].headers["x-spendcap-replayed"] == "true"
        assert len(spendcap.upstream()) == 1
        assert spendcap.only_charge(user)["outcome"] == "settled"

    def test_already_charged(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        once = chat("[[sim input=40 output=100]]", extra_headers={"idempotency-key": "once"})
        caller.call(once)
        first = id_of(caller)
        error = refusal(caller, once, openai.ConflictError)
        assert error.code == "already_charged"
        assert f"was used and charged by request {first}" in str(error)
        charge = body_of(error)["charge"]
        assert (charge["request_id"], charge["cost_usd"], charge["user"]) == (first, "0.00021", user)
        assert final(error)
        assert len(spendcap.upstream()) == 1

    def test_the_same_key_with_another_body(self, spendcap: Spendcap, caller: Caller) -> None:
        caller.call(chat("One", extra_headers={"idempotency-key": "once"}))
        error = refusal(
            caller,
            chat("Another", extra_headers={"idempotency-key": "once"}),
            openai.UnprocessableEntityError,
        )
        assert error.code == "idempotency_mismatch"
        assert "another request body" in str(error)
        assert len(spendcap.upstream()) == 1

    def test_in_flight_and_then_charged(self, spendcap: Spendcap, connect: Connect) -> None:
        """The SDK waits as it is told, comes back, and learns what became of the first."""
        first, second = connect(), connect()
        once = chat("[[sim delay=700]]", extra_headers={"idempotency-key": "once"})
        with ThreadPoolExecutor() as background:
            answered = background.submit(first.call, once)
            spendcap.wait_for_upstream(1)
            with pytest.raises(openai.ConflictError) as caught:
                second.call(once)
            assert answered.result().choices
        assert caught.value.code == "already_charged"
        assert [answer.status_code for answer in second.answers] == [409, 409]
        assert second.answers[0].headers["retry-after"] == "1"
        assert "x-should-retry" not in second.answers[0].headers
        assert len(spendcap.upstream()) == 1

    def test_in_flight(self, spendcap: Spendcap, connect: Connect) -> None:
        first, second = connect(), connect(max_retries=0)
        once = chat("[[sim delay=700]]", extra_headers={"idempotency-key": "once"})
        with ThreadPoolExecutor() as background:
            answered = background.submit(first.call, once)
            spendcap.wait_for_upstream(1)
            error = refusal(second, once, openai.ConflictError)
            assert answered.result().choices
        assert error.code == "in_flight"
        assert f"is in flight (request {id_of(first)})" in str(error)
        assert len(spendcap.upstream()) == 1


# A refused call is told to wait as long as the call in flight is old, up to twice that. The streams here are
# begun up to their fourth piece, 0.3 s old: who is refused then comes back for the second and last time when
# they are 1.2 s old, at the earliest. Who waits for a hold is refused half a second later, so twice in a row
# after 1.3 s, and comes back after 2.6 s. Each stream ends well between the refusal and the last return.
FOURTH_PIECE = 5
"""Events of a stream until then."""


class TestThrottles:
    def test_the_sdk_waits_until_a_call_in_flight_has_ended(
        self, spendcap: Spendcap, connect: Connect, user: str
    ) -> None:
        cap = spendcap.put_cap(user, "1", metric="concurrent", window=None)
        first, second, impatient = connect(), connect(), connect(max_retries=0)
        stream = first.begin(chat("[[sim chunks=9 chunk-delay=100]]", stream=True), FOURTH_PIECE)
        error = refusal(impatient, chat(), openai.RateLimitError)
        assert (error.code, error.type) == ("rate_limit_exceeded", "rate_limit_exceeded")
        assert body_of(error)["limit"]["reason"] == "throttled"
        assert f"Your cap of 1 call in flight ({cap}) is busy" in str(error)
        assert not final(error)
        assert second.call(chat()).choices
        assert [answer.status_code for answer in second.answers[:-1]] == [429] * (len(second.sent) - 1)
        assert 2 <= len(second.sent) <= 3
        assert stream.rest()
        assert len(spendcap.upstream()) == 2

    def test_a_call_waits_a_moment_for_what_others_hold(
        self, spendcap: Spendcap, connect: Connect, user: str
    ) -> None:
        """Half a second, by the default policy, before it is told to come back: the SDK notices nothing."""
        spendcap.put_cap(user, "0.002")
        first, second = connect(), connect()
        stream = first.begin(chat("[[sim chunks=6 chunk-delay=100]]", stream=True), FOURTH_PIECE)
        assert second.call(chat()).choices
        assert len(second.sent) == 1
        assert stream.rest()
        assert len(spendcap.upstream()) == 2

    def test_the_sdk_waits_until_a_hold_is_settled(
        self, spendcap: Spendcap, connect: Connect, user: str
    ) -> None:
        spendcap.put_cap(user, "0.002")
        first, second, impatient = connect(), connect(), connect(max_retries=0)
        stream = first.begin(chat("[[sim chunks=21 chunk-delay=100]]", stream=True), FOURTH_PIECE)
        error = refusal(impatient, chat(), openai.RateLimitError)
        assert error.code == "rate_limit_exceeded"
        assert body_of(error)["limit"]["reason"] == "held"
        assert "this call fits as soon as they settle" in str(error)
        assert not final(error)
        assert second.call(chat()).choices
        assert 2 <= len(second.sent) <= 3
        assert stream.rest()
        assert len(spendcap.upstream()) == 2

    def test_a_minute_window_tells_its_end(self, spendcap: Spendcap, connect: Connect, user: str) -> None:
        spendcap.put_cap(user, "1", metric="requests", window="minute")
        caller = connect(max_retries=0)
        # Two minutes may meet between the first two calls, never among three.
        caller.call(chat())
        errors = []
        for _ in range(2):
            try:
                caller.call(chat())
            except openai.RateLimitError as error:
                errors.append(error)
        assert errors
        assert errors[0].code == "rate_limit_exceeded"
        assert body_of(errors[0])["limit"]["reason"] == "throttled"
        assert 1 <= int(errors[0].response.headers["retry-after"]) <= 60
        assert len(spendcap.upstream()) == 3 - len(errors)


class TestFailures:
    @pytest.mark.parametrize("how", ["reset=after-3", "end=early"])
    def test_a_broken_chat_stream_raises(
        self, spendcap: Spendcap, caller: Caller, user: str, how: str
    ) -> None:
        with pytest.raises(openai.APIError, match="The answer broke off") as caught:
            caller.events(chat(f"[[sim {how}]]", stream=True))
        assert caught.value.code == "stream_broken"
        assert_presumed_spent(spendcap, user, id_of(caller))
        assert (len(caller.sent), len(spendcap.upstream())) == (1, 1)

    def test_the_providers_own_error_in_mid_stream_raises(
        self, spendcap: Spendcap, caller: Caller, user: str
    ) -> None:
        with pytest.raises(openai.APIError):
            caller.events(chat("[[sim error=mid]]", stream=True))
        assert_presumed_spent(spendcap, user, id_of(caller))
        assert (len(caller.sent), len(spendcap.upstream())) == (1, 1)

    @pytest.mark.parametrize("how", ["reset=after-5", "end=early", "error=mid"])
    def test_a_broken_response_stream_never_completes(
        self, spendcap: Spendcap, caller: Caller, user: str, how: str
    ) -> None:
        """The SDK raises for no failure of this stream, whoever sends it; the last event is what tells."""
        events = caller.events(responses(f"[[sim {how}]]", stream=True))
        assert events[-1].type == "response.failed"
        assert events[-1].response.id == events[0].response.id
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert not any(event.type == "response.completed" for event in events)
        assert_presumed_spent(spendcap, user, id_of(caller))

    @pytest.mark.parametrize("how", ["reset=after-5", "end=early", "error=mid"])
    def test_a_broken_response_stream_gives_its_helper_no_result(self, caller: Caller, how: str) -> None:
        with pytest.raises(RuntimeError, match=r"`response\.completed`"):
            caller.helper(
                lambda client: client.responses.stream(model=MODEL, input=f"[[sim {how}]]"),
                "get_final_response",
            )

    @pytest.mark.parametrize(("how", "status"), [("reset=before", 504), ("reset=after-20", 502)])
    def test_a_broken_plain_answer_is_not_asked_for_again(
        self, spendcap: Spendcap, caller: Caller, user: str, how: str, status: int
    ) -> None:
        error = refusal(caller, chat(f"[[sim {how}]]"), openai.InternalServerError)
        assert error.status_code == status
        assert "charged at its hold" in str(error)
        assert_presumed_spent(spendcap, user, id_of(caller))
        assert len(spendcap.upstream()) == 1

    def test_half_of_a_plain_answer_is_no_answer(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        """Ended cleanly by the provider, and passed on as it came."""
        with pytest.raises(ValueError, match="Unterminated string"):
            caller.call(chat("[[sim end=early]]"))
        assert_presumed_spent(spendcap, user, id_of(caller))
        assert (len(caller.sent), len(spendcap.upstream())) == (1, 1)

    def test_the_providers_own_refusal_comes_through_and_costs_nothing(
        self, spendcap: Spendcap, caller: Caller, user: str
    ) -> None:
        error = refusal(caller, chat("[[sim status=400]]"), openai.BadRequestError)
        assert "The simulated provider was asked for this error." in str(error)
        charge = spendcap.charge(user, id_of(caller))
        assert (charge["outcome"], charge["cost_usd"]) == ("voided", "0.00")

    def test_the_providers_own_trouble_is_retried_and_costs_nothing(
        self, spendcap: Spendcap, caller: Caller, user: str
    ) -> None:
        with pytest.raises(openai.InternalServerError):
            caller.call(chat("[[sim status=503]]"))
        assert (len(caller.sent), len(spendcap.upstream())) == (3, 3)
        assert [charge["outcome"] for charge in spendcap.charges_of(user)] == ["voided"] * 3


class TestClientsThatLeave:
    @pytest.mark.parametrize("of", [chat, responses])
    def test_a_stream_closed_early_is_settled(
        self, spendcap: Spendcap, caller: Caller, user: str, of: Callable[..., Use]
    ) -> None:
        stream = caller.begin(of("[[sim input=40 output=100 chunks=5 chunk-delay=50]]", stream=True), 1)
        stream.leave()
        charge = spendcap.charge(user, id_of(caller))
        assert (charge["outcome"], charge["cost_usd"]) == ("settled", "0.00021")
        assert len(spendcap.upstream()) == 1

    def test_a_client_that_times_out_is_settled(
        self, spendcap: Spendcap, connect: Connect, user: str
    ) -> None:
        with pytest.raises(openai.APITimeoutError):
            connect(timeout=0.2, max_retries=0).call(chat("[[sim input=40 output=100 delay=400]]"))
        charge = spendcap.only_charge(user)
        assert (charge["outcome"], charge["cost_usd"]) == ("settled", "0.00021")


def assert_presumed_spent(spendcap: Spendcap, user: str, request_id: str) -> None:
    """Nobody knows what was billed: the hold is charged, until evidence corrects it."""
    charge = spendcap.charge(user, request_id)
    assert charge["outcome"] == "presumed_spent"
    assert Decimal(charge["cost_usd"]) == Decimal(charge["reserved_usd"]) > 0

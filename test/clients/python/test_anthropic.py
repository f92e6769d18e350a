"""The SDK of Anthropic, as published: every test runs on its blocking and on its asynchronous client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import anthropic
import httpx2
import pytest

from callers import AsyncCaller, BlockingCaller, Caller, Hooks, Use, refusal
from local_spendcap import Spendcap

MODEL = "claude-haiku-4-5"
"""$1 in and $5 out a million tokens."""
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
            "base_url": spendcap.url,
            "default_headers": {"x-spendcap-user": user} if headers is None else headers,
            "timeout": 30.0,
            **more,
        }

        def blocking(hooks: Hooks) -> Any:
            return anthropic.Anthropic(
                http_client=anthropic.DefaultHttpxClient(event_hooks=hooks), **settings
            )

        def asynchronous(hooks: Hooks) -> Any:
            return anthropic.AsyncAnthropic(
                http_client=anthropic.DefaultAsyncHttpxClient(event_hooks=hooks), **settings
            )

        made.append(BlockingCaller(blocking) if flavour == "blocking" else AsyncCaller(asynchronous))
        return made[-1]

    yield connect
    for caller in made:
        caller.close()


@pytest.fixture
def caller(connect: Connect) -> Caller:
    return connect()


def asked(prompt: str = "Hello", **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 400, "messages": [{"role": "user", "content": prompt}], **more}


def messages(prompt: str = "Hello", **more: Any) -> Use:
    return lambda client: client.messages.create(**asked(prompt, **more))


USES = {"plain": messages(), "stream": messages(stream=True)}
every_use = pytest.mark.parametrize("use", USES.values(), ids=USES.keys())


def id_of(caller: Caller) -> str:
    return caller.answers[-1].headers["x-spendcap-request-id"]


class TestAnswers:
    def test_messages_tell_their_cost(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        headers, message = caller.raw(
            lambda client: client.messages.with_raw_response.create(**asked("[[sim input=40 output=100]]"))
        )
        assert len(message.content[0].text) == 400
        assert message.stop_reason == "end_turn"
        # 40 at $1 and 100 at $5 a million.
        assert message.usage.model_extra["cost"] == "0.00054"
        assert message.usage.model_extra["cost_details"]["output"] == "0.0005"
        assert headers["x-spendcap-cost-usd"] == "0.00054"
        assert Decimal(headers["x-spendcap-reserved-usd"]) > Decimal("0.00054")
        assert headers["x-spendcap-model"] == MODEL
        assert headers["x-spendcap-price-version"].startswith(f"anthropic/{MODEL}@")
        assert headers["x-spendcap-cap-limit"] == "5.00"
        assert headers["x-spendcap-cap-remaining"] == "4.99946"
        assert headers["x-spendcap-stage"] == "normal"
        charge = spendcap.charge(user, headers["x-spendcap-request-id"])
        assert (charge["outcome"], charge["cost_usd"], charge["user"]) == ("settled", "0.00054", user)

    def test_rate_limits_are_ours_not_the_providers(
        self, spendcap: Spendcap, caller: Caller, user: str
    ) -> None:
        spendcap.put_cap(user, "0.01", window="month")
        caller.call(messages("[[sim output=400]]"))
        headers = caller.answers[-1].headers
        limits = {name for name in headers if name.startswith("anthropic-ratelimit-")}
        assert limits
        assert all(name.startswith("anthropic-ratelimit-unified-") for name in limits)
        assert headers["anthropic-ratelimit-unified-status"] == "allowed"
        assert headers["anthropic-ratelimit-unified-overage-utilization"] == "0.20"
        assert not set(headers) & {"anthropic-organization-id", "set-cookie"}

    def test_cached_tokens_count_at_their_own_price(self, caller: Caller) -> None:
        text = [{"type": "text", "text": "Long " * 200, "cache_control": {"type": "ephemeral"}}]
        message = caller.call(
            messages("[[sim input=240 cache-write=100 cached=100 output=100]]", system=text)
        )
        # 40 at $1, 100 written at $1.25, 100 read at $0.10 and 100 made at $5 a million.
        assert message.usage.model_extra["cost"] == "0.000675"

    def test_stream_tells_its_cost(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        events = caller.events(messages("[[sim input=40 output=100]]", stream=True))
        assert events[-1].type == "message_stop"
        assert events[-2].usage.model_extra["cost"] == "0.00054"
        text = "".join(event.delta.text for event in events if event.type == "content_block_delta")
        assert len(text) == 400
        assert spendcap.charge(user, id_of(caller))["cost_usd"] == "0.00054"

    def test_stream_helper(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        message = caller.helper(
            lambda client: client.messages.stream(**asked("[[sim input=40 output=100]]")), "get_final_message"
        )
        assert len(message.content[0].text) == 400
        assert message.usage.output_tokens == 100
        assert spendcap.charge(user, id_of(caller))["cost_usd"] == "0.00054"

    def test_tool_call(self, caller: Caller) -> None:
        tool = {"name": "look_up", "input_schema": {"type": "object"}}
        message = caller.call(messages("[[sim tool]]", tools=[tool]))
        assert (message.stop_reason, message.content[-1].name) == ("tool_use", "look_up")
        streamed = caller.helper(
            lambda client: client.messages.stream(**asked("[[sim tool]]", tools=[tool])), "get_final_message"
        )
        assert streamed.content[-1].input == message.content[-1].input

    def test_models_are_those_with_a_price(self, spendcap: Spendcap, caller: Caller) -> None:
        models = {model.id: model for model in caller.events(lambda client: client.models.list())}
        assert MODEL in models
        assert models[MODEL].type == "model"
        assert models[MODEL].model_extra["description"] == "$1 in, $5 out per million tokens"
        assert not any(name.startswith("gpt") for name in models)
        assert spendcap.upstream() == []

    def test_counting_tokens_is_free(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        spendcap.put_cap(user, "0.00")
        hello = [{"role": "user", "content": "Hello"}]
        counted = caller.call(lambda client: client.messages.count_tokens(model=MODEL, messages=hello))
        assert counted.input_tokens > 0
        assert spendcap.charges_of(user) == []

    def test_a_users_own_key_as_bearer(self, spendcap: Spendcap, connect: Connect, user: str) -> None:
        key = spendcap.new_key(app="python", team="clients", scopes=["call"], user=user)
        caller = connect(None, headers={}, auth_token=key)
        caller.call(messages())
        assert spendcap.charge(user, id_of(caller))["user"] == user


def error_of(error: anthropic.APIStatusError) -> dict[str, Any]:
    assert isinstance(error.body, dict)
    assert isinstance(error.body["error"], dict)
    return error.body["error"]


def details_of(error: anthropic.APIStatusError) -> dict[str, Any]:
    details: dict[str, Any] = error_of(error)["details"]
    return details


def final(error: anthropic.APIStatusError) -> bool:
    """Told not to try again."""
    return error.response.headers.get("x-should-retry") == "false"


class TestCapDenials:
    @every_use
    def test_cap_reached(self, spendcap: Spendcap, caller: Caller, user: str, use: Use) -> None:
        cap = spendcap.put_cap(user, "1", metric="requests", window="month")
        caller.call(messages())
        error = refusal(caller, use, anthropic.RateLimitError)
        assert (error.type, details_of(error)["code"]) == ("billing_error", "insufficient_quota")
        assert f"Your cap of 1 request a month ({cap}) is reached: " in str(error)
        assert f"ask for more at {spendcap.url}/v1/grants." in error_of(error)["message"]
        limit = details_of(error)["limit"]
        assert (limit["reason"], limit["cap"], limit["settled"]) == ("cap_reached", cap, "1")
        assert limit["scope"] == {"type": "user", "id": user}
        assert final(error)
        headers = error.response.headers
        assert int(headers["retry-after"]) > 0
        assert headers["anthropic-ratelimit-unified-status"] == "rejected"
        assert headers["anthropic-ratelimit-unified-overage-period"] == "monthly"
        assert error.request_id == headers["x-spendcap-request-id"]
        assert len(spendcap.upstream()) == 1

    def test_what_fits_is_let_through(self, spendcap: Spendcap, connect: Connect, user: str) -> None:
        caller = connect(headers={"x-spendcap-user": user, **AS_ASKED})
        spendcap.put_cap(user, "0.0035")
        caller.call(messages("[[sim output=400]]"))
        error = refusal(caller, messages("[[sim output=limit]]"), anthropic.RateLimitError)
        limit = details_of(error)["limit"]
        assert limit["reason"] == "cap_reached"
        assert Decimal(limit["settled"]) + Decimal(limit["requested"]) > Decimal("0.0035")
        assert "retry-after" not in error.response.headers, "a lifetime does not reset"
        fits = limit["fits"]["max_output_tokens"]
        assert f"{fits} output tokens would fit" in str(error)
        message = caller.call(messages("[[sim output=limit]]", max_tokens=fits))
        assert message.stop_reason == "max_tokens"
        assert len(spendcap.upstream()) == 2

    @every_use
    def test_too_large_at_any_time(self, spendcap: Spendcap, caller: Caller, user: str, use: Use) -> None:
        spendcap.put_cap(user, "0.0000001", window="day")
        error = refusal(caller, use, anthropic.RateLimitError)
        assert error.type == "billing_error"
        assert details_of(error)["limit"]["reason"] == "too_large"
        assert "more than the whole cap" in str(error)
        assert final(error)
        assert spendcap.upstream() == []

    def test_blocked(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        spendcap.put_cap(
            user, "2", metric="requests", thresholds={"warn": None, "throttle": None, "block": 0.5}
        )
        caller.call(messages())
        error = refusal(caller, messages(), anthropic.RateLimitError)
        assert error.type == "billing_error"
        assert details_of(error)["limit"]["reason"] == "blocked"
        assert final(error)
        assert len(spendcap.upstream()) == 1

    @every_use
    def test_no_cap(self, spendcap: Spendcap, connect: Connect, use: Use) -> None:
        error = refusal(connect(spendcap.app_key, headers={}), use, anthropic.PermissionDeniedError)
        assert (error.type, details_of(error)["code"]) == ("permission_error", "no_cap")
        assert 'No cap covers the app "bare" without a user' in str(error)
        assert spendcap.upstream() == []


Refused = tuple[Use, type[anthropic.APIStatusError], str, str, str]
BAD_REQUEST = (anthropic.BadRequestError, "invalid_request_error")
UNPRICED = '"claude-0" has no price here'
WEB_SEARCH = {"type": "web_search_20250305", "name": "web_search"}
FILE = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}

REFUSED: dict[str, Refused] = {
    "unpriced": (messages(model="claude-0"), *BAD_REQUEST, "model_not_priced", UNPRICED),
    "unpriced stream": (messages(model="claude-0", stream=True), *BAD_REQUEST, "model_not_priced", UNPRICED),
    "web search": (
        messages(tools=[WEB_SEARCH]),
        *BAD_REQUEST,
        "not_meterable",
        'The tool "web_search_20250305" runs at the provider; give it "max_uses", which bounds it.',
    ),
    "a file at the provider": (
        messages(messages=[{"role": "user", "content": [FILE]}]),
        *BAD_REQUEST,
        "not_meterable",
        'A content block of type "document" cannot be bounded here; send its text.',
    ),
    "bad limit": (
        messages(max_tokens=-1),
        *BAD_REQUEST,
        "invalid_request",
        '"max_tokens" must be a whole number.',
    ),
    "over 6 MB": (
        messages("x" * BODY_BYTES_MAX),
        anthropic.ContentTooLargeError,
        "request_too_large",
        "request_too_large",
        "The request body is larger than 6 MB",
    ),
    "batches": (
        lambda client: client.messages.batches.create(requests=[{"custom_id": "1", "params": asked()}]),
        anthropic.NotFoundError,
        "not_found_error",
        "endpoint_not_metered",
        "POST /v1/messages/batches is not metered by Spendcap",
    ),
}


class TestRefusals:
    @pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
    def test_refused(self, spendcap: Spendcap, caller: Caller, case: Refused) -> None:
        use, error_class, error_type, code, sentence = case
        error = refusal(caller, use, error_class)
        assert (error.type, details_of(error)["code"]) == (error_type, code)
        assert sentence in error_of(error)["message"]
        assert sentence.replace('"', "") in str(error).replace('"', "").replace("\\", "")
        assert error.request_id == error.response.headers["x-spendcap-request-id"]
        assert final(error)
        assert spendcap.upstream() == []

    @every_use
    def test_bad_key(self, spendcap: Spendcap, connect: Connect, use: Use) -> None:
        error = refusal(connect(spendcap.delegate_key[:-1] + "!"), use, anthropic.AuthenticationError)
        assert (error.type, details_of(error)["code"]) == ("authentication_error", "invalid_api_key")
        assert "This key is not known" in str(error)
        assert spendcap.upstream() == []

    def test_no_user_named(self, spendcap: Spendcap, connect: Connect) -> None:
        error = refusal(connect(headers={}), messages(), anthropic.BadRequestError)
        assert details_of(error)["code"] == "user_required"
        assert "x-spendcap-user" in str(error)
        assert spendcap.upstream() == []

    def test_a_user_who_is_not_the_keys(self, spendcap: Spendcap, connect: Connect, user: str) -> None:
        key = spendcap.new_key(app="python", team="clients", scopes=["call"], user="somebody-else")
        error = refusal(connect(key), messages(), anthropic.PermissionDeniedError)
        assert details_of(error)["code"] == "delegate_required"
        assert f'cannot call for "{user}"' in error_of(error)["message"]
        assert spendcap.upstream() == []

    def test_a_model_that_cost_more_than_its_bound(self, spendcap: Spendcap, caller: Caller) -> None:
        caller.call(messages("[[sim overrun=1000]]", model="claude-opus-4-6", max_tokens=10))
        try:
            error = refusal(caller, messages(model="claude-opus-4-6"), anthropic.ServiceUnavailableError)
        finally:
            spendcap.lift_quarantine("claude-opus-4-6")
        assert (error.type, details_of(error)["code"]) == ("api_error", "model_quarantined")
        assert "is quarantined" in str(error)
        assert final(error)
        assert len(spendcap.upstream()) == 1


class TestTimeOuts:
    """In Python the time-out is a limit on each silence, whatever came before (docs/retries.md)."""

    def test_cuts_a_call_without_a_status(self, connect: Connect) -> None:
        caller = connect(timeout=0.2, max_retries=1)
        with pytest.raises(anthropic.APITimeoutError):
            caller.call(messages("[[sim delay=900]]"))
        assert len(caller.sent) == 2

    def test_cuts_a_stream_that_falls_silent_and_does_not_repeat_it(self, connect: Connect) -> None:
        caller = connect(timeout=0.2)
        with pytest.raises(httpx2.ReadTimeout):
            caller.events(messages("[[sim chunks=3 chunk-delay=900]]", stream=True))
        assert len(caller.sent) == 1


class TestIdempotency:
    def test_a_stored_answer(self, spendcap: Spendcap, connect: Connect, user: str) -> None:
        caller = connect(key=spendcap.new_key(app="storing", team="clients", user=user))
        plain = messages(extra_headers={"idempotency-key": "plain"})
        assert caller.call(plain) == caller.call(plain)
        stream = messages(stream=True, extra_headers={"idempotency-key": "stream"})
        assert caller.events(stream) == caller.events(stream)
        replayed = [answer.headers.get("x-spendcap-replayed") for answer in caller.answers]
        assert replayed == [None, "true", None, "true"]
        assert len(spendcap.upstream()) == 2
        assert len(spendcap.charges_of(user)) == 2

    def test_a_stored_answer_for_whom_a_time_out_cut(
        self, spendcap: Spendcap, connect: Connect, user: str
    ) -> None:
        caller = connect(key=spendcap.new_key(app="storing", team="clients", user=user), timeout=0.25)
        once = messages("[[sim delay=700]]", extra_headers={"idempotency-key": "once"})
        assert caller.call(once).content
        assert caller.answers[-1].headers["x-spendcap-replayed"] == "true"
        assert len(spendcap.upstream()) == 1
        assert spendcap.only_charge(user)["outcome"] == "settled"

    def test_already_charged(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        once = messages("[[sim input=40 output=100]]", extra_headers={"idempotency-key": "once"})
        caller.call(once)
        first = id_of(caller)
        error = refusal(caller, once, anthropic.ConflictError)
        assert (error.type, details_of(error)["code"]) == ("invalid_request_error", "already_charged")
        assert f"was used and charged by request {first}" in str(error)
        charge = details_of(error)["charge"]
        assert (charge["request_id"], charge["cost_usd"], charge["user"]) == (first, "0.00054", user)
        assert final(error)
        assert len(spendcap.upstream()) == 1

    def test_the_same_key_with_another_body(self, spendcap: Spendcap, caller: Caller) -> None:
        caller.call(messages("One", extra_headers={"idempotency-key": "once"}))
        another = messages("Another", extra_headers={"idempotency-key": "once"})
        error = refusal(caller, another, anthropic.UnprocessableEntityError)
        assert details_of(error)["code"] == "idempotency_mismatch"
        assert "another request body" in str(error)
        assert len(spendcap.upstream()) == 1

    def test_in_flight_and_then_charged(self, spendcap: Spendcap, connect: Connect) -> None:
        """The SDK waits as it is told, comes back, and learns what became of the first."""
        first, second = connect(), connect()
        once = messages("[[sim delay=700]]", extra_headers={"idempotency-key": "once"})
        with ThreadPoolExecutor() as background:
            answered = background.submit(first.call, once)
            spendcap.wait_for_upstream(1)
            with pytest.raises(anthropic.ConflictError) as caught:
                second.call(once)
            assert answered.result().content
        assert details_of(caught.value)["code"] == "already_charged"
        assert [answer.status_code for answer in second.answers] == [409, 409]
        assert second.answers[0].headers["retry-after"] == "1"
        assert "x-should-retry" not in second.answers[0].headers
        assert len(spendcap.upstream()) == 1

    def test_in_flight(self, spendcap: Spendcap, connect: Connect) -> None:
        first, second = connect(), connect(max_retries=0)
        once = messages("[[sim delay=700]]", extra_headers={"idempotency-key": "once"})
        with ThreadPoolExecutor() as background:
            answered = background.submit(first.call, once)
            spendcap.wait_for_upstream(1)
            error = refusal(second, once, anthropic.ConflictError)
            assert answered.result().content
        assert details_of(error)["code"] == "in_flight"
        assert f"is in flight (request {id_of(first)})" in str(error)
        assert len(spendcap.upstream()) == 1


# A refused call is told to wait as long as the call in flight is old, up to twice that. The streams here are
# begun up to their fourth piece, 0.3 s old: who is refused then comes back for the second and last time when
# they are 1.2 s old, at the earliest. Who waits for a hold is refused half a second later, so twice in a row
# after 1.3 s, and comes back after 2.6 s. Each stream ends well between the refusal and the last return.
FOURTH_PIECE = 6
"""Events of a stream until then."""


class TestThrottles:
    def test_the_sdk_waits_until_a_call_in_flight_has_ended(
        self, spendcap: Spendcap, connect: Connect, user: str
    ) -> None:
        cap = spendcap.put_cap(user, "1", metric="concurrent", window=None)
        first, second, impatient = connect(), connect(), connect(max_retries=0)
        stream = first.begin(messages("[[sim chunks=9 chunk-delay=100]]", stream=True), FOURTH_PIECE)
        error = refusal(impatient, messages(), anthropic.RateLimitError)
        assert (error.type, details_of(error)["code"]) == ("rate_limit_error", "throttled")
        assert details_of(error)["limit"]["reason"] == "throttled"
        assert f"Your cap of 1 call in flight ({cap}) is busy" in str(error)
        assert not final(error)
        assert second.call(messages()).content
        assert [answer.status_code for answer in second.answers[:-1]] == [429] * (len(second.sent) - 1)
        assert 2 <= len(second.sent) <= 3
        assert stream.rest()
        assert len(spendcap.upstream()) == 2

    def test_a_call_waits_a_moment_for_what_others_hold(
        self, spendcap: Spendcap, connect: Connect, user: str
    ) -> None:
        """Half a second, by the default policy, before it is told to come back: the SDK notices nothing."""
        spendcap.put_cap(user, "0.003")
        first, second = connect(), connect()
        stream = first.begin(
            messages("[[sim chunks=6 chunk-delay=100]]", stream=True, max_tokens=4000), FOURTH_PIECE
        )
        assert second.call(messages()).content
        assert len(second.sent) == 1
        assert stream.rest()
        assert len(spendcap.upstream()) == 2

    def test_the_sdk_waits_until_a_hold_is_settled(
        self, spendcap: Spendcap, connect: Connect, user: str
    ) -> None:
        spendcap.put_cap(user, "0.003")
        first, second, impatient = connect(), connect(), connect(max_retries=0)
        stream = first.begin(
            messages("[[sim chunks=21 chunk-delay=100]]", stream=True, max_tokens=4000), FOURTH_PIECE
        )
        error = refusal(impatient, messages(), anthropic.RateLimitError)
        assert (error.type, details_of(error)["code"]) == ("rate_limit_error", "held")
        assert details_of(error)["limit"]["reason"] == "held"
        assert "this call fits as soon as they settle" in str(error)
        assert not final(error)
        assert second.call(messages()).content
        assert 2 <= len(second.sent) <= 3
        assert stream.rest()
        assert len(spendcap.upstream()) == 2


class TestFailures:
    @pytest.mark.parametrize("how", ["reset=after-4", "end=early"])
    def test_a_broken_stream_raises(self, spendcap: Spendcap, caller: Caller, user: str, how: str) -> None:
        with pytest.raises(anthropic.APIStatusError, match="The answer broke off") as caught:
            caller.events(messages(f"[[sim {how}]]", stream=True))
        assert caught.value.type == "api_error"
        assert_presumed_spent(spendcap, user, id_of(caller))
        assert (len(caller.sent), len(spendcap.upstream())) == (1, 1)

    def test_the_providers_own_error_in_mid_stream_raises(
        self, spendcap: Spendcap, caller: Caller, user: str
    ) -> None:
        with pytest.raises(anthropic.APIStatusError) as caught:
            caller.events(messages("[[sim error=mid]]", stream=True))
        assert caught.value.type == "overloaded_error"
        assert_presumed_spent(spendcap, user, id_of(caller))
        assert (len(caller.sent), len(spendcap.upstream())) == (1, 1)

    @pytest.mark.parametrize("how", ["reset=after-4", "end=early", "error=mid"])
    def test_a_broken_stream_gives_its_helper_no_result(self, caller: Caller, how: str) -> None:
        with pytest.raises(anthropic.APIStatusError):
            caller.helper(
                lambda client: client.messages.stream(**asked(f"[[sim {how}]]")), "get_final_message"
            )

    @pytest.mark.parametrize(
        ("how", "error_class"),
        [("reset=before", anthropic.GatewayTimeoutError), ("reset=after-20", anthropic.InternalServerError)],
    )
    def test_a_broken_plain_answer_is_not_asked_for_again(
        self,
        spendcap: Spendcap,
        caller: Caller,
        user: str,
        how: str,
        error_class: type[anthropic.APIStatusError],
    ) -> None:
        error = refusal(caller, messages(f"[[sim {how}]]"), error_class)
        assert error.type == "api_error"
        assert "charged at its hold" in str(error)
        assert_presumed_spent(spendcap, user, id_of(caller))
        assert len(spendcap.upstream()) == 1

    def test_the_providers_own_refusal_comes_through_and_costs_nothing(
        self, spendcap: Spendcap, caller: Caller, user: str
    ) -> None:
        error = refusal(caller, messages("[[sim status=400]]"), anthropic.BadRequestError)
        assert error_of(error)["message"] == "The simulated provider was asked for this error."
        charge = spendcap.charge(user, id_of(caller))
        assert (charge["outcome"], charge["cost_usd"]) == ("voided", "0.00")

    def test_the_providers_own_trouble_is_retried_and_costs_nothing(
        self, spendcap: Spendcap, caller: Caller, user: str
    ) -> None:
        with pytest.raises(anthropic.OverloadedError):
            caller.call(messages("[[sim status=529]]"))
        assert (len(caller.sent), len(spendcap.upstream())) == (3, 3)
        assert [charge["outcome"] for charge in spendcap.charges_of(user)] == ["voided"] * 3


class TestClientsThatLeave:
    def test_a_stream_closed_early_is_settled(self, spendcap: Spendcap, caller: Caller, user: str) -> None:
        slow = messages("[[sim input=40 output=100 chunks=5 chunk-delay=50]]", stream=True)
        caller.begin(slow, 1).leave()
        charge = spendcap.charge(user, id_of(caller))
        assert (charge["outcome"], charge["cost_usd"]) == ("settled", "0.00054")
        assert len(spendcap.upstream()) == 1

    def test_a_client_that_times_out_is_settled(
        self, spendcap: Spendcap, connect: Connect, user: str
    ) -> None:
        with pytest.raises(anthropic.APITimeoutError):
            connect(timeout=0.2, max_retries=0).call(messages("[[sim input=40 output=100 delay=400]]"))
        charge = spendcap.only_charge(user)
        assert (charge["outcome"], charge["cost_usd"]) == ("settled", "0.00054")


def assert_presumed_spent(spendcap: Spendcap, user: str, request_id: str) -> None:
    """Nobody knows what was billed: the hold is charged, until evidence corrects it."""
    charge = spendcap.charge(user, request_id)
    assert charge["outcome"] == "presumed_spent"
    assert Decimal(charge["cost_usd"]) == Decimal(charge["reserved_usd"]) > 0

"""The Spendcap that `run.ts` started for these tests, as its operator and its provider see it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx2

Json = dict[str, Any]
T = TypeVar("T")

DEADLINE_SECONDS = 15.0
POLL_SECONDS = 0.02


def wait_for(what: str, look: Callable[[], T | None]) -> T:
    """The first value that is there; fails when none is before the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"waited {DEADLINE_SECONDS} s for {what}"
        time.sleep(POLL_SECONDS)
    return found


class Spendcap:
    def __init__(self) -> None:
        self.url = os.environ["SPENDCAP_URL"]
        self.delegate_key = os.environ["SPENDCAP_DELEGATE_KEY"]
        """Calls for the user whom `x-spendcap-user` names."""
        self.app_key = os.environ["SPENDCAP_APP_KEY"]
        """Has no user, needs none, and no cap covers its app."""
        self._http = httpx2.Client(trust_env=False, timeout=DEADLINE_SECONDS)
        self._admin = {"authorization": f"Bearer {os.environ['SPENDCAP_ADMIN_KEY']}"}
        self._provider_url = os.environ["SPENDCAP_PROVIDER_URL"]

    def put_cap(self, user: str, limit: str, **more: Any) -> str:
        """Gives the user a cap, in dollars for life unless told otherwise; answers its id."""
        metric = more.get("metric", "usd")
        cap_id = f"{user}-{metric}"
        cap = {"scope": {"type": "user", "id": user}, "metric": metric, "window": "lifetime", "limit": limit}
        self._ask("PUT", f"/admin/v1/caps/{cap_id}", json={**cap, **more})
        return cap_id

    def new_key(self, **key: Any) -> str:
        made: str = self._ask("POST", "/admin/v1/keys", json=key)["key"]
        return made

    def lift_quarantine(self, model: str) -> None:
        self._ask("DELETE", f"/admin/v1/quarantine/{model}")

    def audit(self) -> Json:
        found: Json = self._ask("GET", "/admin/v1/ledger/audit")
        return found

    def charges_of(self, user: str) -> list[Json]:
        """Every charge of the user, newest first."""
        items: list[Json] = self._ask("GET", f"/admin/v1/usage?user={user}")["items"]
        return items

    def only_charge(self, user: str) -> Json:
        """Of a call whose id no answer told."""
        [charge] = wait_for(f"a charge of {user}", lambda: self.charges_of(user) or None)
        return charge

    def charge(self, user: str, request_id: str) -> Json:
        """The charge of a call, as soon as there is one, by the route that the caller has too."""
        own = {"authorization": f"Bearer {self.delegate_key}", "x-spendcap-user": user}

        def look() -> Json | None:
            answer = self._http.get(f"{self.url}/v1/requests/{request_id}", headers=own)
            assert answer.status_code == 200, answer.text
            charge: Json | None = answer.json()["charge"]
            return charge

        return wait_for(f"the charge of {request_id}", look)

    def upstream(self) -> list[Json]:
        """What the provider was asked since this test began."""
        answer = self._http.get(f"{self._provider_url}/_simulated/requests")
        assert answer.status_code == 200, answer.text
        requests: list[Json] = answer.json()
        return requests

    def wait_for_upstream(self, count: int) -> None:
        wait_for(f"{count} upstream requests", lambda: True if len(self.upstream()) >= count else None)

    def forget_upstream(self) -> None:
        assert self._http.delete(f"{self._provider_url}/_simulated/requests").status_code == 204

    def close(self) -> None:
        self._http.close()

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        answer = self._http.request(method, self.url + path, headers=self._admin, **more)
        assert answer.is_success, f"{method} {path} answered {answer.status_code}: {answer.text}"
        return answer.json() if answer.content else None

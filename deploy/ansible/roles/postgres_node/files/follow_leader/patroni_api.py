"""The REST API of this node's Patroni. https://patroni.readthedocs.io/en/latest/rest_api.html"""

import base64
import http.client
import json

PORT = 8008
# Patroni answers when the switchover has ended, or when it gives up waiting for that.
SWITCH_SECONDS = 60


class PatroniError(Exception):
    """Patroni refused, with its reason."""


class Patroni:
    def __init__(self, address, password):
        self._address = address
        self._authorization = "Basic " + base64.b64encode(("pgfleet:" + password).encode()).decode()

    def leads(self):
        """Whether it holds the lead: by its lease in etcd or, without etcd, confirmed by every member."""
        try:
            return self._ask("GET", "/primary", 1)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def is_alive(self):
        """Whether Patroni reports that its loop runs; None if it does not answer."""
        try:
            return self._ask("GET", "/liveness", 1)[0] == 200
        except (OSError, http.client.HTTPException):
            return None

    def look_now(self):
        """Wakes its loop. The requested change is empty: it deletes a key that does not exist."""
        try:
            self._ask("PATCH", "/config", 2, {"pgfleet_look_now": None})
        except (OSError, http.client.HTTPException):
            pass  # it looks in its next round

    def switch_over(self, leader, candidate):
        """Hands over the lead. Raises PatroniError if Patroni refuses."""
        try:
            body = {"leader": leader, "candidate": candidate}
            status, text = self._ask("POST", "/switchover", SWITCH_SECONDS, body)
        except (OSError, http.client.HTTPException) as error:
            raise PatroniError("patroni: %s" % error) from error
        if status not in (200, 202):
            raise PatroniError("patroni answered %d: %s" % (status, text.strip()[:300]))

    def _ask(self, method, path, timeout, body=None):
        connection = http.client.HTTPConnection(self._address, PORT, timeout=timeout)
        try:
            headers = {"Authorization": self._authorization, "Content-Type": "application/json"} if body else {}
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

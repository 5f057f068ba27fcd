"""etcd's v3 API as JSON over HTTPS (its own gRPC gateway), as far as following one cluster's keys needs it. Standard library only.

https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/
"""

import base64
import http.client
import json
import ssl
import threading
import time


class EtcdError(Exception):
    """etcd could not be reached, or refused."""


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()


def after(prefix):
    """The first key that does not begin with the prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


class Etcd:
    """One user's connection; tries the endpoints in turn. Calls of several threads wait for each other."""

    def __init__(self, endpoints, ca_file, user, password, timeout=2.0):
        self._endpoints = list(endpoints)
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._user, self._password = user, password
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection = None
        self._token = None

    def get_prefix(self, prefix):
        """All keys below the prefix, as a dict, and the revision they were read at (a read of the quorum)."""
        answer = self._call("/v3/kv/range", {"key": encode(prefix), "range_end": encode(after(prefix))})
        return {decode(kv["key"]): decode(kv.get("value", "")) for kv in answer.get("kvs", [])}, revision_of(answer)

    def get(self, key):
        """The key's value, None when there is none (a read of the quorum)."""
        found = self._call("/v3/kv/range", {"key": encode(key)}).get("kvs", [])
        return decode(found[0].get("value", "")) if found else None

    def put(self, key, value):
        self._call("/v3/kv/put", {"key": encode(key), "value": encode(value)})

    def watch(self, prefix, revision):
        """Yields the changes of each revision from `revision` on, as a list of (key, value or None for a deletion)."""
        with self._lock:
            connection, token = self._connect()
        # No read timeout: a watch of an idle cluster is silent. Who uses it compares with a read now and then.
        connection.sock.settimeout(None)
        request = {"create_request": {"key": encode(prefix), "range_end": encode(after(prefix)), "start_revision": revision}}
        try:
            connection.request("POST", "/v3/watch", json.dumps(request), {"Authorization": token})
            answer = connection.getresponse()
            while line := answer.readline():
                message = json.loads(line)
                result = message.get("result")
                if result is None or result.get("canceled"):
                    raise EtcdError("the watch ended: %s" % line.decode()[:300])
                if events := result.get("events"):
                    yield [(decode(event["kv"]["key"]), value_of(event)) for event in events], revision_of(result)
            raise EtcdError("the watch was closed")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EtcdError("watch: %s" % error) from error
        finally:
            connection.close()

    def _call(self, path, body):
        with self._lock:
            for last_try in (False, True):
                try:
                    if self._connection is None:
                        self._connection, self._token = self._connect()
                    return self._post(self._connection, path, body, self._token)
                except (OSError, http.client.HTTPException, ValueError, EtcdError) as error:
                    if self._connection is not None:
                        self._connection.close()
                    self._connection = None
                    if last_try:
                        raise EtcdError(str(error)) from error

    def _connect(self):
        failures = []
        deadline = time.monotonic() + self._timeout * len(self._endpoints)
        for endpoint in list(self._endpoints):
            host, _, port = endpoint.rpartition(":")
            connection = http.client.HTTPSConnection(host, int(port), context=self._tls, timeout=self._timeout)
            try:
                credentials = {"name": self._user, "password": self._password}
                return connection, self._post(connection, "/v3/auth/authenticate", credentials)["token"]
            except (OSError, http.client.HTTPException, ValueError, EtcdError) as error:
                connection.close()
                failures.append("%s: %s" % (endpoint, error))
                # Who did not answer is asked last the next time.
                self._endpoints.append(self._endpoints.pop(0))
                if time.monotonic() > deadline:
                    break
        raise EtcdError("; ".join(failures))

    @staticmethod
    def _post(connection, path, body, token=None):
        connection.request("POST", path, json.dumps(body), {"Authorization": token} if token else {})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise EtcdError("%s answered %d: %s" % (path, answer.status, text.decode()[:200]))
        return json.loads(text)


def revision_of(answer):
    return int(answer["header"]["revision"])


def value_of(event):
    return None if event.get("type") == "DELETE" else decode(event["kv"].get("value", ""))

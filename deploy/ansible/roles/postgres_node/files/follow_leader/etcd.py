"""The part of etcd's v3 API that following one cluster's keys needs, as JSON over HTTPS (etcd's gRPC gateway). Standard library
only.

https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/
"""

import base64
import http.client
import json
import socket
import ssl
import threading
import time
import zlib

# A machine that loses power stays silent. A watch only reads, so the kernel has to probe: after 3 s of silence, three times.
KEEPALIVE = ((socket.SO_KEEPALIVE, 1), (socket.TCP_KEEPIDLE, 3), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 3))


class EtcdError(Exception):
    """etcd could not be reached, or refused."""


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()


def after(prefix):
    """The first key after those that begin with the prefix."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


class Etcd:
    """One user's connection. Calls of several threads wait for each other.

    It tries the endpoints in turn, starting with one that `name` determines, so that the watches of many nodes spread over all
    members. An endpoint that fails is tried last next time.
    """

    def __init__(self, endpoints, ca_file, user, password, name="", timeout=2.0):
        first = zlib.crc32(name.encode()) % len(endpoints)
        self._endpoints = endpoints[first:] + endpoints[:first]
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._user, self._password = user, password
        self._timeout = timeout
        self._lock = threading.Lock()
        self._connection = None
        self._token = None
        self._watched = None  # the socket of the watch

    def get_prefix(self, prefix):
        """All keys below the prefix, as a dict, and the revision at which they were read (from the quorum)."""
        answer = self._call("/v3/kv/range", {"key": encode(prefix), "range_end": encode(after(prefix))})
        return {decode(kv["key"]): decode(kv.get("value", "")) for kv in answer.get("kvs", [])}, revision_of(answer)

    def newest(self, prefix):
        """The revision of the latest put below the prefix, and the number of keys there (read from the quorum)."""
        answer = self._call("/v3/kv/range", {
            "key": encode(prefix), "range_end": encode(after(prefix)), "keys_only": True,
            "sort_target": "MOD", "sort_order": "DESCEND", "limit": 1,
        })
        return max((int(kv["mod_revision"]) for kv in answer.get("kvs", [])), default=0), int(answer.get("count", 0))

    def put(self, key, value):
        self._call("/v3/kv/put", {"key": encode(key), "value": encode(value)})

    def transact(self, request):
        """Runs a transaction: https://etcd.io/docs/v3.5/learning/api/#transaction"""
        return self._call("/v3/kv/txn", request)

    def watch(self, prefix, revision):
        """Yields the changes from `revision` on: a list of (key, value or None for a deletion), and the revision that they lead to."""
        with self._lock:
            connection, token = self._connect()
        # No read timeout: a watch of an idle cluster is silent. Compare with newest(), and call end_watch() when it is behind.
        connection.sock.settimeout(None)
        for option, value in KEEPALIVE:
            connection.sock.setsockopt(socket.SOL_SOCKET if option == socket.SO_KEEPALIVE else socket.IPPROTO_TCP, option, value)
        self._watched = connection.sock
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
                    reached = max(int(event["kv"]["mod_revision"]) for event in events)
                    yield [(decode(event["kv"]["key"]), value_of(event)) for event in events], reached
            raise EtcdError("the watch was closed")
        except (OSError, http.client.HTTPException, ValueError, EtcdError) as error:
            self._try_last(connection)
            raise EtcdError("watch of %s: %s" % (connection.endpoint, error)) from error
        finally:
            self._watched = None
            connection.close()

    def end_watch(self):
        """Makes the watch fail in the thread that reads it."""
        watched = self._watched
        if watched is not None:
            try:
                socket.socket.shutdown(watched, socket.SHUT_RDWR)  # not TLS's own shutdown: the other thread is reading
            except OSError:
                pass  # it has already ended

    def _call(self, path, body):
        with self._lock:
            for last_attempt in (False, True):
                try:
                    if self._connection is None:
                        self._connection, self._token = self._connect()
                    return self._post(self._connection, path, body, self._token)
                except (OSError, http.client.HTTPException, ValueError, EtcdError) as error:
                    # The second attempt logs in again at another endpoint: the token may be from before a change of etcd's users.
                    if self._connection is not None:
                        self._connection.close()
                        self._try_last(self._connection)
                    self._connection = None
                    if last_attempt:
                        raise EtcdError(str(error)) from error

    def _connect(self):
        failures = []
        deadline = time.monotonic() + self._timeout * len(self._endpoints)
        for endpoint in list(self._endpoints):
            host, _, port = endpoint.rpartition(":")
            connection = http.client.HTTPSConnection(host, int(port), context=self._tls, timeout=self._timeout)
            connection.endpoint = endpoint
            try:
                credentials = {"name": self._user, "password": self._password}
                return connection, self._post(connection, "/v3/auth/authenticate", credentials)["token"]
            except (OSError, http.client.HTTPException, ValueError, EtcdError) as error:
                connection.close()
                failures.append("%s: %s" % (endpoint, error))
                self._try_last(connection)
                if time.monotonic() > deadline:
                    break
        raise EtcdError("; ".join(failures))

    def _try_last(self, connection):
        self._endpoints = [endpoint for endpoint in self._endpoints if endpoint != connection.endpoint] + [connection.endpoint]

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

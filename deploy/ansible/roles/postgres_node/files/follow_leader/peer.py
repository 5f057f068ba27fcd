"""The leader on another machine: whether it takes writes, and whether its machine can be reached at all."""

import errno
import http.client
import socket
import time

PORT = 8009
PATRONI_PORT = 8008
TIMEOUT = 0.5
# A refusal comes from a machine that is up.
REFUSED = (errno.ECONNREFUSED, errno.ECONNRESET)


def takes_writes(address):
    """Whether the node itself reports that it takes writes as the leader. None if it does not answer."""
    connection = http.client.HTTPConnection(address, PORT, timeout=TIMEOUT)
    try:
        connection.request("GET", "/leader")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def is_silent(address):
    """Whether the machine gives no sign at all: it neither accepts nor refuses a connection."""
    try:
        with socket.create_connection((address, PATRONI_PORT), timeout=TIMEOUT):
            return False
    except OSError as error:
        return error.errno not in REFUSED


class Sight:
    """The last observed state of a leader on another machine."""

    def __init__(self, name, address):
        self.name, self.address = name, address
        self.writable = None  # not observed yet
        self.seen_at = time.monotonic()
        self.seen_on = time.time()
        self.wrote_at = 0.0
        self.silent = False

    def look(self):
        writable = takes_writes(self.address)
        silent = writable is None and is_silent(self.address)
        if not silent:
            self.seen_at, self.seen_on = time.monotonic(), time.time()
        if writable:
            self.wrote_at = time.monotonic()
        self.writable, self.silent = bool(writable), silent

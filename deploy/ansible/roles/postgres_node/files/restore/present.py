"""The end of what serves: what it wrote last, and who could go on with it."""

import http.client
import os
import socket
import subprocess
import time

from data_dirs import Refused, programs_for

PATIENCE = 60
LOOK_EVERY = 0.05
PATRONI_PORT = 8008
AGENT_PORT = 8009


def begin_checkpoint(data):
    """While customers are served still: the one at the end of PostgreSQL then has little to write. It is not waited for."""
    try:
        argv = [programs_for(data) + "psql", "-Xq", "-d", "postgres", "-c", "checkpoint"]
    except FileNotFoundError:
        return
    subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def say_what_is_archived(data):
    """PostgreSQL has ended, and archived as it did what it had written, as far as it could. Not a condition of what follows: the data are kept."""
    try:
        entries = os.listdir(data + "/pg_wal/archive_status")
    except FileNotFoundError:
        return print("There are no data here.")
    waiting = sorted(entry.removesuffix(".ready") for entry in entries if entry.endswith(".ready"))
    if not waiting:
        return print("All that was written is archived.")
    print("Not archived, and so only in the data that are set aside: %s." % ", ".join(waiting[:3] + ["…"] * (len(waiting) > 3)))


def wait_until_alone(addresses):
    """Until no Patroni there can take the lead when this one gives it up: it is held, or has stopped. A machine that does not answer may have
    one that can."""
    deadline = time.monotonic() + PATIENCE
    for address in addresses:
        while not is_held(address) and runs_patroni(address):
            if time.monotonic() > deadline:
                raise Refused("Patroni on %s was neither held nor stopped within %d s: it could take the lead." % (address, PATIENCE))
            time.sleep(LOOK_EVERY)


def is_held(address):
    """Says the agent there."""
    connection = http.client.HTTPConnection(address, AGENT_PORT, timeout=1)
    try:
        connection.request("GET", "/held")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def runs_patroni(address):
    try:
        socket.create_connection((address, PATRONI_PORT), timeout=1).close()
    except ConnectionRefusedError:
        return False
    except OSError:
        pass
    return True

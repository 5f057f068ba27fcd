"""Runs only the node agent's guard, for a cluster with an etcd without TLS and passwords: guard.py MEMBER ADDRESS ETCD_PORT SCOPE."""

import base64
import http.client
import json
import sys
import time
import urllib.parse

import psycopg2

sys.path.insert(0, "/srv/follow_leader")

import database  # noqa: E402
import lease_guard  # noqa: E402
import patroni_api  # noqa: E402

member, address, etcd_port, scope = sys.argv[1:]


class Keys:
    """The cluster's keys, read from etcd each time."""

    def __init__(self):
        self.keys = {}

    def fresh(self):
        prefix = "/service/%s/" % scope
        request = {"key": encode(prefix), "range_end": encode(prefix[:-1] + "0")}
        connection = http.client.HTTPConnection("127.0.0.1", int(etcd_port), timeout=1)
        try:
            connection.request("POST", "/v3/kv/range", json.dumps(request))
            found = json.loads(connection.getresponse().read())["kvs"]
            self.keys = {decode(kv["key"])[len(prefix):]: decode(kv["value"]) for kv in found}
            return True
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def leader(self):
        return self.keys.get("leader")

    def config(self):
        return json.loads(self.keys.get("config", "{}"))

    def members(self):
        return [key.split("/")[1] for key in self.keys if key.startswith("members/")]

    def address(self, name):
        return urllib.parse.urlsplit(json.loads(self.keys["members/" + name])["conn_url"]).hostname


def encode(text):
    return base64.b64encode(text.encode()).decode()


def decode(text):
    return base64.b64decode(text).decode()


def log(text):
    print("%.1f %s" % (time.monotonic(), text), flush=True)


connect = psycopg2.connect
database.psycopg2.connect = lambda **options: connect(**{**options, "host": "/srv"})
lease_guard.LeaseGuard(
    member, Keys(), patroni_api.Patroni(address, "secret"), database.Database("/srv/data"),
    lambda: lease_guard.stop_postgresql("/srv/data", "/usr/lib/postgresql/17/bin", log), log,
)._run()

"""What the agent knows from a real etcd, reached through endpoints that fall silent as a machine does that loses power."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "files", "follow_leader"))

from cluster_keys import ClusterKeys  # noqa: E402
from etcd import Etcd, EtcdError  # noqa: E402

PASSWORD = "secret"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def until(true, seconds=15):
    ends = time.monotonic() + seconds
    while not true():
        if time.monotonic() > ends:
            raise AssertionError("not within %d s" % seconds)
        time.sleep(0.02)


class Endpoint:
    """A way to the member. Once silent it passes nothing on, closes nothing, and answers nobody who connects."""

    def __init__(self, port):
        self._port, self.connections = port, 0
        self._passes = threading.Event()
        self._passes.set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.name = "127.0.0.1:%d" % self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def fall_silent(self):
        self._passes.clear()

    def _accept(self):
        while True:
            client, _ = self._server.accept()
            self.connections += 1
            member = socket.create_connection(("127.0.0.1", self._port))
            for source, target in ((client, member), (member, client)):
                threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source, target):
        try:
            while data := source.recv(65536):
                self._passes.wait()
                target.sendall(data)
        except OSError:
            pass
        target.close()


class TestClusterKeys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = folder = tempfile.mkdtemp()
        cls.ca = os.path.join(folder, "etcd.crt")
        key = os.path.join(folder, "etcd.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
             "/CN=etcd", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cls.ca],
            check=True, capture_output=True)
        cls.port = free_port()
        url, peer = "https://127.0.0.1:%d" % cls.port, "http://127.0.0.1:%d" % free_port()
        cls.server = subprocess.Popen(
            ["etcd", "--name=etcd", "--data-dir=" + os.path.join(folder, "data"), "--listen-client-urls=" + url,
             "--advertise-client-urls=" + url, "--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
             "--initial-cluster=etcd=" + peer, "--cert-file=" + cls.ca, "--key-file=" + key, "--bcrypt-cost=4"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.control = ["etcdctl", "--endpoints=" + url, "--cacert=" + cls.ca]
        until(lambda: subprocess.run([*cls.control, "endpoint", "health"], capture_output=True, check=False).returncode == 0, 30)
        for command in (["user", "add", "root:" + PASSWORD], ["user", "grant-role", "root", "root"], ["auth", "enable"]):
            subprocess.run([*cls.control, *command], check=True, capture_output=True)
        cls.put = Etcd(["127.0.0.1:%d" % cls.port], cls.ca, "root", PASSWORD).put

    @classmethod
    def tearDownClass(cls):
        cls.server.kill()
        cls.server.wait()
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.endpoints = [Endpoint(self.port), Endpoint(self.port)]

    def client(self, name=""):
        return Etcd([endpoint.name for endpoint in self.endpoints], self.ca, "root", PASSWORD, name, timeout=0.5)

    def keys(self, scope, read=None):
        keys = ClusterKeys(self.client(), read or self.client(), scope, lambda: None, lambda _: None)
        self.put(keys.prefix + "leader", "n1")
        keys.start()
        until(lambda: keys.leader() == "n1")
        return keys

    def watched(self):
        return max(self.endpoints, key=lambda endpoint: endpoint.connections)

    def test_it_watches_another_member_when_its_member_falls_silent(self):
        keys = self.keys("silent")
        self.put(keys.prefix + "pgfleet/nodes/n2", json.dumps({"follows": "n1"}))
        until(lambda: keys.report("n2") == {"follows": "n1"})
        time.sleep(0.2)
        self.watched().fall_silent()
        for follows in ("n2", "n3"):
            self.put(keys.prefix + "pgfleet/nodes/n2", json.dumps({"follows": follows}))
            until(lambda: keys.report("n2") == {"follows": follows})  # pylint: disable=cell-var-from-loop
        self.assertTrue(keys.fresh())

    def test_it_notices_a_deletion_that_the_watch_did_not_bring(self):
        # The reads go past the endpoint that falls silent, so that only the comparison can tell.
        keys = self.keys("deleted", Etcd(["127.0.0.1:%d" % self.port], self.ca, "root", PASSWORD))
        self.put(keys.prefix + "pgfleet/switchover", json.dumps({"id": "op/1", "phase": "prepare"}))
        until(lambda: keys.switchover() is not None)
        self.watched().fall_silent()
        subprocess.run([*self.control, "--user=root:" + PASSWORD, "del", keys.prefix + "pgfleet/switchover"],
                       check=True, capture_output=True)
        until(lambda: keys.switchover() is None)

    def test_a_watch_that_brings_everything_is_left_alone(self):
        keys = self.keys("well")
        before = self.watched().connections
        for number in range(40):
            self.put(keys.prefix + "status", str(number))
            time.sleep(0.05)
        self.assertEqual(self.watched().connections, before)

    def test_a_member_that_falls_silent_costs_one_timeout(self):
        client = self.client()
        self.put("/service/once/leader", "n1")
        client.get_prefix("/service/once/")
        self.watched().fall_silent()
        began = time.monotonic()
        self.assertEqual(client.get_prefix("/service/once/")[0], {"/service/once/leader": "n1"})
        self.assertLess(time.monotonic() - began, 2 * 0.5 + 0.4)

    def test_the_nodes_begin_at_different_members(self):
        first = {self.client("demo-%d" % number)._endpoints[0] for number in range(8)}
        self.assertEqual(len(first), 2)

    def test_a_login_of_before_a_change_of_users_is_made_anew(self):
        client = self.client()
        client.get_prefix("/service/users/")
        client._token = "old"
        client.put("/service/users/leader", "n1")
        with self.assertRaises(EtcdError):
            Etcd(self.client()._endpoints, self.ca, "root", "wrong").put("/service/users/leader", "n2")


if __name__ == "__main__":
    unittest.main()

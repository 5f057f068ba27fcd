"""Patroni's patches: that they are applied to the installed Patroni exactly or not at all, and what each of them changes."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest
from unittest import mock

FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "files")
PROGRAM, PATCHES = os.path.join(FILES, "patch-patroni"), os.path.join(FILES, "patroni_patches")


class Copy:
    """A patched copy of the installed Patroni, made by the program."""

    def __init__(self):
        self.folder = tempfile.mkdtemp()
        self.copy, self.status, self.patches = (os.path.join(self.folder, name) for name in ("copy", "status.json", "patches"))
        shutil.copytree(PATCHES, self.patches)

    def make(self, wish="apply"):
        argv = ["sh", PROGRAM, wish, self.patches, self.copy, self.status]
        ended = subprocess.run(argv, check=True, capture_output=True, text=True)
        with open(self.status, encoding="utf-8") as file:
            self.said = json.load(file)
        return ended.stderr

    def read(self, name):
        with open(os.path.join(self.patches, name), encoding="utf-8") as file:
            return file.read()

    def write(self, name, text):
        with open(os.path.join(self.patches, name), "w", encoding="utf-8") as file:
            file.write(text)


patched = Copy()
patched.make()
sys.path.insert(0, patched.copy)

from patroni.dcs.etcd3 import Etcd3, KVCache, base64_encode  # noqa: E402
from patroni.ha import Ha, _MemberStatus  # noqa: E402
from patroni.collections import CaseInsensitiveSet  # noqa: E402
from patroni.postgresql import Postgresql, postmaster  # noqa: E402
import patroni.pg_ctl_start  # noqa: E402
import urllib3  # noqa: E402


def tearDownModule():
    shutil.rmtree(patched.folder)


class ApplyTest(unittest.TestCase):
    def setUp(self):
        self.made = Copy()
        self.addCleanup(shutil.rmtree, self.made.folder)

    def assert_plain(self, reason):
        self.assertFalse(os.path.exists(self.made.copy))
        self.assertEqual(self.made.said["patched"], [])
        self.assertIn(reason, self.made.said["reason"])

    def test_all_apply_to_the_installed_version(self):
        names = patched.read("series").split()
        self.assertEqual(patched.said["patched"], names)
        self.assertEqual(names, sorted(name for name in os.listdir(PATCHES) if name.endswith(".patch")))
        self.assertEqual(os.path.dirname(os.path.dirname(postmaster.__file__)), os.path.join(patched.copy, "patroni"))

    def test_each_says_why_it_is_there_what_it_gains_what_upstream_says_and_what_tests_it(self):
        for name in patched.read("series").split():
            head = patched.read(name).partition("\ndiff ")[0]
            for word in ("Reason:", "Gain:", "Upstream:", "Test:"):
                self.assertIn("\n" + word, head, name)

    def test_a_second_start_leaves_the_copy_alone(self):
        self.made.make()
        before = os.stat(self.made.copy).st_ino
        self.assertEqual(self.made.make(), "")
        self.assertEqual(os.stat(self.made.copy).st_ino, before)
        self.assertEqual(len(self.made.said["patched"]), len(self.made.read("series").split()))

    def test_an_updated_package_is_patched_anew(self):
        self.made.make()
        with open(os.path.join(self.made.copy, "key"), "w", encoding="utf-8") as key:
            key.write("of the version before\n")
        self.assertIn("runs with", self.made.make())

    def test_another_version_runs_as_it_is(self):
        self.made.make()
        self.made.write("version", "4.0.6\n")
        self.assertIn("runs without patches", self.made.make())
        self.assert_plain("the patches are for 4.0.6")

    def test_one_that_does_not_apply_exactly_leaves_patroni_as_it_is(self):
        name = self.made.read("series").split()[-1]
        lines = self.made.read(name).splitlines(True)
        at = next(i for i, line in enumerate(lines) if line.startswith("@@")) + 1
        lines[at] = " # this line is not in the source: with fuzz the patch would still apply\n"
        self.made.write(name, "".join(lines))
        self.made.make()
        self.assert_plain(name + " does not apply")

    def test_without_the_wish_there_is_no_copy(self):
        self.made.make()
        self.made.make("remove")
        self.assert_plain("patroni_patches is false")


class WatchTest(unittest.TestCase):
    def test_a_watch_that_is_given_up_wakes_its_reader_and_leaves_it_the_socket(self):
        ours, theirs = socket.socketpair()
        self.addCleanup(theirs.close)
        self.addCleanup(ours.close)
        response = mock.Mock(spec=urllib3.response.HTTPResponse)
        response.connection.sock = ours
        woken = []
        reader = threading.Thread(target=lambda: woken.append(ours.recv(1)))
        reader.start()
        KVCache.kill_stream(types.SimpleNamespace(_response=response, _response_lock=threading.Lock()))
        reader.join(5)
        self.assertEqual(woken, [b""])
        self.assertGreaterEqual(ours.fileno(), 0, "its descriptor may not belong to anything else yet")


class HandOverTest(unittest.TestCase):
    def asked(self, answers):
        asked = []

        def is_failover_possible(cluster_lsn):
            asked.append(cluster_lsn)
            return answers[min(len(asked), len(answers)) - 1]

        begun = time.monotonic()
        possible = Ha._wait_for_replica(types.SimpleNamespace(is_failover_possible=is_failover_possible), 42)
        return possible, asked, time.monotonic() - begun

    def test_it_asks_until_one_has_everything(self):
        possible, asked, seconds = self.asked([False, True, False])
        self.assertEqual((possible, asked), (True, [42, 42]))
        self.assertLess(seconds, 0.9)

    def test_it_gives_up_after_the_second_that_patroni_gives(self):
        possible, asked, seconds = self.asked([False])
        self.assertFalse(possible)
        self.assertGreater(len(asked), 2)
        self.assertGreater(seconds, 0.9)


class FollowTest(unittest.TestCase):
    def wait(self, leaders):
        leaders = iter(leaders)
        last = None

        def get_cluster():
            nonlocal last
            last = next(leaders, last)
            return types.SimpleNamespace(leader=last and types.SimpleNamespace(name=last))

        me = types.SimpleNamespace(dcs=types.SimpleNamespace(get_cluster=get_cluster), state_handler=types.SimpleNamespace(name="n3"))
        begun = time.monotonic()
        Ha._wait_for_leader(me, 1)
        return time.monotonic() - begun

    def test_it_ends_when_another_leads(self):
        self.assertLess(self.wait([None, "n3", "n2"]), 0.9)

    def test_it_gives_everybody_their_time_while_nobody_leads(self):
        self.assertGreater(self.wait([None]), 0.9)


class StartTest(unittest.TestCase):
    """Patroni starts PostgreSQL: here a program that says how it was started, and stays."""

    PROGRAM = """#!/bin/sh
read -r pid name state parent group session rest </proc/$$/stat
echo "$pid $group $session $PGFLEET_TEST $*" >"$0.new"
mv "$0.new" "$0.said"
exec sleep 60 >/dev/null
"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.program, self.data = folder.name + "/postgres", folder.name

    def start(self):
        with mock.patch.dict(os.environ, {"PGFLEET_TEST": "kept", "PYTHONPATH": patched.copy}):
            return postmaster.PostmasterProcess.start(self.program, self.data, "conf", ["--port=1"])

    def test_in_a_session_of_its_own(self):
        with open(self.program, "w", encoding="ascii") as file:
            file.write(self.PROGRAM)
        os.chmod(self.program, 0o755)
        process = self.start()
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 10
        while not os.path.exists(self.program + ".said"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        with open(self.program + ".said", encoding="ascii") as file:
            pid, group, session, *rest = file.read().split()
        self.assertEqual(int(pid), process.pid)
        self.assertEqual(group, session)
        self.assertNotEqual(int(session), os.getsid(0))
        self.assertEqual(rest, ["kept", "-D", self.data, "--config-file=conf", "--port=1"])

    def test_one_that_cannot_be_started_is_none(self):
        self.assertIsNone(self.start())

    def test_the_process_between_imports_nothing_of_patroni_but_itself(self):
        script = "import sys, patroni.pg_ctl_start; print([name for name in sys.modules if name.startswith('patroni')])"
        ended = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True,
                               env={**os.environ, "PYTHONPATH": patched.copy})
        self.assertEqual(ended.stdout.strip(), "['patroni', 'patroni.pg_ctl_start']")
        self.assertIs(postmaster.pg_ctl_start, patroni.pg_ctl_start.pg_ctl_start)

    def test_the_port_is_looked_at_often(self):
        database = mock.Mock()
        database.cancellable.is_cancelled = False
        states = iter(["not responding", "not responding", "running"])
        database.pg_isready.side_effect = lambda: next(states)
        begun = time.monotonic()
        self.assertTrue(Postgresql.wait_for_port_open(database, mock.Mock(), 10))
        self.assertLess(time.monotonic() - begun, 0.9)


class OffTest(unittest.TestCase):
    def dcs(self, said):
        cache = {} if said is None else {base64_encode("/service/c/pgfleet/off"): {"value": base64_encode(said)}}
        etcd = types.SimpleNamespace(_client=types.SimpleNamespace(_kv_cache=cache), client_path=lambda path: "/service/c/" + path)
        return types.SimpleNamespace(is_off=lambda name: Etcd3.is_off(etcd, name))

    def status(self, said):
        asks = mock.Mock(side_effect=OSError("silent"))
        me = types.SimpleNamespace(dcs=self.dcs(said), patroni=types.SimpleNamespace(request=asks))
        member = types.SimpleNamespace(name="n1", api_url="http://n1:8008/patroni", tags={}, data={})
        status = Ha.fetch_node_status(me, member)
        self.assertIsInstance(status, _MemberStatus)
        self.assertFalse(status.reachable)
        return asks.call_count

    def test_one_that_is_off_is_not_asked(self):
        self.assertEqual(self.status("n1"), 0)

    def test_everybody_else_is(self):
        self.assertEqual(self.status("n2"), 1)
        self.assertEqual(self.status(None), 1)


class StandbyTest(unittest.TestCase):
    """When a leader that has just been promoted names its standbys."""

    def named(self, active, sync, since=0.0):
        state = types.SimpleNamespace(active=CaseInsensitiveSet(active), sync=CaseInsensitiveSet(sync))
        handler = types.SimpleNamespace(is_primary=lambda: True, sync_handler=types.SimpleNamespace(current_state=lambda _: state))
        leader = types.SimpleNamespace(
            cluster=None, state_handler=handler, dcs=types.SimpleNamespace(loop_wait=5), is_quorum_commit_mode=lambda: True,
            _promote_timestamp=time.time() - since, _process_quorum_replication=mock.Mock())
        leader._only_others_stream = lambda: Ha._only_others_stream(leader)
        Ha.process_sync_replication(leader)
        return leader._process_quorum_replication.call_count

    def test_at_once_when_only_others_stream(self):
        self.assertEqual(self.named(["n3"], ["n1"]), 1)

    def test_after_the_time_that_patroni_gives_them_else(self):
        self.assertEqual(self.named(["n2", "n3"], ["n1", "n2"]), 0)
        self.assertEqual(self.named([], ["n1"]), 0)
        self.assertEqual(self.named([], ["n1"], since=6), 1)


if __name__ == "__main__":
    unittest.main()

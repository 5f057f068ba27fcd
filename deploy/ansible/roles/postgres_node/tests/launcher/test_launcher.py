"""Patroni's launcher: when a leader names its synchronous standbys; when a replica has no restore_command; how PostgreSQL is started."""

import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import types
import unittest
from unittest import mock

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "files", "patroni")
loader = importlib.machinery.SourceFileLoader("launcher", PATH)
launcher = importlib.util.module_from_spec(importlib.util.spec_from_loader("launcher", loader))
loader.exec_module(launcher)

from patroni.ha import Ha  # noqa: E402 (as the launcher has changed it)


class Leader:
    """Patroni's own decision of when it names standbys, on a leader whose replicas are as a test says."""

    process_sync_replication = Ha.process_sync_replication

    def __init__(self, replicas, quorum=True):
        self.replicas, self.quorum, self.woken, self.named = replicas, quorum, 0, 0
        self._promote_timestamp = time.time()
        members = {launcher.base64_encode("members/" + name): {"value": launcher.base64_encode(json.dumps({"state": "running"}))} for name, _ in replicas}
        client = types.SimpleNamespace(_kv_cache=members)
        self.dcs = types.SimpleNamespace(_client=client, client_path=lambda path: path, loop_wait=5)
        self.state_handler = types.SimpleNamespace(is_primary=lambda: True)

    def query(self, _):
        return self.replicas

    def is_leader(self):
        return True

    def is_synchronous_mode(self):
        return True

    def is_quorum_commit_mode(self):
        return self.quorum

    def wakeup(self):
        self.woken += 1

    def _process_quorum_replication(self):
        self.named += 1

    def look(self):
        launcher.look_at_standbys(self, self)
        self.process_sync_replication()


class StandbysTest(unittest.TestCase):
    def test_a_promoted_leader_whose_standbys_are_all_lost_names_the_one_that_streams_at_once(self):
        leader = Leader([("n3", "async")])
        leader.look()
        self.assertEqual((leader.woken, leader.named), (1, 1))

    def test_one_that_has_a_standby_takes_the_time_that_patroni_takes(self):
        leader = Leader([("n2", "quorum"), ("n3", "async")])
        leader.look()
        self.assertEqual((leader.woken, leader.named), (1, 0))

    def test_nobody_is_woken_when_all_are_named_or_none_streams(self):
        for replicas in [[("n2", "quorum"), ("n3", "quorum")], []]:
            leader = Leader(replicas)
            leader.look()
            self.assertEqual((leader.woken, leader.named), (0, 0))

    def test_one_standby_is_enough_where_one_is_asked_for(self):
        leader = Leader([("n2", "sync"), ("n3", "async")], quorum=False)
        with mock.patch.object(leader, "_process_multisync_replication", create=True):
            leader.look()
        self.assertEqual(leader.woken, 0)


class RestoreCommandTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        launcher.ASKED_ARCHIVE = folder.name + "/next-timeline"

    def settings(self):
        config = mock.Mock(spec=launcher.config.ConfigHandler, _postgresql=mock.Mock(major_version=170000))
        config.get.return_value = {"restore_command": "archive-get", "recovery_min_apply_delay": "1min"}
        config.primary_conninfo_params.return_value = None
        return launcher.config.ConfigHandler.build_recovery_params(config, None)

    def asked(self, seconds_ago):
        with open(launcher.ASKED_ARCHIVE, "w", encoding="ascii") as mark:
            mark.write("%d\n" % (time.clock_gettime(time.CLOCK_BOOTTIME) - seconds_ago))

    def test_a_replica_asks_the_archive(self):
        self.assertEqual(self.settings()["restore_command"], "archive-get")

    def test_one_that_has_asked_for_a_switchover_does_not_ask_again(self):
        self.asked(seconds_ago=3)
        self.assertNotIn("restore_command", self.settings())
        self.assertEqual(self.settings()["recovery_min_apply_delay"], "1min")

    def test_an_old_mark_or_one_that_says_nothing_does_not_count(self):
        self.asked(seconds_ago=40)
        self.assertIn("restore_command", self.settings())
        with open(launcher.ASKED_ARCHIVE, "w", encoding="ascii"):
            pass
        self.assertIn("restore_command", self.settings())


class HeldTest(unittest.TestCase):
    """A standby whose Patroni is told to stop."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        launcher.HELD = folder.name + "/patroni-held"
        self.leave = mock.patch.object(launcher, "leave").start()
        self.addCleanup(mock.patch.stopall)

    def stop(self, held):
        with open(launcher.HELD, "w", encoding="ascii") as file:
            file.write(held)
        stop_database = mock.Mock()
        Ha.while_not_sync_standby(mock.Mock(), stop_database)
        return stop_database.call_count

    def test_it_waits_until_it_is_released(self):
        self.assertEqual((self.stop(held=""), self.leave.call_count), (0, 1))

    def test_one_that_is_held_for_a_restore_waits_for_nobody(self):
        self.assertEqual((self.stop(held="held for a restore"), self.leave.call_count), (1, 0))

    def test_one_that_is_held_does_not_take_the_lead(self):
        take = mock.patch.object(launcher, "take_the_lead", return_value=True).start()
        for held, leads in [("held for a restore", False), ("", True)]:
            with open(launcher.HELD, "w", encoding="ascii") as file:
                file.write(held)
            self.assertEqual((Ha.acquire_lock(mock.Mock()), take.call_count), (leads, int(leads)))


class LetGoTest(unittest.TestCase):
    """The launcher as a process of its own, with a Patroni that says that it begins."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.held, self.launcher = folder.name + "/patroni-held", folder.name + "/patroni"
        self.hold("held for a restore")
        self.install("begins")
        self.process = subprocess.Popen([sys.executable, self.launcher], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.process.communicate)
        self.addCleanup(self.process.kill)
        self.until_it_waits()

    def until_it_waits(self):
        """It ignores SIGHUP from then on."""
        deadline = time.monotonic() + 20
        while not self.ignores_hangup():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def ignores_hangup(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            ignored = next(line.split()[1] for line in file if line.startswith("SigIgn"))
        return bool(int(ignored, 16) & 1 << signal.SIGHUP - 1)

    def hold(self, text):
        with open(self.held, "w", encoding="ascii") as file:
            file.write(text)

    def install(self, says):
        """Put in its place, as a release does it."""
        with open(PATH, encoding="utf-8") as file:
            program = file.read().replace('HELD = "/etc/pgfleet/patroni-held"', "HELD = %r" % self.held)
        with open(self.launcher + ".new", "w", encoding="utf-8") as file:
            file.write(program.replace("    main()\n", "    print(%r)\n" % says))
        os.replace(self.launcher + ".new", self.launcher)
        os.chmod(self.launcher, 0o755)

    def test_it_waits_until_it_is_let_go(self):
        with self.assertRaises(subprocess.TimeoutExpired):
            self.process.wait(0.3)
        self.process.send_signal(signal.SIGHUP)
        self.hold("")
        self.assertEqual(self.process.communicate(timeout=20)[0], "begins\n")

    def test_a_release_that_came_meanwhile_begins(self):
        self.install("begins anew")
        self.hold("")
        self.assertEqual(self.process.communicate(timeout=20)[0], "begins anew\n")

    def test_it_can_be_stopped(self):
        self.process.terminate()
        self.assertEqual(self.process.wait(20), -signal.SIGTERM)


class StartTest(unittest.TestCase):
    """Patroni starts PostgreSQL: here a program that says how it was started, and stays."""

    PROGRAM = """#!/bin/sh
read -r pid name state parent group session rest </proc/$$/stat
echo "$pid $group $session $PGFLEET_TEST $*" >"$0.said"
exec sleep 60 >/dev/null
"""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.program = folder.name + "/postgres"
        self.data = folder.name

    def start(self):
        with mock.patch.dict(os.environ, {"PGFLEET_TEST": "kept"}):
            return launcher.postmaster.PostmasterProcess.start(self.program, self.data, "conf", ["--port=1"])

    def test_in_a_session_of_its_own(self):
        with open(self.program, "w", encoding="ascii") as file:
            file.write(self.PROGRAM)
        os.chmod(self.program, 0o755)
        process = self.start()
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 10
        while not (os.path.exists(self.program + ".said") and os.path.getsize(self.program + ".said")):
            self.assertLess(time.monotonic(), deadline)
        with open(self.program + ".said", encoding="ascii") as file:
            pid, group, session, *rest = file.read().split()
        self.assertEqual(int(pid), process.pid)
        self.assertEqual(group, session)
        self.assertNotEqual(int(session), os.getsid(0))
        self.assertEqual(rest, ["kept", "-D", self.data, "--config-file=conf", "--port=1"])

    def test_one_that_cannot_be_started_is_none(self):
        self.assertIsNone(self.start())


class PortTest(unittest.TestCase):
    def test_is_looked_at_often(self):
        def wait_for_port_open():
            return sum(1 for _ in launcher.postgresql.polling_loop(0.5))

        self.assertGreater(wait_for_port_open(), 1)

    def test_everything_else_as_ever(self):
        self.assertEqual(sum(1 for _ in launcher.postgresql.polling_loop(0.5)), 1)


class HandOverTest(unittest.TestCase):
    """An old leader whose checkpoint is written: it asks whether a replica has it, then gives the lead up."""

    def hand_over(self, answers):
        asked = []

        class AnyHa:
            def is_failover_possible(self, cluster_lsn):
                asked.append(cluster_lsn)
                return answers[min(len(asked), len(answers)) - 1]

        def demote():  # as Patroni's, with a shorter sleep
            def on_shutdown(position, _):
                launcher.clock.sleep(0.2)
                if launcher.clock.ha.is_failover_possible(cluster_lsn=position):
                    asked.append("released")

            database = types.SimpleNamespace(is_running=lambda: True, is_starting=lambda: False, checkpoint=lambda: None)
            launcher.stop_and_hand_over(database, "fast", False, True, None, on_shutdown, None, None)

        def stop(_, mode, block_callbacks, checkpoint, on_safepoint, on_shutdown, before_shutdown, stop_timeout):
            on_shutdown(42, None)

        with mock.patch.object(launcher.clock, "ha", AnyHa(), create=True), mock.patch.object(launcher, "stop", stop), \
                mock.patch.object(launcher, "is_held", lambda: False):
            demote()
            self.assertEqual(launcher.clock.ha.is_failover_possible.__func__, AnyHa.is_failover_possible)
        return asked

    def test_it_asks_until_one_has_everything_and_takes_that_for_its_answer(self):
        self.assertEqual(self.hand_over([False, True, False]), [42, 42, "released"])

    def test_it_keeps_the_lead_until_postgresql_has_ended_when_none_has(self):
        asked = self.hand_over([False])
        self.assertNotIn("released", asked)
        self.assertGreater(len(asked), 2)


if __name__ == "__main__":
    unittest.main()

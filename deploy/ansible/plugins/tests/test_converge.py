"""How converge behaves when something fails half-way. Nothing here touches the machine: programs are recorded, files are in a
folder.
"""

import os
import shutil
import stat
import sys
import tempfile
import unittest
from types import SimpleNamespace
from unittest import mock

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "modules"))
import converge  # noqa: E402


def ended(returncode=0, stdout=""):
    return SimpleNamespace(returncode=returncode, stdout=stdout, stderr="")


class Machine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.ran = []
        self.states = {}
        self.refused = set()
        for name, value in (
            ("APPLIED", os.path.join(self.folder, "applied")),
            ("POLICY", os.path.join(self.folder, "policy-rc.d")),
            ("run", self.run_program),
        ):
            patched = mock.patch.object(converge, name, value)
            patched.start()
            self.addCleanup(patched.stop)

    def run_program(self, argv, check=True, **_):
        self.ran.append(argv)
        if argv[:2] == ["systemctl", "show"]:
            blocks = ("ActiveState=%s\nNeedDaemonReload=no\nFragmentPath=/x" % self.states.get(n, "active") for n in argv[3:])
            return ended(stdout="\n\n".join(blocks))
        if argv[0] == "systemctl" and argv[1] in ("start", "restart", "reload"):
            failed = self.refused & set(argv[2:])
            for name in argv[2:]:
                if argv[1] != "reload":
                    self.states[name] = "failed" if name in failed else "active"
            return ended(1 if failed else 0)
        if argv[0] == "dpkg-query":
            return ended(stdout="".join("installed %s\n" % name for name in self.installed))
        return ended()

    def converge(self, **manifest):
        lists = {name: [] for name in ("users", "packages", "directories", "files", "absent", "commands", "units")}
        machine = converge.Machine({**lists, "check": False, "diff": False, **manifest})
        machine.converge()
        return machine

    def path(self, name, content=None):
        path = os.path.join(self.folder, name)
        if content is not None:
            with open(path, "w") as file:
                file.write(content)
        return path

    def did(self, verb):
        return [name for argv in self.ran if argv[:2] == ["systemctl", verb] for name in argv[2:]]


class Units(Machine):
    def unit(self, name, **more):
        return {"name": name, "enabled": False, "restart_on": [self.path("settings")], **more}

    def test_a_unit_that_cannot_be_started_does_not_keep_others_from_their_restart(self):
        self.path("settings", "1")
        self.states = {"broken": "inactive"}
        self.converge(units=[self.unit("sound")])
        self.path("settings", "2")
        self.refused = {"broken"}
        with self.assertRaises(converge.Failed) as failed:
            self.converge(units=[self.unit("broken"), self.unit("sound")])
        self.assertIn("could not start broken", str(failed.exception))
        self.assertIn("sound", self.did("restart"))
        self.ran.clear()
        with self.assertRaises(converge.Failed):
            self.converge(units=[self.unit("broken"), self.unit("sound")])
        self.assertEqual((self.did("start"), self.did("restart")), (["broken"], []))

    def test_a_reload_that_one_unit_refuses_is_recorded_for_the_others(self):
        self.path("settings", "1")
        units = [self.unit(n, restart_on=[], reload_on=[self.path("settings")]) for n in ("refuses", "sound")]
        self.converge(units=units)
        self.path("settings", "2")
        self.refused = {"refuses"}
        with self.assertRaises(converge.Failed):
            self.converge(units=units)
        self.refused = set()
        self.ran.clear()
        self.converge(units=units)
        self.assertEqual(self.did("reload"), ["refuses"])

    def test_a_unit_that_is_only_started_here_is_restarted_by_a_later_task(self):
        self.path("settings", "1")
        self.states = {"etcd": "inactive"}
        self.converge(units=[self.unit("etcd", only_start=True)])
        self.assertEqual(self.did("start"), ["etcd"])
        self.converge(units=[self.unit("etcd")])
        self.assertEqual(self.did("restart"), [])
        self.path("settings", "2")
        self.converge(units=[self.unit("etcd", only_start=True)])
        self.assertEqual(self.did("restart"), [])
        self.converge(units=[self.unit("etcd")])
        self.assertEqual(self.did("restart"), ["etcd"])


class Packages(Machine):
    installed = ["etcd-server"]

    def test_the_policy_that_a_killed_run_left_is_removed(self):
        with open(converge.POLICY, "wb") as file:
            file.write(converge.NO_STARTS)
        self.converge(packages=["etcd-server"])
        self.assertFalse(os.path.exists(converge.POLICY))
        self.assertIn(["dpkg", "--force-confold", "--configure", "-a"], self.ran)

    def test_a_policy_of_the_owner_stays(self):
        self.path("policy-rc.d", "#!/bin/sh\nexit 101\n")
        self.converge(packages=["etcd-server", "etcd-client"])
        self.assertTrue(os.path.exists(converge.POLICY))

    def test_no_service_starts_while_packages_are_installed(self):
        seen = []
        program = self.run_program

        def run(argv, **more):
            if argv[0] == "apt-get":
                seen.append(converge.read(converge.POLICY))
            return program(argv, **more)

        with mock.patch.object(converge, "run", run):
            self.converge(packages=["etcd-client"])
        self.assertEqual(seen, [converge.NO_STARTS] * 2)
        self.assertFalse(os.path.exists(converge.POLICY))


class Files(Machine):
    def test_a_file_that_is_replaced_or_removed_is_so_after_a_loss_of_power(self):
        synced = []
        fsync = os.fsync

        def noted(descriptor):
            synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
            fsync(descriptor)

        with mock.patch.object(os, "fsync", noted):
            converge.write_atomically(self.path("file"), b"1", 0o600, os.getuid(), os.getgid())
            self.assertEqual(synced, [False, True])
            self.converge(absent=[self.path("file")])
        self.assertEqual(synced, [False, True, True])

    def test_a_share_of_the_disk_is_measured_on_the_machine(self):
        disk = SimpleNamespace(f_blocks=1000 << 10, f_frsize=1 << 20)  # 1000 GiB
        with mock.patch.object(os, "statvfs", lambda _: disk):
            measure = {"@share@": {"disk_of": self.path("not/there"), "percent": 25, "at_least": 256}}
            self.assertEqual(converge.measured("limit: @share@MB", measure), "limit: 229376MB")
            disk.f_blocks = 512
            self.assertEqual(converge.measured("limit: @share@MB", measure), "limit: 256MB")


if __name__ == "__main__":
    unittest.main()

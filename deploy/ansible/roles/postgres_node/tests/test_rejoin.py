"""A former leader that is back: what it says of how it came back, and of what only it had."""

import json
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "files", "follow_leader"))

import rejoin as module  # noqa: E402


class RejoinTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        module.LED, module.REWOUND = self.folder.name + "/led", self.folder.name + "/rewound"
        self.data = self.folder.name + "/data"
        os.makedirs(self.data + "/pg_wal")
        self.version()

    def version(self):
        with open(self.data + "/PG_VERSION.new", "w", encoding="ascii") as file:
            file.write("17\n")
        os.replace(self.data + "/PG_VERSION.new", self.data + "/PG_VERSION")

    def history(self):
        with open(self.data + "/pg_wal/00000004.history", "w", encoding="ascii") as file:
            file.write("2\t0/3000000\tno recovery target specified\n\n3\t0/50000A0\tno recovery target specified\n")

    def rejoin(self):
        return module.Rejoin(self.data, lambda _: None)

    def test_it_followed_when_it_had_nothing_of_its_own(self):
        self.rejoin().leads(3)
        back = self.rejoin()  # the machine was lost meanwhile
        self.assertTrue(back.awaited)
        self.assertIsNone(back.is_back(4), "not before the history of the new timeline is there")
        self.history()
        told = back.is_back(4)
        self.assertEqual((told["how"], told["timeline"], told["promotedAt"]), ("followed", 3, 0x50000A0))
        self.assertEqual((told["bytes"], told["transactions"]), (0, 0))
        self.assertFalse(back.awaited)
        self.assertEqual(self.rejoin().told(), told, "and says it again when it is started anew")

    def test_it_was_rewound(self):
        self.rejoin().leads(3)
        self.history()
        counted = {"timeline": 3, "promotedAt": 0x50000A0, "bytes": 4096, "transactions": 7}
        with open(module.REWOUND, "w", encoding="ascii") as file:
            json.dump(counted, file)
        back = self.rejoin()
        self.assertEqual(back.under_way(True)["phase"], "rewinding")
        self.assertEqual({**back.is_back(4), "at": None}, {**counted, "how": "rewound", "at": None})
        back.leads(5)
        self.assertFalse(os.path.exists(module.REWOUND), "what was counted once is not told of the next time")

    def test_it_was_copied_and_nobody_knows_what_it_had(self):
        self.rejoin().leads(3)
        self.history()
        self.version()
        back = self.rejoin()
        self.assertEqual(back.under_way(True)["phase"], "copying")
        told = back.is_back(4)
        self.assertEqual((told["how"], told["bytes"], told["transactions"]), ("copied", None, None))

    def test_who_never_led_or_leads_on_is_not_on_its_way_back(self):
        self.assertFalse(self.rejoin().awaited)
        leader = self.rejoin()
        leader.leads(3)
        self.assertIsNone(leader.under_way(False))
        self.assertEqual(leader.under_way(True)["phase"], "starting")


if __name__ == "__main__":
    unittest.main()

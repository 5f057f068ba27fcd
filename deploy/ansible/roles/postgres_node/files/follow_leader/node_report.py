"""Reports to the control plane what this node sees, in one key of etcd that is written whenever something in it changes."""

import json
import threading

from etcd import EtcdError


class NodeReport:
    def __init__(self, etcd, key, log):
        self._etcd, self._key, self._log = etcd, key, log
        self._facts = {"watchdog": None, "patroni": None, "follows": None, "hold": None, "lost": None, "writable": None, "rejoining": None,
                       "rejoin": None, "archive": None, "left": None, "disk": None, "blockers": None}
        self._changed = threading.Condition()
        self._written = None
        threading.Thread(target=self._write, daemon=True).start()

    def fact(self, name):
        return self._facts[name]

    def facts(self):
        with self._changed:
            return dict(self._facts)

    def say(self, **facts):
        with self._changed:
            if any(self._facts.get(name) != fact for name, fact in facts.items()):
                self._facts.update(facts)
                self._changed.notify()

    def _write(self):
        while True:
            with self._changed:
                text = json.dumps(self._facts)
                if text == self._written:
                    self._changed.wait()
                    continue
            try:
                self._etcd.put(self._key, text)
                self._written = text
            except EtcdError as error:
                self._log("etcd: %s" % error)
                with self._changed:
                    self._changed.wait(1)

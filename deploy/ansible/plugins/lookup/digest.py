"""A digest of a folder beside the playbook, in sixteen hexadecimal digits: the same files give the same digest, wherever the folder
is.

lookup('digest', 'roles/postgres_node')
"""

import hashlib
import os

from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: digest
short_description: a digest of the files of a folder
description: See the head of the file.
options:
  _terms: {description: a folder beside the playbook, required: true}
"""


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **_):
        return [digest(os.path.join(variables["playbook_dir"], folder)) for folder in terms]


def digest(folder):
    found = hashlib.sha256()
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            path = os.path.join(parent, name)
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
            found.update(("%s %s\n" % (content, os.path.relpath(path, folder))).encode())
    return found.hexdigest()[:16]

"""How long the lookup `certificate` makes certificates valid, and that none outlives its CA."""

import datetime
import os
import subprocess
import tempfile
import unittest

from cryptography import x509

from ansible.plugins.loader import lookup_loader

lookup_loader.add_directory(os.path.join(os.path.dirname(__file__), "..", "lookup"))
DAY = 86400


class Certificate(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.ca = folder.name

    def issue(self, ca_days, variables):
        argv = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=ca -keyout ca.key -out ca.crt -days"
        subprocess.run(argv.split() + [str(ca_days)], cwd=self.ca, check=True, capture_output=True)
        [pem] = lookup_loader.get("certificate").run(["n1"], variables, ca=self.ca, addresses=["192.0.2.1"])
        return x509.load_pem_x509_certificate(pem.encode())

    def life(self, certificate):
        return (certificate.not_valid_after_utc - datetime.datetime.now(datetime.timezone.utc)).total_seconds()

    def test_is_valid_for_397_days_unless_told_otherwise(self):
        self.assertAlmostEqual(self.life(self.issue(3650, {})), 397 * DAY, delta=60)

    def test_a_lifetime_of_minutes_is_not_over_at_its_beginning(self):
        certificate = self.issue(3650, {"certificate_lifetime_seconds": 180})
        self.assertAlmostEqual(self.life(certificate), 180, delta=20)
        whole = certificate.not_valid_after_utc - certificate.not_valid_before_utc
        self.assertLess(whole.total_seconds(), 190)

    def test_ends_no_later_than_its_authority(self):
        self.assertLess(self.life(self.issue(30, {})), 30 * DAY + 1)


if __name__ == "__main__":
    unittest.main()

"""A server certificate with its key, as one PEM, signed by a CA on the controller.

    lookup('certificate', name, ca=directory, addresses=[...], client=false)

Every call creates a new key. So use the result in a `converge` file with `keep_if: openssl verify …`: the machine keeps its
certificate while it verifies for its address and a third of its lifetime is left. The key exists only on the machine. The plugin
creates certificates in process, in 20 ms, where openssl would have to start three times. Ansible itself depends on `cryptography`.
"""

import datetime
import ipaddress
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase

DOCUMENTATION = """
name: certificate
short_description: a certificate and its key signed by a CA on the controller
description: See the head of the file.
options:
  _terms: {description: the common name, also a DNS name, required: true}
  ca: {description: "folder with ca.crt and ca.key", type: path, required: true}
  addresses: {description: "IP addresses it is valid for", type: list, elements: str, default: []}
  client: {description: "also valid as a client certificate (etcd peers)", type: bool, default: false}
  lifetime:
    description: "seconds; the default, 397 days, is what clients that follow the CA/Browser Forum's rule accept at most"
    type: int
    default: 34300800
    vars: [{name: certificate_lifetime_seconds}]
"""

CLOCKS_DIFFER = datetime.timedelta(hours=1)


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **options):
        self.set_options(var_options=variables, direct=options)
        return [self._issue(name) for name in terms]

    def _issue(self, name):
        issuer, issuer_key = self._authority()
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.timezone.utc)
        lifetime = datetime.timedelta(seconds=self.get_option("lifetime"))
        usages = [ExtendedKeyUsageOID.SERVER_AUTH]
        if self.get_option("client"):
            usages.append(ExtendedKeyUsageOID.CLIENT_AUTH)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - min(CLOCKS_DIFFER, lifetime / 60))
            # A certificate is worthless once its issuer has expired.
            .not_valid_after(min(now + lifetime, issuer.not_valid_after_utc))
            .add_extension(x509.SubjectAlternativeName(self._names(name)), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return certificate.public_bytes(serialization.Encoding.PEM).decode() + private.decode()

    def _names(self, name):
        addresses = list(dict.fromkeys(self.get_option("addresses")))
        names = [x509.DNSName(name), x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        for address in addresses:
            names.append(x509.IPAddress(ipaddress.ip_address(address)))
            # pgBackRest compares the endpoint only with DNS names, even if it is an address.
            names.append(x509.DNSName(address))
        return names

    def _authority(self):
        folder = self.get_option("ca")
        try:
            with open(os.path.join(folder, "ca.crt"), "rb") as file:
                certificate = x509.load_pem_x509_certificate(file.read())
            with open(os.path.join(folder, "ca.key"), "rb") as file:
                key = serialization.load_pem_private_key(file.read(), password=None)
        except OSError as error:
            raise AnsibleLookupError(
                "certificate: cannot read %s (%s): platform.yml makes this CA" % (error.filename, error.strerror)
            )
        return certificate, key

"""Entente over the four stand-ins, each behind a proxy that plays its vendor's bad days."""

import standins
from proxy import Proxy
from vendored import Vendored
from world import SITES

SPEAKS = {"amazon": "s3", "microsoft": "azure", "google": "gcs", "oracle": "s3"}
# Tests take sites away by the dozen and cannot wait half a minute for each.
LIMITS = '[limits]\nreenter_after = "2 s"\n'


class Vendors:
    """The four stand-ins and their proxies, for any number of enclaves."""

    def __init__(self, folder, seed=1):
        self.folder = folder
        self.made = standins.start_four(folder / "vendors")
        self.proxies = {}
        try:
            for site in SITES:
                quirks = "oracle" if site == "oracle" else "none"
                upstream = f"127.0.0.1:{self.made[site].port}"
                self.proxies[site] = Proxy(upstream, SPEAKS[site], quirks, seed)
        except BaseException:
            self.stop()
            raise

    def endpoints(self):
        return {site: proxy.endpoint for site, proxy in self.proxies.items()}

    def well(self):
        for site, one in self.made.items():
            if one.process is None:
                one.start()
            self.proxies[site].well()

    def stop(self):
        for proxy in self.proxies.values():
            proxy.stop()
        standins.stop_all(self.made)


class Four(Vendored):
    """One enclave over the vendors, under a prefix of its own at each."""

    def __init__(self, vendors, name="quad", profile="quad"):
        folder = vendors.folder / name
        folder.mkdir()
        super().__init__(folder, vendors.made, vendors.endpoints(), f'default_profile = "{profile}"')
        text = self.file.read_text().replace("[[site]]\n", f'[[site]]\nprefix = "{name}/"\n')
        self.file.write_text(text + LIMITS)

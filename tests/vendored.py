"""An Entente whose sites are the vendors' own kinds, each at a stand-in or at a proxy before it."""

import json

import standins
from world import World, binary, run

HEAD = """
[enclave]
data_dir = "data"
root_key = "root.key"
{more}
"""


class Vendored(World):
    """One enclave over `four` stand-ins; `endpoints` names proxies by site, `more` further lines of [enclave]."""

    def __init__(self, folder, four, endpoints=None, more=""):
        super().__init__(folder / "data")
        self.file, self.owner = folder / "entente.toml", None
        self.file.write_text(HEAD.format(more=more) + standins.sites(four, endpoints))
        if not (folder / "root.key").exists():
            run(binary(), "root-key", folder / "root.key")

    @property
    def place(self):
        return ["--config", str(self.file)]

    def keys(self):
        if not self.owner:
            self.owner = json.loads(run(binary(), "key", "create", *self.place, "--user", "owner", "--json"))
        return self.owner["access_key"], self.owner["secret_key"]

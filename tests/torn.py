"""An Entente whose sites are torn away and come back by the dozen."""

from test_keys import Configured, U, key


class Torn(Configured):
    """Over four directories as the embedded default is, but a site comes back after two good seconds instead of
    thirty, which tests would wait for each time."""

    def __init__(self, home, environment=None):
        super().__init__(home, environment=environment)
        self.config.write_text(self.config.read_text() + '[limits]\nreenter_after = "2 s"\n')
        self.with_key()
        self.owner = None

    def site(self, name):
        return self.home / name

    def keys(self):
        if not self.owner:
            self.owner = key(self, "owner", U)
        return self.owner

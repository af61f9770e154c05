"""A vendor's bad days: what `strike` does to the named sites, and `heal` ends."""

import itertools

from world import SITES

PAIRS = list(itertools.combinations(SITES, 2))


class Fault:
    def __init__(self, vendors, names):
        self.vendors, self.names = vendors, names

    def strike(self):
        for name in self.names:
            self.vendors.proxies[name].forget_counts()
            self.strike_one(name, self.vendors.proxies[name])

    def heal(self):
        for name in self.names:
            self.heal_one(name, self.vendors.proxies[name])

    def heal_one(self, _name, proxy):
        proxy.well()

    def struck(self):
        """How often each site was struck."""
        return {name: self.vendors.proxies[name].counts()["struck"] for name in self.names}


class Killed(Fault):
    """`kill -9` of the vendor's program."""

    def strike_one(self, name, _proxy):
        # No vendor forgets everything because a machine of theirs dies.
        self.vendors.made[name].remember()
        self.vendors.made[name].kill()

    def heal_one(self, name, _proxy):
        self.vendors.made[name].start()

    def struck(self):
        # Every request there was met nobody.
        counted = {name: self.vendors.proxies[name].counts() for name in self.names}
        return {name: counts["put"] + counts["get"] + counts["head"] for name, counts in counted.items()}


def played(fault, **more):
    """A fault that the proxy plays."""

    class Played(Fault):
        def strike_one(self, _name, proxy):
            proxy.fault(fault, **more)

    return Played


class Yesterday(Fault):
    """Listings lack what was written since just before the blow."""

    def strike_one(self, _name, proxy):
        proxy.moment()
        proxy.fault("yesterday")


class Slow(Fault):
    """A hundredth of the rate the site had under the load before."""

    def __init__(self, vendors, names):
        super().__init__(vendors, names)
        self.rates = {}

    def measure(self, seconds):
        """From counts that were set to zero so many seconds ago."""
        for name in self.names:
            self.rates[name] = self.vendors.proxies[name].counts()["bytes"] / seconds

    def strike_one(self, name, proxy):
        proxy.fault("slow", bytes_per_second=max(1, int(self.rates[name] / 100)))


ALL = {
    "killed": Killed,
    "hung": played("hung"),
    "slow-down": played("slow-down", share=0.5),
    "flip": played("flip", share=0.1),
    "yesterday": Yesterday,
    "reset": played("reset", share=1.0),
    "landed": played("landed", share=1.0),
    "slow": Slow,
}

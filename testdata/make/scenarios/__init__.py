"""The scenarios by name. A scenario is a function of a `Lab` that makes one or more captures."""
SCENARIOS = {}


def scenario(name):
    """Register a function as the scenario `name`; the name is also the capture's file name without its ending."""
    def keep(function):
        if name in SCENARIOS:
            raise ValueError(f"two scenarios are called {name}")
        SCENARIOS[name] = function
        return function
    return keep


def load_all():
    from scenarios import (certificates, chains, clients, datagrams, failures, handshakes, old_protocols, proxies,  # noqa: F401
                           shapes, story, tunnels, upgrades, webrtc)
    return SCENARIOS

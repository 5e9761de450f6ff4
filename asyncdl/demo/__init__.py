"""The embedded museum: servers on loopback that the demo and the tests download from. Nothing imports this door."""

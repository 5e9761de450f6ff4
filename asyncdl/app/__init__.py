"""Wiring: settings and a folder in, objects that work together out. One module per thing that is wired; doors import that module."""

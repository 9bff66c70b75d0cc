"""The sub-commands of `./run`."""

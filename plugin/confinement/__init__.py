"""What a process that parses a stranger's bytes gives up before it reads the first of them.

`giving_up.confine` is called in that process itself. `launch` does it for a program of others, `reading` is such a
process of ours, and `reader` is how it is asked. A kernel or container that has a part of it not is told, never fatal.
"""

"""What a process that parses untrusted bytes gives up before it reads them.

`sandbox.confine` runs in that process. `launch` confines an external program, `reading_process` is a confined process
of ours, and `reader` calls it. What the kernel or container does not support is reported, never fatal.
"""

# SPDX-License-Identifier: MIT
"""penstockd_faults: the daemon whose n-th call fails when a test says so; fault.h has the page."""

import mmap
import os
import struct
import tempfile

from peer import Daemon

MEMORY, FILE, STORE, SPACE, DISK = 1, 2, 4, 8, 16
SIZE = 72


class Fault:
    """The page that the daemon maps."""

    def __init__(self):
        descriptor, self.path = tempfile.mkstemp(prefix="penstock-fault-")
        os.ftruncate(descriptor, mmap.PAGESIZE)
        self.page = mmap.mmap(descriptor, mmap.PAGESIZE)
        os.close(descriptor)

    def word(self, index):
        return struct.unpack_from("<Q", self.page, index * 8)[0]

    def put(self, index, value):
        struct.pack_into("<Q", self.page, index * 8, value)

    def arm(self, n, kinds):
        for index, value in ((3, kinds), (1, 0), (2, 0), (9, 0), (0, n)):
            self.put(index, value)

    def disarm(self):
        """Whether the call was reached, and failed."""
        self.put(0, 0)
        return self.word(2) != 0

    @property
    def last(self):
        return self.page[32:SIZE].split(b"\0")[0].decode()

    def close(self):
        self.page.close()
        os.unlink(self.path)


class FaultyDaemon(Daemon):
    executable = "tests/faults/penstockd_faults"

    def __init__(self, *options, **more):
        self.fault = Fault()
        self.environment = {"PENSTOCK_FAULT_FILE": self.fault.path}
        super().__init__(*options, **more)

    def __exit__(self, *arguments):
        try:
            super().__exit__(*arguments)
        finally:
            self.fault.close()

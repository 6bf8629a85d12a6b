-- SPDX-License-Identifier: MIT
-- Schema 5: pipelines. What the GPU is given is in the allocation's memory, which a GPU process can
-- write: what draws and dispatches are held against is here. docs/store.md.

-- An allocation that is a pipeline.
CREATE TABLE pipeline (
	allocation INTEGER PRIMARY KEY REFERENCES allocation (id) ON DELETE CASCADE,
	kind INTEGER NOT NULL,
	binding_count INTEGER NOT NULL -- its rows of pipeline_binding: none of them can be missing
) STRICT, WITHOUT ROWID;

-- A descriptor binding that its shaders use.
CREATE TABLE pipeline_binding (
	allocation INTEGER NOT NULL REFERENCES pipeline (allocation) ON DELETE CASCADE,
	descriptor_set INTEGER NOT NULL,
	binding INTEGER NOT NULL,
	type INTEGER NOT NULL,
	count INTEGER NOT NULL, -- of the array
	least_bytes INTEGER NOT NULL, -- of a buffer: what the shaders need
	written INTEGER NOT NULL,
	PRIMARY KEY (allocation, descriptor_set, binding)
) STRICT, WITHOUT ROWID;

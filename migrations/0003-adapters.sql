-- SPDX-License-Identifier: MIT
-- Schema 3: several adapters. What there was before is adapter 0's. docs/store.md.

-- An adapter by its number in the configuration, and the memory directory that its rows speak of.
CREATE TABLE adapter (
	id INTEGER PRIMARY KEY,
	memory_generation BLOB NOT NULL CHECK (length(memory_generation) = 16)
) STRICT;
INSERT INTO adapter (id, memory_generation) SELECT 0, id FROM memory_generation;
DROP TABLE memory_generation;

ALTER TABLE device ADD COLUMN adapter INTEGER NOT NULL DEFAULT 0;
ALTER TABLE allocation ADD COLUMN adapter INTEGER NOT NULL DEFAULT 0;

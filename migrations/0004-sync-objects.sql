-- SPDX-License-Identifier: MIT
-- Schema 4: synchronisation objects. Their values are in the progress file. docs/store.md.

-- The adapter's, like an allocation, and nobody's memory: whoever has it open keeps it alive.
CREATE TABLE sync_object (
	id INTEGER PRIMARY KEY,
	adapter INTEGER NOT NULL,
	token_high INTEGER NOT NULL, -- 0/0: not shared
	token_low INTEGER NOT NULL,
	progress_record INTEGER NOT NULL
) STRICT;

CREATE TABLE sync_opening (
	id INTEGER PRIMARY KEY,
	device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
	sync_object INTEGER NOT NULL REFERENCES sync_object (id) ON DELETE CASCADE,
	name INTEGER NOT NULL
) STRICT;
CREATE INDEX sync_opening_of_device ON sync_opening (device);
CREATE INDEX sync_opening_of_sync_object ON sync_opening (sync_object);

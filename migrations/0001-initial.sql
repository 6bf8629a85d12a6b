-- SPDX-License-Identifier: MIT
-- Schema 1: what a leased session needs to come back after the daemon died. docs/store.md says
-- what each table is for. A migration that has shipped is never edited: its hash is recorded.

CREATE TABLE schema_migration (
	version INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	applied_at INTEGER NOT NULL, -- seconds since 1970
	penstock_version TEXT NOT NULL
) STRICT;

-- The memory directory that the rows speak of.
CREATE TABLE memory_generation (
	single INTEGER PRIMARY KEY CHECK (single = 1),
	id BLOB NOT NULL CHECK (length(id) = 16)
) STRICT;

-- The highest id that was ever used, deleted rows included; kind is enum penstock_store_kind.
CREATE TABLE highest_id (
	kind INTEGER PRIMARY KEY,
	id INTEGER NOT NULL
) STRICT;

CREATE TABLE principal (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE session (
	id INTEGER PRIMARY KEY,
	principal INTEGER NOT NULL REFERENCES principal (id) ON DELETE CASCADE,
	id_high INTEGER NOT NULL,
	id_low INTEGER NOT NULL,
	lease_s INTEGER NOT NULL,
	progress_record INTEGER NOT NULL,
	row_serial INTEGER NOT NULL, -- highest request that changed a row of this session
	client TEXT NOT NULL,
	UNIQUE (id_high, id_low)
) STRICT;
CREATE INDEX session_of_principal ON session (principal);

CREATE TABLE device (
	id INTEGER PRIMARY KEY,
	session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	name INTEGER NOT NULL,
	flags INTEGER NOT NULL,
	execution_state INTEGER NOT NULL
) STRICT;
CREATE INDEX device_of_session ON device (session);

CREATE TABLE context (
	id INTEGER PRIMARY KEY,
	device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
	name INTEGER NOT NULL,
	node_ordinal INTEGER NOT NULL,
	flags INTEGER NOT NULL,
	dma_buffer_bytes INTEGER NOT NULL,
	allocation_list INTEGER NOT NULL,
	patch_location_list INTEGER NOT NULL,
	priority INTEGER NOT NULL,
	progress_record INTEGER NOT NULL
) STRICT;
CREATE INDEX context_of_device ON context (device);

-- The adapter's, not a session's: who created it pays, whoever has it open keeps it alive.
CREATE TABLE allocation (
	id INTEGER PRIMARY KEY,
	principal INTEGER NOT NULL REFERENCES principal (id) ON DELETE CASCADE,
	size_bytes INTEGER NOT NULL,
	record INTEGER NOT NULL,
	segment_set INTEGER NOT NULL,
	preferred_segment INTEGER NOT NULL,
	flags INTEGER NOT NULL,
	priority INTEGER NOT NULL,
	width INTEGER NOT NULL,
	height INTEGER NOT NULL,
	format INTEGER NOT NULL,
	surface_type INTEGER NOT NULL,
	pitch_bytes INTEGER NOT NULL,
	token_high INTEGER NOT NULL, -- 0/0: not shared
	token_low INTEGER NOT NULL
) STRICT;
CREATE INDEX allocation_of_principal ON allocation (principal);

CREATE TABLE opening (
	id INTEGER PRIMARY KEY,
	device INTEGER NOT NULL REFERENCES device (id) ON DELETE CASCADE,
	allocation INTEGER NOT NULL REFERENCES allocation (id) ON DELETE CASCADE,
	name INTEGER NOT NULL,
	read_only INTEGER NOT NULL
) STRICT;
CREATE INDEX opening_of_device ON opening (device);
CREATE INDEX opening_of_allocation ON opening (allocation);

-- A context's allocation table; an opening that goes leaves a NULL element, as in the lists.
CREATE TABLE list_element (
	context INTEGER NOT NULL REFERENCES context (id) ON DELETE CASCADE,
	element INTEGER NOT NULL,
	opening INTEGER REFERENCES opening (id) ON DELETE SET NULL,
	write_operation INTEGER NOT NULL,
	segment_id INTEGER NOT NULL,
	address INTEGER NOT NULL,
	PRIMARY KEY (context, element)
) STRICT, WITHOUT ROWID;
CREATE INDEX list_element_of_opening ON list_element (opening);

CREATE TABLE name_floor (
	session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	name_index INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	PRIMARY KEY (session, name_index)
) STRICT, WITHOUT ROWID;

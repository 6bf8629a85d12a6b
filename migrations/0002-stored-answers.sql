-- SPDX-License-Identifier: MIT
-- Schema 2: what a leased session was told that is no success, so that a client which lost its
-- connection hears it after a restart too. docs/store.md says when a row goes.

CREATE TABLE stored_answer (
	session INTEGER NOT NULL REFERENCES session (id) ON DELETE CASCADE,
	serial INTEGER NOT NULL, -- refused, or the fence of the last of those that ended so
	context INTEGER NOT NULL, -- name; 0: a refusal
	ran_until INTEGER NOT NULL, -- of an ending: up to this fence the context's submissions ran
	status INTEGER NOT NULL,
	at_instruction INTEGER NOT NULL,
	byte_offset INTEGER NOT NULL,
	instruction TEXT NOT NULL,
	operand TEXT NOT NULL,
	sentence TEXT NOT NULL,
	PRIMARY KEY (session, serial, context)
) STRICT, WITHOUT ROWID;

-- How requests up to this one were answered is not known any more.
ALTER TABLE session ADD COLUMN forgotten_serial INTEGER NOT NULL DEFAULT 0;

-- SPDX-License-Identifier: MIT
-- Schema 6: graphics pipelines, and what shaders say of the images that they use. docs/store.md.

-- struct penstock_graphics_state (proto/graphics.h); of a compute pipeline none.
ALTER TABLE pipeline ADD COLUMN graphics BLOB;
-- A bit for each colour target that its fragment shader gives.
ALTER TABLE pipeline ADD COLUMN targets_written INTEGER NOT NULL DEFAULT 0;

-- Of images and texel buffers; of what is neither 0. Rows of before say nothing.
ALTER TABLE pipeline_binding ADD COLUMN flags INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pipeline_binding ADD COLUMN dimension INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pipeline_binding ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pipeline_binding ADD COLUMN format INTEGER NOT NULL DEFAULT 0;

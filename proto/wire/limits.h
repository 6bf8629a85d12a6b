/* SPDX-License-Identifier: MIT */
/*
 * Every limit that a peer can meet, in one place. Each has a test. Byte counts are in bytes.
 * What a deployment may choose smaller (quotas) is in daemon/config.h; these are the ceilings.
 */
#ifndef PENSTOCK_LIMITS_H
#define PENSTOCK_LIMITS_H

/* frames and messages (docs/protocol.md) */
#define PENSTOCK_LIMIT_MESSAGE_BYTES     (64u << 10) /* protobuf part of a frame */
#define PENSTOCK_LIMIT_PAYLOAD_BYTES     (64u << 20) /* raw part of a frame */
#define PENSTOCK_LIMIT_UNPACK_BYTES      (1u << 20)  /* heap that unpacking one message may take */
#define PENSTOCK_LIMIT_UNPACK_BLOCKS     8192u       /* heap blocks, likewise */
#define PENSTOCK_LIMIT_HELLO_MS          10000u      /* from accept to a complete hello */
#define PENSTOCK_LIMIT_CLOSING_MS        2000u       /* from Closing to the peer's end of file */
#define PENSTOCK_LIMIT_CLIENT_NAME_BYTES 64u
#define PENSTOCK_LIMIT_ADAPTERS          8u
#define PENSTOCK_LIMIT_LEASE_S           60u

/* a connection: beyond these the daemon stops reading it until work retires */
#define PENSTOCK_LIMIT_CONNECTIONS         4096u
#define PENSTOCK_LIMIT_HELD_SUBMISSIONS    8192u        /* admitted and not retired, a connection */
#define PENSTOCK_LIMIT_HELD_BYTES          (64u << 20)  /* of commands, lists, staged uploads */
#define PENSTOCK_LIMIT_CONTEXT_SUBMISSIONS 4096u        /* admitted and not retired, a context */
#define PENSTOCK_LIMIT_RECEIVING_BYTES     (512u << 20) /* large Submit frames, a principal's */
#define PENSTOCK_LIMIT_OUTBOX_BYTES        (8u << 20)   /* replies not yet written */
#define PENSTOCK_LIMIT_SEND_BUFFER_BYTES   (512u << 10) /* of the kernel's, Unix sockets */
#define PENSTOCK_LIMIT_READS_IN_FLIGHT     64u          /* read-backs waiting or being written */

/* a GPU process that does not read what it is told of memory files: beyond it, it is ended */
#define PENSTOCK_LIMIT_CHANNEL_MESSAGES 4096u /* waiting, beside one for each file that it has */

/* rows on their way to the disk; beyond it connections of leased sessions are not read */
#define PENSTOCK_LIMIT_STORE_QUEUED 65536u

/* what a client that lost its connection may be told again; the oldest are forgotten */
#define PENSTOCK_LIMIT_STORED_ANSWERS           4096u  /* of a session with a lease */
#define PENSTOCK_LIMIT_PRINCIPAL_STORED_ANSWERS 65536u /* of all sessions of a principal */

/* a session's objects */
#define PENSTOCK_LIMIT_NAMES                    (1u << 24) /* entries of a session's name table */
#define PENSTOCK_LIMIT_SESSIONS_PER_PRINCIPAL   1024u
#define PENSTOCK_LIMIT_PRINCIPAL_HELD_BYTES     (1u << 30) /* heap: submissions, staged transfers */
#define PENSTOCK_LIMIT_PRINCIPAL_PROMISED_BYTES (256u << 20) /* heap: guaranteed contexts */
#define PENSTOCK_LIMIT_PRINCIPAL_OBJECTS        (1u << 21)   /* devices, contexts, openings */
#define PENSTOCK_LIMIT_DMA_POOL_BYTES           (64u << 20)  /* memory beside the quota */

/* one submission */
#define PENSTOCK_LIMIT_SUBMISSIONS_PER_FRAME 4096u
#define PENSTOCK_LIMIT_COMMAND_BYTES         (16u << 20)
#define PENSTOCK_LIMIT_ALLOCATION_LIST       65536u /* elements; an index is 16 bits */
#define PENSTOCK_LIMIT_PATCH_LIST            (1u << 20)
#define PENSTOCK_LIMIT_REQUEST_ALLOCATIONS   4096u /* of one offer, reclaim or set-priority */
#define PENSTOCK_LIMIT_BROADCAST_CONTEXTS    64u   /* beside the one that it is submitted to */
#define PENSTOCK_LIMIT_DMA_BUFFER_BYTES      (16u << 20)

/* an administrator's report: one turn of the loop makes it, and other clients wait for that */
#define PENSTOCK_LIMIT_REPORT_ROWS      65536u
#define PENSTOCK_LIMIT_REPORT_BYTES     (256u << 20) /* heap that unpacking a report may take */
#define PENSTOCK_LIMIT_REPORT_BLOCKS    (1u << 20)
#define PENSTOCK_LIMIT_REPORT_DMA_BYTES (256u << 10) /* of a DMA buffer that is disassembled */

/* a trace: what waits for its reader, and what one report of it carries */
#define PENSTOCK_LIMIT_TRACE_EVENTS        131072u /* of 64 bytes; beyond it they are lost */
#define PENSTOCK_LIMIT_TRACE_REPORT_EVENTS 4096u

/* failures of GPUs that are remembered */
#define PENSTOCK_LIMIT_DEBUG_REPORTS      64u
#define PENSTOCK_LIMIT_DEBUG_REPORT_BYTES (8u << 10) /* of one, in memory and on disk */

/* one instruction: no legal instruction may look like a hang */
#define PENSTOCK_LIMIT_INSTRUCTION_DWORDS 65535u
#define PENSTOCK_LIMIT_SURFACE_EXTENT     16384u      /* pixels, width or height */
#define PENSTOCK_LIMIT_INSTRUCTION_PIXELS (64u << 20) /* over all sub-rectangles of a record */
#define PENSTOCK_LIMIT_DECODED_PIXELS     (1u << 20)  /* of a blit from BC6H, BC7 or newer blocks */
#define PENSTOCK_LIMIT_SUB_RECTANGLES     4096u
#define PENSTOCK_LIMIT_RECT_COORDINATE    (1 << 27) /* of source_rect, destination_rect */

/* a shader: SPIR-V of one stage (docs/shaders.md) */
#define PENSTOCK_LIMIT_SHADER_BYTES          (1u << 20) /* of a module, as a client sends it */
#define PENSTOCK_LIMIT_SHADER_HARDENED_BYTES (4u << 20) /* of what robust access makes of it */
#define PENSTOCK_LIMIT_SHADER_IDS            262144u    /* the bound of a module's ids */
#define PENSTOCK_LIMIT_SHADER_NAME_BYTES     256u       /* of an entry point, with the zero byte */
#define PENSTOCK_LIMIT_SHADER_CONSTANTS      256u       /* specialised in one request */
#define PENSTOCK_LIMIT_SHADER_BINDINGS       128u       /* variables with a set and a binding */
#define PENSTOCK_LIMIT_SHADER_DESCRIPTORS    1024u      /* of one array of descriptors */
#define PENSTOCK_LIMIT_SHADER_SLOTS          128u       /* stage inputs, and outputs */
#define PENSTOCK_LIMIT_SHADER_LOCATIONS      32u        /* locations are below it */
#define PENSTOCK_LIMIT_SHADER_TARGETS        8u         /* locations of a fragment's outputs */
#define PENSTOCK_LIMIT_SHADER_DISTANCES      8u         /* clip and cull distances, together */
#define PENSTOCK_LIMIT_SHADER_PATCH          32u        /* vertices of a patch */
#define PENSTOCK_LIMIT_SHADER_EMITTED        1024u      /* vertices of a geometry stage */
#define PENSTOCK_LIMIT_SHADER_INVOCATIONS    32u        /* of a geometry stage */
#define PENSTOCK_LIMIT_SHADER_WORKGROUP      1024u      /* invocations */
#define PENSTOCK_LIMIT_SHADER_SHARED_BYTES   32768u     /* of a workgroup's variables */
#define PENSTOCK_LIMIT_SHADER_VALUE_BYTES    65536u     /* of one value */
#define PENSTOCK_LIMIT_SHADER_PRIVATE_BYTES  262144u    /* of an invocation's variables */
#define PENSTOCK_LIMIT_SHADER_INLINED        262144u    /* instructions, with callees copied in */
#define PENSTOCK_LIMIT_SHADER_AT_ONCE        2u         /* programs that check one each */
#define PENSTOCK_LIMIT_SHADER_QUEUED         1024u      /* waiting for one of them */
#define PENSTOCK_LIMIT_SHADER_QUEUED_BYTES   (64u << 20)
#define PENSTOCK_LIMIT_SHADER_MEMORY_BYTES   (1u << 30) /* address space of such a program */
#define PENSTOCK_LIMIT_SHADER_CPU_S          10u
#define PENSTOCK_LIMIT_SHADER_WALL_MS        30000u

/* pipelines that are being made */
#define PENSTOCK_LIMIT_PIPELINE_STAGES   5u
#define PENSTOCK_LIMIT_PIPELINES_MADE    64u /* at once, of a principal; others wait unread */
#define PENSTOCK_LIMIT_PIPELINES_AT_ONCE 2u  /* of a principal, whose shaders are checked */

/* a pipeline, and what a draw or a dispatch gives it */
#define PENSTOCK_LIMIT_DESCRIPTOR_SETS     8u
#define PENSTOCK_LIMIT_BINDING_NUMBER      4096u /* below it */
#define PENSTOCK_LIMIT_DESCRIPTORS         1024u /* of a pipeline, arrays by the element */
#define PENSTOCK_LIMIT_GROUP_INSTRUCTIONS  16384u
#define PENSTOCK_LIMIT_GROUP_IMAGES        64u /* slots of a group: below it */
#define PENSTOCK_LIMIT_PUSH_CONSTANT_BYTES 128u
#define PENSTOCK_LIMIT_UNIFORM_RANGE_BYTES (64u << 10)
#define PENSTOCK_LIMIT_STORAGE_RANGE_BYTES (128u << 20)
#define PENSTOCK_LIMIT_WORKGROUPS          65535u /* of a dispatch, each way, base included */
#define PENSTOCK_LIMIT_BUFFER_PITCH        65535u /* texels, of a copy from or to a buffer */
#define PENSTOCK_LIMIT_VERTEX_STRIDE       2048u  /* bytes; of vertex_buffer */
#define PENSTOCK_LIMIT_INDIRECT_DRAWS      65535u /* of one instruction */

/* an image (docs/graphics.md) */
#define PENSTOCK_LIMIT_IMAGE_EXTENT    16384u /* texels, 1D and 2D */
#define PENSTOCK_LIMIT_IMAGE_EXTENT_3D 2048u
#define PENSTOCK_LIMIT_IMAGE_LAYERS    2048u
#define PENSTOCK_LIMIT_TARGET_EXTENT   16384u /* of a render scope's area */
#define PENSTOCK_LIMIT_VIEWS           6u     /* of a render scope with a view mask */

/* a GPU process that describes its driver, at the daemon's start */
#define PENSTOCK_LIMIT_DESCRIBE_MS 10000u

/* an allocation */
#define PENSTOCK_LIMIT_ALLOCATION_BYTES (1ull << 32)
#define PENSTOCK_LIMIT_RENAMING_LIST                                                               \
	8u /* MaximumRenamingListLength: instances, the current one                                \
	    */

/* fixed by the documents */
#define PENSTOCK_GDI_ALLOCATION_LIST 256u /* DXGK_CONTEXTINFO of a GDI context */
#define PENSTOCK_GRANULE_BYTES       (64u << 10)
#define PENSTOCK_PAGE_BYTES          4096u
#define PENSTOCK_PITCH_ALIGNMENT     64u /* bytes; a surface's pitch is its row rounded up */
#define PENSTOCK_SLOT_ID_MAX         0x00FFFFFFu

#endif

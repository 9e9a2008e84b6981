/*
 * An event that is too large, cut to one that is still a JSON object.  Pure.
 *
 * Whole top-level members are left out, the largest first, until the rest fits;
 * so the short ones that tell what happened, to whom and when, stay as they
 * were.  `"_tp_truncated":true` is added as the last member.
 */
#ifndef TP_HEC_TRUNCATE_H
#define TP_HEC_TRUNCATE_H

#include <stddef.h>

#include "lib/buffer.h"

enum { TRUNCATE_LEAST_BYTES = 64 };

/*
 * Appends the cut event, which has at most `most_bytes` (TRUNCATE_LEAST_BYTES
 * or more).  `line` is one for which scan_object() said SCAN_OK.
 */
void truncate_event(const char *line, size_t len_bytes, size_t most_bytes,
    struct buffer *into);

#endif

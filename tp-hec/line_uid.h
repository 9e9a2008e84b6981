/* The `uid` member of an event, as an acknowledgement may name it.  Pure. */
#ifndef TP_HEC_LINE_UID_H
#define TP_HEC_LINE_UID_H

#include <stddef.h>

#include "lib/uid.h"

/*
 * "" when the event is no JSON object, or its uid cannot stand in an
 * acknowledgement.  SCAN_PADDING bytes behind the event must be readable.
 */
void line_uid(const char *event, size_t len_bytes, char uid[UID_MAX_BYTES + 1]);

#endif

/*
 * One acknowledgement line, as tp-hec or any other sink writes it.  Pure.
 *
 *     ack N [uid]      lines 1..N of this run's input are safe
 *     N                the same, so that `wc -l` is a sink
 *     end N            input ended, all N lines are safe
 *     stop N [text]    giving up; nothing beyond N is promised
 *     # text           comment
 *
 * Blanks before and behind are allowed (some wc print them), and so is one CR
 * at the end.  An empty line is a comment.
 */
#ifndef TP_CURSOR_ACK_LINE_H
#define TP_CURSOR_ACK_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/uid.h"

enum { ACK_LINE_MAX_BYTES = 512 }; /* without the newline */

enum ack_kind {
	ACK_BAD, /* not of the grammar, or too long */
	ACK_COMMENT,
	ACK_UP_TO, /* `ack N` or `N` */
	ACK_END,
	ACK_STOP
};

struct ack_line {
	enum ack_kind kind;
	int64_t line;                /* N, 0 to INT64_MAX */
	char uid[UID_MAX_BYTES + 1]; /* "" when there is none */
	const char *text;            /* of ACK_STOP; points into the input */
	size_t text_len_bytes;
};

/* Reads one line, given without its newline. */
struct ack_line ack_line_parse(const char *bytes, size_t len_bytes);

#endif

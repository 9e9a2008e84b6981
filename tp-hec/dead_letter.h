/*
 * The dead-letter file: events that cannot be delivered, with the reason.
 *
 * NDJSON, one record a line, which a person can read and tp-hec send again:
 *
 *	{"time":"2026-11-23T13:00:00Z","line":12,"uid":"u","code":6,
 *	 "status":400,"reason":"Invalid data format","event":{...}}
 *
 * `time` is when it was set aside.  What is not known (uid, code, status) is
 * left out.  A line that is no JSON stands as "raw", a string, or if it is not
 * UTF-8 either as "raw_base64".
 *
 * Promises:
 *  1. What dead_letter_add() has added before a dead_letter_sync() that
 *     returned 0 survives a crash; a line may be acknowledged then, and only
 *     then.
 *  2. The file holds whole records only.  A write that fails half way is cut
 *     back.  A torn last record, left by a crash, is cut off before anything
 *     else is written: it was never synced, so its line was never acknowledged
 *     and comes again.  One that lacks but its newline gets it.
 *  3. Several processes may share a file: each holds a lock while it writes.
 *  4. A file that was renamed or removed (by someone who will send it again) is
 *     not written any more: the next record begins a new one.
 *
 * All calls may block on the disk.  Silent: -1 means errno says why.
 */
#ifndef TP_HEC_DEAD_LETTER_H
#define TP_HEC_DEAD_LETTER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/buffer.h"
#include "tp-hec/scan.h"

struct dead_letter;

struct dead_letter_record {
	uint64_t line;
	const char *uid;    /* NULL: none */
	int code;           /* HEC's; -1: none */
	int status;         /* HTTP; 0: none */
	const char *reason; /* in words */
	const char *event;
	size_t len_bytes;
	int is_json; /* scan_object() said SCAN_OK of the event */
};

/*
 * Opens or makes (mode 0600) the file `path`, which is copied; it must be a
 * regular file (else EINVAL).  *cut_bytes is how much of a torn record was cut
 * off.
 */
struct dead_letter *dead_letter_open(const char *path, size_t *cut_bytes);

int
dead_letter_add(struct dead_letter *file, const struct dead_letter_record *);

/* Whether `fd` is this file, under whatever name. */
int dead_letter_is(const struct dead_letter *file, int fd);

/* After a failure the contents are unknown: give up, do not try again. */
int dead_letter_sync(struct dead_letter *file);

/* Does not sync; NULL is legal. */
void dead_letter_close(struct dead_letter *file);

/*
 * The reverse: gives the event's own bytes out of a record.  They are a part of
 * `line`, or in `scratch`, whose contents are replaced.  SCAN_PADDING bytes
 * behind the line must be readable, and are behind the event.  -1: not such a
 * record (an event's own line is none), or one whose event is nested
 * SCAN_MAX_DEPTH deep, to which the record adds a level.  Pure.
 */
int dead_letter_event(const char *line, size_t len_bytes,
    struct buffer *scratch, struct scan_slice *event);

#endif

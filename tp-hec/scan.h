/*
 * One input line: is it a JSON object, and where are the members that matter?
 * Pure; the hot path of tp-hec, so one pass, no tree, no copy.
 *
 * Validates strictly (RFC 8259: one object, nothing behind it but blanks;
 * UTF-8; no raw control characters; numbers and escapes by the grammar;
 * nesting up to SCAN_MAX_DEPTH).  Of a repeated top-level key the last counts.
 * A \u escape may name half of a surrogate pair: the grammar allows it.
 *
 *	struct scan_names names = { 0 };
 *	size_t uid = scan_names_add(&names, "uid");
 *	if (scan_object(line, len, &names, &result) == SCAN_OK)
 *		... result.value[uid] ...
 */
#ifndef TP_HEC_SCAN_H
#define TP_HEC_SCAN_H

#include <stddef.h>
#include <stdint.h>

enum { SCAN_MAX_DEPTH = 1024, SCAN_MAX_MEMBERS = 32, SCAN_PADDING = 64 };

enum scan_status {
	SCAN_OK,
	SCAN_NOT_OBJECT, /* does not begin with '{' */
	SCAN_NOT_JSON,   /* breaks the grammar, or goes on behind the object */
	SCAN_NOT_UTF8,
	SCAN_TOO_DEEP
};

/*
 * Which top-level members to look for; a zeroed struct names none.  Names are
 * compared as raw bytes between the quotes (no escapes: no name that we look
 * for has any).
 */
struct scan_names {
	const char *name[SCAN_MAX_MEMBERS];
	size_t len_bytes[SCAN_MAX_MEMBERS];
	size_t count;
	uint64_t lengths; /* bit n % 64: there is a name of n bytes */
};

/*
 * Adds a name, which is kept, not copied, and returns its place; that of the
 * same name when it is there already.  SCAN_MAX_MEMBERS when there is no room.
 */
size_t scan_names_add(struct scan_names *names, const char *name);

/* A member's value as it stands: with its quotes when it is a string. */
struct scan_slice {
	const char *text; /* NULL: not there, and the length is 0 */
	size_t len_bytes;
};

struct scan_result {
	struct scan_slice value[SCAN_MAX_MEMBERS]; /* the first names->count */
	size_t bad_offset; /* where the grammar broke, unless SCAN_OK */
};

/*
 * `line` has no newline.  SCAN_PADDING bytes behind it must be readable (their
 * contents do not matter).  Values are set only by SCAN_OK.
 */
enum scan_status scan_object(const char *line, size_t len_bytes,
    const struct scan_names *names, struct scan_result *result);

/* Words for a status, for messages and dead letters. */
const char *scan_reason(enum scan_status status);

#endif

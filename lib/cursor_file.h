/*
 * S/cursor: what is committed.  See DESIGN.md for the document.
 *
 * tp-fetch reads it, tp-cursor writes it.  The state is a jansson object; its
 * meaning is tp-fetch's alone.
 */
#ifndef LIB_CURSOR_FILE_H
#define LIB_CURSOR_FILE_H

#include <jansson.h>
#include <stdint.h>

enum cursor_status {
	CURSOR_OK,
	CURSOR_MISSING, /* never ran */
	CURSOR_DAMAGED, /* never "start again"; `why` says what is wrong */
	CURSOR_ERROR    /* errno says why */
};

struct cursor {
	json_t *state; /* owned; NULL when nothing was read */
	char run[65];
	char written[40]; /* RFC 3339, "" before the first write */
	char by[64];
	int64_t line;
	int64_t offset_bytes; /* where in that run's journal folding goes on */
};

/* Reads and checks.  `why` (128 bytes) is filled for CURSOR_DAMAGED. */
enum cursor_status
cursor_file_read(int dir_fd, struct cursor *cursor, char why[128]);

/*
 * Replaces S/cursor durably; `written` and `by` are set here.  -1 with errno
 * and *step as atomic_file_replace().
 */
int cursor_file_write(int dir_fd, const char *program, struct cursor *cursor,
    const char **step);

/* Releases the state; the struct may be read into again. */
void cursor_free(struct cursor *cursor);

/* Whether `id` can be a run id: 1 to 64 of [A-Za-z0-9._:-]. */
int cursor_is_run_id(const char *id);

#endif

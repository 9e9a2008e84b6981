/*
 * S/journal as a file: its header, whether it is still the current one, and
 * the trimming of what is committed.  Records are journal_reader's.
 *
 * A new run renames a new file into place, so an open journal never changes
 * its run.  Silent; blocks only as a file does.
 */
#ifndef TP_CURSOR_JOURNAL_H
#define TP_CURSOR_JOURNAL_H

#include <jansson.h>
#include <stdint.h>

struct journal {
	int fd;
	int is_writable; /* else it cannot be trimmed */
	char run[65];
	json_t *state; /* what the run starts from; owned */
	int is_tagged; /* lines carry their numbers: filters may drop some */
	json_t *mark_path;      /* array of member names; owned */
	int64_t records_offset; /* just behind the header */
	int64_t trimmed_offset; /* punched out from records_offset to here */
};

enum journal_open_status {
	JOURNAL_OPEN_OK,
	JOURNAL_OPEN_MISSING,
	JOURNAL_OPEN_DAMAGED, /* no header, or of another version */
	JOURNAL_OPEN_ERROR    /* errno says why */
};

/* `journal` is filled only for JOURNAL_OPEN_OK; then journal_close() it. */
enum journal_open_status journal_open(int dir_fd, struct journal *journal);
void journal_close(struct journal *journal);

/*
 * Makes this process the only one that folds the journal, until it is closed.
 * -1 with errno; EWOULDBLOCK: another one does.
 */
int journal_claim(const struct journal *journal);

/*
 * Whether S/journal is still this run.  When it is not, `other` has the run
 * that took its place, or "" when none can be read.
 */
int
journal_is_current(const struct journal *journal, int dir_fd, char other[65]);

int64_t journal_size(const struct journal *journal);

/*
 * Gives the disk back what lies before `offset_bytes`; offsets stay valid.
 * Goes in steps of JOURNAL_TRIM_STEP_BYTES, so mostly does nothing.  -1 with
 * errno: the file system cannot, and need not be asked again.
 */
enum { JOURNAL_TRIM_STEP_BYTES = 1 << 20 };
int journal_trim(struct journal *journal, int64_t offset_bytes);

/* How many bytes have been given back so far, by whomever. */
int64_t journal_trimmed_bytes(const struct journal *journal);

#endif

/*
 * One commit: S/cursor replaced by the state after a line, on condition that
 * the run is still the current one.
 *
 * Two programs that commit on one S take turns (flock on the directory), so
 * that an overtaken one cannot pass the check, sleep, and then put its old
 * position over a newer one.
 */
#ifndef TP_CURSOR_COMMIT_H
#define TP_CURSOR_COMMIT_H

#include <jansson.h>
#include <stdint.h>

struct journal;

struct commit {
	int64_t line;         /* the last line that is folded into the state */
	int64_t offset_bytes; /* where in the journal folding goes on */
	int64_t read_offset_bytes; /* nobody reads before it any more */
	json_t *state;             /* borrowed */
};

/*
 * Durable when it returns 0; then what lies before read_offset_bytes is
 * trimmed from the journal.  Else one line has been printed, the old cursor
 * stands (or, after a failed fsync of the directory, either), and the result is
 * the exit code.  Blocks on the disk.
 */
int commit_write(int dir_fd, const char *path, struct journal *journal,
    const struct commit *commit);

#endif

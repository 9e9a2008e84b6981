/* One run's journal on its way into S/cursor. */
#include "tp-cursor/run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cursor_file.h"
#include "lib/message.h"
#include "lib/uid.h"
#include "tp-cursor/commit.h"
#include "tp-cursor/fold.h"
#include "tp-cursor/journal.h"
#include "tp-cursor/journal_reader.h"

enum { CLAIM_WAIT_MS = 1000, CLAIM_NAP_MS = 10 };

/*
 * Invariants: (1) committed_line <= folded_line <= looked_line; (2) looker
 * stands behind line looked_line's record, folder behind folded_line's and
 * perhaps some moves; (3) neither goes beyond the record `f N`.
 */
struct run {
	int dir_fd;
	const char *path;
	struct journal journal;
	struct journal_reader *looker;
	struct journal_reader *folder;
	struct fold *fold;
	int64_t looked_line;
	char looked_uid[UID_MAX_BYTES + 1];
	int64_t folded_line;
	int64_t committed_line;
	int64_t committed_offset; /* -1: S/cursor has nothing of this run */
};

/* The run's place in its journal: S/cursor's, or the beginning. */
static int
take_base(struct run *run)
{
	struct cursor cursor;
	struct journal *journal = &run->journal;
	json_t *state = journal->state;
	int64_t offset = journal->records_offset;
	char why[128];
	int result = 0;

	enum cursor_status status = cursor_file_read(run->dir_fd, &cursor, why);
	run->committed_offset = status == CURSOR_MISSING ? -1 : offset;
	if (status == CURSOR_DAMAGED) {
		message("%s/cursor: damaged: %s: put back a good copy, or "
			"remove it and give tp-fetch a --start-time",
		    run->path, why);
		result = EXIT_DATA;
	} else if (status == CURSOR_ERROR) {
		message("%s/cursor: %s", run->path, strerror(errno));
		result = EXIT_IO;
	} else if (status == CURSOR_OK &&
		   strcmp(cursor.run, journal->run) == 0) {
		state = cursor.state;
		offset = run->committed_offset = cursor.offset_bytes;
		run->committed_line = cursor.line;
		if (offset < journal->records_offset ||
		    offset > journal_size(journal)) {
			message("%s/journal: damaged: it has %lld bytes, and "
				"S/cursor stands at %lld: start the next run",
			    run->path, (long long)journal_size(journal),
			    (long long)offset);
			result = EXIT_DATA;
		}
	}
	run->looked_line = run->folded_line = run->committed_line;
	run->looker = journal_reader_new(journal->fd, offset);
	run->folder = journal_reader_new(journal->fd, offset);
	run->fold = fold_new(state, journal->mark_path);
	cursor_free(&cursor);
	return result;
}

/*
 * Only then is S/cursor's word on this run not about to change.  Waits a
 * moment: a second pipe that is turned away from S may just be looking whether
 * it has moves to commit.
 */
static int
claim(const struct run *run)
{
	const struct timespec nap = { .tv_nsec = CLAIM_NAP_MS * 1000000 };
	int tries = CLAIM_WAIT_MS / CLAIM_NAP_MS;

	while (journal_claim(&run->journal) == -1) {
		if (errno != EWOULDBLOCK) {
			message("%s/journal: cannot be locked: %s", run->path,
			    strerror(errno));
			return EXIT_IO;
		}
		if (tries-- == 0) {
			message("%s: another tp-cursor works on run %s",
			    run->path, run->journal.run);
			return EXIT_TRY_AGAIN;
		}
		nanosleep(&nap, NULL);
	}
	return 0;
}

static int
explain_open(enum journal_open_status status, const char *path)
{
	switch (status) {
	case JOURNAL_OPEN_DAMAGED:
		message("%s/journal: damaged: it has no header that this "
			"program knows: the next run of tp-fetch replaces it",
		    path);
		return EXIT_DATA;
	case JOURNAL_OPEN_ERROR:
		message("%s/journal: %s", path, strerror(errno));
		return EXIT_IO;
	case JOURNAL_OPEN_MISSING:
	case JOURNAL_OPEN_OK:
		break;
	}
	return 0;
}

int
run_open(int dir_fd, const char *path, const char *wanted, int is_patient,
    struct run **run, char other[65])
{
	struct journal journal;

	*run = NULL;
	other[0] = '\0';
	enum journal_open_status status = journal_open(dir_fd, &journal);
	if (status != JOURNAL_OPEN_OK)
		return is_patient ? 0 : explain_open(status, path);
	if (wanted != NULL && strcmp(journal.run, wanted) != 0) {
		memcpy(other, journal.run, sizeof(journal.run));
		journal_close(&journal);
		return 0;
	}
	struct run *opened = calloc(1, sizeof(*opened));
	if (opened == NULL)
		die(EXIT_OS, "out of memory");
	*opened =
	    (struct run){ .dir_fd = dir_fd, .path = path, .journal = journal };
	int result = claim(opened);
	if (result == 0)
		result = take_base(opened);
	if (result != 0) {
		run_free(opened);
		return result;
	}
	message_verbose("%s: run %s, from line %lld", path, journal.run,
	    (long long)opened->committed_line);
	*run = opened;
	return 0;
}

void
run_free(struct run *run)
{
	if (run == NULL)
		return;
	journal_reader_free(run->looker);
	journal_reader_free(run->folder);
	fold_free(run->fold);
	journal_close(&run->journal);
	free(run);
}

const char *
run_id(const struct run *run)
{
	return run->journal.run;
}

int
run_is_tagged(const struct run *run)
{
	return run->journal.is_tagged;
}

int64_t
run_committed_line(const struct run *run)
{
	return run->committed_line;
}

static int
explain_record(const struct run *run, const struct journal_reader *reader,
    enum journal_status status)
{
	if (status == JOURNAL_ERROR) {
		message("%s/journal: %s", run->path, strerror(errno));
		return EXIT_IO;
	}
	message("%s/journal: damaged: what stands at byte %lld is no record: "
		"nothing behind line %lld can be committed; the next run "
		"fetches it again",
	    run->path, (long long)journal_reader_offset(reader),
	    (long long)run->folded_line);
	return EXIT_DATA;
}

int
run_look(struct run *run, int64_t line, int *is_there, const char **uid)
{
	struct journal_record record;
	enum journal_status status = JOURNAL_RECORD;

	*uid = run->looked_line == line ? run->looked_uid : "";
	while (run->looked_line < line) {
		status = journal_reader_peek(run->looker, &record);
		if (status != JOURNAL_RECORD || record.kind == JOURNAL_FINISHED)
			break;
		journal_reader_advance(run->looker);
		if (record.kind != JOURNAL_LINE)
			continue;
		if (++run->looked_line < line)
			continue;
		memcpy(run->looked_uid, record.uid, record.uid_len_bytes);
		run->looked_uid[record.uid_len_bytes] = '\0';
		*uid = run->looked_uid;
	}
	*is_there = run->looked_line >= line;
	return status == JOURNAL_RECORD || status == JOURNAL_END
		   ? 0
		   : explain_record(run, run->looker, status);
}

int
run_look_to_end(struct run *run, int64_t *lines, int *is_finished)
{
	struct journal_record record;
	int is_there;
	const char *uid;

	int result = run_look(run, INT64_MAX, &is_there, &uid);
	if (result != 0)
		return result;
	*lines = run->looked_line;
	*is_finished =
	    journal_reader_peek(run->looker, &record) == JOURNAL_RECORD;
	if (*is_finished && record.lines != *lines) {
		message("%s/journal: damaged: it says that run %s ended after "
			"%lld lines, and has %lld",
		    run->path, run->journal.run, (long long)record.lines,
		    (long long)*lines);
		return EXIT_DATA;
	}
	return 0;
}

static int
fold_record(struct run *run, const struct journal_record *record)
{
	if (record->patch_len_bytes > 0)
		return fold_patch(run->fold, record->patch,
		    record->patch_len_bytes);
	if (record->uid_len_bytes > 0)
		fold_mark(run->fold, record->uid, record->uid_len_bytes);
	return 0;
}

static int
fold_to(struct run *run, int64_t line)
{
	struct journal_record record;
	enum journal_status status;

	for (;;) {
		status = journal_reader_peek(run->folder, &record);
		if (status != JOURNAL_RECORD ||
		    record.kind == JOURNAL_FINISHED ||
		    (record.kind == JOURNAL_LINE && run->folded_line >= line))
			break;
		if (fold_record(run, &record) == -1)
			return explain_record(run, run->folder,
			    JOURNAL_DAMAGED);
		journal_reader_advance(run->folder);
		run->folded_line += record.kind == JOURNAL_LINE;
	}
	return status == JOURNAL_RECORD || status == JOURNAL_END
		   ? 0
		   : explain_record(run, run->folder, status);
}

/* The folder takes the moves behind a line at once, the looker only later. */
static int64_t
read_offset(const struct run *run)
{
	int64_t looked = journal_reader_offset(run->looker);
	int64_t folded = journal_reader_offset(run->folder);

	return looked < folded ? looked : folded;
}

int
run_commit(struct run *run, int64_t line)
{
	int result = fold_to(run, line);

	if (result != 0)
		return result;
	struct commit commit = { .line = run->folded_line,
		.offset_bytes = journal_reader_offset(run->folder),
		.read_offset_bytes = read_offset(run),
		.state = fold_state(run->fold) };
	if (commit.offset_bytes == run->committed_offset)
		return 0;
	result = commit_write(run->dir_fd, run->path, &run->journal, &commit);
	if (result == 0) {
		run->committed_line = commit.line;
		run->committed_offset = commit.offset_bytes;
		message_verbose("%s: committed line %lld", run->path,
		    (long long)commit.line);
	}
	return result;
}

/* S/journal as a file. */
#include "tp-cursor/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cursor_file.h"
#include "tp-cursor/journal_reader.h"

enum { JOURNAL_VERSION = 1 };

static int
is_mark_path(const json_t *path)
{
	size_t i;
	json_t *name;

	if (!json_is_array(path))
		return 0;
	json_array_foreach(path, i, name)
	{
		if (!json_is_string(name))
			return 0;
	}
	return 1;
}

/* {"journal":1,"run":"ID","mark":[...],"state":{...}}, and "tagged" or not */
static int
parse_header(const char *text, size_t len_bytes, struct journal *journal)
{
	json_error_t error;
	json_int_t version;
	const char *run;
	int is_tagged = 0;
	json_t *path;
	json_t *state;
	json_t *header =
	    json_loadb(text, len_bytes, JSON_REJECT_DUPLICATES, &error);
	int is_header = json_unpack(header, "{s:I,s:s,s:o,s:o,s?b}", "journal",
			    &version, "run", &run, "mark", &path, "state",
			    &state, "tagged", &is_tagged) == 0 &&
			version == JOURNAL_VERSION && cursor_is_run_id(run) &&
			is_mark_path(path) && json_is_object(state);

	if (is_header) {
		snprintf(journal->run, sizeof(journal->run), "%s", run);
		journal->is_tagged = is_tagged;
		journal->mark_path = json_incref(path);
		journal->state = json_incref(state);
	}
	json_decref(header);
	return is_header ? 0 : -1;
}

static enum journal_open_status
read_header(struct journal *journal)
{
	struct journal_reader *reader = journal_reader_new(journal->fd, 0);
	const char *text;
	size_t len_bytes;
	enum journal_open_status result = JOURNAL_OPEN_DAMAGED;

	switch (journal_reader_peek_text(reader, &text, &len_bytes)) {
	case JOURNAL_RECORD:
		if (parse_header(text, len_bytes, journal) == -1)
			break;
		journal->records_offset = (int64_t)len_bytes + 1;
		journal->trimmed_offset = journal->records_offset;
		result = JOURNAL_OPEN_OK;
		break;
	case JOURNAL_ERROR:
		result = JOURNAL_OPEN_ERROR;
		break;
	case JOURNAL_END:
	case JOURNAL_DAMAGED:
		break;
	}
	journal_reader_free(reader);
	return result;
}

enum journal_open_status
journal_open(int dir_fd, struct journal *journal)
{
	*journal = (struct journal){ .is_writable = 1 };
	journal->fd = openat(dir_fd, "journal", O_RDWR | O_CLOEXEC);
	if (journal->fd == -1 && (errno == EACCES || errno == EROFS)) {
		journal->is_writable = 0;
		journal->fd = openat(dir_fd, "journal", O_RDONLY | O_CLOEXEC);
	}
	if (journal->fd == -1)
		return errno == ENOENT ? JOURNAL_OPEN_MISSING
				       : JOURNAL_OPEN_ERROR;
	enum journal_open_status status = read_header(journal);
	if (status != JOURNAL_OPEN_OK) {
		int saved_errno = errno;
		journal_close(journal);
		errno = saved_errno;
	}
	return status;
}

void
journal_close(struct journal *journal)
{
	if (journal->fd != -1)
		close(journal->fd);
	journal->fd = -1;
	json_decref(journal->state);
	json_decref(journal->mark_path);
	journal->state = NULL;
	journal->mark_path = NULL;
}

int
journal_claim(const struct journal *journal)
{
	return flock(journal->fd, LOCK_EX | LOCK_NB);
}

int
journal_is_current(const struct journal *journal, int dir_fd, char other[65])
{
	struct stat named;
	struct stat ours;
	struct journal now;

	other[0] = '\0';
	/* An open file's inode number is not given to another. */
	if (fstatat(dir_fd, "journal", &named, 0) == 0 &&
	    fstat(journal->fd, &ours) == 0 && named.st_dev == ours.st_dev &&
	    named.st_ino == ours.st_ino)
		return 1;
	if (journal_open(dir_fd, &now) != JOURNAL_OPEN_OK)
		return 0;
	snprintf(other, 65, "%s", now.run);
	journal_close(&now);
	return strcmp(other, journal->run) == 0;
}

int64_t
journal_size(const struct journal *journal)
{
	struct stat status;

	return fstat(journal->fd, &status) == 0 ? status.st_size : 0;
}

int
journal_trim(struct journal *journal, int64_t offset_bytes)
{
	int64_t len_bytes = offset_bytes - journal->trimmed_offset;

	if (!journal->is_writable || len_bytes < JOURNAL_TRIM_STEP_BYTES)
		return 0;
	if (fallocate(journal->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		journal->trimmed_offset, len_bytes) == -1) {
		journal->is_writable = 0;
		return -1;
	}
	journal->trimmed_offset = offset_bytes;
	return 0;
}

int64_t
journal_trimmed_bytes(const struct journal *journal)
{
	off_t hole = lseek(journal->fd, 0, SEEK_HOLE);
	off_t size = journal_size(journal);

	if (hole == -1 || hole >= size)
		return 0;
	off_t data = lseek(journal->fd, hole, SEEK_DATA);
	return (data == -1 ? size : data) - hole;
}

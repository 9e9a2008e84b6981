/* One commit. */
#include "tp-cursor/commit.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>

#include "lib/cursor_file.h"
#include "lib/message.h"
#include "tp-cursor/journal.h"

/*
 * Where a directory cannot be locked (some network file systems) the check
 * that the run is current is all there is, so failing is not an error.
 */
static void
lock_directory(int dir_fd)
{
	while (flock(dir_fd, LOCK_EX) == -1 && errno == EINTR)
		;
}

static int
write_if_current(int dir_fd, const char *path, const struct journal *journal,
    const struct commit *commit)
{
	struct cursor cursor = { .state = commit->state,
		.line = commit->line,
		.offset_bytes = commit->offset_bytes };
	char other[sizeof(journal->run)];
	const char *step;

	if (!journal_is_current(journal, dir_fd, other)) {
		message("%s: run %s was overtaken%s%s: line %lld is not "
			"committed; it will be fetched again",
		    path, journal->run, *other ? " by run " : "", other,
		    (long long)commit->line);
		return EXIT_TRY_AGAIN;
	}
	memcpy(cursor.run, journal->run, sizeof(cursor.run));
	if (cursor_file_write(dir_fd, message_program(), &cursor, &step) == 0)
		return 0;
	message("%s/cursor: cannot commit line %lld: %s: %s", path,
	    (long long)commit->line, step, strerror(errno));
	return EXIT_IO;
}

int
commit_write(int dir_fd, const char *path, struct journal *journal,
    const struct commit *commit)
{
	lock_directory(dir_fd);
	int result = write_if_current(dir_fd, path, journal, commit);
	flock(dir_fd, LOCK_UN);
	if (result == 0 &&
	    journal_trim(journal, commit->read_offset_bytes) == -1)
		message_verbose("%s/journal: cannot be trimmed, and so grows "
				"until the next run: %s",
		    path, strerror(errno));
	return result;
}

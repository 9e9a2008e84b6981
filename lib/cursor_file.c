/* S/cursor: a document that proves itself. */
#include "lib/cursor_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/atomic_file.h"
#include "lib/message.h"
#include "lib/timestamp.h"

enum { CURSOR_VERSION = 1, CURSOR_FILE_MODE = 0600 };

/* crc32 of the document without its checksum, compact, keys sorted. */
static void
checksum(json_t *document, char text[16])
{
	json_t *bare = json_copy(document);

	json_object_del(bare, "checksum");
	char *compact = json_dumps(bare, JSON_COMPACT | JSON_SORT_KEYS);
	if (compact == NULL)
		die(EXIT_OS, "out of memory");
	uLong crc = crc32(0, (const Bytef *)compact, (uInt)strlen(compact));
	snprintf(text, 16, "crc32:%08lx", crc & 0xffffffffUL);
	free(compact);
	json_decref(bare);
}

static enum cursor_status
damaged(char why[128], const char *what)
{
	snprintf(why, 128, "%s", what);
	return CURSOR_DAMAGED;
}

/* Types first, then the checksum, so that `why` is as exact as it can be. */
static enum cursor_status
check_document(json_t *document, struct cursor *cursor, char why[128])
{
	const char *written;
	const char *by;
	const char *run;
	const char *sum;
	json_int_t version;
	json_int_t line;
	json_int_t offset;
	json_t *state;
	char expected[16];

	if (json_unpack(document, "{s:I}", "version", &version) == -1)
		return damaged(why, "it has no version");
	if (version != CURSOR_VERSION)
		return damaged(why,
		    "its version is not one this program knows");
	if (json_unpack(document, "{s:s,s:s,s:s,s:I,s:I,s:o,s:s}", "written",
		&written, "by", &by, "run", &run, "line", &line, "offset",
		&offset, "state", &state, "checksum", &sum) == -1 ||
	    !json_is_object(state) || !cursor_is_run_id(run) || line < 0 ||
	    offset < 0)
		return damaged(why, "a member is missing or of another type");
	checksum(document, expected);
	if (strcmp(sum, expected) != 0)
		return damaged(why, "its checksum does not match");
	snprintf(cursor->written, sizeof(cursor->written), "%s", written);
	snprintf(cursor->by, sizeof(cursor->by), "%s", by);
	snprintf(cursor->run, sizeof(cursor->run), "%s", run);
	cursor->line = line;
	cursor->offset_bytes = offset;
	cursor->state = json_incref(state);
	return CURSOR_OK;
}

enum cursor_status
cursor_file_read(int dir_fd, struct cursor *cursor, char why[128])
{
	json_error_t error;

	*cursor = (struct cursor){ 0 };
	int fd = openat(dir_fd, "cursor", O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return errno == ENOENT ? CURSOR_MISSING : CURSOR_ERROR;
	struct stat status;
	if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		close(fd);
		errno = EISDIR;
		return CURSOR_ERROR;
	}
	json_t *document = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
	close(fd);
	if (document == NULL)
		return damaged(why, "it is not a whole JSON document");
	enum cursor_status result = check_document(document, cursor, why);
	json_decref(document);
	return result;
}

int
cursor_file_write(int dir_fd, const char *program, struct cursor *cursor,
    const char **step)
{
	char sum[16];

	timestamp_format((struct timestamp){ timestamp_now().seconds, 0 },
	    cursor->written);
	snprintf(cursor->by, sizeof(cursor->by), "%s " VERSION, program);
	json_t *document = json_pack("{s:i,s:s,s:s,s:s,s:I,s:I,s:O}", "version",
	    CURSOR_VERSION, "written", cursor->written, "by", cursor->by, "run",
	    cursor->run, "line", (json_int_t)cursor->line, "offset",
	    (json_int_t)cursor->offset_bytes, "state", cursor->state);
	if (document == NULL)
		die(EXIT_OS, "out of memory");
	checksum(document, sum);
	json_object_set_new(document, "checksum", json_string(sum));
	char *text = json_dumps(document, JSON_INDENT(2));
	if (text == NULL)
		die(EXIT_OS, "out of memory");
	size_t len_bytes = strlen(text);
	text[len_bytes] = '\n'; /* in place of the NUL */
	int result = atomic_file_replace(dir_fd, "cursor", CURSOR_FILE_MODE,
	    text, len_bytes + 1, step);
	int saved_errno = errno;
	free(text);
	json_decref(document);
	errno = saved_errno;
	return result;
}

void
cursor_free(struct cursor *cursor)
{
	json_decref(cursor->state);
	cursor->state = NULL;
}

int
cursor_is_run_id(const char *id)
{
	size_t len =
	    strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		       "0123456789._:-");

	return len >= 1 && len <= 64 && id[len] == '\0';
}

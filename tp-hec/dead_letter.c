/* Events set aside, durably. */
#include "tp-hec/dead_letter.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/io.h"
#include "lib/message.h"
#include "lib/timestamp.h"

struct dead_letter {
	int fd;
	char *path;
	struct buffer record;
};

/* --- the file ------------------------------------------------------------ */

static int
lock(int fd)
{
	int result;

	do
		result = flock(fd, LOCK_EX);
	while (result == -1 && errno == EINTR);
	return result;
}

static void
unlock(int fd)
{
	int saved_errno = errno;

	flock(fd, LOCK_UN);
	errno = saved_errno;
}

/* Closes and unlocks, keeping errno. */
static void
close_quietly(int fd)
{
	int saved_errno = errno;

	if (fd != -1)
		close(fd);
	errno = saved_errno;
}

/* A new name lasts only when its directory was synced. */
static int
sync_directory(const char *path)
{
	char *copy = strdup(path);
	int result = -1;

	if (copy == NULL)
		return -1;
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1)
		result = fsync(fd);
	close_quietly(fd);
	free(copy);
	return result;
}

/* Where the last whole record ends, looking back from `size`; -1: failed. */
static off_t
last_record_end(int fd, off_t size)
{
	char block[4096];

	while (size > 0) {
		off_t begin = size > (off_t)sizeof(block)
				  ? size - (off_t)sizeof(block)
				  : 0;
		ssize_t n = pread(fd, block, (size_t)(size - begin), begin);
		if (n != size - begin) {
			if (n >= 0)
				errno = EIO;
			return -1;
		}
		const char *newline = memrchr(block, '\n', (size_t)n);
		if (newline != NULL)
			return begin + (newline - block) + 1;
		size = begin;
	}
	return 0;
}

/* Whether the file's last bytes are a record that lacks but its newline, as an
   editor may leave it. */
static int
is_whole_record(int fd, off_t begin, size_t len_bytes)
{
	struct scan_names names = { 0 };
	struct scan_result scan;
	struct buffer text = { 0 };
	char *bytes = buffer_reserve(&text, len_bytes + SCAN_PADDING);
	int is_whole;

	memset(bytes + len_bytes, 0, SCAN_PADDING);
	is_whole = pread(fd, bytes, len_bytes, begin) == (ssize_t)len_bytes &&
		   scan_object(bytes, len_bytes, &names, &scan) == SCAN_OK;
	buffer_free(&text);
	return is_whole;
}

/* Makes the file end with a whole record, and says where.  With the lock held,
   so that no live writer's record is taken for torn. */
static int
mend_end(int fd, off_t *end, size_t *cut_bytes)
{
	struct stat status;

	*cut_bytes = 0;
	if (fstat(fd, &status) == -1)
		return -1;
	if (!S_ISREG(status.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	*end = last_record_end(fd, status.st_size);
	if (*end == -1 || *end == status.st_size)
		return *end == -1 ? -1 : 0;
	size_t tail_bytes = (size_t)(status.st_size - *end);
	if (is_whole_record(fd, *end, tail_bytes)) {
		*end = status.st_size + 1;
		return io_write_all(fd, "\n", 1);
	}
	*cut_bytes = tail_bytes;
	return ftruncate(fd, *end);
}

static int
open_file(const char *path, size_t *cut_bytes)
{
	off_t end;

	/* Non-blocking, lest a FIFO hang before it is refused. */
	int fd = open(path,
	    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd == -1)
		return -1;
	if (lock(fd) == -1 || mend_end(fd, &end, cut_bytes) == -1 ||
	    sync_directory(path) == -1) {
		close_quietly(fd);
		return -1;
	}
	unlock(fd);
	return fd;
}

struct dead_letter *
dead_letter_open(const char *path, size_t *cut_bytes)
{
	struct dead_letter *file = calloc(1, sizeof(*file));

	if (file == NULL || (file->path = strdup(path)) == NULL)
		die(EXIT_OS, "out of memory");
	file->fd = open_file(path, cut_bytes);
	if (file->fd == -1) {
		int saved_errno = errno;
		dead_letter_close(file);
		errno = saved_errno;
		return NULL;
	}
	return file;
}

void
dead_letter_close(struct dead_letter *file)
{
	if (file == NULL)
		return;
	close_quietly(file->fd);
	buffer_free(&file->record);
	free(file->path);
	free(file);
}

int
dead_letter_sync(struct dead_letter *file)
{
	return fsync(file->fd);
}

static int
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int
dead_letter_is(const struct dead_letter *file, int fd)
{
	struct stat ours;
	struct stat other;

	return fstat(file->fd, &ours) == 0 && fstat(fd, &other) == 0 &&
	       is_same_file(&ours, &other);
}

/* Whether the path still names the file that is open. */
static int
is_in_place(const struct dead_letter *file)
{
	struct stat open_file;
	struct stat named_file;

	return fstat(file->fd, &open_file) == 0 &&
	       stat(file->path, &named_file) == 0 &&
	       is_same_file(&open_file, &named_file);
}

/* Locks the file that has the name.  Another is synced before it is let go, for
   records in it may still wait for their sync. */
static int
lock_named_file(struct dead_letter *file)
{
	for (;;) {
		size_t cut_bytes;
		if (lock(file->fd) == -1)
			return -1;
		if (is_in_place(file))
			return 0;
		if (fsync(file->fd) == -1)
			return -1;
		int fd = open_file(file->path, &cut_bytes);
		if (fd == -1)
			return -1;
		close_quietly(file->fd);
		file->fd = fd;
	}
}

/* After a write that failed, keeping its errno.  Should this fail too, the next
   to write mends it. */
static void
cut_back(int fd, off_t end)
{
	int saved_errno = errno;

	int ignored = ftruncate(fd, end);
	(void)ignored;
	errno = saved_errno;
}

/* --- records ------------------------------------------------------------- */

/* Appends bytes as a JSON string; -1 when they are not UTF-8. */
static int
append_string(struct buffer *into, const char *bytes, size_t len_bytes)
{
	json_t *string = json_stringn(bytes, len_bytes);
	char *json =
	    string == NULL ? NULL : json_dumps(string, JSON_ENCODE_ANY);

	if (json != NULL)
		buffer_append_text(into, json);
	json_decref(string);
	free(json);
	return json == NULL ? -1 : 0;
}

static void
append_base64(struct buffer *into, const char *bytes, size_t len_bytes)
{
	/* In parts that are a multiple of 3, because of EVP's int lengths. */
	const size_t part_bytes = 3 << 20;

	while (len_bytes > 0) {
		size_t n = len_bytes < part_bytes ? len_bytes : part_bytes;
		char *to = buffer_reserve(into, n / 3 * 4 + 5);
		into->len_bytes += (size_t)EVP_EncodeBlock((unsigned char *)to,
		    (const unsigned char *)bytes, (int)n);
		bytes += n;
		len_bytes -= n;
	}
}

static void
append_event(struct buffer *into, const struct dead_letter_record *record)
{
	size_t begin = into->len_bytes;

	if (record->is_json) {
		buffer_append_text(into, ",\"event\":");
		buffer_append(into, record->event, record->len_bytes);
		return;
	}
	buffer_append_text(into, ",\"raw\":");
	if (append_string(into, record->event, record->len_bytes) == 0)
		return;
	into->len_bytes = begin;
	buffer_append_text(into, ",\"raw_base64\":\"");
	append_base64(into, record->event, record->len_bytes);
	buffer_append_byte(into, '"');
}

static void
render(struct buffer *into, const struct dead_letter_record *record)
{
	char now[TIMESTAMP_BYTES];

	buffer_printf(into, "{\"time\":\"%s\",\"line\":%llu",
	    timestamp_format(timestamp_now(), now),
	    (unsigned long long)record->line);
	if (record->uid != NULL) {
		buffer_append_text(into, ",\"uid\":");
		if (append_string(into, record->uid, strlen(record->uid)) == -1)
			buffer_append_text(into, "null");
	}
	if (record->code >= 0)
		buffer_printf(into, ",\"code\":%d", record->code);
	if (record->status > 0)
		buffer_printf(into, ",\"status\":%d", record->status);
	buffer_append_text(into, ",\"reason\":");
	if (append_string(into, record->reason, strlen(record->reason)) == -1)
		buffer_append_text(into, "null");
	append_event(into, record);
	buffer_append_text(into, "}\n");
}

int
dead_letter_add(struct dead_letter *file,
    const struct dead_letter_record *record)
{
	off_t end;
	size_t cut_bytes;

	file->record.len_bytes = 0;
	render(&file->record, record);
	if (lock_named_file(file) == -1)
		return -1;
	/* Mended each time: another process may have died half way. */
	int result = mend_end(file->fd, &end, &cut_bytes);
	if (result == 0) {
		result = io_write_all(file->fd, file->record.data,
		    file->record.len_bytes);
		if (result == -1)
			cut_back(file->fd, end);
	}
	unlock(file->fd);
	return result;
}

/* --- the reverse --------------------------------------------------------- */

/* A JSON string's bytes into `scratch`. */
static int
decode_string(const struct scan_slice *string, struct buffer *scratch)
{
	json_t *value = json_loadb(string->text, string->len_bytes,
	    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	scratch->len_bytes = 0;
	if (!json_is_string(value)) {
		json_decref(value);
		return -1;
	}
	buffer_append(scratch, json_string_value(value),
	    json_string_length(value));
	json_decref(value);
	return 0;
}

static int
decode_base64(const struct scan_slice *string, struct buffer *scratch)
{
	const char *text = string->text + 1;
	size_t len_bytes = string->len_bytes - 2;
	size_t padding = 0;

	if (string->text[0] != '"' || len_bytes % 4 != 0 || len_bytes > INT_MAX)
		return -1;
	while (padding < 2 && padding < len_bytes &&
	       text[len_bytes - 1 - padding] == '=')
		padding++;
	scratch->len_bytes = 0;
	char *to = buffer_reserve(scratch, len_bytes / 4 * 3 + 1);
	int n = EVP_DecodeBlock((unsigned char *)to,
	    (const unsigned char *)text, (int)len_bytes);
	if (n < 0 || (size_t)n < padding)
		return -1;
	scratch->len_bytes = (size_t)n - padding; /* EVP counts it as bytes */
	return 0;
}

int
dead_letter_event(const char *line, size_t len_bytes, struct buffer *scratch,
    struct scan_slice *event)
{
	struct scan_names names = { 0 };
	struct scan_result scan;
	size_t reason = scan_names_add(&names, "reason");
	size_t json = scan_names_add(&names, "event");
	size_t raw = scan_names_add(&names, "raw");
	size_t base64 = scan_names_add(&names, "raw_base64");
	int result = -1;

	if (scan_object(line, len_bytes, &names, &scan) != SCAN_OK ||
	    scan.value[reason].text == NULL)
		return -1;
	if (scan.value[json].text != NULL) {
		*event = scan.value[json];
		return *event->text == '{' ? 0 : -1;
	}
	if (scan.value[raw].text != NULL)
		result = decode_string(&scan.value[raw], scratch);
	else if (scan.value[base64].text != NULL)
		result = decode_base64(&scan.value[base64], scratch);
	*event =
	    (struct scan_slice){ buffer_text(scratch), scratch->len_bytes };
	return result;
}

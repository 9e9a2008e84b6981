/* Records of a journal in order. */
#include "tp-cursor/journal_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/message.h"
#include "lib/uid.h"

enum { BLOCK_BYTES = 128 * 1024 };

/*
 * Invariants: (1) block holds the file's bytes from block_offset on;
 * (2) start <= block.len_bytes; (3) peeked_bytes is 0 or the length, with its
 * newline, of the line at start.
 */
struct journal_reader {
	int fd;
	int64_t block_offset;
	struct buffer block;
	size_t start;
	size_t peeked_bytes;
};

struct journal_reader *
journal_reader_new(int fd, int64_t offset_bytes)
{
	struct journal_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		die(EXIT_OS, "out of memory");
	reader->fd = fd;
	reader->block_offset = offset_bytes;
	return reader;
}

void
journal_reader_free(struct journal_reader *reader)
{
	if (reader == NULL)
		return;
	buffer_free(&reader->block);
	free(reader);
}

int64_t
journal_reader_offset(const struct journal_reader *reader)
{
	return reader->block_offset + (int64_t)reader->start;
}

void
journal_reader_advance(struct journal_reader *reader)
{
	reader->start += reader->peeked_bytes;
	reader->peeked_bytes = 0;
}

/* Appends what follows in the file: 1, 0 at its present end, -1 with errno. */
static int
read_more(struct journal_reader *reader)
{
	ssize_t n;

	buffer_consume(&reader->block, reader->start);
	reader->block_offset += (int64_t)reader->start;
	reader->start = 0;
	char *room = buffer_reserve(&reader->block, BLOCK_BYTES);
	do {
		n = pread(reader->fd, room, BLOCK_BYTES,
		    reader->block_offset + (int64_t)reader->block.len_bytes);
	} while (n == -1 && errno == EINTR);
	if (n > 0)
		reader->block.len_bytes += (size_t)n;
	return n > 0 ? 1 : (int)n;
}

enum journal_status
journal_reader_peek_text(struct journal_reader *reader, const char **text,
    size_t *len_bytes)
{
	size_t searched = 0; /* of the line, without finding its end */

	for (;;) {
		size_t left = reader->block.len_bytes - reader->start;
		if (left > searched) {
			const char *line = reader->block.data + reader->start;
			const char *newline =
			    memchr(line + searched, '\n', left - searched);
			if (newline != NULL) {
				*text = line;
				*len_bytes = (size_t)(newline - line);
				reader->peeked_bytes = *len_bytes + 1;
				return JOURNAL_RECORD;
			}
		}
		if (left > JOURNAL_RECORD_MAX_BYTES)
			return JOURNAL_DAMAGED;
		searched = left;
		int more = read_more(reader);
		if (more <= 0)
			return more == 0 ? JOURNAL_END : JOURNAL_ERROR;
	}
}

/* A record being written begins like one; a hole or noise does not. */
static int
tail_is_damaged(const struct journal_reader *reader)
{
	if (reader->start == reader->block.len_bytes)
		return 0;
	char first = reader->block.data[reader->start];
	return first != 'e' && first != 'm' && first != 'f';
}

enum journal_status
journal_reader_peek(struct journal_reader *reader,
    struct journal_record *record)
{
	const char *text;
	size_t len_bytes;
	enum journal_status status =
	    journal_reader_peek_text(reader, &text, &len_bytes);

	if (status == JOURNAL_END && tail_is_damaged(reader))
		return JOURNAL_DAMAGED;
	if (status == JOURNAL_RECORD &&
	    journal_record_parse(text, len_bytes, record) == -1)
		return JOURNAL_DAMAGED;
	return status;
}

/* `e UID`, `e UID PATCH`, `e -`, `e - PATCH`, behind the "e ". */
static int
parse_line(const char *text, const char *end, struct journal_record *record)
{
	const char *blank = memchr(text, ' ', (size_t)(end - text));
	const char *uid_end = blank != NULL ? blank : end;

	record->kind = JOURNAL_LINE;
	record->uid = text;
	record->uid_len_bytes = (size_t)(uid_end - text);
	if (!uid_is_plain(text, record->uid_len_bytes))
		return -1;
	if (record->uid_len_bytes == 1 && *text == '-')
		record->uid_len_bytes = 0;
	if (blank != NULL) {
		record->patch = blank + 1;
		record->patch_len_bytes = (size_t)(end - blank - 1);
		return record->patch_len_bytes > 0 ? 0 : -1;
	}
	return 0;
}

static int
parse_finished(const char *text, const char *end, struct journal_record *record)
{
	record->kind = JOURNAL_FINISHED;
	if (text == end)
		return -1;
	for (; text < end; text++)
		if (*text < '0' || *text > '9' ||
		    __builtin_mul_overflow(record->lines, 10, &record->lines) ||
		    __builtin_add_overflow(record->lines, *text - '0',
			&record->lines))
			return -1;
	return 0;
}

int
journal_record_parse(const char *text, size_t len_bytes,
    struct journal_record *record)
{
	const char *end = text + len_bytes;

	*record = (struct journal_record){ 0 };
	if (len_bytes < 3 || text[1] != ' ')
		return -1;
	switch (text[0]) {
	case 'e':
		return parse_line(text + 2, end, record);
	case 'm':
		record->kind = JOURNAL_MOVE;
		record->patch = text + 2;
		record->patch_len_bytes = len_bytes - 2;
		return 0;
	case 'f':
		return parse_finished(text + 2, end, record);
	default:
		return -1;
	}
}

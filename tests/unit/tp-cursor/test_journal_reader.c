/* Records of a journal: their forms, and a file that grows under the reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tp-cursor/journal_reader.h"

struct row {
	const char *text;
	int is_record;
	enum journal_kind kind;
	const char *uid;
	const char *patch;
	int64_t lines;
};

static const struct row table[] = {
	{ "e 0a-b.c:d_E", 1, JOURNAL_LINE, "0a-b.c:d_E", "", 0 },
	{ "e u {\"a\":1}", 1, JOURNAL_LINE, "u", "{\"a\":1}", 0 },
	{ "e -", 1, JOURNAL_LINE, "", "", 0 },
	{ "e - {\"a b\":1}", 1, JOURNAL_LINE, "", "{\"a b\":1}", 0 },
	{ "e --", 1, JOURNAL_LINE, "--", "", 0 },
	{ "m {}", 1, JOURNAL_MOVE, "", "{}", 0 },
	{ "f 0", 1, JOURNAL_FINISHED, "", "", 0 },
	{ "f 9223372036854775807", 1, JOURNAL_FINISHED, "", "", INT64_MAX },
	{ "f 9223372036854775808", 0, 0, "", "", 0 },
	{ "f x", 0, 0, "", "", 0 },
	{ "f 1 ", 0, 0, "", "", 0 },
	{ "f ", 0, 0, "", "", 0 },
	{ "e ", 0, 0, "", "", 0 },
	{ "e", 0, 0, "", "", 0 },
	{ "e u ", 0, 0, "", "", 0 },
	{ "e u/v", 0, 0, "", "", 0 },
	{ "e  u", 0, 0, "", "", 0 },
	{ "m ", 0, 0, "", "", 0 },
	{ "m{}", 0, 0, "", "", 0 },
	{ "x u", 0, 0, "", "", 0 },
	{ "", 0, 0, "", "", 0 },
};

static void
record_forms(void **state)
{
	struct journal_record record;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const struct row *row = &table[i];
		int result =
		    journal_record_parse(row->text, strlen(row->text), &record);
		if ((result == 0) != row->is_record)
			fail_msg("\"%s\": %d", row->text, result);
		if (result == -1)
			continue;
		assert_int_equal(record.kind, row->kind);
		assert_int_equal(record.uid_len_bytes, strlen(row->uid));
		assert_int_equal(record.patch_len_bytes, strlen(row->patch));
		assert_int_equal(record.lines, row->lines);
		if (*row->patch)
			assert_memory_equal(record.patch, row->patch,
			    strlen(row->patch));
	}
}

static int
file_with(const char *bytes, size_t len_bytes)
{
	int fd = memfd_create("journal", MFD_CLOEXEC);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, bytes, len_bytes), len_bytes);
	return fd;
}

static void
only_whole_lines_count(void **state)
{
	int fd = file_with("e u1\ne u", 8);
	struct journal_reader *reader = journal_reader_new(fd, 0);
	struct journal_record record;

	(void)state;
	assert_int_equal(journal_reader_peek(reader, &record), JOURNAL_RECORD);
	assert_int_equal(journal_reader_offset(reader), 0);
	journal_reader_advance(reader);
	assert_int_equal(journal_reader_peek(reader, &record), JOURNAL_END);
	assert_int_equal(journal_reader_peek(reader, &record), JOURNAL_END);
	assert_int_equal(journal_reader_offset(reader), 5);
	assert_int_equal(write(fd, "22\n", 3), 3);
	assert_int_equal(journal_reader_peek(reader, &record), JOURNAL_RECORD);
	assert_int_equal(record.uid_len_bytes, 3);
	journal_reader_advance(reader);
	assert_int_equal(journal_reader_offset(reader), 11);
	assert_int_equal(journal_reader_peek(reader, &record), JOURNAL_END);
	journal_reader_free(reader);
	close(fd);
}

static void
peeking_twice_is_the_same_record(void **state)
{
	int fd = file_with("e u1\ne u2\n", 10);
	struct journal_reader *reader = journal_reader_new(fd, 5);
	struct journal_record record;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(journal_reader_peek(reader, &record),
		    JOURNAL_RECORD);
		assert_memory_equal(record.uid, "u2", 2);
	}
	journal_reader_free(reader);
	close(fd);
}

static void
holes_and_noise_are_damage(void **state)
{
	static const struct {
		const char *bytes;
		size_t len_bytes;
	} bad[] = { { "\0\0\0\0", 4 }, { "\0\0\n", 3 }, { "e\n", 2 },
		{ "what\n", 5 }, { "what", 4 }, { "\n", 1 } };
	struct journal_record record;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int fd = file_with(bad[i].bytes, bad[i].len_bytes);
		struct journal_reader *reader = journal_reader_new(fd, 0);
		assert_int_equal(journal_reader_peek(reader, &record),
		    JOURNAL_DAMAGED);
		journal_reader_free(reader);
		close(fd);
	}
}

/* Records of every length about the block's, so that each cut is met. */
static void
records_longer_than_a_block(void **state)
{
	enum { PATCH_BYTES = 300 * 1000 };
	char *text = malloc(PATCH_BYTES + 3);
	struct journal_record record;

	(void)state;
	memset(text, 'x', PATCH_BYTES + 3);
	text[0] = 'm';
	text[1] = ' ';
	text[PATCH_BYTES + 2] = '\n';
	int fd = file_with(text, PATCH_BYTES + 3);
	for (int i = 0; i < 10000; i++)
		dprintf(fd, "e u%d\n", i);
	struct journal_reader *reader = journal_reader_new(fd, 0);
	assert_int_equal(journal_reader_peek(reader, &record), JOURNAL_RECORD);
	assert_int_equal(record.patch_len_bytes, PATCH_BYTES);
	journal_reader_advance(reader);
	for (int i = 0; i < 10000; i++) {
		char uid[16];
		snprintf(uid, sizeof(uid), "u%d", i);
		assert_int_equal(journal_reader_peek(reader, &record),
		    JOURNAL_RECORD);
		assert_int_equal(record.uid_len_bytes, strlen(uid));
		assert_memory_equal(record.uid, uid, strlen(uid));
		journal_reader_advance(reader);
	}
	assert_int_equal(journal_reader_peek(reader, &record), JOURNAL_END);
	journal_reader_free(reader);
	close(fd);
	free(text);
}

static void
a_failed_read_is_an_error(void **state)
{
	struct journal_reader *reader = journal_reader_new(-1, 0);
	struct journal_record record;

	(void)state;
	assert_int_equal(journal_reader_peek(reader, &record), JOURNAL_ERROR);
	journal_reader_free(reader);
	journal_reader_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_forms),
		cmocka_unit_test(only_whole_lines_count),
		cmocka_unit_test(peeking_twice_is_the_same_record),
		cmocka_unit_test(holes_and_noise_are_damage),
		cmocka_unit_test(records_longer_than_a_block),
		cmocka_unit_test(a_failed_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

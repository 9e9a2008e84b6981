/* S/cursor: what is written is read; what is damaged is never believed. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buffer.h"
#include "lib/cursor_file.h"
#include "lib/io.h"

static char directory[64];
static int dir_fd;

static int
make_directory(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/tp-test-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd == -1 ? -1 : 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlinkat(dir_fd, "cursor", 0);
	unlinkat(dir_fd, "cursor.new", 0);
	close(dir_fd);
	return rmdir(directory);
}

static void
write_cursor(void)
{
	const char *step;
	struct cursor cursor = { .line = 12,
		.offset_bytes = 345,
		.state = json_pack("{s:s,s:{s:i}}", "b", "\xc3\xa9\n", "a", "x",
		    1) };

	snprintf(cursor.run, sizeof(cursor.run), "run-1");
	assert_int_equal(cursor_file_write(dir_fd, "test", &cursor, &step), 0);
	cursor_free(&cursor);
}

static void
what_is_written_is_read(void **state)
{
	struct cursor cursor;
	char why[128];

	(void)state;
	assert_int_equal(cursor_file_read(dir_fd, &cursor, why),
	    CURSOR_MISSING);
	write_cursor();
	assert_int_equal(cursor_file_read(dir_fd, &cursor, why), CURSOR_OK);
	assert_string_equal(cursor.run, "run-1");
	assert_int_equal(cursor.line, 12);
	assert_int_equal(cursor.offset_bytes, 345);
	assert_string_equal(json_string_value(
				json_object_get(cursor.state, "b")),
	    "\xc3\xa9\n");
	cursor_free(&cursor);
}

static void
replace(const char *bytes, size_t len_bytes)
{
	int fd = openat(dir_fd, "cursor",
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd != -1);
	assert_int_equal(io_write_all(fd, bytes, len_bytes), 0);
	close(fd);
}

static void
every_cut_and_every_changed_byte_is_damage(void **state)
{
	char path[96];
	struct buffer whole = { 0 };
	struct cursor cursor;
	char why[128];

	(void)state;
	write_cursor();
	snprintf(path, sizeof(path), "%s/cursor", directory);
	assert_int_equal(io_read_file(path, 1 << 20, &whole), 0);
	for (size_t cut = 0; cut + 1 < whole.len_bytes; cut++) {
		replace(whole.data, cut);
		assert_int_equal(cursor_file_read(dir_fd, &cursor, why),
		    CURSOR_DAMAGED);
	}
	for (size_t at = 0; at < whole.len_bytes; at++) {
		char was = whole.data[at];
		if (was == ' ' || was == '\n')
			continue; /* blanks of the layout carry nothing */
		whole.data[at] = was == 'x' ? 'y' : 'x';
		replace(whole.data, whole.len_bytes);
		assert_int_equal(cursor_file_read(dir_fd, &cursor, why),
		    CURSOR_DAMAGED);
		whole.data[at] = was;
	}
	buffer_free(&whole);
}

static void
a_cursor_of_a_later_version_is_not_read(void **state)
{
	static const char text[] = "{\"version\":2}";
	struct cursor cursor;
	char why[128];

	(void)state;
	replace(text, strlen(text));
	assert_int_equal(cursor_file_read(dir_fd, &cursor, why),
	    CURSOR_DAMAGED);
	assert_non_null(strstr(why, "version"));
}

static void
a_run_id_is_plain(void **state)
{
	(void)state;
	assert_true(cursor_is_run_id("20261123T125900Z-1f3a9c02"));
	assert_false(cursor_is_run_id(""));
	assert_false(cursor_is_run_id("a b"));
	assert_false(cursor_is_run_id("a/b"));
	assert_false(cursor_is_run_id(
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

int
main(void)
{
#define WITH_DIRECTORY(test)                                                   \
	cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
	const struct CMUnitTest tests[] = {
		WITH_DIRECTORY(what_is_written_is_read),
		WITH_DIRECTORY(every_cut_and_every_changed_byte_is_damage),
		WITH_DIRECTORY(a_cursor_of_a_later_version_is_not_read),
		cmocka_unit_test(a_run_id_is_plain),
	};

	return cmocka_run_group_tests_name("cursor_file", tests, NULL, NULL);
}

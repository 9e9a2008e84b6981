/* Lines out of reads of any size; long ones cut, their length counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tp-hec/input.h"

enum { BOUND = 10 };

static void
feed(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void
assert_line(struct input *input, const char *text, uint64_t true_bytes,
    int is_unterminated)
{
	struct input_line line;

	assert_int_equal(input_next(input, &line), 1);
	assert_int_equal(line.len_bytes, strlen(text));
	assert_memory_equal(line.text, text, line.len_bytes);
	assert_int_equal(line.true_bytes, true_bytes);
	assert_int_equal(line.is_unterminated, is_unterminated);
}

static void
assert_no_line(struct input *input)
{
	struct input_line line;

	assert_int_equal(input_next(input, &line), 0);
}

static void
test_lines_span_reads(void **state)
{
	int fds[2];
	(void)state;
	assert_int_equal(pipe(fds), 0);
	struct input *input = input_new(fds[0], BOUND);

	feed(fds[1], "one\n\ntw");
	assert_int_equal(input_read(input), 1);
	assert_line(input, "one", 3, 0);
	assert_line(input, "", 0, 0);
	assert_no_line(input);
	feed(fds[1], "o\nthree");
	assert_int_equal(input_read(input), 1);
	assert_line(input, "two", 3, 0);
	assert_no_line(input);
	close(fds[1]);
	assert_false(input_is_ended(input));
	assert_int_equal(input_read(input), 0);
	assert_true(input_is_ended(input));
	assert_line(input, "three", 5, 1);
	assert_no_line(input);
	input_free(input);
	close(fds[0]);
}

static void
test_long_lines_are_cut_however_they_come(void **state)
{
	int fds[2];
	(void)state;
	assert_int_equal(pipe(fds), 0);
	struct input *input = input_new(fds[0], BOUND);

	feed(fds[1], "0123456789\n0123456789a\n");
	assert_int_equal(input_read(input), 1);
	assert_line(input, "0123456789", 10, 0);
	assert_line(input, "0123456789", 11, 0);
	for (int i = 0; i < 5; i++) {
		feed(fds[1], "0123456789");
		assert_int_equal(input_read(input), 1);
		assert_no_line(input);
	}
	feed(fds[1], "\nnext\n");
	assert_int_equal(input_read(input), 1);
	assert_line(input, "0123456789", 50, 0);
	assert_line(input, "next", 4, 0);
	feed(fds[1], "0123456789abcdef");
	assert_int_equal(input_read(input), 1);
	assert_no_line(input);
	close(fds[1]);
	assert_int_equal(input_read(input), 0);
	assert_line(input, "0123456789", 16, 1);
	input_free(input);
	close(fds[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_span_reads),
		cmocka_unit_test(test_long_lines_are_cut_however_they_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One acknowledgement line: a table of what is one and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tp-cursor/ack_line.h"

struct row {
	const char *line;
	enum ack_kind kind;
	int64_t number;
	const char *rest; /* uid, or the text of a stop */
};

#define U64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct row table[] = {
	{ "ack 1", ACK_UP_TO, 1, "" },
	{ "ack 12 0f-a.b:c_D", ACK_UP_TO, 12, "0f-a.b:c_D" },
	{ "ack 7 " U64, ACK_UP_TO, 7, U64 },
	{ "ack 9223372036854775807", ACK_UP_TO, INT64_MAX, "" },
	{ "ack 0", ACK_UP_TO, 0, "" },
	{ "12", ACK_UP_TO, 12, "" },
	{ "0", ACK_UP_TO, 0, "" },
	{ "   12", ACK_UP_TO, 12, "" },
	{ "\t12 ", ACK_UP_TO, 12, "" },
	{ "12\r", ACK_UP_TO, 12, "" },
	{ " ack  3   u1 ", ACK_UP_TO, 3, "u1" },
	{ "ack 3 u1\r", ACK_UP_TO, 3, "u1" },
	{ "end 5", ACK_END, 5, "" },
	{ "end 0", ACK_END, 0, "" },
	{ "stop 5 the collector: 403", ACK_STOP, 5, "the collector: 403" },
	{ "stop 5", ACK_STOP, 5, "" },
	{ "", ACK_COMMENT, 0, "" },
	{ "  ", ACK_COMMENT, 0, "" },
	{ "\r", ACK_COMMENT, 0, "" },
	{ "#", ACK_COMMENT, 0, "" },
	{ "# 3 held", ACK_COMMENT, 0, "" },
	{ "ack", ACK_BAD, 0, "" },
	{ "ack ", ACK_BAD, 0, "" },
	{ "ack x", ACK_BAD, 0, "" },
	{ "ack -1", ACK_BAD, 0, "" },
	{ "ack +1", ACK_BAD, 0, "" },
	{ "ack 1.5", ACK_BAD, 0, "" },
	{ "ack 9223372036854775808", ACK_BAD, 0, "" },
	{ "ack 1 " U64 "a", ACK_BAD, 0, "" },
	{ "ack 1 u/1", ACK_BAD, 0, "" },
	{ "ack 1 u1 more", ACK_BAD, 0, "" },
	{ "ack1", ACK_BAD, 0, "" },
	{ "ACK 1", ACK_BAD, 0, "" },
	{ "12 day.ndjson", ACK_BAD, 0, "" },
	{ "12 u1", ACK_BAD, 0, "" },
	{ "end", ACK_BAD, 0, "" },
	{ "end 5 text", ACK_BAD, 0, "" },
	{ "stop", ACK_BAD, 0, "" },
	{ "stop text", ACK_BAD, 0, "" },
	{ "12\r\r", ACK_BAD, 0, "" },
	{ "{\"ack\":1}", ACK_BAD, 0, "" },
};

static void
lines_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const struct row *row = &table[i];
		struct ack_line ack =
		    ack_line_parse(row->line, strlen(row->line));
		if (ack.kind != row->kind)
			fail_msg("\"%s\": kind %d", row->line, (int)ack.kind);
		if (ack.kind == ACK_BAD || ack.kind == ACK_COMMENT)
			continue;
		assert_int_equal(ack.line, row->number);
		if (ack.kind == ACK_STOP) {
			assert_int_equal(ack.text_len_bytes, strlen(row->rest));
			assert_memory_equal(ack.text, row->rest,
			    ack.text_len_bytes);
		} else
			assert_string_equal(ack.uid, row->rest);
	}
}

static void
a_nul_is_no_blank(void **state)
{
	(void)state;
	assert_int_equal(ack_line_parse("ack 1\0", 6).kind, ACK_BAD);
	assert_int_equal(ack_line_parse("\0", 1).kind, ACK_BAD);
}

static void
a_line_has_512_bytes_at_most(void **state)
{
	char line[ACK_LINE_MAX_BYTES + 1];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[snprintf(line, sizeof(line), "stop 1 ")] = 'x';
	struct ack_line ack = ack_line_parse(line, ACK_LINE_MAX_BYTES);
	assert_int_equal(ack.kind, ACK_STOP);
	assert_int_equal(ack.text_len_bytes, ACK_LINE_MAX_BYTES - 7);
	line[0] = '#';
	assert_int_equal(ack_line_parse(line, sizeof(line)).kind, ACK_BAD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_told_apart),
		cmocka_unit_test(a_nul_is_no_blank),
		cmocka_unit_test(a_line_has_512_bytes_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

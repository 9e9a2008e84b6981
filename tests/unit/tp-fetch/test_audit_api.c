/* Messages of AuditLogService, against bytes made by hand. */
#include "tests/unit/check.h"

#include <string.h>

#include "lib/buffer.h"
#include "tp-fetch/audit_api.h"

#define BYTES(text) (text), sizeof(text) - 1

static void
assert_text(struct audit_text text, const char *wanted)
{
	assert_int_equal(text.len_bytes, strlen(wanted));
	assert_memory_equal(text.text, wanted, text.len_bytes);
}

static void
writes_a_whole_query(void **state)
{
	static const char *const types[] = { "a", "bc", NULL };
	static const char wanted[] = "\x0a\x07"
				     "default"
				     "\x12\x04\x08\x01\x10\x02"
				     "\x1a\x02\x08\x03"
				     "\x22\x01"
				     "a"
				     "\x22\x02"
				     "bc"
				     "\x28\xf4\x03"
				     "\x32\x01"
				     "k"
				     "\x38\x01";
	struct buffer out = { 0 };

	(void)state;
	audit_query_encode(&(struct audit_query){ .from = { 1, 2 },
			       .to = { 3, 0 },
			       .types = types,
			       .limit = 500,
			       .key = "k" },
	    &out);
	assert_int_equal(out.len_bytes, sizeof(wanted) - 1);
	assert_memory_equal(out.data, wanted, sizeof(wanted) - 1);
	buffer_free(&out);
}

static void
writes_a_query_before_1970_with_no_key_and_no_types(void **state)
{
	/* -1 second is ten bytes of varint. */
	static const char wanted[] =
	    "\x0a\x07"
	    "default"
	    "\x12\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
	    "\x1a\x00"
	    "\x28\x01"
	    "\x38\x01";
	struct buffer out = { 0 };

	(void)state;
	buffer_append_text(&out, "kept");
	audit_query_encode(&(struct audit_query){ .from = { -1, 0 },
			       .limit = 1,
			       .key = "" },
	    &out);
	assert_int_equal(out.len_bytes, 4 + sizeof(wanted) - 1);
	assert_memory_equal(out.data, "kept", 4);
	assert_memory_equal(out.data + 4, wanted, sizeof(wanted) - 1);
	buffer_free(&out);
}

/* One event with everything, an unknown field, one with nothing; then a key. */
static const char page_bytes[] = "\x0a\x1a"
				 "\x0a\x01"
				 "t"
				 "\x12\x02"
				 "id"
				 "\x1a\x06\x08\x96\x01\x10\xac\x02"
				 "\x20\x05"
				 "\x2a\x05"
				 "\x0a\x03"
				 "\x0a\x01"
				 "a"
				 "\x18\x07"
				 "\x0a\x00"
				 "\x12\x03"
				 "key";

static void
reads_a_page(void **state)
{
	struct audit_page page;
	struct audit_event event;

	(void)state;
	assert_int_equal(audit_page_open(BYTES(page_bytes), &page), 0);
	assert_int_equal(page.count, 2);
	assert_text(page.last_key, "key");

	assert_int_equal(audit_page_next(&page, &event), 1);
	assert_text(event.type, "t");
	assert_text(event.id, "id");
	assert_int_equal(event.time.seconds, 150);
	assert_int_equal(event.time.nanos, 300);
	assert_int_equal(event.fields_len_bytes, 5);
	assert_memory_equal(event.fields, "\x0a\x03\x0a\x01\x61", 5);

	assert_int_equal(audit_page_next(&page, &event), 1);
	assert_int_equal(event.id.len_bytes, 0);
	assert_int_equal(event.fields_len_bytes, 0);
	assert_int_equal(event.time.seconds, 0);
	assert_int_equal(audit_page_next(&page, &event), 0);
	assert_int_equal(audit_page_next(&page, &event), 0);
}

static void
an_empty_reply_is_the_end_of_the_log(void **state)
{
	struct audit_page page;
	struct audit_event event;

	(void)state;
	assert_int_equal(audit_page_open("", 0, &page), 0);
	assert_int_equal(page.count, 0);
	assert_int_equal(page.last_key.len_bytes, 0);
	assert_int_equal(audit_page_next(&page, &event), 0);
}

static void
reads_a_time_before_1970(void **state)
{
	static const char bytes[] =
	    "\x0a\x0d\x1a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
	struct audit_page page;
	struct audit_event event;

	(void)state;
	assert_int_equal(audit_page_open(BYTES(bytes), &page), 0);
	assert_int_equal(audit_page_next(&page, &event), 1);
	assert_int_equal(event.time.seconds, -1);
}

/* Where a page may be cut and still look like one: between its fields. */
static int
is_between_fields(size_t len_bytes)
{
	return len_bytes == 0 || len_bytes == 28 || len_bytes == 30;
}

static void
refuses_a_page_that_is_cut_off(void **state)
{
	struct audit_page page;

	(void)state;
	for (size_t n = 0; n < sizeof(page_bytes) - 1; n++) {
		char copy[sizeof(page_bytes)]; /* for valgrind's eyes */
		memcpy(copy, page_bytes, n);
		assert_int_equal(audit_page_open(copy, n, &page),
		    is_between_fields(n) ? 0 : -1);
	}
}

static void
hands_on_an_item_that_is_no_event_whole(void **state)
{
	static const char bytes[] = "\x0a\x04\x12\x7f"
				    "xy"
				    "\x0a\x04\x12\x02"
				    "ok";
	struct audit_page page;
	struct audit_event event;

	(void)state;
	assert_int_equal(audit_page_open(BYTES(bytes), &page), 0);
	assert_int_equal(page.count, 2);
	assert_int_equal(audit_page_next(&page, &event), -1);
	assert_int_equal(event.fields_len_bytes, 4);
	assert_memory_equal(event.fields, "\x12\x7fxy", 4);
	assert_int_equal(event.id.len_bytes, 0);
	assert_int_equal(audit_page_next(&page, &event), 1);
	assert_text(event.id, "ok");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_a_whole_query),
		cmocka_unit_test(
		    writes_a_query_before_1970_with_no_key_and_no_types),
		cmocka_unit_test(reads_a_page),
		cmocka_unit_test(an_empty_reply_is_the_end_of_the_log),
		cmocka_unit_test(reads_a_time_before_1970),
		cmocka_unit_test(refuses_a_page_that_is_cut_off),
		cmocka_unit_test(hands_on_an_item_that_is_no_event_whole),
	};

	return cmocka_run_group_tests_name("audit_api", tests, NULL, NULL);
}

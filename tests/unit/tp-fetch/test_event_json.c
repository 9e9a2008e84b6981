/* Struct bytes to JSON: hand-made wire bytes, and random trees against jansson.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/struct_wire.h"
#include "tp-fetch/event_json.h"

/* A literal's bytes and how many. */
#define WIRE(literal) (literal), sizeof(literal) - 1

static struct event_json *writer;

static int
start_writer(void **state)
{
	(void)state;
	writer = event_json_new();
	return 0;
}

static int
free_writer(void **state)
{
	(void)state;
	event_json_free(writer);
	event_json_free(NULL);
	return 0;
}

/* The input in a block of exactly its size, so that sanitizers see a read past
 * its end; the output behind bytes that must stay. */
static enum event_json_status
write_exact(const void *bytes, size_t len, struct buffer *out,
    struct event_json_found *found)
{
	void *exact = malloc(len == 0 ? 1 : len);

	if (len > 0)
		memcpy(exact, bytes, len);
	buffer_append_text(out, "kept");
	enum event_json_status status =
	    event_json_write(writer, len == 0 ? NULL : exact, len, out, found);
	free(exact);
	assert_memory_equal(out->data, "kept", 4);
	return status;
}

static void
check_json(const void *bytes, size_t len, const char *json)
{
	struct buffer out = { 0 };

	assert_int_equal(write_exact(bytes, len, &out, NULL), EVENT_JSON_OK);
	assert_string_equal(buffer_text(&out) + 4, json);
	buffer_free(&out);
}

static void
check_refused(const void *bytes, size_t len, enum event_json_status status)
{
	struct buffer out = { 0 };
	struct event_json_found found;

	assert_int_equal(write_exact(bytes, len, &out, &found), status);
	assert_int_equal(out.len_bytes, 4);
	assert_true(strlen(event_json_reason(status)) > 0);
	buffer_free(&out);
}

/* {"k": value} from the bytes of a Value. */
static void
wrap_value(struct buffer *out, const void *value, size_t len)
{
	struct buffer entry = { 0 };

	struct_wire_bytes(&entry, 1, "k", 1);
	struct_wire_bytes(&entry, 2, value, len);
	struct_wire_bytes(out, 1, entry.data, entry.len_bytes);
	buffer_free(&entry);
}

static void
check_value(const void *value, size_t len, const char *json)
{
	struct buffer wire = { 0 };
	char expected[256];

	wrap_value(&wire, value, len);
	snprintf(expected, sizeof(expected), "{\"k\":%s}", json);
	check_json(wire.data, wire.len_bytes, expected);
	buffer_free(&wire);
}

static void
check_value_refused(const void *value, size_t len,
    enum event_json_status status)
{
	struct buffer wire = { 0 };

	wrap_value(&wire, value, len);
	check_refused(wire.data, wire.len_bytes, status);
	buffer_free(&wire);
}

/* A string Value. */
static void
check_string(const char *text, size_t len, const char *json)
{
	struct buffer value = { 0 };

	struct_wire_bytes(&value, 3, text, len);
	check_value(value.data, value.len_bytes, json);
	buffer_free(&value);
}

static void
check_string_refused(const char *text, size_t len)
{
	struct buffer value = { 0 };

	struct_wire_bytes(&value, 3, text, len);
	check_value_refused(value.data, value.len_bytes, EVENT_JSON_NOT_UTF8);
	buffer_free(&value);
}

static void
every_kind_is_written(void **state)
{
	(void)state;
	check_json("", 0, "{}");
	check_value(WIRE("\x08\x00"), "null");
	check_value(WIRE("\x08\x05"), "null");
	check_value(WIRE("\x20\x01"), "true");
	check_value(WIRE("\x20\x00"), "false");
	check_value(WIRE("\x20\x80\x02"), "true");
	check_value(WIRE("\x11\0\0\0\0\0\0\xf8\x3f"), "1.5");
	check_value(WIRE("\x11\0\0\0\0\0\0\0\x80"), "-0");
	check_value(WIRE("\x1a\x02hi"), "\"hi\"");
	check_value(WIRE("\x1a\x00"), "\"\"");
	check_value(WIRE("\x2a\x00"), "{}");
	check_value(WIRE("\x32\x00"), "[]");
	check_value(WIRE("\x32\x0c\x0a\x02\x20\x01\x0a\x02\x08\x00\x0a\x02"
			 "\x20\x00"),
	    "[true,null,false]");
}

static void
missing_parts_have_defaults(void **state)
{
	(void)state;
	check_json(WIRE("\x0a\x00"), "{\"\":null}");
	check_json(WIRE("\x0a\x03\x0a\x01k"), "{\"k\":null}");
	check_json(WIRE("\x0a\x04\x12\x02\x20\x01"), "{\"\":true}");
	check_value("", 0, "null");
	check_value(WIRE("\x32\x02\x0a\x00"), "[null]");
}

static void
last_of_repeated_fields_counts(void **state)
{
	(void)state;
	/* a Value's members */
	check_value(WIRE("\x20\x01\x1a\x01x"), "\"x\"");
	check_value(WIRE("\x1a\x01x\x1a\x01y\x08\x00"), "null");
	/* value before key; key and value twice */
	check_json(WIRE("\x0a\x07\x12\x02\x20\x01\x0a\x01k"), "{\"k\":true}");
	check_json(WIRE("\x0a\x0e\x0a\x01j\x12\x02\x20\x00\x0a\x01k\x12\x02"
			"\x20\x01"),
	    "{\"k\":true}");
	/* the same key twice */
	check_json(WIRE("\x0a\x07\x0a\x01k\x12\x02\x20\x01"
			"\x0a\x07\x0a\x01k\x12\x02\x08\x00"),
	    "{\"k\":null}");
}

static void
unknown_fields_are_passed_over(void **state)
{
	(void)state;
	check_value(WIRE("\x20\x01\x3a\x02zz\x40\x07"), "true");
	check_value(WIRE("\x3a\x00"), "null");
	/* known numbers of another wire type */
	check_value(WIRE("\x20\x01\x18\x05\x15\1\2\3\4\x09\1\2\3\4\5\6\7\x08"),
	    "true");
	/* of a struct, and of an entry */
	check_json(WIRE("\x08\x05\x12\x01x\x0a\x0b\x08\x01\x0a\x01k\x1a\x00\x12"
			"\x02\x20\x01"),
	    "{\"k\":true}");
	/* of a list */
	check_value(WIRE("\x32\x07\x08\x01\x12\x01x\x0a\x00"), "[null]");
}

static void
broken_wire_is_refused(void **state)
{
	(void)state;
	check_refused(WIRE("\x0a"), EVENT_JSON_NOT_PROTOBUF);
	check_refused(WIRE("\x0a\x05\x0a\x01k"), EVENT_JSON_NOT_PROTOBUF);
	check_refused(WIRE("\x0a\x02\x0a\x01"), EVENT_JSON_NOT_PROTOBUF);
	check_refused(WIRE("\x00\x00"), EVENT_JSON_NOT_PROTOBUF);
	check_refused(WIRE("\x0b\x0c"), EVENT_JSON_NOT_PROTOBUF);
	check_refused(WIRE("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	    EVENT_JSON_NOT_PROTOBUF);
	check_refused(WIRE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),
	    EVENT_JSON_NOT_PROTOBUF);
	check_value_refused(WIRE("\x11\1\2\3"), EVENT_JSON_NOT_PROTOBUF);
	check_value_refused(WIRE("\x20"), EVENT_JSON_NOT_PROTOBUF);
	check_value_refused(WIRE("\x20\x80"), EVENT_JSON_NOT_PROTOBUF);
	check_value_refused(WIRE("\x1a\x02h"), EVENT_JSON_NOT_PROTOBUF);
	check_value_refused(WIRE("\x32\x02\x0a\x01"), EVENT_JSON_NOT_PROTOBUF);
	check_value_refused(WIRE("\x1e"), EVENT_JSON_NOT_PROTOBUF);
}

static void
numbers_that_json_lacks_are_refused(void **state)
{
	(void)state;
	check_value_refused(WIRE("\x11\0\0\0\0\0\0\xf0\x7f"),
	    EVENT_JSON_NOT_FINITE);
	check_value_refused(WIRE("\x11\0\0\0\0\0\0\xf0\xff"),
	    EVENT_JSON_NOT_FINITE);
	check_value_refused(WIRE("\x11\0\0\0\0\0\0\xf8\x7f"),
	    EVENT_JSON_NOT_FINITE);
}

static void
only_what_must_be_is_escaped(void **state)
{
	(void)state;
	check_string(WIRE("\b\f\n\r\t\"\\"), "\"\\b\\f\\n\\r\\t\\\"\\\\\"");
	check_string(WIRE("a\0b\x1f\x01"), "\"a\\u0000b\\u001f\\u0001\"");
	check_string(WIRE("</&>\x7f"), "\"</&>\x7f\"");
	check_string(WIRE("\xe2\x80\xa8"), "\"\xe2\x80\xa8\"");
	check_string(WIRE("fifteen bytes..\nand\tmore than a block of plain "
			  "text\n\nbefore the end\""),
	    "\"fifteen bytes..\\nand\\tmore than a block of plain text\\n\\n"
	    "before the end\\\"\"");
	/* keys likewise */
	check_json(WIRE("\x0a\x05\x0a\x03\"\n\x01"),
	    "{\"\\\"\\n\\u0001\":null}");
}

static void
utf8_is_checked(void **state)
{
	(void)state;
	check_string(WIRE("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
			  "\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
	    "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80"
	    "\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
	check_string_refused(WIRE("\x80"));
	check_string_refused(WIRE("\xbf plain"));
	check_string_refused(WIRE("\xc0\x80"));
	check_string_refused(WIRE("\xc1\xbf"));
	check_string_refused(WIRE("\xe0\x9f\xbf"));
	check_string_refused(WIRE("\xed\xa0\x80"));
	check_string_refused(WIRE("\xf0\x8f\xbf\xbf"));
	check_string_refused(WIRE("\xf4\x90\x80\x80"));
	check_string_refused(WIRE("\xf5\x80\x80\x80"));
	check_string_refused(WIRE("\xff"));
	check_string_refused(WIRE("caf\xc3"));
	check_string_refused(WIRE("\xe2\x80"));
	check_string_refused(WIRE("\xf0\x9f\x98"));
	check_string_refused(WIRE("\xe2(\xa1"));
	check_string_refused(WIRE("a longer text than one block is, \xc3("));
	check_refused(WIRE("\x0a\x03\x0a\x01\xff"), EVENT_JSON_NOT_UTF8);
	/* a sequence that only the neighbouring field would complete */
	check_refused(WIRE("\x0a\x0b\x0a\x01k\x12\x06\x1a\x01\xc3\x80\x01\x00"),
	    EVENT_JSON_NOT_UTF8);
}

static void
keys_are_sorted_by_bytes(void **state)
{
	static const char *const keys[] = { "user_kind", "user", "\xc3\xa9",
		"addr.remote", "server_id", "Z", "server_hostname", "a", "",
		"addr.local", "user_agent", "abcdefgh", "abcdefghi", "abcdefgg",
		"abcdefgha" };
	struct buffer wire = { 0 };
	struct buffer entry = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		entry.len_bytes = 0;
		struct_wire_bytes(&entry, 1, keys[i], strlen(keys[i]));
		struct_wire_bytes(&wire, 1, entry.data, entry.len_bytes);
	}
	/* differ by a NUL alone */
	buffer_append(&wire, "\x0a\x04\x0a\x02\x61\x00", 6);
	check_json(wire.data, wire.len_bytes,
	    "{\"\":null,\"Z\":null,\"a\":null,\"a\\u0000\":null,"
	    "\"abcdefgg\":null,\"abcdefgh\":null,\"abcdefgha\":null,"
	    "\"abcdefghi\":null,\"addr.local\":null,\"addr.remote\":null,"
	    "\"server_hostname\":null,\"server_id\":null,\"user\":null,"
	    "\"user_agent\":null,\"user_kind\":null,\"\xc3\xa9\":null}");
	buffer_free(&wire);
	buffer_free(&entry);
}

/* `count` entries, every key twice, the second time with true; 6 digits of a
 * scattered number are the key, so that all share a prefix's half. */
static void
check_struct_of(unsigned count)
{
	struct buffer wire = { 0 };
	struct buffer out = { 0 };
	char entry[32];

	for (unsigned i = 0; i < 2 * count; i++) {
		unsigned key = i % count * 7919u % count;
		int len = snprintf(entry, sizeof(entry),
		    "\x0a\x0akey-%06u\x12\x02 %c", key, (int)(i >= count));
		struct_wire_bytes(&wire, 1, entry, (size_t)len);
	}
	assert_int_equal(write_exact(wire.data, wire.len_bytes, &out, NULL),
	    EVENT_JSON_OK);
	const char *at = buffer_text(&out) + 4;
	for (unsigned key = 0; key < count; key++) {
		int len = snprintf(entry, sizeof(entry), "%c\"key-%06u\":true",
		    key == 0 ? '{' : ',', key);
		assert_memory_equal(at, entry, (size_t)len);
		at += len;
	}
	assert_string_equal(at, "}");
	buffer_free(&wire);
	buffer_free(&out);
}

static void
structs_of_all_sizes_are_sorted(void **state)
{
	(void)state;
	for (unsigned count = 1; count < 100; count++)
		check_struct_of(count);
	check_struct_of(50000);
}

/* `depth` lists or objects, one in the other, in the event's object. */
static void
nest(struct buffer *wire, unsigned depth, int is_list)
{
	struct buffer inner = { 0 };
	struct buffer outer = { 0 };

	buffer_append(&inner, is_list ? "\x32\x00" : "\x2a\x00", 2);
	for (unsigned i = 1; i < depth; i++) {
		struct buffer element = { 0 };
		outer.len_bytes = 0;
		if (is_list)
			struct_wire_bytes(&element, 1, inner.data,
			    inner.len_bytes);
		else
			wrap_value(&element, inner.data, inner.len_bytes);
		struct_wire_bytes(&outer, is_list ? 6 : 5, element.data,
		    element.len_bytes);
		buffer_free(&element);
		struct buffer swap = inner;
		inner = outer;
		outer = swap;
	}
	wrap_value(wire, inner.data, inner.len_bytes);
	buffer_free(&inner);
	buffer_free(&outer);
}

static void
nesting_has_a_limit(void **state)
{
	(void)state;
	for (int is_list = 0; is_list < 2; is_list++) {
		struct buffer wire = { 0 };
		struct buffer out = { 0 };
		nest(&wire, EVENT_JSON_MAX_DEPTH - 1, is_list);
		assert_int_equal(write_exact(wire.data, wire.len_bytes, &out,
				     NULL),
		    EVENT_JSON_OK);
		wire.len_bytes = 0;
		nest(&wire, EVENT_JSON_MAX_DEPTH, is_list);
		check_refused(wire.data, wire.len_bytes, EVENT_JSON_TOO_DEEP);
		buffer_free(&wire);
		buffer_free(&out);
	}
	check_value(WIRE("\x2a\x00"), "{}"); /* and the writer goes on */
}

static void
check_uid(const char *json, const char *uid)
{
	struct buffer wire = { 0 };
	struct buffer out = { 0 };
	struct event_json_found found;
	uint64_t seed = 1;
	json_t *event = json_loads(json, 0, NULL);

	struct_wire_object(&wire, event, &seed);
	assert_int_equal(write_exact(wire.data, wire.len_bytes, &out, &found),
	    EVENT_JSON_OK);
	assert_int_equal(found.uid_len_bytes, strlen(uid));
	assert_memory_equal(out.data + 4 + found.uid_offset, uid, strlen(uid));
	json_decref(event);
	buffer_free(&wire);
	buffer_free(&out);
}

static void
uid_is_found_when_plain(void **state)
{
	(void)state;
	check_uid("{\"uid\":\"0f0e-1A.b_c:d\",\"a\":1}", "0f0e-1A.b_c:d");
	check_uid("{\"event\":\"\\n\",\"uid\":\"x\",\"uid2\":\"y\"}", "x");
	check_uid("{\"uid\":\"\"}", "");
	check_uid("{\"uid\":17}", "");
	check_uid("{\"uid\":\"two words\"}", "");
	check_uid("{\"uid\":\"line\\n\"}", "");
	check_uid("{\"uid\":\"\xc3\xa9\"}", "");
	check_uid("{\"uid\":[\"x\"],\"a\":{\"uid\":\"inner\"}}", "");
	check_uid("{\"a\":{\"uid\":\"inner\"}}", "");
	check_uid("{\"Uid\":\"x\",\"ui\":\"y\"}", "");
}

/* A random value; its numbers are such that jansson reads them as the same. */
static json_t *
random_value(uint64_t *seed, int depth)
{
	static const char *const texts[] = { "", "a", "plain text of some size",
		"q\"b\\", "line\nline\ttab\x01", "caf\xc3\xa9 \xe6\x9d\xb1",
		"\xf0\x9f\x98\x80", "sixteen bytes ok", "user_agent", "uid" };
	uint64_t pick = struct_wire_random(seed) >> 8;
	char key[40];
	json_t *value;

	switch (pick % (depth > 0 ? 8 : 5)) {
	case 0:
		return json_null();
	case 1:
		return json_boolean(pick & 64);
	case 2:
		return json_real((double)(int64_t)struct_wire_random(seed) /
				 (double)(1 + pick % 1000));
	case 3:
	case 4:
		return json_string(texts[pick / 8 % 10]);
	case 5:
		value = json_array();
		for (uint64_t i = pick / 8 % 5; i > 0; i--)
			json_array_append_new(value,
			    random_value(seed, depth - 1));
		return value;
	default:
		value = json_object();
		for (uint64_t i = pick / 8 % 30; i > 0; i--) {
			uint64_t bits = struct_wire_random(seed) >> 8;
			snprintf(key, sizeof(key), "%s%u", texts[bits % 10],
			    (unsigned)(bits >> 8) % 40);
			json_object_set_new(value, key,
			    random_value(seed, depth - 1));
		}
		return value;
	}
}

static void
check_round_trip(json_t *event, uint64_t *seed)
{
	struct buffer wire = { 0 };
	struct buffer out = { 0 };

	struct_wire_object(&wire, event, seed);
	assert_int_equal(write_exact(wire.data, wire.len_bytes, &out, NULL),
	    EVENT_JSON_OK);
	json_t *read = json_loadb(out.data + 4, out.len_bytes - 4,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
	    NULL);
	assert_true(json_equal(read, event));
	json_decref(read);
	buffer_free(&wire);
	buffer_free(&out);
}

static void
random_events_read_back_equal(void **state)
{
	uint64_t seed = 20261123;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		json_t *value = random_value(&seed, 4);
		json_t *event = json_object();
		json_object_set_new(event, "value", value);
		check_round_trip(event, &seed);
		if (json_is_object(value))
			check_round_trip(value, &seed);
		json_decref(event);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_written),
		cmocka_unit_test(missing_parts_have_defaults),
		cmocka_unit_test(last_of_repeated_fields_counts),
		cmocka_unit_test(unknown_fields_are_passed_over),
		cmocka_unit_test(broken_wire_is_refused),
		cmocka_unit_test(numbers_that_json_lacks_are_refused),
		cmocka_unit_test(only_what_must_be_is_escaped),
		cmocka_unit_test(utf8_is_checked),
		cmocka_unit_test(keys_are_sorted_by_bytes),
		cmocka_unit_test(structs_of_all_sizes_are_sorted),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(uid_is_found_when_plain),
		cmocka_unit_test(random_events_read_back_equal),
	};

	return cmocka_run_group_tests(tests, start_writer, free_writer);
}

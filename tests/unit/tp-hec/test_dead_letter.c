/* Events set aside: what is in the file, after faults too, and back again. */
#include "tests/unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/io.h"
#include "tp-hec/dead_letter.h"

static char directory[64];
static char path[96];
static char moved_path[96];

static int
make_directory(void **state)
{
	(void)state;
	strcpy(directory, "/tmp/dead-letter-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/dead.ndjson", directory);
	snprintf(moved_path, sizeof(moved_path), "%s/moved", directory);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(path);
	unlink(moved_path);
	return rmdir(directory);
}

static struct dead_letter_record
record_of(uint64_t line, const char *event, size_t len_bytes, int is_json)
{
	return (struct dead_letter_record){ .line = line,
		.code = -1,
		.reason = "because",
		.event = event,
		.len_bytes = len_bytes,
		.is_json = is_json };
}

static int
add_event(struct dead_letter *file, uint64_t line, const char *event)
{
	struct dead_letter_record record =
	    record_of(line, event, strlen(event), 1);

	return dead_letter_add(file, &record);
}

static struct dead_letter *
open_file(size_t expected_cut_bytes)
{
	size_t cut_bytes = 12345;
	struct dead_letter *file = dead_letter_open(path, &cut_bytes);

	assert_non_null(file);
	assert_int_equal(cut_bytes, expected_cut_bytes);
	return file;
}

/* The file's records, as an array to be freed; all must be whole. */
static json_t *
read_records(const char *from)
{
	struct buffer text = { 0 };
	json_t *records = json_array();

	assert_int_equal(io_read_file(from, 1 << 24, &text), 0);
	for (char *line = buffer_text(&text); *line != '\0';) {
		char *end = strchr(line, '\n');
		assert_non_null(end);
		json_t *record = json_loadb(line, (size_t)(end - line),
		    JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		assert_non_null(record);
		json_array_append_new(records, record);
		line = end + 1;
	}
	buffer_free(&text);
	return records;
}

static json_int_t
line_of(const json_t *records, size_t i)
{
	return json_integer_value(
	    json_object_get(json_array_get(records, i), "line"));
}

static void
write_file(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(io_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void
test_a_record(void **state)
{
	static const char event[] = "{\"uid\":\"u\",\"n\":1e+21}";
	struct dead_letter *file = open_file(0);
	struct dead_letter_record record =
	    record_of(7, event, strlen(event), 1);
	struct stat status;

	(void)state;
	record.uid = "u";
	record.code = 6;
	record.status = 400;
	record.reason = "Invalid \"data\"\n";
	assert_int_equal(dead_letter_add(file, &record), 0);
	assert_int_equal(add_event(file, 8, "{}"), 0);
	assert_int_equal(dead_letter_sync(file), 0);
	dead_letter_close(file);

	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	struct buffer text = { 0 };
	assert_int_equal(io_read_file(path, 4096, &text), 0);
	const char *behind_time = strstr(buffer_text(&text), ",\"line\"");
	assert_non_null(behind_time);
	assert_memory_equal(text.data, "{\"time\":\"20", 11);
	static const char expected[] =
	    ",\"line\":7,\"uid\":\"u\",\"code\":6,\"status\":400,"
	    "\"reason\":\"Invalid \\\"data\\\"\\n\","
	    "\"event\":{\"uid\":\"u\",\"n\":1e+21}}\n{\"time\":";
	assert_memory_equal(behind_time, expected, sizeof(expected) - 1);
	behind_time = strstr(behind_time + 1, "Z\",\"line\"");
	assert_string_equal(behind_time,
	    "Z\",\"line\":8,\"reason\":\"because\",\"event\":{}}\n");
	buffer_free(&text);
}

static void
test_appends(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		struct dead_letter *file = open_file(0);
		assert_int_equal(add_event(file, i, "{}"), 0);
		dead_letter_close(file);
	}
	json_t *records = read_records(path);
	assert_int_equal(json_array_size(records), 3);
	assert_int_equal(line_of(records, 2), 2);
	json_decref(records);
}

static void
test_a_torn_record_is_cut_off(void **state)
{
	static const char torn[] = "{\"time\":\"2026-11-23T13:00:00Z\",\"li";
	char text[200];

	(void)state;
	snprintf(text, sizeof(text), "{\"line\":1}\n{\"line\":2}\n%s", torn);
	write_file(text);
	struct dead_letter *file = open_file(strlen(torn));
	assert_int_equal(add_event(file, 3, "{}"), 0);
	dead_letter_close(file);
	json_t *records = read_records(path);
	assert_int_equal(json_array_size(records), 3);
	assert_int_equal(line_of(records, 1), 2);
	assert_int_equal(line_of(records, 2), 3);
	json_decref(records);
}

static void
test_a_long_torn_record_is_cut_off(void **state)
{
	enum { TORN_BYTES = 20000 };
	char *text = malloc(TORN_BYTES + 100);

	(void)state;
	assert_non_null(text);
	for (int has_record = 0; has_record < 2; has_record++) {
		static const char record[] = "{\"line\":1}\n";
		size_t len = has_record ? strlen(record) : 0;
		memcpy(text, record, len);
		memset(text + len, 'x', TORN_BYTES);
		text[len + TORN_BYTES] = '\0';
		write_file(text);
		dead_letter_close(open_file(TORN_BYTES));
		json_t *records = read_records(path);
		assert_int_equal(json_array_size(records), has_record);
		json_decref(records);
	}
	free(text);
}

static void
test_a_record_that_lacks_its_newline_is_kept(void **state)
{
	(void)state;
	write_file("{\"line\":1}\n{\"line\":2}");
	struct dead_letter *file = open_file(0);
	assert_int_equal(add_event(file, 3, "{}"), 0);
	dead_letter_close(file);
	json_t *records = read_records(path);
	assert_int_equal(json_array_size(records), 3);
	assert_int_equal(line_of(records, 1), 2);
	json_decref(records);
}

/* A record torn by another process while this one has the file open. */
static void
test_never_writes_behind_a_torn_record(void **state)
{
	struct dead_letter *file = open_file(0);

	(void)state;
	assert_int_equal(add_event(file, 1, "{}"), 0);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(io_write_all(fd, "{\"li", 4), 0);
	close(fd);
	assert_int_equal(add_event(file, 2, "{}"), 0);
	dead_letter_close(file);
	json_t *records = read_records(path);
	assert_int_equal(json_array_size(records), 2);
	assert_int_equal(line_of(records, 1), 2);
	json_decref(records);
}

/* A limit on the file's size stands for a full disk: the write is short, then
   fails. */
static void
test_a_write_that_fails_half_way_is_cut_back(void **state)
{
	struct dead_letter *file = open_file(0);
	struct rlimit before;
	struct stat status;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(add_event(file, 1, "{}"), 0);
	assert_int_equal(stat(path, &status), 0);
	getrlimit(RLIMIT_FSIZE, &before);
	struct rlimit small = before;
	small.rlim_cur = (rlim_t)status.st_size + 20;
	setrlimit(RLIMIT_FSIZE, &small);
	int result = add_event(file, 2, "{}");
	int saved_errno = errno;
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(result, -1);
	assert_int_equal(saved_errno, EFBIG);
	off_t size = status.st_size;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_size, size);
	assert_int_equal(add_event(file, 3, "{}"), 0);
	dead_letter_close(file);
	json_t *records = read_records(path);
	assert_int_equal(json_array_size(records), 2);
	assert_int_equal(line_of(records, 1), 3);
	json_decref(records);
}

static void
test_a_file_that_was_moved_is_let_go(void **state)
{
	struct dead_letter *file = open_file(0);

	(void)state;
	assert_int_equal(add_event(file, 1, "{}"), 0);
	assert_int_equal(rename(path, moved_path), 0);
	assert_int_equal(add_event(file, 2, "{}"), 0);
	assert_int_equal(add_event(file, 3, "{}"), 0);
	json_t *records = read_records(moved_path);
	assert_int_equal(json_array_size(records), 1);
	json_decref(records);
	records = read_records(path);
	assert_int_equal(json_array_size(records), 2);
	assert_int_equal(line_of(records, 0), 2);
	json_decref(records);
	/* Removed: the same. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(add_event(file, 4, "{}"), 0);
	records = read_records(path);
	assert_int_equal(json_array_size(records), 1);
	json_decref(records);
	dead_letter_close(file);
}

static void
write_many(uint64_t writer, const char *event)
{
	size_t cut_bytes;
	struct dead_letter *file = dead_letter_open(path, &cut_bytes);
	int failures = file == NULL || cut_bytes > 0;

	for (int i = 0; i < 200 && !failures; i++)
		failures +=
		    add_event(file, writer * 1000 + (uint64_t)i, event) == -1;
	dead_letter_close(file);
	_exit(failures);
}

static void
test_two_processes_do_not_mix(void **state)
{
	char event[3000];
	pid_t child[2];

	(void)state;
	memset(event, ' ', sizeof(event));
	event[0] = '{';
	event[sizeof(event) - 2] = '}';
	event[sizeof(event) - 1] = '\0';
	for (int i = 0; i < 2; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i] == 0)
			write_many((uint64_t)i, event);
	}
	for (int i = 0; i < 2; i++) {
		int status;
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
	}
	json_t *records = read_records(path);
	assert_int_equal(json_array_size(records), 400);
	json_decref(records);
}

static void
test_only_regular_files(void **state)
{
	size_t cut_bytes;

	(void)state;
	assert_null(dead_letter_open("/dev/null", &cut_bytes));
	assert_int_equal(errno, EINVAL);
	assert_null(dead_letter_open(directory, &cut_bytes));
	assert_null(dead_letter_open("/nowhere/at/all", &cut_bytes));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(dead_letter_open(path, &cut_bytes));
	assert_int_equal(errno, EINVAL);
	dead_letter_close(NULL);
}

/* --- and back again ------------------------------------------------------ */

/* -1, or whether the event of a record is `expected`. */
static int
gives_event(const char *line, size_t line_bytes, const char *expected,
    size_t len_bytes)
{
	struct buffer scratch = { 0 };
	struct scan_slice event;
	char *padded = calloc(line_bytes + SCAN_PADDING, 1);

	assert_non_null(padded);
	memcpy(padded, line, line_bytes);
	int result = dead_letter_event(padded, line_bytes, &scratch, &event);
	if (result == 0)
		result = event.len_bytes == len_bytes &&
			 memcmp(event.text, expected, len_bytes) == 0;
	buffer_free(&scratch);
	free(padded);
	return result;
}

static void
assert_round_trip(const char *event, size_t len_bytes, int is_json,
    const char *form)
{
	struct dead_letter *file = open_file(0);
	struct dead_letter_record record =
	    record_of(1, event, len_bytes, is_json);
	struct buffer text = { 0 };

	assert_int_equal(dead_letter_add(file, &record), 0);
	dead_letter_close(file);
	assert_int_equal(io_read_file(path, 1 << 24, &text), 0);
	assert_non_null(strstr(buffer_text(&text), form));
	assert_int_equal(gives_event(text.data, text.len_bytes - 1, event,
			     len_bytes),
	    1);
	buffer_free(&text);
	json_decref(read_records(path));
	assert_int_equal(unlink(path), 0);
}

static void
test_events_come_back_as_they_were(void **state)
{
	enum { LARGE_BYTES = 4 << 20 };

	(void)state;
	assert_round_trip("{}", 2, 1, "\"event\":");
	assert_round_trip("{ \"event\" : \"a\", \"raw\":1e+21,\"a\":\"\\/\"}",
	    38, 1, "\"event\":");
	assert_round_trip("", 0, 0, "\"raw\":");
	assert_round_trip("{\"a\":", 5, 0, "\"raw\":");
	assert_round_trip("a\0b\x01\"\\\xc3\xa4", 8, 0, "\"raw\":");
	assert_round_trip("\xff", 1, 0, "\"raw_base64\":");
	assert_round_trip("\xff"
			  "b",
	    2, 0, "\"raw_base64\":");
	assert_round_trip("\xff"
			  "bc",
	    3, 0, "\"raw_base64\":");
	assert_round_trip("\xff\0\0", 3, 0, "\"raw_base64\":");
	char *large = malloc(LARGE_BYTES);
	assert_non_null(large);
	for (size_t i = 0; i < LARGE_BYTES; i++)
		large[i] = (char)(i * 7 ^ i >> 8);
	assert_round_trip(large, LARGE_BYTES, 0, "\"raw_base64\":");
	assert_round_trip(large, LARGE_BYTES - 1, 0, "\"raw_base64\":");
	free(large);
}

static void
test_other_lines_give_no_event(void **state)
{
	static const char *const lines[] = { "", "{}", "x", "[]",
		"{\"event\":\"session.start\",\"code\":\"T2000I\"}",
		"{\"event\":\"a\",\"reason\":\"an audit event's own\"}",
		"{\"event\":{}}", "{\"reason\":\"r\"}",
		"{\"reason\":\"r\",\"event\":{}",
		"{\"reason\":\"r\",\"raw\":1}",
		"{\"reason\":\"r\",\"raw\":{\"a\":1}}",
		"{\"reason\":\"r\",\"raw_base64\":1}",
		"{\"reason\":\"r\",\"raw_base64\":\"AAA\"}",
		"{\"reason\":\"r\",\"raw_base64\":\"A*==\"}" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(gives_event(lines[i], strlen(lines[i]), "", 0),
		    -1);
}

#define IN_DIRECTORY(test)                                                     \
	cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIRECTORY(test_a_record),
		IN_DIRECTORY(test_appends),
		IN_DIRECTORY(test_a_torn_record_is_cut_off),
		IN_DIRECTORY(test_a_long_torn_record_is_cut_off),
		IN_DIRECTORY(test_a_record_that_lacks_its_newline_is_kept),
		IN_DIRECTORY(test_never_writes_behind_a_torn_record),
		IN_DIRECTORY(test_a_write_that_fails_half_way_is_cut_back),
		IN_DIRECTORY(test_a_file_that_was_moved_is_let_go),
		IN_DIRECTORY(test_two_processes_do_not_mix),
		IN_DIRECTORY(test_only_regular_files),
		IN_DIRECTORY(test_events_come_back_as_they_were),
		cmocka_unit_test(test_other_lines_give_no_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
